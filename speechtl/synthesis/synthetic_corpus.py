"""Synthetic corpora in a folder, whole or not at all: clips, manifests, prepared corpora and a README."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechtl.audio import FULL_SCALE, SAMPLE_RATE, resample, write_audio
from speechtl.corpus import Corpus, Utterance
from speechtl.failed_writes import explained
from speechtl.formats.jsonl import write_jsonl
from speechtl.formats.whole import new_folder
from speechtl.synthesis import taiwanese
from speechtl.synthesis.engine import Engine, require_espeak
from speechtl.synthesis.pronunciation import given, voice_of
from speechtl.synthesis.script import Line, Wanted, script
from speechtl.terminal import progress_bar

ALL = "synthetic_all"
"""Name of the manifest of all corpora."""
_MARGIN = round(0.08 * SAMPLE_RATE)
"""Samples of silence before and after what is said."""
_WRITERS = 2
"""Threads that resample and write while the next utterance is said; espeak-ng itself takes one."""
_README = """# Synthetic speech

All speech in this folder is synthetic: espeak-ng said it, nobody was recorded. Errors measured on it say
whether a method works, not how well it will work on people.

Made by speechtl with the seed {seed}; the same request gives the same samples on the same machine. Each
corpus is here twice: `NAME.jsonl` is a manifest whose paths start at this folder, so that the folder may be
moved, and `NAME/` is the same as a prepared corpus, which also knows what its splits do not share, for as
long as the folder stays where it is. `{all}.jsonl` holds all of them.

{corpora}

Speakers are variants of espeak-ng's voices (formants, pitch, rate). In no corpus do training, dev and test
share a speaker or a sentence; single digits and commands they share, but not in nan-Latn-tailo. The column
`domain` is the accent of English. The Taiwanese in nan-Latn-tailo is spoken by a Mandarin voice from
phonemes, with the tones, tone sandhi and checked finals of Taiwanese; its nasal vowels are approximated.
"""


def synthetic_corpora(
    folder: str | Path, wanted: Sequence[Wanted], *, seed: int = 0, show_progress: bool = False
) -> dict[str, Corpus]:
    """Synthesise corpora into a new folder, by their names; the clips are FLAC of 16 kHz under `clips/`.

    What is asked for decides the samples of each clip, together with the seed and the version of espeak-ng.
    With fewer utterances of a split they are the first ones of more.

    Args:
        folder: Where they go; it appears when all is written.
        wanted: Which corpora. Sources are other languages than nan-Latn-tailo; a pair of accents is two
            corpora of en with an accent each, and with one half of the speakers each.
        seed: Of texts, of how speakers speak, and of the noise in their voices.
        show_progress: Whether to show a progress bar.

    Raises:
        ImportError: espeak-ng is not installed.
        FileExistsError: The folder holds something already.
        ValueError: No corpora, or two of one name.
        OSError: The disk is full or not writable; nothing of the corpora is left then.
    """
    require_espeak()
    names = [one.name for one in wanted]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"corpora to synthesise need a name of their own each; asked for: {names or 'none'}")
    place = Path(folder).absolute()
    total = sum(sum(one.utterances.values()) for one in wanted)
    with new_folder(place) as beside, progress_bar("synthesising speech", total, show_progress) as advance:
        for one in wanted:
            with explained(
                "synthetic speech", place, kept="Nothing of it is left", instead="name another folder"
            ):
                spoken = list(_utterances(beside, one, seed, advance))
            write_jsonl(_corpus(one, spoken), beside / f"{one.name}.jsonl")
            there = (replace(each, audio=str(place / each.audio)) for each in spoken)
            _corpus(one, there).save(beside / one.name)
        _write_all(beside, [Corpus.load(beside / name) for name in names], place)
        readme = _README.format(seed=seed, all=ALL, corpora="\n".join(map(_described, wanted)))
        (beside / "README.md").write_text(readme, encoding="utf-8")
    return {name: Corpus.load(place / name) for name in names}


def _utterances(
    beside: Path, wanted: Wanted, seed: int, advance: Callable[[int], None]
) -> Iterable[Utterance]:
    """Write the clips of a corpus; audio paths are relative, the utterances in the script's order."""
    lines = script(wanted, seed)
    (beside / "clips" / wanted.name).mkdir(parents=True)
    by_speaker: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        by_speaker.setdefault((line.spoken_as, line.speaker), []).append(line)
    seconds: dict[str, float] = {}
    with ThreadPoolExecutor(_WRITERS) as writers:
        for (spoken_as, speaker), theirs in by_speaker.items():
            writing = {}
            with Engine(voice_of(spoken_as), speaker) as engine:
                for line in theirs:
                    text = given(line.text, wanted.language, line.delivery.rate)
                    samples = engine.say(text, line.delivery, line.seed)
                    clip = beside / _clip(wanted, line)
                    writing[line.id] = writers.submit(_write, clip, samples, engine.sample_rate)
            for id_, written in writing.items():
                seconds[id_] = written.result()
                advance(1)
    for line in lines:
        yield _utterance(wanted, line, seconds[line.id])


def _write(path: Path, samples: NDArray[np.int16], rate: int) -> float:
    """Write what was said, between two silences; its seconds."""
    waveform = np.pad(resample(samples.astype(np.float32) / np.float32(FULL_SCALE), rate), _MARGIN)
    write_audio(path, waveform, SAMPLE_RATE)
    return len(waveform) / SAMPLE_RATE


def _utterance(wanted: Wanted, line: Line, seconds: float) -> Utterance:
    return Utterance(
        id=line.id,
        audio=str(_clip(wanted, line)),
        text=taiwanese.written(line.text),
        language=wanted.language,
        speaker=line.speaker,
        domain=line.spoken_as if wanted.language == "en" else None,
        duration=seconds,
        split=line.split,
    )


def _clip(wanted: Wanted, line: Line) -> Path:
    """From the folder of all corpora."""
    return Path("clips", wanted.name, f"{line.id}.flac")


def _corpus(wanted: Wanted, utterances: Iterable[Utterance]) -> Corpus:
    return Corpus.from_utterances(wanted.name, utterances, split_by=wanted.split_by)


def _write_all(beside: Path, corpora: Sequence[Corpus], place: Path) -> None:
    """One manifest of all; speakers of several corpora carry the corpus's name."""
    whole = Corpus.concatenate(corpora)
    relative = (replace(each, audio=str(Path(each.audio).relative_to(place))) for each in whole)
    write_jsonl(Corpus.from_utterances(ALL, relative), beside / f"{ALL}.jsonl")


def _described(wanted: Wanted) -> str:
    counts = ", ".join(f"{count} {split}" for split, count in wanted.utterances.items())
    return f"- `{wanted.name}`: {wanted.language}, utterances: {counts}"
