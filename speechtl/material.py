"""Material: all the speech of an experiment, opened, and refused where it is faulty or leaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from speechtl import leakage
from speechtl.batches import Examples
from speechtl.cache import load_waveforms
from speechtl.checkpoint import LoadedModel
from speechtl.corpus import Corpus
from speechtl.corpus_spec import CorpusSpec
from speechtl.evaluate import set_name
from speechtl.experiment import Experiment
from speechtl.label_faults import refuse_faulty_texts
from speechtl.leakage import Fingerprints
from speechtl.refusals import foreign_sets, refuse_leaks
from speechtl.text import Tokenizer
from speechtl.waveforms import Waveforms


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
    dev: Speech
    tests: dict[str, Corpus]
    """By the name that reports use."""
    source_tests: dict[str, Corpus]
    known: Fingerprints
    """What a model that is trained on the target, from the source, will have seen."""

    @classmethod
    def of(cls, experiment: Experiment, source: LoadedModel | None) -> Material:
        """Open all that an experiment names.

        Raises:
            FileNotFoundError: a corpus is missing.
            ValueError: texts, languages or audio are faulty, or training and test share what they must not.
        """
        target, dev = _open(experiment.targets, experiment.seed), _open(experiment.dev, experiment.seed)
        sets = named_sets((*experiment.tests, *experiment.source_tests), experiment.seed)
        refuse_faulty_texts({"target": target, "dev": dev, **sets})
        heads = {*target.languages, *(source.model.languages if source else ())}
        _refuse_languages(target, dev, sets, heads)
        speech = Speech.of(target)
        trained = leakage.fingerprint(target, speech.waveforms.digests)
        known = Fingerprints.union([trained, source.fingerprints]) if source else trained
        development = Speech.of(dev)
        _refuse_leaks(known, development, sets)
        names = list(sets)
        tests = {name: sets[name] for name in names[: len(experiment.tests)]}
        return cls(
            speech, development, tests, {name: sets[name] for name in names if name not in tests}, known
        )


def named_sets(specs: Iterable[CorpusSpec], seed: int) -> dict[str, Corpus]:
    """Open test corpora under the names that `evaluate` gives them, with a number where one is taken."""
    sets: dict[str, Corpus] = {}
    for spec in specs:
        opened = spec.open(seed)
        whole = "all" if len(opened.splits) > 1 else None
        first = name = set_name(spec.name, spec.split or whole)
        number = 1
        while name in sets:
            number += 1
            name = f"{first}-{number}"
        sets[name] = opened
    return sets


def _open(specs: Iterable[CorpusSpec], seed: int) -> Corpus:
    corpora = [spec.open(seed) for spec in specs]
    return corpora[0] if len(corpora) == 1 else Corpus.concatenate(corpora)


def _refuse_languages(target: Corpus, dev: Corpus, sets: Mapping[str, Corpus], heads: set[str]) -> None:
    """Refuse dev in other languages than the target's, and tests in languages that no head will be for."""
    faults = []
    if set(dev.languages) != set(target.languages):
        faults.append(
            f"dev is in {', '.join(dev.languages)}, the target in {', '.join(target.languages)}; dev must "
            "have the languages of the target and no others"
        )
    faults += [
        f"the test set {one}; the model will have heads for {', '.join(sorted(heads))}"
        for one in foreign_sets(heads, sets)
    ]
    if faults:
        raise ValueError("\n".join(faults) + "\nName corpora in the model's languages.")


def _refuse_leaks(known: Fingerprints, dev: Speech, sets: Mapping[str, Corpus]) -> None:
    """Refuse before training what `evaluate` would refuse after it, and tests with audio of dev."""
    digests = {name: Speech.of(corpus).waveforms.digests for name, corpus in sets.items()}
    refuse_leaks(known, {"dev": dev.corpus}, {"dev": dev.waveforms.digests})
    refuse_leaks(known, sets, digests, chosen_on=frozenset(dev.waveforms.digests))
