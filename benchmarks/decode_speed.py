"""Seconds to decode a development set: `python benchmarks/decode_speed.py`.

400 utterances of 40 frames with random log-probabilities over all units of each syllable orthography, so
that hardly any greedy path is well formed and the constrained search runs on all of them: the worst case.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from speechtl.decode import DecodeSettings, closed, decode
from speechtl.languages.syllables import NEUTRAL, SyllableOrthography
from speechtl.text import Tokenizer, orthography

UTTERANCES, FRAMES, WORDS, REPEATS = 400, 40, 40, 5


def full_tokenizer(tag: str) -> Tokenizer:
    """Every unit that the orthography has, whether or not a corpus would show it."""
    language = orthography(tag)
    assert isinstance(language, SyllableOrthography)
    scheme = language.scheme
    units = [f"{initial}-" for initial in scheme.initials] + [f"-{final}" for final in scheme.finals]
    return Tokenizer(tag, (*units, *scheme.tone_numbers, *([NEUTRAL] if scheme.neutral_mark else [])))


def fastest(function: Callable[..., object], *arguments: object) -> float:
    """The shortest of several times in seconds; the first call also fills the grammar's cache."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the table."""
    print(f"{UTTERANCES} utterances of {FRAMES} frames, {torch.get_num_threads()} threads, seconds")
    print(f"{'orthography':<20}{'units':>6}{'greedy':>9}{'constrained':>13}{f'closed ({WORDS})':>13}")
    for tag in ("nan-Latn-tailo", "cmn-Latn-pinyin", "yue-Latn-jyutping"):
        tokenizer = full_tokenizer(tag)
        generator = torch.Generator().manual_seed(0)
        logits = 2 * torch.randn(UTTERANCES, FRAMES, 1 + len(tokenizer.units), generator=generator)
        log_probs, lengths = logits.log_softmax(dim=2), torch.full((UTTERANCES,), FRAMES)
        speech = log_probs, lengths, tokenizer
        words = decode(*speech, DecodeSettings())[:WORDS]
        greedy = fastest(decode, *speech, DecodeSettings("greedy"))
        constrained = fastest(decode, *speech, DecodeSettings())
        listed = fastest(closed, *speech, words)
        print(f"{tag:<20}{len(tokenizer.units):>6}{greedy:>9.3f}{constrained:>13.3f}{listed:>13.3f}")


if __name__ == "__main__":
    main()
