"""Study: a grid of experiments, as one value; recipe files may hold one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from speechtl.corpus_spec import CorpusSpec
from speechtl.recipe_files import recipe_module
from speechtl.report import METRICS
from speechtl.study.keeping import Keep

Dev = tuple[CorpusSpec, ...] | Literal["fold", "none"]


@dataclass(frozen=True)
class Amount:
    """How much of the target is trained on."""

    unit: Literal["minutes", "utterances"] | None = None
    """None: as much as the recipe says."""
    value: float | int | Literal["all"] = "all"

    def of(self, spec: CorpusSpec) -> CorpusSpec:
        """So much of a corpus."""
        if self.unit is None:
            return spec
        amounts = {"minutes": "all", "utterances": "all", self.unit: self.value}
        return replace(spec, **amounts)  # type: ignore[arg-type]

    @property
    def override(self) -> dict[str, float | int | str]:
        """What of it appears in a run's name."""
        return {} if self.unit is None else {self.unit: self._value}

    @property
    def _value(self) -> float | int | str:
        is_whole = isinstance(self.value, float) and self.value.is_integer()
        return int(self.value) if is_whole else self.value

    def __str__(self) -> str:
        unit = self.unit and (self.unit.removesuffix("s") if self._value == 1 else self.unit)
        return "" if unit is None else f"{self._value} {unit}"


def is_of(row: str, text: str) -> bool:
    """Whether a row is this recipe, with further flags or without.

    >>> is_of("target --train.steps 900", "target"), is_of("targets", "target")
    (True, False)
    """
    return row == text or row.startswith(f"{text} ")


@dataclass(frozen=True)
class Variant:
    """One of several targets, such as speakers or accents, over which results are pooled."""

    name: str
    """Name of its folder."""
    target: CorpusSpec
    """The labelled speech to train on; the study's minutes or utterances of it."""
    dev: Dev | None = None
    """Its dev; None: the study's or the recipe's."""
    tests: tuple[CorpusSpec, ...] = ()
    """Its tests; the recipe's if there are none."""
    unlabelled: tuple[CorpusSpec, ...] = ()
    """Its speech without labels; the recipe's if there is none."""
    others: tuple[tuple[str, CorpusSpec], ...] = ()
    """Recipes of the study, and what they are trained on in place of `target`, whatever flags follow: such as
    the speech that all others hear without labels, to tell how much its labels are worth."""
    sources: tuple[str, ...] = ()
    """Its base models, in place of the study's."""
    group: str = ""
    """What it is one of several of, such as the speaker of two halves of the words: a test over variants
    counts a group once. By default each is a group of its own."""
    flags: tuple[tuple[str, str], ...] = ()
    """Recipes of the study, and flags that they have for this variant only, such as settings that were chosen
    on other speakers: `("mine.py", "--train.lr 1e-3")`."""

    def __post_init__(self) -> None:
        _refuse_path(self.name, "a variant's")

    def in_place_of_target(self, row: str) -> CorpusSpec | None:
        """What a row is trained on if not on `target`: what is said of it, or of it with fewer flags."""
        said = [(text, spec) for text, spec in self.others if is_of(row, text)]
        return max(said, key=lambda one: len(one[0]))[1] if said else None

    @property
    def belongs_to(self) -> str:
        """Its group."""
        return self.group or self.name


@dataclass(frozen=True)
class Study:
    """Recipes, a row each, on the same amounts, seeds and variants, compared with one of them."""

    name: str
    """Name of the study's folder."""
    recipes: tuple[str, ...]
    """Recipes by name or file, with flags after them where they need some: `mine.py --train.lr 1e-3`."""
    control: str = ""
    """The recipe that the others are compared with; the first of them by default."""
    minutes: tuple[float | Literal["all"], ...] = ()
    """Minutes of the target that are trained on; none: as many as each recipe says."""
    utterances: tuple[int | Literal["all"], ...] = ()
    """Utterances of the target in place of minutes."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds; three to look, five to claim."""
    variants: tuple[Variant, ...] = ()
    """Targets, such as speakers, in place of the recipes' own; every cell is run on each of them."""
    sources: tuple[str, ...] = ()
    """Base models of the recipes that have a source, in its place: seed k starts from the k-th, or all from
    the only one. Seeds of one base say nothing about others."""
    dev: Dev | None = None
    """Dev of all cells, in place of the recipes'; `fold` carves it out of the target's own minutes, `none`
    spares nothing for it and keeps the last weights."""
    metric: str | None = None
    """The error to compare; by default `closed` where all have it, else syllable, else character error."""
    keep: Keep = "model"
    """What stays of finished cells: all but their checkpoints; or `all`, or `report`, without models."""

    def __post_init__(self) -> None:
        _refuse_path(self.name, "a study's")
        if not self.recipes:
            raise ValueError(f"study {self.name}: name at least one recipe")
        if not self.seeds or min(self.seeds) < 0:
            raise ValueError(f"study {self.name}: seeds={self.seeds}; expected at least one, all from 0 on")
        if self.minutes and self.utterances:
            raise ValueError(f"study {self.name}: minutes and utterances are both given; choose one of them")
        if self.metric is not None and self.metric not in METRICS:
            raise ValueError(
                f"study {self.name}: metric={self.metric!r} is none; expected one of {', '.join(METRICS)}"
            )
        names = [variant.name for variant in self.variants]
        for variant in self.variants:
            self._check_rows(variant)
        lists = {
            "recipes": self.recipes,
            "minutes": self.minutes,
            "utterances": self.utterances,
            "seeds": self.seeds,
            "variants": names,
        }
        for field, values in lists.items():
            if twice := _repeated(values):
                raise ValueError(f"study {self.name}: {field} has {twice[0]} more than once")
        self._check_sources()

    def _check_rows(self, variant: Variant) -> None:
        unknown = [("flags", text) for text, _ in variant.flags if text not in self.rows]
        targets = [text for text, _ in variant.others if not any(is_of(row, text) for row in self.rows)]
        unknown += [("another target", text) for text in targets]
        if unknown:
            what, text = unknown[0]
            raise ValueError(
                f"study {self.name}: variant {variant.name} has {what} for {text!r}, which is not "
                f"among the recipes {', '.join(self.rows)}"
            )

    def _check_sources(self) -> None:
        for owner, sources in [("", self.sources), *((f"{v.name}: ", v.sources) for v in self.variants)]:
            if twice := _repeated(sources):
                raise ValueError(
                    f"study {self.name}: {owner}{twice[0]} is a source more than once; seeds that share one "
                    "are no evidence of other base models: name one for all seeds, or another for each"
                )
            if len(sources) > 1 and max(self.seeds) >= len(sources):
                raise ValueError(
                    f"study {self.name}: {owner}{len(sources)} sources for seeds up to {max(self.seeds)}; "
                    "seed k starts from the k-th, the first being 0: name more, or one for all"
                )

    @property
    def rows(self) -> tuple[str, ...]:
        """The recipes, the control first."""
        return tuple(dict.fromkeys([self.reference, *self.recipes]))

    @property
    def groups(self) -> dict[str, str]:
        """By variant, what it belongs to."""
        return {variant.name: variant.belongs_to for variant in self.variants}

    @property
    def reference(self) -> str:
        """The control's recipe."""
        return self.control or self.recipes[0]

    @property
    def amounts(self) -> tuple[Amount, ...]:
        """The amounts of the target."""
        if self.utterances:
            return tuple(Amount("utterances", value) for value in self.utterances)
        return tuple(Amount("minutes", value) for value in self.minutes) or (Amount(),)

    def source(self, variant: Variant | None, seed: int) -> str | None:
        """The base model in place of a recipe's; None: the recipe's own."""
        sources = (variant.sources if variant is not None else ()) or self.sources
        if not sources:
            return None
        return sources[0] if len(sources) == 1 else sources[seed]


def _repeated(values: Iterable[object]) -> list[object]:
    """What is there more than once."""
    return [value for value, count in Counter(values).items() if count > 1]


def load_study(name: str) -> Study:
    """The study of a recipe file, by slashed name or path.

    Raises:
        FileNotFoundError: there is no such file; names similar ones.
        ValueError: the file holds no `study`.
    """
    study = getattr(recipe_module(name, "study"), "study", None)
    if not isinstance(study, Study):
        raise ValueError(
            f"{name} holds no `study`; expected `study = Study(...)`. A single recipe is for `speechtl run`; "
            "several are compared by `speechtl study --recipes A B`"
        )
    return study


def _refuse_path(name: str, whose: str) -> None:
    if not name or "/" in name or name.startswith("."):
        raise ValueError(f"name={name!r} is {whose} folder; expected no / in it, and no dot at its start")
