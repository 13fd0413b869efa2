"""Seconds to decode a development set, milliseconds for a clip: `python benchmarks/decode_speed.py`.

First table: 400 utterances of 40 frames with random log-probabilities over all units of each syllable
orthography, so that hardly any greedy path is well formed and the constrained search runs on all of them: the
worst case. Second table: a clip of 2 s (50 frames) over Tâi-lô's units by every method, once random, and once
as a trained model speaks, mostly blank and rather sure.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from speechtl.decode import DecodeSettings, closed, decode
from speechtl.language_model import estimate, write_arpa
from speechtl.languages.syllables import NEUTRAL, SyllableOrthography
from speechtl.text import Tokenizer, orthography

UTTERANCES, FRAMES, WORDS, REPEATS, CLIPS = 400, 40, 40, 5, 20


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


def random_speech(count: int, frames: int, units: int) -> torch.Tensor:
    """Log-probabilities (count, frames, 1 + units) of no speech at all."""
    generator = torch.Generator().manual_seed(0)
    return (2 * torch.randn(count, frames, 1 + units, generator=generator)).log_softmax(dim=2)


def sure_speech(count: int, frames: int, tokenizer: Tokenizer) -> tuple[torch.Tensor, list[str]]:
    """Log-probabilities of seven syllables in 50 frames, a unit every other frame, and their texts."""
    noise = random_speech(count, frames, len(tokenizer.units))
    noise[:, :, 0] += 8
    texts = decode(
        random_speech(count, frames, len(tokenizer.units)),
        torch.full((count,), frames),
        tokenizer,
        DecodeSettings(),
    )
    texts = [" ".join(text.split()[:7]) for text in texts]
    for row, text in enumerate(texts):
        ids = tokenizer.encode(text)
        places = torch.arange(len(ids)) * frames // (len(ids) + 1) + 1
        noise[row, places, torch.tensor(ids)] += 10
    return noise.log_softmax(dim=2), texts


def development_sets() -> None:
    """Print the first table."""
    print(f"{UTTERANCES} utterances of {FRAMES} frames, {torch.get_num_threads()} threads, seconds")
    print(f"{'orthography':<20}{'units':>6}{'greedy':>9}{'constrained':>13}{f'closed ({WORDS})':>13}")
    for tag in ("nan-Latn-tailo", "cmn-Latn-pinyin", "yue-Latn-jyutping"):
        tokenizer = full_tokenizer(tag)
        log_probs = random_speech(UTTERANCES, FRAMES, len(tokenizer.units))
        speech = log_probs, torch.full((UTTERANCES,), FRAMES), tokenizer
        words = decode(*speech, DecodeSettings())[:WORDS]
        greedy = fastest(decode, *speech, DecodeSettings("greedy"))
        constrained = fastest(decode, *speech, DecodeSettings())
        listed = fastest(closed, *speech, words)
        print(f"{tag:<20}{len(tokenizer.units):>6}{greedy:>9.3f}{constrained:>13.3f}{listed:>13.3f}")


def clips(folder: Path) -> None:
    """Print the second table."""
    tokenizer = full_tokenizer("nan-Latn-tailo")
    sure, texts = sure_speech(CLIPS, 50, tokenizer)
    lm = str(folder / "lm.arpa")
    write_arpa(estimate([text.split() for text in texts], 2), Path(lm))
    lengths = torch.full((CLIPS,), 50)
    random = random_speech(CLIPS, 50, len(tokenizer.units))
    print(f"\na clip of 50 frames, {len(tokenizer.units)} units, milliseconds")
    print(f"{'method':<28}{'sure':>9}{'random':>9}")
    for name, settings in {
        "greedy": DecodeSettings("greedy"),
        "constrained": DecodeSettings(),
        "beam, width 8": DecodeSettings("beam", beam_width=8),
        "beam": DecodeSettings("beam"),
        "beam without grammar": DecodeSettings("beam", grammar=False),
        "beam with LM": DecodeSettings("beam", lm=lm),
        "lexicon with LM": DecodeSettings("lexicon", lm=lm),
    }.items():
        times = [
            1000 * fastest(decode, log_probs, lengths, tokenizer, settings) / CLIPS
            for log_probs in (sure, random)
        ]
        print(f"{name:<28}{times[0]:>9.2f}{times[1]:>9.2f}", flush=True)


def main() -> None:
    """Print both tables."""
    development_sets()
    with TemporaryDirectory() as folder:
        clips(Path(folder))


if __name__ == "__main__":
    main()
