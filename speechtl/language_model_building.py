"""build(): a language model of a corpus's or a file's texts as an ARPA file, and how good it is."""

from __future__ import annotations

from pathlib import Path

from speechtl.corpus_spec import CorpusSpec
from speechtl.faults import counted, listed
from speechtl.held_out import HELD_OUT, parts
from speechtl.language_model import NgramModel, Texts, estimate, read_texts, write_arpa
from speechtl.language_model.texts import is_text_file, texts_of


def build(
    source: str,
    out: Path,
    *,
    language: str | None,
    order: int,
    text: str | None = None,
    split_as: str | None = None,
) -> list[str]:
    """Estimate a model and write it.

    Args:
        source: a corpus, of which only what a run would train on is read, or a .txt file.
        out: the ARPA file.
        language: the orthography; needed for a file, and for a corpus of several.
        order: length of the longest n-grams.
        text: what to measure it on, a .txt file or a corpus with a split `dev`; without it the dev of
            `source`, where it is a corpus.
        split_as: the run that carved dev and test out of the corpus; without it those that the corpus lacks
            are carved as a run from scratch carves them.

    Returns:
        Lines for people: counts, and perplexity and unknown tokens on the held-out texts.

    Raises:
        FileNotFoundError: a source is not there.
        ValueError: a source cannot be used, or would be overwritten.
        OSError: the disk is full or not writable.
    """
    if out.resolve() in [Path(name).resolve() for name in (source, text) if name is not None]:
        raise ValueError(f"{out} is read, and --out would overwrite it; name another file, such as lm.arpa")
    if is_text_file(source):
        if split_as is not None:
            raise ValueError(f"--split-as is for a corpus; the file {source} is read whole")
        account, training, held_out = "", read_texts(source, "train", language), None
    else:
        account, training, held_out = _of_corpus(CorpusSpec(source, language=language, split_as=split_as))
    if text is not None:
        held_out = read_texts(text, "dev", training.language)
    model = estimate(training.sentences, order)
    write_arpa(model, out)
    return [
        *([account] if account else []),
        _counts(model, training),
        *_strange(training),
        *([] if held_out is None else [*_measured(model, training, held_out), *_strange(held_out)]),
    ]


def _of_corpus(spec: CorpusSpec) -> tuple[str, Texts, Texts]:
    """What of a corpus is trained on and what is dev, and where that is told apart if not by the corpus."""
    splits = spec.open().splits
    if len(splits) == 1 and splits[0] in HELD_OUT:
        raise ValueError(
            f"corpus {spec.corpus} has only the split {splits[0]}. Models are estimated from the texts of "
            "training, never from others. For further texts give a .txt file, for what a run left in "
            "training of it, --split-as RUN"
        )
    found = parts(spec, HELD_OUT, seed=0)
    if len(found.train.languages) > 1:
        languages = ", ".join(found.train.languages)
        raise ValueError(f"corpus {spec.corpus} has texts in {languages}; choose by --language")
    dev = found.held_out["dev"]
    account = found.account if found.carved is not None else ""
    if account and spec.split_as is None:
        account += (
            ". A run from a source that knows some of the texts carves others, and so do some methods: "
            "--split-as RUN leaves out what that run holds out"
        )
    return account, texts_of(found.train, f"train of {spec.corpus}"), texts_of(dev, f"dev of {spec.corpus}")


def _counts(model: NgramModel, training: Texts) -> str:
    ngrams = ", ".join(f"{count:,} {n}-grams" for n, count in enumerate(model.counts, start=1))
    return (
        f"{training.source} ({training.language}): {counted(len(training.sentences), 'text')}, "
        f"{counted(training.count, 'token')} of {len(model.vocabulary):,} kinds; {ngrams}"
    )


def _strange(texts: Texts) -> list[str]:
    """What no recogniser of this orthography could say, in a line."""
    if not texts.strange:
        return []
    return [
        f"{texts.source}: {counted(len(texts.strange), 'text')} not in {texts.language}, kept as written: "
        f"{listed(texts.strange)}"
    ]


def _measured(model: NgramModel, training: Texts, held_out: Texts) -> list[str]:
    found = model.perplexity(held_out.sentences)
    unknown = held_out.unknown_rate(model)
    seen = {tuple(sentence) for sentence in training.sentences}
    shared = sum(tuple(sentence) in seen for sentence in held_out.sentences)
    told = f"perplexity {found.value:.1f} ({found.with_unknown:.1f} with unknown tokens)"
    told = f"{told}; {100 * unknown:.1f} % unknown"
    if unknown == 1:
        told = (
            "no token is known, so there is no perplexity; are these texts in the orthography of those that "
            "the model is of?"
        )
    tokens = counted(held_out.count, "token")
    lines = [f"{held_out.source}: {counted(len(held_out.sentences), 'text')}, {tokens}; {told}"]
    if shared:
        lines.append(
            f"{shared} of these texts are among the training texts too, which makes the perplexity too low"
        )
    return lines
