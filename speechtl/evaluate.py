"""evaluate(): a model on test sets, decoded, scored, and never on what it was trained on."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from speechtl import __version__, leakage
from speechtl.batches import Examples
from speechtl.cache import load_waveforms
from speechtl.carved_splits import carved_by
from speechtl.closed_errors import closed_counts
from speechtl.corpus_spec import CorpusSpec
from speechtl.devices import device
from speechtl.faults import counted, listed
from speechtl.known_speakers import as_known, known_keys, matched
from speechtl.metrics import Counts, pool, score_utterances
from speechtl.recognition import Recognised, advise_on_strangers, recognise, require_decodable
from speechtl.refusals import refuse_leaks, require_heads, require_texts
from speechtl.report import Hypothesis, Metric, Report, SetReport, save_hypotheses
from speechtl.stats import FEWEST_SPEAKERS, bootstrap_interval
from speechtl.text import orthography
from speechtl.whole_files import explained, replace_folder

if TYPE_CHECKING:
    from speechtl.checkpoint import LoadedModel
    from speechtl.corpus import Corpus
    from speechtl.decode import DecodeSettings
    from speechtl.leakage import Fingerprints
    from speechtl.text import Tokenizer
    from speechtl.waveforms import Waveforms
    from speechtl.zero_shot import SyllableTable

logger = logging.getLogger(__name__)


def evaluate(
    model: LoadedModel,
    sets: Mapping[str, Corpus],
    *,
    settings: DecodeSettings | None = None,
    zero_shot: SyllableTable | None = None,
    speaker: str | None = None,
    domain: str | None = None,
    by_name: bool = True,
    forbidden: Fingerprints | None = None,
    show_progress: bool = False,
) -> Report:
    """Decode and score test sets; each error has a 95 % bootstrap interval.

    The intervals resample utterances; where a corpus is split by speaker and knows at least five, they
    resample whole speakers, since the utterances of one speaker are no independent draws. Closed decisions
    have the error `closed` and, where words are unequally frequent, `closed_balanced`, the mean over words.

    Args:
        model: from `load_model`; it is moved to the accelerator where there is one.
        sets: corpora by the name they are reported under; a corpus of several languages becomes one set
            for each, named `<set>.<language>`. One that has its silence is trimmed as the model's training
            speech in its language was.
        settings: how to decode; with `closed` also the best of the model's listed words, for the languages
            for which it lists any.
        zero_shot: decodes each set in its language through its heads too, into sets named `<set>.<head>`.
        speaker: who all utterances are heard as, by a model with parts of their own for some speakers; None:
            as whom the corpora name. What is reported keeps the corpora's speakers.
        domain: the same of their domain.
        by_name: whether a speaker of another corpus is taken for the only one of this name that the model has
            parts for; else for an unknown one.
        forbidden: what the sets may not hold; None: all that the model has heard.
        show_progress: whether to show progress bars on the terminal.

    Raises:
        ValueError: a set is empty, has a language without a head, or holds what the model was trained on;
            all such sets in one message.
    """
    if settings is None:
        from speechtl.decode import DecodeSettings

        settings = DecodeSettings()
    trims = model.model.trim_db
    parts = {
        name: corpus.trimmed_as(trims.get(corpus.languages[0])) for name, corpus in _by_language(sets).items()
    }
    require_heads(model.model.languages, parts)
    require_decodable(model.model, (corpus.languages[0] for corpus in parts.values()), settings)
    require_texts(parts)
    waveforms = {name: load_waveforms(corpus, show_progress=show_progress) for name, corpus in parts.items()}
    digests = {name: waveforms[name].digests for name in parts}
    shared = refuse_leaks(model.fingerprints if forbidden is None else forbidden, parts, digests)
    if zero_shot is not None:
        zero_shot.require_heads(model.model.languages)
    advise_on_strangers(model.model, speaker, domain)
    model.model.to(device())
    found = {}
    for name, corpus in parts.items():
        speakers = _speakers(model, corpus, speaker, name if by_name else None)
        speech = _Set(corpus, waveforms[name], shared[name], speakers, domain)
        for key, head in _heads(name, corpus, zero_shot).items():
            table = zero_shot if key != name else None
            task = _task(key, corpus, show_progress)
            found[key] = _evaluated(model, speech, head, settings, table, task)
    return Report(
        sets={name: entry for name, (entry, _) in found.items()},
        hypotheses={name: hypotheses for name, (_, hypotheses) in found.items()},
    )


def write_report(report: Report, folder: Path) -> None:
    """Write hyp/<set>.jsonl, then report.json, which marks that all is there.

    Ids are unique over all sets: one that several sets have is written `<set>/<id>`.

    Raises:
        OSError: the disk is full or not writable.
    """
    hypotheses = _with_unique_ids(report.hypotheses)

    def write(beside: Path) -> None:
        for name, entries in hypotheses.items():
            save_hypotheses(beside / f"{name}.jsonl", entries)

    with explained("the report", folder):
        (folder / "report.json").unlink(missing_ok=True)
        replace_folder(folder / "hyp", write)
        report.save(folder / "report.json")


def open_set(
    name: str,
    split: str | None,
    language: str | None,
    trim_db: float | None = None,
    *,
    tested: Path | None = None,
) -> tuple[str, Corpus]:
    """A corpus's test speech, and the name it is reported under.

    Args:
        name: a prepared corpus, a manifest, or a prepared folder.
        split: a split, or `all`; without one `test`, or all of a corpus that has only one split.
        language: one of the corpus's languages, or that of a manifest that names none.
        trim_db: as `CorpusSpec.trim_db`, in place of how the model's training speech was trimmed.
        tested: the run that is tested, or its model: what it carved out of this corpus is dev and test.

    Raises:
        FileNotFoundError: there is no such corpus.
        ValueError: it has no such split or language, or no test split and several others.
    """
    spec = CorpusSpec(name, language=language, trim_db=trim_db)
    corpus = spec.open()
    if tested is not None and any(one.corpus == corpus.name for one in carved_by(tested)):
        try:
            corpus = replace(spec, split_as=str(tested)).open()
            logger.info("%s: its splits are those that %s carved out of it", corpus.name, tested)
        except ValueError as error:  # another corpus of this name, or what is left of this one
            logger.info("%s is scored as another corpus than that of %s: %s", corpus.name, tested, error)
    splits = corpus.splits
    if split is None and "test" not in splits and len(splits) > 1:
        raise ValueError(f"corpus {name} has no split test; choose --split {', '.join(splits)} or all")
    chosen = split or ("test" if "test" in splits else "all")
    is_whole = chosen == "all" or splits == [chosen]
    part = corpus if is_whole else corpus.filter(split=chosen)
    return set_name(name, chosen if len(splits) > 1 else None), part


def set_name(corpus: str, split: str | None) -> str:
    """The name of a test set in reports: the corpus's, and the split's unless it is `test`."""
    place = Path(corpus)
    whole = place if place.stem.strip(".") else place.resolve()  # `.` and `..` have no name of their own
    name = whole.stem.lstrip(".").replace("-", "_")
    return name if split in (None, "test") else f"{name}-{split}"


def _by_language(sets: Mapping[str, Corpus]) -> dict[str, Corpus]:
    """One corpus per set and language, by name."""
    parts = {}
    for name, corpus in sets.items():
        languages = corpus.languages
        if not languages:
            raise ValueError(f"the test set {name} holds no utterances; choose another split or corpus")
        for language in languages:
            part = corpus.filter(language=language) if len(languages) > 1 else corpus
            parts[name if len(languages) == 1 else f"{name}.{language}"] = part
    return parts


def _speakers(
    model: LoadedModel, corpus: Corpus, speaker: str | None, where: str | None
) -> Sequence[str | None]:
    """Whom the model hears each utterance as: the one who is named, or whom the corpus says.

    Args:
        model: The model.
        corpus: The speech.
        speaker: Who is named.
        where: The set's name, where speakers of other corpora may be known by theirs.
    """
    if speaker is not None:
        others = set(corpus.column("speaker")) - {None, speaker}
        if others:
            told = listed(sorted(others))
            logger.info("%s: all is heard as %s's, that of %s too", where or corpus.name, speaker, told)
        return matched([speaker] * len(corpus), known_keys(model.model, "speaker"))
    return (
        corpus.qualified_speakers
        if where is None
        else as_known(model.model, corpus.qualified_speakers, where)
    )


def _task(name: str, corpus: Corpus, is_shown: bool) -> str | None:
    return f"scoring {counted(len(corpus), 'utterance')} of {name}" if is_shown else None


class _Set(NamedTuple):
    """A test set of one language."""

    corpus: Corpus
    waveforms: Waveforms
    shared: leakage.Shared
    speakers: Sequence[str | None]
    """Whom each utterance is heard as."""
    domain: str | None
    """What all are heard as; None: as the corpus says."""

    @property
    def examples(self) -> Examples:
        """The speech ready for decoding."""
        found = Examples.of(self.corpus, self.waveforms, self.waveforms.durations, None)
        found = replace(found, speakers=self.speakers)
        return found if self.domain is None else replace(found, domains=[self.domain] * len(found))


def _heads(name: str, corpus: Corpus, table: SyllableTable | None) -> dict[str, str]:
    """The heads that a set is decoded through, its own and those of a table, by the name of the result."""
    (language,) = corpus.languages
    others = table.heads if table is not None and table.language == language else ()
    return {name: language, **{f"{name}.{head}": head for head in others}}


def _evaluated(
    model: LoadedModel,
    speech: _Set,
    head: str,
    settings: DecodeSettings,
    table: SyllableTable | None,
    progress: str | None,
) -> tuple[SetReport, tuple[Hypothesis, ...]]:
    """The errors on a set through a head, by a table if it is not its own, and what was recognised."""
    corpus, shared = speech.corpus, speech.shared
    (language,) = corpus.languages
    recognised = recognise(model.model, speech.examples, head, settings, progress=progress)
    if table is not None:
        recognised = Recognised([table.respelled(head, text) for text in recognised.texts], None)
    hypotheses = _scored(corpus, language, recognised)
    tokenizer = model.model.tokenizers[head]
    decoding = settings.describe(tokenizer)
    report = replace(
        _set_report(corpus, language, hypotheses),
        decoding=decoding if table is None else f"{decoding}, through {head}",
        shared_texts=shared.texts,
        shared_speakers=shared.speakers,
        shared_dev=shared.dev,
        references=_references(corpus, language),
        text_rules=_text_rules(tokenizer),
    )
    return report, hypotheses


def _scored(corpus: Corpus, language: str, recognised: Recognised) -> tuple[Hypothesis, ...]:
    """Each utterance's reference, hypothesis and counts."""
    references = corpus.column("text")
    scores = score_utterances(references, recognised.texts, language=language)
    closed: Sequence[dict[str, Counts]] = [{}] * len(references)
    if recognised.closed is not None:
        right = [tuple(orthography(language).alternatives(text)) for text in references]
        are_wrong = [word not in texts for word, texts in zip(recognised.closed, right, strict=True)]
        closed = closed_counts(right, are_wrong)
    chosen: Sequence[str | None] = recognised.closed or [None] * len(references)
    ids, speakers = corpus.column("id"), corpus.column("speaker")
    return tuple(
        Hypothesis(id_, language, speaker, one.reference, one.hypothesis, {**one.counts, **decided}, word)
        for id_, speaker, one, decided, word in zip(ids, speakers, scores, closed, chosen, strict=True)
    )


def _set_report(corpus: Corpus, language: str, hypotheses: Sequence[Hypothesis]) -> SetReport:
    """Pooled errors with intervals; a metric that counts nothing here is absent."""
    speakers = [entry.speaker for entry in hypotheses]
    known = set(speakers) - {None}
    # Utterances of one voice are no draws of their own, unless what is held out are texts.
    by_speaker = corpus.split_by != "text" and None not in speakers and len(known) >= FEWEST_SPEAKERS
    counts = [entry.counts for entry in hypotheses]
    return SetReport(
        language=language,
        utterances=len(hypotheses),
        metrics={
            name: _metric([count[name] for count in counts], pooled, speakers if by_speaker else None)
            for name, pooled in pool(counts).items()
            if pooled.total > 0
        },
        resampled="speakers" if by_speaker else "utterances",
    )


def _metric(counts: Sequence[Counts], pooled: Counts, blocks: Sequence[str | None] | None) -> Metric:
    errors, totals = [count.errors for count in counts], [count.total for count in counts]
    interval = bootstrap_interval(errors, totals, blocks=blocks) if len(counts) > 1 else None
    return Metric(
        value=pooled.rate,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        **vars(pooled),
    )


def _references(corpus: Corpus, language: str) -> str:
    """A hash of ids and normalised texts with all their alternatives: equal sets can be compared."""
    rules = orthography(language)
    pairs = zip(corpus.column("id"), corpus.column("text"), strict=True)
    texts = sorted([id_, *rules.alternatives(text)] for id_, text in pairs)
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]


def _text_rules(tokenizer: Tokenizer) -> dict[str, str]:
    units = json.dumps(tokenizer.units, ensure_ascii=False) + tokenizer.model
    rules = {"speechtl": __version__, "tokenizer": hashlib.sha256(units.encode()).hexdigest()[:12]}
    return rules if tokenizer.kind == "default" else {**rules, "units": tokenizer.kind}


def _with_unique_ids(
    hypotheses: Mapping[str, Iterable[Hypothesis]],
) -> dict[str, list[Hypothesis]]:
    sets = {name: list(entries) for name, entries in hypotheses.items()}
    seen = Counter(entry.id for entries in sets.values() for entry in entries)
    return {
        name: [replace(e, id=f"{name}/{e.id}") if seen[e.id] > 1 else e for e in entries]
        for name, entries in sets.items()
    }
