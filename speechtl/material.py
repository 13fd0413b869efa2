"""Material: all the speech of an experiment, decoded, and refused where it is faulty or leaks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from speechtl import leakage
from speechtl.batches import Examples
from speechtl.cache import load_waveforms
from speechtl.checkpoint import LoadedModel
from speechtl.corpus import Corpus
from speechtl.faults import counted, lasting
from speechtl.folds import Fold
from speechtl.leakage import Fingerprints
from speechtl.refusals import HEARD, carved_advice, refuse_leaks
from speechtl.sets import Sets
from speechtl.text import Tokenizer
from speechtl.waveforms import Waveforms

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Speech:
    """A corpus with its decoded audio."""

    corpus: Corpus
    waveforms: Waveforms

    @classmethod
    def of(cls, corpus: Corpus) -> Speech:
        """Decode a corpus, or find it decoded in the cache."""
        return cls(corpus, load_waveforms(corpus, show_progress=True))

    def examples(self, tokenizers: Mapping[str, Tokenizer] | None) -> Examples:
        """The speech ready for batching, with labels if there are tokenizers."""
        known = None if tokenizers is None else dict(tokenizers)
        return Examples.of(self.corpus, self.waveforms, self.waveforms.durations, known)


@dataclass(frozen=True)
class Material:
    """The speech of an experiment."""

    target: Speech
    dev: Speech | None
    """None where there is none: it is carved out of the target, in folds, all of that is trained on anew, or
    the last weights are kept."""
    tests: dict[str, Corpus]
    """By the name that reports use."""
    source_tests: dict[str, Corpus]
    known: Fingerprints
    """What a model that is trained on the target, from the source, will have heard."""
    forbidden: Fingerprints
    """What of that its own tests may not hold: all, but for unlabelled speech in a transductive run."""
    account: tuple[str, ...] = ()
    """Where dev and tests come from that the experiment does not name."""
    source: Speech | None = None
    """The source's training speech, where the method needs it."""
    folds: tuple[Fold, ...] = ()
    unlabelled: Speech | None = None
    """The target domain's speech without labels."""

    @property
    def dev_account(self) -> str:
        """Which speech chooses the weights that are kept, in a sentence."""
        if self.dev is None:
            return self.account[-1]
        corpus = self.dev.corpus
        return (
            f"dev: {counted(len(corpus), 'utterance')} of {corpus.name}, {lasting(corpus.minutes)}, "
            f"labelled speech in addition to the {lasting(self.target.corpus.minutes)} that are trained on"
        )

    @classmethod
    def of(cls, found: Sets, source: LoadedModel | None, *, transductive: bool = False) -> Material:
        """Decode the corpora of an experiment.

        Args:
            found: The corpora.
            source: The source's model.
            transductive: Whether the tests may hold unlabelled speech.

        Raises:
            ValueError: texts, languages or audio are faulty, or training and test share what they must not.
        """
        target, sets = found.target, {**found.tests, **found.source_tests}
        for note in found.check(source, transductive=transductive):
            _log.info("%s", note)
        speech = Speech.of(target)
        trained = replace(found.trained, audio=frozenset(speech.waveforms.digests))
        before = source.fingerprints if source else Fingerprints()
        replayed = None
        if found.source is not None:
            _refuse_headless(found.source, source)
            replayed = Speech.of(found.source)
            again = replace(found.replayed, audio=frozenset(replayed.waveforms.digests))
            before = Fingerprints.union([before, again])
        forbidden = known = labelled = Fingerprints.union([trained, before])
        development = None if found.dev is None else Speech.of(found.dev)
        unlabelled = None if found.unlabelled is None else Speech.of(found.unlabelled)
        if unlabelled is not None:
            heard = leakage.heard(unlabelled.corpus, unlabelled.waveforms.digests)
            known = Fingerprints.union([known, heard])
            forbidden = forbidden if transductive else known
        try:
            _refuse_leaks(forbidden, development, sets, found.account)
        except ValueError as error:
            if unlabelled is None or transductive:
                raise
            _refuse_leaks(labelled, development, sets, found.account)
            raise ValueError(f"{error}\n{HEARD}") from error
        _refuse_known_folds(before, speech, found.folds)
        return cls(
            speech,
            development,
            found.tests,
            found.source_tests,
            known,
            forbidden,
            found.account,
            replayed,
            found.folds,
            unlabelled,
        )


def _refuse_headless(speech: Corpus, source: LoadedModel | None) -> None:
    """Refuse speech that the source has no head for."""
    known = source.model.languages if source is not None else []
    if missing := sorted(set(speech.languages) - set(known)):
        raise ValueError(
            f"source_speech is in {', '.join(missing)}, for which the source has no head; it has heads for "
            f"{', '.join(known)}. Leave these languages out"
        )


def _refuse_leaks(
    known: Fingerprints, dev: Speech | None, sets: Mapping[str, Corpus], account: Sequence[str]
) -> None:
    """Refuse before training what `evaluate` would refuse after it, and tests with audio of dev."""
    digests = {name: Speech.of(corpus).waveforms.digests for name, corpus in sets.items()}
    chosen_on = frozenset[str]()
    try:
        if dev is not None:
            chosen_on = frozenset(dev.waveforms.digests)
            refuse_leaks(known, {"dev": dev.corpus}, {"dev": dev.waveforms.digests})
        refuse_leaks(known, sets, digests, chosen_on=chosen_on)
    except ValueError as error:
        if not (advice := carved_advice(account)):
            raise
        raise ValueError("\n".join([str(error), *advice])) from error


def _refuse_known_folds(known: Fingerprints, target: Speech, folds: Sequence[Fold]) -> None:
    """Refuse dev of folds that the source was trained on, as dev that is named is refused.

    Args:
        known: What the source was trained on, with the speech of it that is trained on again.
        target: What the folds were carved out of.
        folds: The folds.

    Raises:
        ValueError: there is such dev; names it, fold by fold.
    """
    digest_of = dict(zip(target.corpus.column("id"), target.waveforms.digests, strict=True))
    devs = {f"dev of fold {number}": fold.dev for number, fold in enumerate(folds, 1)}
    digests = {name: [digest_of[id_] for id_ in dev.column("id")] for name, dev in devs.items()}
    try:
        refuse_leaks(known, devs, digests)
    except ValueError as error:
        raise ValueError(
            f"{error}\nWith dev=fold speech that the source knows already would choose the number of steps. "
            "Leave what it was trained on out of the target, or name dev in the recipe; to adapt to speakers "
            "whom it knows, give the target split_by=none"
        ) from error
