"""What a quickstart trains: experiments over its corpora, as a recipe has them, in their order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from speechtl.augment import AugmentSettings
from speechtl.corpus_spec import CorpusSpec, corpus
from speechtl.experiment import Experiment
from speechtl.features import FeatureSettings
from speechtl.models.settings import ModelSettings
from speechtl.quickstart.settings import NAMES, Quickstart
from speechtl.quickstart.speech import Speech, speech_of
from speechtl.run_folder import RunFolder
from speechtl.synthesis import Wanted
from speechtl.train_settings import TrainSettings
from speechtl.transfer import MMD, KLRegularised, LayerTransfer, MixedBatches, Transfer

BATCH_SECONDS = 12.0
"""Small batches: in a few minutes many steps bring more than large ones."""
SPEEDS, MARGIN = (0.9, 1.0), 0.2
"""No faster speed, and more silence around clips than usual, since Vietnamese is spelled with so many letters
that the quickest of its clips would be too short for theirs."""
RATE = 6e-3
"""That of the source, of scratch and of every method; for scratch the best of 2e-3, 4e-3, 6e-3 and 8e-3."""
_START = 6.0
"""Seconds that a training takes before its first step and after its last one, beside what is scored."""
_STEP = 0.04
"""Seconds of a step of fine-tuning with the full size; other methods take a multiple."""


@dataclass(frozen=True)
class Stage:
    """One training of a quickstart."""

    title: str
    """As in the table."""
    experiment: Experiment
    seconds: float
    """What it takes on two idle cores, only to tell how much time is left."""

    def folder(self, place: Path) -> Path:
        """Its run, in the folder of a quickstart."""
        return RunFolder.of(self.experiment, runs_of(place)).path


@dataclass(frozen=True)
class Stages:
    """The trainings of a quickstart; each starts from nothing or from earlier ones."""

    source: Stage
    scratch: Stage
    methods: tuple[Stage, ...]
    """From the source to the target, against scratch; the first is fine-tuning."""
    accent_control: Stage
    """The labelled accent alone."""
    accent_methods: tuple[Stage, ...]
    """The same, with speech of the other accent without labels."""

    @property
    def all(self) -> tuple[Stage, ...]:
        """In the order in which they run."""
        return (self.source, self.scratch, *self.methods, self.accent_control, *self.accent_methods)


def runs_of(place: Path) -> Path:
    """Where the runs of a quickstart's folder are."""
    return place / "runs"


def speech_folder(place: Path) -> Path:
    """Where the corpora of a quickstart's folder are."""
    return place / "speech"


def stages(place: Path, chosen: Quickstart) -> Stages:
    """The trainings of a quickstart.

    Args:
        place: Its folder, absolute, since the runs name their corpora and their source by it.
        chosen: Language, seed and size.
    """
    maker = _Maker(place, chosen, speech_of(chosen))
    source = maker.source()
    tuned = maker.tuned(source)
    scratch = replace(tuned, name="synthetic-scratch", source=None, source_tests=())
    english = maker.english(tuned if chosen.language == "en" else source)
    # Half of a batch has no labels: twice as long, it has as many labels as the control's. Of seven methods,
    # DANN, CORAL, AdaBN and pseudo-labels among them, MMD was at the top, and not surely above hearing along.
    mixed = replace(english, train=replace(english.train, batch_seconds=2 * BATCH_SECONDS))
    return Stages(
        source=maker.stage(f"the source: {', '.join(NAMES[tag] for tag in chosen.sources)}", source),
        scratch=maker.stage("from scratch", scratch),
        methods=(
            maker.stage("fine-tuning", tuned),
            maker.variant("upper-layer copy", tuned, "upper", LayerTransfer(retrain="input:2")),
            maker.variant("KL-conservative", tuned, "kl", KLRegularised(), 1.6),
        ),
        accent_control=maker.stage("American English alone", english),
        accent_methods=(
            maker.variant("Scottish heard along", mixed, "mixed", MixedBatches(), 2.0),
            maker.variant("Scottish heard, MMD", mixed, "mmd", MMD(), 2.3),
        ),
    )


@dataclass(frozen=True)
class _Maker:
    """Makes the experiments of one quickstart."""

    place: Path
    chosen: Quickstart
    speech: Speech

    def source(self) -> Experiment:
        """All languages but the target, with a head each."""
        size = self.chosen.size
        return Experiment(
            name="synthetic-source",
            target=self.specs("train"),
            dev=self.specs("dev"),
            tests=self.specs("test"),
            model=ModelSettings(dim=size.dim, blocks=5, dilations=(1, 1, 2, 2, 4)),
            features=FeatureSettings(mels=40, views=("level", "contrast"), margin_seconds=MARGIN),
            augment=AugmentSettings(speeds=SPEEDS, mel_width=5, time_masks=0),
            train=self.train(size.source_steps, evaluations=2, dropout=0.1),
            seed=self.chosen.seed,
        )

    def tuned(self, source: Experiment) -> Experiment:
        """The target, fine-tuned from the source."""
        speech, size = self.speech.target, self.chosen.size
        few = replace(self.spec(speech, "train"), minutes=size.minutes, speakers=size.target_speakers)
        return replace(
            source,
            name="synthetic-finetune",
            target=few,
            dev=(self.spec(speech, "dev"),),
            tests=(self.spec(speech, "test"),),
            source=self.model(source),
            source_tests=source.tests,
            augment=AugmentSettings(speeds=SPEEDS, mel_masks=0, time_masks=0),
            train=self.train(size.target_steps, evaluations=5),
        )

    def english(self, base: Experiment) -> Experiment:
        """The labelled accent, tested on the other one, which is heard without labels by some methods."""
        labelled, other = self.speech.accent, self.speech.other_accent
        is_target = labelled is self.speech.target
        return replace(
            base,
            name="synthetic-accent",
            target=base.target if is_target else self.spec(labelled, "train"),
            dev=(self.spec(labelled, "dev"),),
            tests=(self.spec(other, "test"),),
            unlabelled=(self.spec(other, "train"),),
            source=self.model(base),
            source_tests=(self.spec(labelled, "test"),),
            augment=AugmentSettings.off(),
            train=self.train(self.chosen.size.accent_steps, evaluations=2, dropout=0.1, lr=4e-3),
        )

    def train(self, steps: int, *, evaluations: int, dropout: float = 0.0, lr: float = RATE) -> TrainSettings:
        """The same on every machine: no autocast, which some lack."""
        return TrainSettings(
            steps=steps,
            batch_seconds=BATCH_SECONDS,
            lr=lr,
            dropout=dropout,
            evaluations=evaluations,
            precision="fp32",
        )

    def variant(
        self, title: str, base: Experiment, name: str, method: Transfer, factor: float = 1.0
    ) -> Stage:
        """The same experiment by another method."""
        first = base.name if base.name == "synthetic-accent" else "synthetic"
        return self.stage(title, replace(base, name=f"{first}-{name}", method=method), factor)

    def stage(self, title: str, experiment: Experiment, factor: float = 1.0) -> Stage:
        """A training, with what it takes by its steps."""
        per_step = _STEP * factor * (0.3 + 0.7 * self.chosen.size.dim / 96)
        return Stage(title, experiment, _START + per_step * experiment.train.steps)

    def specs(self, split: str) -> tuple[CorpusSpec, ...]:
        """A split of every source."""
        return tuple(self.spec(one, split) for one in self.speech.sources)

    def spec(self, wanted: Wanted, split: str) -> CorpusSpec:
        """A split of a corpus."""
        return corpus(str(speech_folder(self.place) / wanted.name), split=split)

    def model(self, experiment: Experiment) -> str:
        """The run of an experiment, as the source of another one."""
        return str(RunFolder.of(experiment, runs_of(self.place)).path)
