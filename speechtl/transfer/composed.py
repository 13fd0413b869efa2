"""Composed: several transfer methods in one training."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from speechtl.batches import Examples, Stream
from speechtl.faults import listed
from speechtl.models.fates import Place, places
from speechtl.transfer.base import Transfer
from speechtl.transfer.batch_norm_statistics import RUNNING
from speechtl.transfer.data import ForwardPass, ParameterGroup, StreamSettings, TransferData
from speechtl.transfer.head_rows import Coverage
from speechtl.transfer.interpolation import Interpolated
from speechtl.transfer.plan import matched
from speechtl.transfer.rules import SOURCE, Rule, parse
from speechtl.transfer.stages import Stage

if TYPE_CHECKING:
    from pathlib import Path

    from speechtl.models.acoustic import AcousticModel

SHARED = ("head_rows", "trains", "plan")
"""Settings that every method has, and that are said of all together."""
WHOLE: Mapping[str, str] = {
    "begin": "begins from scratch in a way of its own",
    "adapt": "prepares the model in a way of its own",
    "losses": "computes the losses in a way of its own",
    "mixed_streams": "puts speech without labels into the batches in a way of its own",
}
"""What a method must leave to the base class to be combined with others."""
SINGLE: Mapping[str, tuple[str, ...]] = {
    "label the target": ("relabelled",),
    "fill the batches": ("streams", "stream"),
    "choose the speech of a stage": ("streams_at",),
    "group the parameters": ("groups",),
    "map the head's rows": ("coverage",),
}
"""What only one of several methods can do."""
ABOUT: Mapping[str, str] = {"start": "from which weights", "frozen": "whether", "lr": "how fast"}
"""What rules are about."""


def _of(join: Callable[[Iterable[bool]], bool], name: str) -> Any:
    """What a whole says of itself as its methods do: where any of them, or all."""
    return property(lambda whole: join(getattr(method, name) for method in whole.methods))


@dataclass(frozen=True)
class Composed(Transfer):
    """Several methods at once, each with its settings: what they insert, freeze and weigh is joined.

    Refused is what would not be all of its parts: two methods that fill the batches, that divide the training
    into stages, that group the parameters (and with them rates and weight decay); one that freezes what
    another trains, or starts it from other weights; labels that are given for one and guessed for another.
    `head_rows`, `trains` and `plan` are said of the whole.
    """

    methods: tuple[Transfer, ...] = ()
    """The methods; of two that change the same values, such as features, the first changes them first."""

    needs_source: ClassVar[bool] = _of(any, "needs_source")
    needs_source_speech: ClassVar[bool] = _of(any, "needs_source_speech")
    hears_unlabelled: ClassVar[bool] = _of(any, "hears_unlabelled")
    measures_model: ClassVar[bool] = _of(any, "measures_model")
    measures_source: ClassVar[bool] = _of(any, "measures_source")
    is_for_no_step: ClassVar[bool] = _of(all, "is_for_no_step")
    is_by_speaker = _of(any, "is_by_speaker")
    needs_all_steps = _of(any, "needs_all_steps")
    chooses_on_dev = _of(all, "chooses_on_dev")
    reads_texts = _of(all, "reads_texts")

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.methods) < 2:
            raise ValueError(f"methods={self.methods}: expected two or more methods to combine")
        for method in self.methods:
            if isinstance(method, Composed):
                raise ValueError("methods holds another Composed; put its methods beside the others")
            own = [name for name in SHARED if getattr(method, name) != getattr(Transfer, name)]
            if own:
                raise ValueError(
                    f"{_name(method)} sets {', '.join(own)} inside methods; these are of the whole: set them "
                    "on Composed, --method.head-rows, --method.trains and --method.plan"
                )
            if whole := [account for hook, account in WHOLE.items() if _overrides(method, hook)]:
                raise ValueError(
                    f"{_name(method)} {' and '.join(whole)}, so it cannot be combined with other methods"
                )
        self._refuse_rivals()
        _ = self.parts  # whose own checks see what is said of the whole

    def _refuse_rivals(self) -> None:
        """Refuse two methods for one task, and labels of two kinds."""
        twice = [m for m in self.methods if _overrides(m, "terms") and _count(self.methods, m) > 1]
        if twice:
            raise ValueError(f"methods has {_name(twice[0])} twice; say its whole strength in one of them")
        for task, hooks in SINGLE.items():
            rivals = [m for m in self.methods if any(_overrides(m, hook) for hook in hooks)]
            if len(rivals) > 1:
                raise ValueError(f"{_names(rivals)} both {task}, and only one can; leave one of them out")
        labels = {m: m.labels for m in self.methods if hasattr(m, "labels")}
        if len(set(labels.values())) > 1:
            raise ValueError(
                f"labels is {' and '.join(f'{kind} of {_name(m)}' for m, kind in labels.items())}, but all "
                "train on the same labels; set them alike"
            )

    @property
    def parts(self) -> tuple[Transfer, ...]:
        """The methods, each with what is said of the whole."""
        whole = {name: getattr(self, name) for name in SHARED}
        return tuple(replace(method, **whole) for method in self.methods)

    @property
    def label(self) -> str:
        """The classes of the methods."""
        return " + ".join(map(_name, self.methods))

    @property
    def control(self) -> str:
        """Those of all of them."""
        found = (
            method.control.replace("--method.", f"--method.methods.{place}.")
            for place, method in enumerate(self.methods)
        )
        return " ".join(filter(None, found))

    @property
    def taps(self) -> tuple[str, ...]:
        """The blocks whose outputs one of them looks at."""
        return tuple(dict.fromkeys(chain.from_iterable(method.taps for method in self.methods)))

    @property
    def weighed_taps(self) -> tuple[str, ...]:
        """Those of its methods."""
        return tuple(dict.fromkeys(chain.from_iterable(part.weighed_taps for part in self.parts)))

    @property
    def target_share(self) -> float | None:
        """That of the method that fills the batches; half of it where one of them hears speech without labels
        beside it."""
        owner = self._owner("streams", "stream")
        share = 1.0 if owner is None else owner.target_share
        return share and share * (0.5 if self.hears_unlabelled else 1)

    def relabelled(self, data: TransferData, source: AcousticModel, folder: Path | None) -> TransferData:
        """The data with the labels that the methods train on, which are the same for all."""
        owner = self._owner("relabelled")
        if owner is None:
            return super().relabelled(data, source, folder)
        return owner.relabelled(data, source, folder)

    def coverage(self, model: AcousticModel, data: TransferData) -> list[Coverage]:
        """Where the head rows of new languages come from."""
        owner = self._owner("coverage")
        return super().coverage(model, data) if owner is None else owner.coverage(model, data)

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse what any of the methods refuses, and two that divide the training into stages."""
        for part in self.parts:
            part.check(model, data)
        staged = self._staged(model)
        if len(staged) > 1:
            raise ValueError(f"{_names(staged)} both divide the training into stages; leave one of them out")

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Insert what the methods insert: what measures the source first, what measures the model last."""
        for part in sorted(self.parts, key=lambda part: part.measures_model - part.measures_source):
            part.insert(model, data, seed)

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """The rules of all methods.

        Raises:
            ValueError: two of them contradict each other, or one would do nothing; names what about.
        """
        rules = [(_name(part), part.rules(model, data)) for part in self.parts]
        _refuse_contradictions(rules, model, data.target.languages)
        self._refuse_idle(rules)
        return tuple(chain.from_iterable(own for _, own in rules))

    def _refuse_idle(self, rules: Sequence[tuple[str, tuple[Rule, ...]]]) -> None:
        """Refuse a method of which nothing is left: others freeze, drop or overwrite what it is about."""
        estimating = [name for name, own in rules if any(one.match.endswith(RUNNING) for one in own)]
        if len(estimating) > 1:
            raise ValueError(
                f"{' and '.join(estimating)} both take the statistics of batch norms, and the last would "
                "overwrite those of the others; leave all but one out"
            )
        random = {name: own for name, own in rules if any(one.start == "random" for one in own)}
        dropping = [name for name, own in random.items() if Rule("*", start="random") in own]
        about = [method for method in self.methods if method.acts_on_source]
        mixing: list[Transfer] = [method for method in about if isinstance(method, Interpolated)]
        if random and (mixing or (dropping and about)):
            raise ValueError(
                f"{_names(mixing or about)} would have nothing to hold on to, since "
                f"{(dropping or list(random))[0]} starts from random weights in place of the source's; leave "
                "one out, or take start=source"
            )
        freezing = [name for name, own in rules if any(one == Rule(SOURCE, frozen=True) for one in own)]
        said = [*chain.from_iterable(own for _, own in rules), *map(parse, self.plan)]
        if not freezing or any(isinstance(one, Rule) and one.frozen is False for one in said):
            return
        if about:
            raise ValueError(
                f"{_names(about)} would do nothing, since {freezing[0]} freezes all weights of the source; "
                "leave one out, or say by plan which are trained: --method.plan 'norm=train'"
            )

    def heard(self, data: TransferData) -> tuple[Examples, ...]:
        """The speech whose losses are trained on by any of them."""
        heard = chain.from_iterable(part.heard(data) for part in self.parts)
        return tuple({id(examples): examples for examples in heard}.values())

    def trained_heads(self, data: TransferData, new: Collection[str], old: Collection[str]) -> frozenset[str]:
        """Languages whose heads any of them trains."""
        return frozenset().union(*(part.trained_heads(data, new, old) for part in self.parts))

    def stages(self, model: AcousticModel) -> tuple[Stage, ...]:
        """The stages of the method that has some."""
        staged = self._staged(model)
        return staged[0].stages(model) if staged else super().stages(model)

    def streams(self, data: TransferData, settings: StreamSettings) -> dict[str, Stream]:
        """The batches of the method that fills them, or the target alone."""
        owner = self._owner("streams", "stream")
        return super().streams(data, settings) if owner is None else owner.streams(data, settings)

    def check_streams(self, streams: Mapping[str, Stream], settings: StreamSettings) -> None:
        """Refuse batches of which any of the methods can make nothing."""
        for part in self.parts:
            part.check_streams(streams, settings)

    def streams_at(
        self, stage: int, streams: Mapping[str, Stream], model: AcousticModel, folder: Path | None
    ) -> dict[str, Stream]:
        """The batches from a stage on, by the method that chooses its speech."""
        owner = self._owner("streams_at")
        if owner is not None:
            return owner.streams_at(stage, streams, model, folder)
        return super().streams_at(stage, streams, model, folder)

    def groups(self, model: AcousticModel, weight_decay: float) -> list[ParameterGroup]:
        """The parameter groups of the method that has its own."""
        owner = self._owner("groups")
        return super().groups(model, weight_decay) if owner is None else owner.groups(model, weight_decay)

    def terms(self, losses: Mapping[str, Tensor], forward: ForwardPass) -> dict[str, Tensor]:
        """The losses as one method after another changes or joins them."""
        found = dict(losses)
        for part in self.parts:
            found = part.terms(found, forward)
        return found

    def as_kept(self, model: AcousticModel, source: AcousticModel | None) -> AcousticModel:
        """With what the methods do to the weights, one after another."""
        for part in self.parts:
            model = part.as_kept(model, source)
        return model

    def finish(self, model: AcousticModel, source: AcousticModel | None = None) -> AcousticModel:
        """Merge and remove what the methods do, one after another."""
        for part in self.parts:
            model = part.finish(model, source)
        return model

    def _owner(self, *hooks: str) -> Transfer | None:
        """The method that overrides one of these hooks."""
        return next((part for part in self.parts if any(_overrides(part, hook) for hook in hooks)), None)

    def _staged(self, model: AcousticModel) -> list[Transfer]:
        """The methods that divide the training."""
        return [part for part in self.parts if part.stages(model) != Transfer.stages(part, model)]


def _refuse_contradictions(
    rules: Sequence[tuple[str, tuple[Rule, ...]]], model: AcousticModel, languages: Collection[str]
) -> None:
    """Refuse two methods that say different things of one tensor.

    Raises:
        ValueError: they do; names the methods and the blocks.
    """
    standing = places(model)
    heads = {f"head.{tag}" for tag in languages}
    inserted = {*model.inserted.parts(), *(f"helper.{name}" for name in model.helpers)}
    known = [name for name, place in standing.items() if place.block not in heads | inserted]
    said = [(method, _said(own, standing, known)) for method, own in rules]
    for (first, one), (second, other) in combinations(said, 2):
        clash = [entry for entry in one.keys() & other.keys() if one[entry] != other[entry]]
        if clash:
            blocks = sorted({standing[name].block for name, _ in clash})
            ways = sorted({ABOUT[key] for _, key in clash})
            raise ValueError(
                f"{first} and {second} contradict each other about {' and '.join(ways)} {listed(blocks)} "
                "should be trained; leave one out, and say by plan what else is to be trained or frozen"
            )


def _said(
    rules: Iterable[Rule], standing: Mapping[str, Place], known: Collection[str]
) -> dict[tuple[str, str], object]:
    """What rules come to, by tensor and by what they are about."""
    found: dict[tuple[str, str], object] = {}
    for rule in rules:
        values = {key: getattr(rule, key) for key in ABOUT}
        for name in matched(rule.match, standing, known):
            found |= {(name, key): value for key, value in values.items() if value is not None}
    return found


def _overrides(method: Transfer, hook: str) -> bool:
    return getattr(type(method), hook) is not getattr(Transfer, hook)


def _count(methods: tuple[Transfer, ...], method: Transfer) -> int:
    return sum(type(other) is type(method) for other in methods)


def _name(method: Transfer) -> str:
    return type(method).__name__


def _names(methods: list[Transfer]) -> str:
    return " and ".join(map(_name, methods))
