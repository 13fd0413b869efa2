"""Transfer: what a method decides. The base class is plain fine-tuning."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from torch import Tensor

from speechtl.batches import Batch, Examples, Stream
from speechtl.choices import refuse_unknown_words
from speechtl.models.layers import seed_of
from speechtl.transfer.data import ForwardPass, ParameterGroup, StreamSettings, TransferData, UnitTable
from speechtl.transfer.first_pass import labelled
from speechtl.transfer.head_rows import Coverage, copy_rows, corresponding_rows, told_fates
from speechtl.transfer.inserting import SOURCE_FROZEN, refuse_head_only
from speechtl.transfer.passes import inputs_of
from speechtl.transfer.plan import TransferPlan, initialise, planned
from speechtl.transfer.plan_checks import refuse_frozen_taps, refuse_unmeasured, require_rows
from speechtl.transfer.rules import Rule, Weights, parse, refuse_unknown_forms
from speechtl.transfer.stages import Stage
from speechtl.transfer.weights import load_weights

if TYPE_CHECKING:
    from pathlib import Path

    from speechtl.models.acoustic import AcousticModel

__all__ = ["ForwardPass", "ParameterGroup", "StreamSettings", "Transfer", "TransferData", "UnitTable"]


@dataclass(frozen=True)
class Transfer:
    """Fine-tuning: start from the source's weights and train all of them on the target.

    Every other method is a subclass that overrides what makes it different. Methods hold no state.
    """

    head_rows: Literal["source", "random"] = "source"
    """`source`: a new language's head starts from the rows of corresponding units of the source's heads,
    as the recipe's table says, else by equal symbol. `random`: all its rows are new."""
    trains: Literal["all", "head"] = "all"
    """`head`: only heads are trained, of the target's languages, and of the source's where that is heard
    too; inputs and encoder stay the source's, bit for bit, their batch norms too."""
    plan: tuple[str, ...] = ()
    """Rules that win over the method's own: GLOB=ACTION[,ACTION] over blocks and parameters with the actions
    copy, random, map, freeze, train and lr*NUMBER; or weights of another model, PATH:FROM:TO:EXCEPT."""

    needs_source: ClassVar[bool] = False
    """Whether it means nothing from scratch."""
    freezes_source: ClassVar[bool] = False
    """Whether only what it inserts is trained, and the heads of new languages."""
    needs_source_speech: ClassVar[bool] = False
    """Whether the source's training speech is opened."""
    is_for_no_step: ClassVar[bool] = False
    """Whether all that it does is done before the first step, and more steps are another method."""
    measures_model: ClassVar[bool] = False
    """Whether what it inserts is measured on speech that goes through the model with all its modules."""
    measures_source: ClassVar[bool] = False
    """Whether what it inserts is measured on what the source makes of speech, with nothing added to it."""
    hears_unlabelled: ClassVar[bool] = False
    """Whether half of every batch is speech of the target domain without labels."""

    def __post_init__(self) -> None:
        refuse_unknown_words(self)
        refuse_unknown_forms(self.plan)
        if self.freezes_source:
            refuse_head_only(self.trains, type(self).__name__)

    def coverage(self, model: AcousticModel, data: TransferData) -> list[Coverage]:
        """Where the head rows of each language that the source lacks will come from."""
        new = [tokenizer for tag, tokenizer in data.tokenizers.items() if tag not in model.tokenizers]
        if self.head_rows == "random":
            return [corresponding_rows(model, tokenizer, {}) for tokenizer in new]
        return [corresponding_rows(model, tokenizer, data.table_of(tokenizer.language)) for tokenizer in new]

    @property
    def label(self) -> str:
        """What it is called: its class, or those of several at once."""
        return type(self).__name__

    @property
    def acts_on_source(self) -> bool:
        """Whether all that it does is done to trained weights of the source, and nothing where none is."""
        return False

    @property
    def is_by_speaker(self) -> bool:
        """Whether the target's speakers get parameters of their own, so that tests are to be of them."""
        return getattr(self, "by", None) == "speaker"

    @property
    def chooses_on_dev(self) -> bool:
        """Whether the weights that are best on dev are kept; else the last ones, as without labels."""
        return not self.hears_unlabelled and self.reads_texts

    @property
    def reads_texts(self) -> bool:
        """Whether the target's texts are trained on; where they are not, there need be none."""
        return getattr(self, "labels", "given") == "given"

    @property
    def target_share(self) -> float | None:
        """The share of each batch that is the target's labelled speech; None: as a temperature draws it."""
        return 0.5 if self.hears_unlabelled else 1.0

    @property
    def needs_all_steps(self) -> bool:
        """Whether something of it grows with the steps, so that no stage of it may end early."""
        return False

    @property
    def control(self) -> str:
        """The flags that leave out what it learns from speech without labels, on the same batches; empty
        where nothing would be left out."""
        return ""

    @property
    def taps(self) -> tuple[str, ...]:
        """The blocks whose outputs `terms` looks at."""
        return ()

    @property
    def weighed_taps(self) -> tuple[str, ...]:
        """Those of them whose losses change the model; not where a weight of 0 only measures."""
        return self.taps if self.control else ()

    def relabelled(self, data: TransferData, source: AcousticModel, folder: Path | None) -> TransferData:
        """The data with the labels that training goes by: as given, or as the source transcribes the target.

        Args:
            data: the target's speech.
            source: what will be adapted.
            folder: the run's, for what is to be kept of it; None: nowhere.

        Raises:
            ValueError: the source cannot transcribe it.
        """
        return data if self.reads_texts else labelled(data, source, folder)

    def check(self, model: AcousticModel, data: TransferData) -> None:
        """Refuse, in a sentence, a source or speech that the method can make nothing of; here none.

        Args:
            model: a copy of the source, before anything is added.
            data: the target's speech.

        Raises:
            ValueError: it cannot be done; says what to do instead.
        """

    def insert(self, model: AcousticModel, data: TransferData, seed: int) -> None:
        """Put modules into the model, or helpers beside it; here none."""

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """What becomes of the model's tensors; all that no rule names is copied and trained."""
        if self.freezes_source:
            return SOURCE_FROZEN
        if self.trains == "all":
            return ()
        return tuple(Rule(glob, frozen=True) for glob in ("input*", "encoder.*", "norm"))

    def heard(self, data: TransferData) -> tuple[Examples, ...]:
        """The speech whose losses are trained on: heads and inputs of no other speech are."""
        return (data.target,)

    def hears_source(self, data: TransferData) -> bool:
        """Whether the source's speech is trained on as well."""
        return data.source is not None and any(one is data.source for one in self.heard(data))

    def trained_heads(self, data: TransferData, new: Collection[str], old: Collection[str]) -> frozenset[str]:
        """Languages whose heads are trained: those of the speech that is heard.

        Args:
            data: the target's speech.
            new: languages that the source lacks.
            old: languages that the source has a head for.
        """
        return frozenset(tag for examples in self.heard(data) for tag in examples.languages)

    @property
    def other_models(self) -> tuple[str, ...]:
        """Runs or folders of the models, other than the source, that weights are taken from."""
        return tuple(entry.path for entry in map(parse, self.plan) if isinstance(entry, Weights))

    def begin(self, model: AcousticModel, data: TransferData, seed: int) -> AcousticModel:
        """Prepare an untrained model for training from scratch, by the rules of the recipe's own plan.

        Args:
            model: untrained.
            data: the speech.
            seed: draws what is inserted.
        """
        self.check(model, data)
        self.insert(model, data, seed)
        plan = TransferPlan(tuple(entry for entry in map(parse, self.plan) if isinstance(entry, Rule)))
        return planned(model, plan.fates(model, ()))

    def adapt(
        self,
        model: AcousticModel,
        data: TransferData,
        seed: int,
        known: Collection[str] | None = None,
    ) -> AcousticModel:
        """Prepare a copy of the source for training on the target, keeping the source's heads.

        A language that the model knows keeps its head and tokenizer. Heads and inputs that no training
        utterance goes through are left out of training.

        Args:
            model: a copy of the source.
            data: the target's speech.
            seed: draws what is new.
            known: names of the tensors that are the source's; None: all that the model has.

        Raises:
            ValueError: rules match nothing or contradict each other.
        """
        known = frozenset(model.state_dict() if known is None else known)
        self.check(model, data)
        chosen = [parse(text) for text in self.plan]
        coverage = {entry.language: entry for entry in self.coverage(model, data)}
        for language in coverage:
            model.add_head(data.tokenizers[language], seed=seed)
        loaded = {one: load_weights(model, one) for one in chosen if isinstance(one, Weights)}
        self.insert(model, data, seed)
        require_rows(chosen, coverage)
        unused = self._unused(model, data, coverage)
        rules = [
            *(Rule(f"head.{tag}", start="map") for tag in coverage if self.head_rows == "source"),
            # What nothing goes through would never learn again.
            *(one for one in self.rules(model, data) if one.start != "random" or one.match not in unused),
            *(Rule(f"head.{tag}", frozen=False) for tag in coverage),
            # A rule on all heads may say more of these, such as a rate, and is no contradiction.
            *(Rule(block, frozen=True, is_control=True) for block in unused),
        ]
        for entry in chosen:
            rules += [entry] if isinstance(entry, Rule) else [Rule(n, start="loaded") for n in loaded[entry]]
        fates = TransferPlan(tuple(rules)).fates(model, known)
        refuse_frozen_taps(model, fates, self.weighed_taps)
        if self.measures_model:
            refuse_unmeasured(fates, known)
        for language, rows in coverage.items():
            if any(f.start == "mapped" for f in fates.values() if f.block == f"head.{language}"):
                copy_rows(model, rows, coverage)
        initialise(model, (name for name, fate in fates.items() if fate.start == "initialised"), seed)
        return planned(model, told_fates(fates, coverage))

    def _unused(self, model: AcousticModel, data: TransferData, new: Collection[str]) -> list[str]:
        """The heads and inputs that no training utterance goes through."""
        speech = self.heard(data)
        languages = self.trained_heads(data, new, [tag for tag in model.languages if tag not in new])
        blocks = [f"head.{tag}" for tag in model.languages if tag not in languages]
        if model.shared_blank is not None and not any(model.head(tag).shares_blank for tag in languages):
            blocks.append("blank")
        if self.hears_unlabelled and data.unlabelled is not None:
            speech = (*speech, data.unlabelled)
        used = {name for examples in speech for name in inputs_of(model, examples)}
        return [*blocks, *(name for name in model.inputs.blocks() if name not in used)]

    def stages(self, model: AcousticModel) -> tuple[Stage, ...]:
        """The parts of the training of an adapted model, in their order; here one."""
        return (Stage(),)

    def streams(self, data: TransferData, settings: StreamSettings) -> dict[str, Stream]:
        """The corpora that fill every batch; here the target alone."""
        return {"target": self.stream(data.target, settings)}

    def mixed_streams(self, data: TransferData, settings: StreamSettings) -> dict[str, Stream]:
        """Those of `streams`, and where the method hears it, as much speech without labels beside them."""
        if not self.hears_unlabelled:
            return self.streams(data, settings)
        data = data.with_domains(has_source=self.hears_source(data))
        half = replace(settings, batch_seconds=settings.batch_seconds / 2)
        own = replace(half, seed=seed_of(settings.seed, "stream", "unlabelled"))
        return {**self.streams(data, half), "unlabelled": self.stream(data.unlabelled_speech, own)}

    def check_streams(self, streams: Mapping[str, Stream], settings: StreamSettings) -> None:
        """Refuse batches that the method can make nothing of, and warn of those that it can make little of.

        Args:
            streams: those of `mixed_streams`.
            settings: what they were made with.

        Raises:
            ValueError: it can make nothing of any; says what to do instead.
        """

    def streams_at(
        self, stage: int, streams: Mapping[str, Stream], model: AcousticModel, folder: Path | None
    ) -> dict[str, Stream]:
        """The corpora that fill every batch from a stage on; asked when it begins, and when it is resumed.

        Args:
            stage: its number.
            streams: those of `mixed_streams`.
            model: the averaged weights, in eval mode.
            folder: the run's, for what is to be kept of it; None: nowhere.
        """
        return dict(streams)

    def stream(self, examples: Examples, settings: StreamSettings, share: float = 1.0) -> Stream:
        """A stream over some speech that fills a share of every batch."""
        return Stream(
            examples,
            settings.batch_seconds * share,
            settings.seed,
            settings.augment,
            settings.temperature,
            settings.is_mixed,
            settings.cache,
        )

    def groups(self, model: AcousticModel, weight_decay: float) -> list[ParameterGroup]:
        """Parameter groups: weights decay, biases and norms do not, frozen parameters are in none."""
        decaying = {
            name for name, value in model.named_parameters() if value.ndim > 1
        } - model.inserted.without_decay("inserted.")
        sorted_by: dict[tuple[bool, float, bool], list[tuple[str, Tensor]]] = {}
        for name, value in model.named_parameters():
            if value.requires_grad:
                scale = model.fates[name].lr if name in model.fates else 1.0
                kind = (name not in decaying, scale, name.startswith("helpers."))
                sorted_by.setdefault(kind, []).append((name, value))
        return [
            ParameterGroup(
                names=tuple(name for name, _ in members),
                parameters=tuple(value for _, value in members),
                weight_decay=0.0 if is_spared else weight_decay,
                lr_scale=scale,
                is_clipped=not is_helper,
            )
            for (is_spared, scale, is_helper), members in sorted(
                sorted_by.items(), key=lambda entry: entry[0]
            )
        ]

    def losses(
        self, model: AcousticModel, source: AcousticModel | None, batch: Batch, progress: float
    ) -> dict[str, Tensor]:
        """Named, weighted terms: (batch,) for one value per utterance, or a scalar."""
        encoded = model.encode(batch, self.taps)
        forward = ForwardPass(model, source, batch, encoded, progress)
        return self.terms(model.task_losses(encoded, batch), forward)

    def terms(self, losses: Mapping[str, Tensor], forward: ForwardPass) -> dict[str, Tensor]:
        """The losses so far with the method's own: weighted, joined by new terms, or left as they are.

        Args:
            losses: named terms, at first the heads' own.
            forward: the pass that they come from.
        """
        return dict(losses)

    def as_kept(self, model: AcousticModel, source: AcousticModel | None) -> AcousticModel:
        """A model in training with the weights that `finish` would give it: what dev is read with."""
        return model

    def finish(self, model: AcousticModel, source: AcousticModel | None = None) -> AcousticModel:
        """Remove what only training needed, and merge what can be merged."""
        for name in list(model.helpers):
            del model.helpers[name]
        return model.requires_grad_(True)
