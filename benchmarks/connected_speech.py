"""Connected speech against isolated words: `python benchmarks/connected_speech.py RUN ...`.

A dictionary has words only. Chains of three to five test words, no word twice in one, with pauses of digital
silence in between, show what a model that was trained on words makes of longer speech: whether it loses or
invents syllables (syllables recognised / syllables spoken), and how much more often it errs than on the same
words alone. The chains are made of real recordings and drawn by a seed of their own; no real sentence sounds
like them. Goals: syllables out / in from 0.8 to 1.25, and at most 1.3 times the error of the words alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechtl.audio import SAMPLE_RATE
from speechtl.batches import Examples
from speechtl.cache import load_waveforms
from speechtl.checkpoint import LoadedModel, load_model
from speechtl.corpus import Corpus
from speechtl.corpus_spec import corpus as corpus_of
from speechtl.decode import DecodeSettings
from speechtl.metrics import Counts, score
from speechtl.recognition import recognise
from speechtl.text import orthography

WORDS = (3, 5)
"""Fewest and most words of a chain."""
PAUSE = (0.1, 0.4)
"""Shortest and longest pause, in seconds."""
RATIO, WORSE = (0.8, 1.25), 1.3
"""What is hoped for: syllables out / in, and the error over that of the words alone."""


class Speech(NamedTuple):
    """Utterances and what is said in them."""

    waveforms: list[NDArray[np.int16]]
    """Each int16 (samples,) at 16 kHz."""
    texts: list[str]


class Found(NamedTuple):
    """What a model made of some speech."""

    counts: Counts
    recognised: int
    """Syllables of the hypotheses."""


def read_words(corpus: Corpus) -> Speech:
    """The words of a corpus, each with the first of its printed readings."""
    waveforms = load_waveforms(corpus)
    rules = orthography(corpus.languages[0])
    texts = [rules.normalise(text) for text in corpus.column("text")]
    return Speech([waveforms[index] for index in range(len(corpus))], texts)


def make_chains(words: Speech, count: int, seed: int) -> tuple[Speech, Speech]:
    """Chains of words, and the words that are in them, as often as they are."""
    random = np.random.default_rng(seed)
    chains, spoken = Speech([], []), Speech([], [])
    for _ in range(count):
        size = min(int(random.integers(WORDS[0], WORDS[1] + 1)), len(words.texts))
        chosen = random.choice(len(words.texts), size, replace=False).tolist()
        parts: list[NDArray[np.int16]] = []
        for index in chosen:
            if parts:
                parts.append(np.zeros(round(random.uniform(*PAUSE) * SAMPLE_RATE), np.int16))
            parts.append(words.waveforms[index])
        chains.waveforms.append(np.concatenate(parts))
        chains.texts.append(" ".join(words.texts[index] for index in chosen))
        spoken.waveforms.extend(words.waveforms[index] for index in chosen)
        spoken.texts.extend(words.texts[index] for index in chosen)
    return chains, spoken


def recognised(model: LoadedModel, speech: Speech, language: str, settings: DecodeSettings) -> Found:
    """Syllable errors on some speech, and how many syllables were recognised."""
    examples = Examples.unlabelled(speech.waveforms, language)
    hypotheses = recognise(model.model, examples, language, settings).texts
    rules = orthography(language)
    syllables = [rules.syllables(rules.normalise(text)) or () for text in hypotheses]
    counts = score(speech.texts, hypotheses, language=language)["syllable"]
    return Found(counts, sum(len(text) for text in syllables))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="+", help="run or model folders")
    parser.add_argument("--corpus", default="taiwanese_moe", help="whose words are chained")
    parser.add_argument("--split", default="test", help="which of them")
    parser.add_argument("--chains", type=int, default=300, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="draws the chains")
    parser.add_argument("--decode", default="constrained", help="decoding method")
    options = parser.parse_args(arguments)
    part = corpus_of(options.corpus, split=options.split).open()
    (language,) = part.languages
    chains, words = make_chains(read_words(part), options.chains, options.seed)
    minutes = sum(map(len, chains.waveforms)) / SAMPLE_RATE / 60
    print(f"{options.chains} chains of {WORDS[0]} to {WORDS[1]} words of {part.name}, {minutes:.1f} minutes")
    print(f"{'words alone':>12}{'in chains':>11}{'times':>7}{'syllables out/in':>18}  run")
    for run in options.runs:
        model, settings = load_model(run), DecodeSettings(options.decode)
        alone = recognised(model, words, language, settings)
        joined = recognised(model, chains, language, settings)
        ratio, worse = joined.recognised / joined.counts.total, joined.counts.rate / alone.counts.rate
        verdict = "" if RATIO[0] <= ratio <= RATIO[1] and worse <= WORSE else "  (misses a goal)"
        print(
            f"{100 * alone.counts.rate:>10.1f} %{100 * joined.counts.rate:>9.1f} %{worse:>7.2f}{ratio:>18.2f}"
            f"  {run}{verdict}"
        )


if __name__ == "__main__":
    main()
