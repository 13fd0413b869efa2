"""Domains: how far the labelled and the unlabelled speech of a run are apart, measured whatever its method.

Writes `domains.json`, `tsne.png` and `tsne.npz` into the run. The texts of the unlabelled speech, where its
corpus has any, are looked at here and nowhere else, to colour the picture and to look inside the classes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from speechtl.batches import Examples
from speechtl.corpus import Corpus
from speechtl.counters import FitResult
from speechtl.domain_shift import (
    DomainAccuracy,
    HiddenAccuracy,
    Pooled,
    WithinClasses,
    domain_probe,
    hidden_probe,
    pooled_features,
    within_classes,
)
from speechtl.embedding import draw_tsne
from speechtl.experiment import Experiment
from speechtl.json_lines import written_lines
from speechtl.label_free import Decisions, LabelFree
from speechtl.log_lines import measures
from speechtl.material import Material, Speech
from speechtl.models.acoustic import AcousticModel
from speechtl.text import orthography
from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.dann import hidden_classes, told_by_heads, values_of
from speechtl.whole_files import explained, read_json, write_json

DOCUMENT = "domains.json"
LAST = 0.1
"""Share of the training, at its end, over which the accuracy of a method's own domain head is averaged."""

BEHIND, NEAR = 0.15, 0.1
"""A head that is right so much less often than a fresh probe, and so near chance, was outrun."""
OUTRUN = (
    "the method's own domain head was outrun: it ended at chance, and a fresh probe still tells the domains "
    "apart. Let it hear frames and what is read (--method.level frame --method.is-conditional) or learn "
    "faster (--method.plan 'helper.*=lr*10'), or weaken the reversal"
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    """One model on both domains."""

    model: str
    """Which it is: `source`, `untrained` or `trained`."""
    sides: tuple[Pooled, Pooled]
    """The labelled and the unlabelled speech as it represents them."""
    probe: DomainAccuracy | None
    within: WithinClasses | None
    hidden: HiddenAccuracy | None
    """Of the accents, speakers or languages that the method hides; None where it hides none of them."""

    def to_dict(self) -> dict[str, Any]:
        """For domains.json."""
        return {
            "model": self.model,
            "probe": None if self.probe is None else asdict(self.probe),
            "within_classes": None if self.within is None else asdict(self.within),
            "hidden": None if self.hidden is None else asdict(self.hidden),
        }


@dataclass(frozen=True)
class Domains:
    """The labelled and the unlabelled speech of a run."""

    labelled: Examples
    """The labelled speech that is not itself of the unlabelled domain; the source's, if all of the target's
    is."""
    unlabelled: Examples
    classes: tuple[Sequence[str], Sequence[str]]
    """What is said in each utterance of both."""
    seed: int
    is_transductive: bool
    """Whether tests may hold unlabelled speech."""
    transductive: Mapping[str, int]
    """By test set, the utterances of it that are among the unlabelled ones, where that is allowed."""

    @classmethod
    def of(cls, experiment: Experiment, material: Material) -> Domains | None:
        """The domains of an experiment; None where it names no unlabelled speech."""
        speech = material.unlabelled
        if speech is None:
            return None
        other = material.source
        source = None if other is None else other.examples(None)
        data = TransferData(
            material.target.examples(None), {}, source=source, unlabelled=speech.examples(None)
        )
        data = data.with_domains(has_source=experiment.method.hears_source(data))
        labelled, corpus = data.target, material.target.corpus
        if other is not None and np.all(data.target.is_target):
            labelled, corpus = replace(data.source_speech, is_target=False), other.corpus
        own = np.flatnonzero(~np.broadcast_to(labelled.is_target, len(labelled)))
        texts = _classes(corpus)
        return cls(
            labelled.some(own.tolist()),
            data.unlabelled_speech,
            ([texts[index] for index in own.tolist()], _classes(speech.corpus)),
            experiment.seed,
            experiment.transductive,
            _shared(speech, material.tests) if experiment.transductive else {},
        )

    def measure(self, model: AcousticModel, block: str, name: str, hidden: str | None = None) -> Measured:
        """Train fresh probes on what a block of a model makes of the speech.

        Args:
            model: is left as it is.
            block: its name.
            name: what the model is.
            hidden: what the method hides other than which speech has labels: accent, speaker or language.
        """
        sides = [
            pooled_features(
                model,
                speech,
                block,
                seed=self.seed,
                classes=classes,
                hidden=None if hidden is None else values_of(hidden, speech),
            )
            for speech, classes in zip((self.labelled, self.unlabelled), self.classes, strict=True)
        ]
        found = Measured(
            name,
            (sides[0], sides[1]),
            domain_probe(sides[0], sides[1], self.seed),
            within_classes(sides[0], sides[1], self.seed),
            hidden_probe(sides[0], sides[1], self.seed),
        )
        if found.probe is not None:
            inside = f"; within classes {100 * found.within.value:.0f} %" if found.within else ""
            logger.info(
                "%s model: a fresh probe on %s tells labelled (%d utterances) from unlabelled speech (%d) "
                "at %.0f %%%s; chance is 50 %%",
                name,
                block,
                len(sides[0]),
                len(sides[1]),
                100 * found.probe.value,
                inside,
            )
        if found.hidden is not None:
            logger.info(
                "%s model: a fresh probe on %s tells %d %ss apart at %.0f %%; chance is %.0f %%",
                name,
                block,
                len(found.hidden.utterances),
                hidden,
                100 * found.hidden.value,
                100 * found.hidden.chance,
            )
        return found

    def begin(self, method: Transfer, model: AcousticModel, source: AcousticModel | None) -> Diagnosis:
        """Measure what training starts from.

        Args:
            method: of the run.
            model: what is trained, before its first step.
            source: what it was adapted from; None from scratch.
        """
        origin = model if source is None else source
        block = block_of(method, model, origin)
        hidden = next(iter(hidden_classes(method)), None)
        before = self.measure(origin, block, "untrained" if source is None else "source", hidden)
        label_free = LabelFree.of(self.unlabelled, model.languages, self.seed)
        reverses = frozenset(told_by_heads(method, is_reversed=True))
        return Diagnosis(self, block, before, label_free, method.control, reverses, hidden)


@dataclass(frozen=True)
class Diagnosis:
    """What was measured before a training, until it is over."""

    domains: Domains
    block: str
    """Whose features are looked at."""
    before: Measured
    label_free: LabelFree | None
    """What chooses weights without labels; None where the model has no head for the unlabelled speech."""
    control: str
    """The flags of the control on the same batches; empty for none."""
    reverses: frozenset[str]
    """What the method's own heads tell against a reversal: `domain`, which are these two, or classes."""
    hidden: str | None
    """What a head of the method tells other than the domains: accent, speaker or language."""

    def conclude(self, fitted: FitResult, folder: Path, title: str) -> FitResult:
        """Measure the trained model, draw both, and write all of it down.

        Returns:
            The training, marked as diverged also where only its end tells that.

        Raises:
            OSError: the disk is full or not writable.
        """
        after = self.domains.measure(fitted.model, self.block, "trained", self.hidden)
        decisions = None if self.label_free is None else self.label_free(fitted.model)
        reason = fitted.diverged or (decisions and decisions.collapse) or ""
        logger.info("drawing the features of both domains before and after training")
        sides, seed = (self.before.sides, after.sides), self.domains.seed
        title = f"{title}: features of {self.block}"
        drawn = draw_tsne(*sides, folder / "tsne.png", title, start=self.before.model, seed=seed)
        heads = head_accuracies(folder / "metrics.jsonl")
        judge = after.probe if "domain" in self.reverses else after.hidden if self.reverses else None
        is_outrun = judge is not None and outrun(heads, judge.value)
        if is_outrun:
            logger.warning("%s", OUTRUN)
        document = {
            "labelled": len(self.domains.labelled),
            "unlabelled": len(self.domains.unlabelled),
            "block": self.block,
            "before": self.before.to_dict(),
            "after": after.to_dict(),
            "control": self.control,
            "domain_heads": heads,
            "hidden": self.hidden,
            "outrun": OUTRUN if is_outrun else "",
            "label_free": None if decisions is None else _label_free(fitted, decisions),
            "is_transductive": self.domains.is_transductive,
            "transductive": dict(self.domains.transductive),
            "is_diverged": bool(reason),
            "alarmed": list(fitted.alarmed),
            "reason": reason,
            "picture": None if drawn is None else "tsne.png",
        }
        with explained("what was measured of the domains", folder / DOCUMENT):
            write_json(folder / DOCUMENT, document)
        return replace(fitted, diverged=reason)


def outrun(heads: Mapping[str, Mapping[str, float]], probe: float) -> bool:
    """Whether a method's own head ended far behind a fresh probe, which tells the same classes.

    >>> heads = {"domain": {"accuracy": 0.51, "chance": 0.5}}
    >>> outrun(heads, 0.81), outrun(heads, 0.6), outrun({}, 0.9)
    (True, False, False)
    """
    return any(
        one.get("accuracy", 1.0) < min(one.get("chance", 0.0) + NEAR, probe - BEHIND)
        for one in heads.values()
    )


def block_of(method: Transfer, *models: AcousticModel) -> str:
    """The block that is looked at: the last that the method taps and all models have, else `norm`."""
    tapped = [name for name in method.taps if all(name in model.blocks() for model in models)]
    return tapped[-1] if tapped else "norm"


def read_domains(folder: Path) -> dict[str, Any] | None:
    """What `domains.json` of a run holds; None where the run named no unlabelled speech.

    Raises:
        ValueError: the file is damaged.
    """
    path = folder / DOCUMENT
    return read_json(path) if path.is_file() else None


def head_accuracies(metrics: Path) -> dict[str, dict[str, float]]:
    """How often a method's own heads were right at the end of the training, and chance, by what they tell."""
    if not metrics.is_file():
        return {}
    lines = [json.loads(line) for line in written_lines(metrics)]
    measured = [found for line in lines if (found := measures(line))]
    last = measured[-max(1, round(LAST * len(measured))) :]
    heads: dict[str, dict[str, float]] = {}
    for name in sorted({name for found in last for name in found}):
        values = [found[name] for found in last if found.get(name) is not None]
        head, _, kind = name.rpartition("_")
        if values:
            heads.setdefault(head, {})[kind] = float(np.mean(values))
    return heads


def _label_free(fitted: FitResult, kept: Decisions) -> dict[str, Any]:
    """The weights that are chosen without labels, and those that are kept."""
    step = fitted.best.get("step", fitted.steps)
    chosen = fitted.label_free or {"step": step, **kept.to_dict()}
    return {**chosen, "kept": {"step": step, **kept.to_dict()}}


def _classes(corpus: Corpus) -> list[str]:
    """The texts, normalised."""
    rules = {tag: orthography(tag) for tag in corpus.languages}
    pairs = zip(corpus.column("language"), corpus.column("text"), strict=True)
    return [rules[language].normalise(text) if text else "" for language, text in pairs]


def _shared(unlabelled: Speech, tests: Mapping[str, Corpus]) -> dict[str, int]:
    """By test set, how many of its utterances are among the unlabelled ones."""
    heard = set(unlabelled.waveforms.digests)
    return {
        name: sum(digest in heard for digest in Speech.of(corpus).waveforms.digests)
        for name, corpus in tests.items()
    }
