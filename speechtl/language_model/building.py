"""build(): a language model of a corpus's or a file's texts as an ARPA file, and how good it is."""

from __future__ import annotations

from pathlib import Path

from speechtl.faults import counted, listed
from speechtl.language_model.arpa import write_arpa
from speechtl.language_model.kneser_ney import estimate
from speechtl.language_model.ngrams import NgramModel
from speechtl.language_model.texts import Texts, is_text_file, of_split, open_corpus, read_texts


def build(source: str, out: Path, *, language: str | None, order: int, text: str | None = None) -> list[str]:
    """Estimate a model and write it.

    Args:
        source: a corpus, of which only the split `train` is read, or a .txt file.
        out: the ARPA file.
        language: the orthography; needed for a file, and for a corpus of several.
        order: length of the longest n-grams.
        text: what to measure it on, a .txt file or a corpus with a split `dev`; without it the dev split of
            `source`, where it is a corpus that has one.

    Returns:
        Lines for people: counts, and perplexity and unknown tokens on the held-out texts.

    Raises:
        FileNotFoundError: a source is not there.
        ValueError: a source cannot be used, or would be overwritten.
        OSError: the disk is full or not writable.
    """
    if out.resolve() in [Path(name).resolve() for name in (source, text) if name is not None]:
        raise ValueError(f"{out} is read, and --out would overwrite it; name another file, such as lm.arpa")
    corpus = None if is_text_file(source) else open_corpus(source, language)
    training = read_texts(source, "train", language) if corpus is None else of_split(corpus, source, "train")
    held_out = None
    if text is not None:
        held_out = read_texts(text, "dev", training.language)
    elif corpus is not None and "dev" in corpus.splits:
        held_out = of_split(corpus, source, "dev")
    model = estimate(training.sentences, order)
    write_arpa(model, out)
    return [
        _counts(model, training),
        *_strange(training),
        *([] if held_out is None else [*_measured(model, training, held_out), *_strange(held_out)]),
    ]


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
    unknown = f"{100 * held_out.unknown_rate(model):.1f} %"
    seen = {tuple(sentence) for sentence in training.sentences}
    shared = sum(tuple(sentence) in seen for sentence in held_out.sentences)
    lines = [
        f"{held_out.source}: {counted(len(held_out.sentences), 'text')}, {counted(held_out.count, 'token')}; "
        f"perplexity {found.value:.1f} ({found.with_unknown:.1f} with unknown tokens); {unknown} unknown"
    ]
    if shared:
        lines.append(
            f"{shared} of these texts are among the training texts too, which makes the perplexity too low"
        )
    return lines
