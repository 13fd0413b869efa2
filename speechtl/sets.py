"""Sets: the corpora of an experiment, opened and checked as far as that goes without their audio."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from speechtl import leakage
from speechtl.carved_splits import CarvedSplits
from speechtl.checkpoint import LoadedModel
from speechtl.corpus import Corpus
from speechtl.corpus_spec import CorpusSpec
from speechtl.evaluate import set_name
from speechtl.experiment import Experiment
from speechtl.faults import counted
from speechtl.folds import Fold, carve_folds
from speechtl.held_out import HELD_OUT, Parts, parts
from speechtl.label_faults import refuse_faulty_texts, refuse_long
from speechtl.leakage import Fingerprints, Shared
from speechtl.refusals import carved_advice, foreign_sets, refuse_heard, refuse_leaks
from speechtl.report import shared_note

_log = logging.getLogger(__name__)
NOT_HERE = "the source's test corpus %s is not here: what the transfer costs on it is not told"

MOSTLY = 0.9
"""Of a test, with so many utterances of trained texts it is no test of other texts."""
MOSTLY_LABELLED = (
    "{count} of {whole} without labels are trained on with labels too, so there is no other domain to hear: "
    "name other speech by unlabelled, or a part of it (--unlabelled.0.split, --unlabelled.0.domains)"
)
NO_DEV = "dev: none; the last weights are kept"


@dataclass(frozen=True)
class Sets:
    """The corpora of an experiment, opened; nothing is decoded."""

    target: Corpus
    dev: Corpus | None
    """None where it is carved out of the target, in folds, or there is none."""
    tests: dict[str, Corpus]
    """By the name that reports use."""
    source_tests: dict[str, Corpus]
    account: tuple[str, ...] = ()
    """Where dev and tests come from that the experiment does not name, a sentence for each corpus."""
    source: Corpus | None = None
    """The source's training speech, where the method needs it."""
    folds: tuple[Fold, ...] = ()
    unlabelled: Corpus | None = None
    """The target domain's speech without labels."""
    carved: tuple[CarvedSplits, ...] = ()
    """What was carved out of the targets."""
    reads_texts: bool = True
    """Whether the target's texts are trained on."""

    @property
    def named_dev(self) -> dict[str, Corpus]:
        """Dev by that name, where there is one beside the target."""
        return {} if self.dev is None else {"dev": self.dev}

    @cached_property
    def trained(self) -> Fingerprints:
        """The target's texts and speakers."""
        return leakage.fingerprint(self.target, ())

    @cached_property
    def replayed(self) -> Fingerprints:
        """Those of the source's training speech, where the method needs it."""
        return Fingerprints() if self.source is None else leakage.fingerprint(self.source, ())

    def check(self, source: LoadedModel | None, *, transductive: bool = False) -> list[str]:
        """Refuse, before anything is decoded, what can be seen without audio.

        Args:
            source: The source's model.
            transductive: Whether the tests may hold unlabelled speech.

        Returns:
            What dev and each test set share with the training, as is allowed there, and what else is to be
            known, in sentences.

        Raises:
            ValueError: texts or languages are faulty, speech is too long, or training and test share files,
                texts or speakers that they must not.
        """
        sets = {**self.tests, **self.source_tests}
        target = {"target": self.target} if self.reads_texts else {}
        refuse_faulty_texts({**target, **self.named_dev, **sets})
        heads = {*self.target.languages, *(source.model.languages if source else ())}
        _refuse_languages(self.target, self.dev, sets, heads)
        for corpus in (self.target, self.unlabelled):
            if corpus is not None:
                refuse_long(corpus)
        before = source.fingerprints if source else Fingerprints()
        known = Fingerprints.union([self.trained, before, self.replayed])
        of_dev, shared = self._shared(known, sets, transductive)
        notes = [
            shared_note(name, one.texts, one.speakers) for name, one in (*of_dev.items(), *shared.items())
        ]
        tests = {name: shared[name].texts for name in self.tests}
        by_text = bool(self.folds) and all(fold.dev.split_by == "text" for fold in self.folds)
        if by_text and tests and all(tests[name] > MOSTLY * len(self.tests[name]) for name in tests):
            notes.append(
                "dev=fold holds out texts, while those of the tests are trained on: to choose the steps by "
                "texts that are, too, give the target split_by=none (--target.split-by none)"
            )
        if self.unlabelled is not None and self.unlabelled.trim_db != self.target.trim_db:
            notes.append(
                f"the target's trim_db is {self.target.trim_db}, that of the unlabelled speech "
                f"{self.unlabelled.trim_db}: the silence around the words alone may tell the two apart"
            )
        if self.unlabelled is not None:
            without = _clips(self.unlabelled)
            if (count := sum(clip in self._trained_files for clip in without)) > MOSTLY * len(without):
                notes.append(MOSTLY_LABELLED.format(count=count, whole=counted(len(without), "utterance")))
        return [note for note in notes if note]

    @cached_property
    def _trained_files(self) -> frozenset[str]:
        return frozenset(
            clip for one in (self.target, self.source) if one is not None for clip in _clips(one)
        )

    def _shared(
        self, known: Fingerprints, sets: Mapping[str, Corpus], transductive: bool
    ) -> tuple[dict[str, Shared], dict[str, Shared]]:
        """What dev, and what each test set shares with the training, as is allowed there.

        Raises:
            ValueError: they share what they must not, the same files too; all of it in one message.
        """
        known = replace(known, audio=self._trained_files)
        heard = frozenset(() if self.unlabelled is None or transductive else _clips(self.unlabelled))
        dev = frozenset(() if self.dev is None else _clips(self.dev))
        found, faults = [], []
        for named, chosen_on in ((self.named_dev, frozenset[str]()), (sets, dev)):
            clips = {name: _clips(corpus) for name, corpus in named.items()}
            try:
                found.append(refuse_leaks(known, named, clips, chosen_on=chosen_on))
                refuse_heard(Fingerprints(audio=heard), named, clips)
            except ValueError as error:
                faults.append(str(error))
        if faults:
            raise ValueError("\n".join([*faults, *carved_advice(self.account)]))
        of_dev, of_sets = found
        return of_dev, of_sets

    @classmethod
    def of(
        cls, experiment: Experiment, source: Experiment | None = None, known: Fingerprints | None = None
    ) -> Sets:
        """Open all that an experiment names, and what it leaves to its target and its source.

        Args:
            experiment: The experiment.
            source: The experiment that its source comes from, if it is known.
            known: What its source was trained on.

        Raises:
            FileNotFoundError: a corpus is missing.
            ValueError: a corpus has faults, or too little speech.
        """
        seed = experiment.seed
        follow = _follow(experiment)
        is_classifier = _is_classifier(experiment)
        opened = [_parts(experiment, spec, known) for spec in experiment.targets]
        target = _joined([one.train for one in opened], needs_text=experiment.method.reads_texts)
        again = _source_speech(experiment, source) if experiment.method.needs_source_speech else None
        carved = None
        if experiment.dev == "fold":
            repeated = [] if again is None else [leakage.fingerprint(again, ())]
            carved = carve_folds(
                target,
                Fingerprints.union([known or Fingerprints(), *repeated]),
                is_classifier=is_classifier,
                may_share_texts=all(spec.split_by == "none" for spec in experiment.targets),
            )
        dev = (
            [one.held_out["dev"] for one in opened]
            if "dev" in follow
            else _opened(experiment.named_dev, seed)
        )
        tests = _Names()
        if "test" in follow:
            for spec, one in zip(experiment.targets, opened, strict=True):
                tests.add(set_name(spec.corpus, "test"), one.held_out["test"])
        tests.open(experiment.tests, seed)
        count = len(tests.sets)
        if experiment.source_tests is None and source is not None:
            _follow_source(tests, source, {spec.corpus for spec in experiment.targets})
            tests.drop_repeated(count)
        tests.open(experiment.source_tests or (), seed)
        names = list(tests.sets)
        return cls(
            target,
            _joined(dev).trimmed_as(target.trim_db) if dev else None,
            {name: tests.sets[name] for name in names[:count]},
            {name: tests.sets[name] for name in names[count:]},
            (
                *(one.account for one in opened if one.account),
                *([carved.account] if carved else []),
                *([NO_DEV] if experiment.dev == "none" else []),
            ),
            again,
            carved.folds if carved else (),
            _unlabelled(experiment.unlabelled, seed),
            tuple(one.carved for one in opened if one.carved is not None),
            experiment.method.reads_texts,
        )


def named_sets(specs: Iterable[CorpusSpec], seed: int) -> dict[str, Corpus]:
    """Open test corpora under the names that `evaluate` gives them, with a number where one is taken."""
    names = _Names()
    names.open(specs, seed)
    return names.sets


@dataclass(frozen=True)
class _Names:
    """Test sets under distinct names."""

    sets: dict[str, Corpus] = field(default_factory=dict)

    def open(self, specs: Iterable[CorpusSpec], seed: int) -> None:
        for spec in specs:
            opened = spec.open(seed)
            whole = "all" if len(opened.splits) > 1 else None
            self.add(spec.set_name or set_name(spec.corpus, spec.split or whole), opened)

    def drop_repeated(self, count: int) -> None:
        """Without sets behind so many all of whose recordings are in those."""
        names = list(self.sets)
        tested = {clip for name in names[:count] for clip in _clips(self.sets[name])}
        for name in names[count:]:
            if tested.issuperset(_clips(self.sets[name])):
                del self.sets[name]

    def add(self, first: str, opened: Corpus) -> None:
        name, number = first, 1
        while name in self.sets:
            number += 1
            name = f"{first}-{number}"
        self.sets[name] = opened


def _clips(corpus: Corpus) -> list[str]:
    """What tells recordings apart before they are decoded: the same file, cut off in the same way."""
    return [f"{audio} {corpus.trim_db}" for audio in corpus.column("audio")]


def _follow(experiment: Experiment) -> list[str]:
    """Which of dev and test an experiment leaves to its target."""
    named = {"dev": experiment.dev, "test": experiment.tests}
    return [name for name in HELD_OUT if not named[name]]


def _parts(experiment: Experiment, spec: CorpusSpec, known: Fingerprints | None = None) -> Parts:
    """One of an experiment's training corpora, with the dev and tests that it leaves to it.

    Args:
        experiment: The experiment; that of a source has the parts which it had in its own run.
        spec: The corpus.
        known: What the experiment's source was trained on.
    """
    return parts(
        spec,
        _follow(experiment),
        experiment.seed,
        known,
        is_classifier=_is_classifier(experiment),
        keeps_speakers=experiment.method.is_by_speaker,
        needs_text=experiment.method.reads_texts,
    )


def _is_classifier(experiment: Experiment) -> bool:
    return experiment.text.units == "whole"


def _source_speech(experiment: Experiment, source: Experiment | None) -> Corpus:
    """What the source was trained on, or what stands in its place.

    Raises:
        ValueError: nobody knows.
    """
    if experiment.source_speech:
        return _joined(_opened(experiment.source_speech, experiment.seed))
    if source is None:
        raise ValueError(
            f"experiment {experiment.name}: its method needs the source's training speech, and "
            f"source={experiment.source!r} does not tell what that was; name it by source_speech"
        )
    if not source.method.reads_texts:
        raise ValueError(
            f"experiment {experiment.name}: its method hears the source's training speech with its texts, "
            f"and {source.name} was adapted without any; name speech with transcripts by source_speech"
        )
    return _joined([_parts(source, spec).train for spec in source.targets])


def _follow_source(names: _Names, source: Experiment, own: set[str]) -> None:
    """Add the source's own tests, as far as they are here and of other corpora than the run's own."""
    if not source.tests:
        for spec in (spec for spec in source.targets if spec.corpus not in own):
            try:
                opened = _parts(source, spec)
            except FileNotFoundError:
                _log.warning(NOT_HERE, spec.corpus)
                continue
            names.add(set_name(spec.corpus, "test"), opened.held_out["test"])
    for spec in (spec for spec in source.tests if spec.corpus not in own):
        try:
            names.open([spec], source.seed)
        except FileNotFoundError:
            _log.warning(NOT_HERE, spec.corpus)


def _opened(specs: Iterable[CorpusSpec], seed: int) -> list[Corpus]:
    return [spec.open(seed) for spec in specs]


def _unlabelled(specs: Sequence[CorpusSpec], seed: int) -> Corpus | None:
    """Speech whose texts, where it has any, are not looked at."""
    opened = [spec.open(seed, needs_text=False, by_text=False) for spec in specs]
    return _joined(opened, needs_text=False) if opened else None


def _joined(corpora: Sequence[Corpus], *, needs_text: bool = True) -> Corpus:
    return corpora[0] if len(corpora) == 1 else Corpus.concatenate(corpora, needs_text=needs_text)


def _refuse_languages(
    target: Corpus, dev: Corpus | None, sets: Mapping[str, Corpus], heads: set[str]
) -> None:
    """Refuse dev in other languages than the target's, and tests in languages that no head will be for."""
    faults = []
    if dev is not None and set(dev.languages) != set(target.languages):
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
