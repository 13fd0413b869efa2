"""A million rows, speech beyond memory, and the cache at the decoder's speed: `python benchmarks/corpus.py`.

The rows, 4 GiB of audio and the caches are made in a temporary folder ($TMPDIR). The part about the cache
decodes the folder taiwanese-moe under $SPEECHTL_CORPORA, and is left out without it.

Seconds are wall time, so a busy machine shows in them; decoder and cache take turns, so it shows little in
their ratio. Anonymous memory is what a process holds beyond its files, which the system can drop and read
again; where /proc does not tell it, the most that the process ever held stands in its place.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

MIB = 2**20
ROWS = 1_000_000
CLIPS, CLIP_SECONDS = 16_384, 8
"""Of the audio beyond memory: 4,000 MiB, which a million rows share."""
ALLOWED = 1_536
"""MiB that a process may hold beyond what its imports do, while it trains on them."""
STEPS = 300
TURNS = 3
"""How often a time is taken; the shortest counts."""


class Line(NamedTuple):
    """One line of the table."""

    what: str
    found: float
    most: float
    unit: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the target is met."""
        return self.found <= self.most

    def __str__(self) -> str:
        numbers = f"{self.found:>9.2f}{self.most:>8g} {self.unit:<4}"
        return f"{self.what:<72}{numbers}{'pass' if self.is_met else 'FAIL'}"


def main() -> int:
    """Print the table; 1 if a target is missed."""
    print(f"{'':<80}{'found':>9}{'target':>8}", flush=True)
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for part in (opening, beyond_memory, caching):
            for line in part(Path(folder)):
                lines.append(line)
                print(line, flush=True)
    return 0 if all(line.is_met for line in lines) else 1


def opening(folder: Path) -> Iterator[Line]:
    """Open a million rows, none of whose files exist."""
    alone(save_rows, folder / "rows", [f"/nowhere/clips/common_voice_{clip:08d}.mp3" for clip in range(ROWS)])
    runs = [alone(open_rows, folder / "rows", False) for _ in range(TURNS)]
    yield Line("a million rows: open", min(seconds for seconds, _ in runs), 2, "s")
    yield Line("a million rows: open: anonymous memory", max(held for _, held in runs), 300, "MiB")
    what = "a million rows: open, take the training split, draw ten hours: anonymous memory"
    yield Line(what, alone(open_rows, folder / "rows", True)[1], 300, "MiB")


def beyond_memory(folder: Path) -> Iterator[Line]:
    """Batches of a million rows of audio, in a process that the system gives less memory than they fill."""
    os.environ["SPEECHTL_CACHE"] = str(folder / "audio-cache")
    alone(save_rows, folder / "audio", alone(save_audio, folder / "clips"))
    what = f"a million rows of {CLIPS * CLIP_SECONDS * 32_000 // MIB:,} MiB"
    held, grown = alone(draw_batches, folder / "audio")
    yield Line(f"{what}: anonymous memory of all but the audio", held, ALLOWED, "MiB")
    yield Line(f"{what}: what {STEPS} batches add to it", grown, 100, "MiB")
    shutil.rmtree(folder / "audio-cache")


def caching(folder: Path) -> Iterator[Line]:
    """Fill a cache, in turns with as many processes that only decode as there are processors."""
    root = Path(os.environ.get("SPEECHTL_CORPORA", "")).expanduser() / "taiwanese-moe" / "audio"
    files = [str(path) for path in sorted(root.glob("*.mp3"))]
    if not files:
        print("the cache is left out: SPEECHTL_CORPORA is not the folder that holds taiwanese-moe")
        return
    os.environ["SPEECHTL_CACHE"] = str(folder / "cache")
    decoder, cache = take_turns(files, folder / "cache")
    what = f"cache of {len(files):,} clips: {cache:.1f} s, decoding alone {decoder:.1f} s: ratio"
    yield Line(what, cache / decoder, 1.25)


def alone(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def save_rows(folder: Path, files: list[str]) -> None:
    """Save a corpus of a million rows, four fifths of them for training."""
    from speechtl.corpus import Corpus, Utterance

    Corpus.from_utterances(
        "rows",
        (
            Utterance(
                id=f"rows/{row:08d}",
                audio=files[row % len(files)],
                text=f"sentence {row % 50_000} of many",
                language="en",
                speaker=f"{row % 20_000:064x}",
                domain="read",
                duration=float(CLIP_SECONDS),
                split="test" if row % 5 == 0 else "train",
            )
            for row in range(ROWS)
        ),
    ).save(folder)


def save_audio(folder: Path) -> list[str]:
    """Files of a few bytes, and a cache that holds other noise for each."""
    import numpy as np

    from speechtl.cache import cache_folder, load_waveforms
    from speechtl.corpus import Corpus
    from speechtl.shards import Clip, ShardWriter, digest_of

    folder.mkdir()
    load_waveforms(Corpus.from_utterances("none", []))
    (shards,) = (path for path in cache_folder().iterdir() if path.is_dir())
    noise = np.random.default_rng(0).integers(-9999, 9999, CLIPS + 16_000 * CLIP_SECONDS, dtype=np.int16)
    paths = [folder / f"{number}.flac" for number in range(CLIPS)]
    with ShardWriter(shards, "rows") as writer:
        for number, path in enumerate(paths):
            content = str(number).encode()
            path.write_bytes(content)
            writer.write(Clip.of(digest_of(content), noise[number:][: 16_000 * CLIP_SECONDS]))
    return [str(path) for path in paths]


def open_rows(folder: Path, is_drawn: bool) -> tuple[float, float]:
    """Seconds, and anonymous memory in MiB at its most."""
    import datasets  # noqa: F401 - what is measured comes on top of it

    from speechtl.corpus import Corpus

    before = anonymous()
    with most_held() as held:
        start = time.perf_counter()
        rows = Corpus.load(folder)
        if is_drawn:
            rows = rows.filter(split="train").subset(600, seed=0)
        assert rows[len(rows) - 1].id.startswith("rows/")
        seconds = time.perf_counter() - start
    return seconds, held[0] - before


def draw_batches(folder: Path) -> tuple[float, float]:
    """Anonymous memory in MiB when batches begin, and what they add to it."""
    from speechtl.batches import Examples, Stream
    from speechtl.cache import load_waveforms
    from speechtl.corpus import Corpus
    from speechtl.text import Tokenizer

    before = anonymous()
    limit_memory(ALLOWED * MIB)
    rows = Corpus.load(folder).filter(split="train")
    waveforms = load_waveforms(rows)
    tokenizers = {"en": Tokenizer.fit(rows.column("text"), "en")}
    stream = Stream(Examples.of(rows, waveforms, waveforms.durations, tokenizers), 8 * CLIP_SECONDS, seed=0)
    stream.batch(0)
    ready = anonymous()
    with most_held() as held:
        for step in range(STEPS):
            stream.batch(step)
    return ready - before, held[0] - ready


def take_turns(files: list[str], cache: Path) -> tuple[float, float]:
    """Seconds of decoding alone and of filling the cache, each the shortest of several turns."""
    from speechtl.cache import load_waveforms
    from speechtl.clip_decoding import processors
    from speechtl.corpus import Corpus, Utterance

    rows = [Utterance(path, path, "a", "en", None, None, 1.0, "train") for path in files]
    decoding, caching = [], []
    with ProcessPoolExecutor(processors(), mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(decode, files[: 10 * processors()]))
        load_waveforms(Corpus.from_utterances("first", rows[:10]))
        for _ in range(TURNS):
            start = time.perf_counter()
            list(pool.map(decode, files, chunksize=20))
            decoding.append(time.perf_counter() - start)
            shutil.rmtree(cache)
            start = time.perf_counter()
            load_waveforms(Corpus.from_utterances("all", rows))
            caching.append(time.perf_counter() - start)
    return min(decoding), min(caching)


def decode(path: str) -> int:
    """Read a file as the cache does, and keep nothing of it."""
    from speechtl.audio import read_pcm

    return len(read_pcm(path))


def limit_memory(size: int) -> None:
    """Let this process have so many bytes more of memory that belongs to no file."""
    status = Path("/proc/self/status")
    if status.exists():
        allowed = _entry(status, "VmData") + size
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))


def anonymous() -> float:
    """MiB of memory that belong to no file."""
    status = Path("/proc/self/status")
    if status.exists():
        return _entry(status, "RssAnon") / MIB
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / MIB if sys.platform == "darwin" else most / 1024


def _entry(status: Path, name: str) -> int:
    """Bytes that a line of /proc/self/status tells."""
    (line,) = (line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


@contextmanager
def most_held() -> Iterator[list[float]]:
    """The most anonymous memory inside, in MiB, looked at a hundred times a second and at the end."""
    held = [anonymous()]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.01):
            held[0] = max(held[0], anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield held
    finally:
        is_over.set()
        watcher.join()
        held[0] = max(held[0], anonymous())


if __name__ == "__main__":
    sys.exit(main())
