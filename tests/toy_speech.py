"""Toy speech: every letter is a tone of its own, so that a tiny model learns to read it within seconds."""

import json
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from speechtl.audio import write_audio
from speechtl.augment import AugmentSettings
from speechtl.batches import Examples
from speechtl.corpus_spec import corpus
from speechtl.decode import DecodeSettings
from speechtl.development import Development
from speechtl.experiment import Experiment
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel, ModelSettings
from speechtl.text import Tokenizer, orthography
from speechtl.train import FitResult, fit
from speechtl.train_settings import TrainSettings
from speechtl.transfer.base import Transfer, TransferData

torch.set_num_threads(1)  # tiny models: more threads only wait for each other

HERTZ = {"a": 350, "e": 900, "i": 2000, "o": 4200, "ä": 350, "é": 900, "í": 2000, "ö": 4200}
PLAIN = AugmentSettings(speeds=(1.0,), mel_masks=0, time_masks=0)
TINY = ModelSettings(dim=24, blocks=2)
SETTINGS = TrainSettings(
    dropout=0.1,
    steps=30,
    batch_seconds=6,
    lr=5e-3,
    precision="fp32",
    evaluations=3,
    checkpoint_seconds=0,
    threads=1,
)
QUICK = replace(SETTINGS, steps=60, lr=8e-3, average=0.9, evaluations=3, checkpoint_seconds=1000)
"""Enough to learn toy speech."""


def toy_experiment(manifest: Path, **changes: object) -> Experiment:
    """A quick experiment from scratch on a manifest with the splits train, dev and test."""
    path = str(manifest)
    experiment = Experiment(
        name="toy",
        target=corpus(path, split="train"),
        dev=(corpus(path, split="dev"),),
        tests=(corpus(path, split="test"),),
        model=TINY,
        augment=PLAIN,
        train=QUICK,
    )
    return replace(experiment, **changes)


def tones(text: str, random: np.random.Generator, letter_seconds: float = 0.16) -> NDArray[np.float64]:
    """The samples of a text: a tone for each letter, a little noise throughout."""
    pieces = []
    for letter in text:
        count = round(16_000 * letter_seconds * random.uniform(0.8, 1.2))
        time = np.arange(count) / 16_000
        tone = np.sin(2 * np.pi * HERTZ[letter] * time + random.uniform(0, 6))
        pieces.append(0.3 * tone * np.hanning(count) ** 0.3)
    samples = np.concatenate(pieces)
    return samples + random.normal(0, 0.003, len(samples))


def words(count: int, random: np.random.Generator, letters: str = "aeio") -> list[str]:
    """Random texts of two or three letters, no letter twice in a row."""
    found = []
    for _ in range(count):
        text = str(random.choice(list(letters)))
        for _ in range(int(random.integers(1, 3))):
            text += str(random.choice([letter for letter in letters if letter != text[-1]]))
        found.append(text)
    return found


def examples(
    count: int, languages: Sequence[str] = ("en",), seed: int = 0, letters: str = "aeio"
) -> tuple[Examples, list[str], dict[str, Tokenizer]]:
    """Labelled examples whose languages take turns, their texts, and the languages' tokenizers."""
    random = np.random.default_rng(seed)
    texts = words(count, random, letters)
    waves = [np.round(32_767 * tones(text, random)).astype(np.int16) for text in texts]
    tags = [languages[i % len(languages)] for i in range(count)]
    tokenizers = {tag: Tokenizer.fit(list(letters), tag) for tag in languages}
    labelled = Examples(
        waveforms=waves,
        seconds=np.array([len(wave) / 16_000 for wave in waves]),
        labels=[tokenizers[tag].encode(text) for tag, text in zip(tags, texts, strict=True)],
        languages=tags,
        ids=[f"u{i}" for i in range(count)],
        speakers=[None] * count,
        domains=[None] * count,
    )
    return labelled, texts, tokenizers


def development(count: int = 8, languages: Sequence[str] = ("en",), letters: str = "aeio") -> Development:
    """Dev speech of its own."""
    labelled, texts, _ = examples(count, languages, seed=99, letters=letters)
    units = sum(len(orthography("en").units(text)) for text in texts)
    return Development(labelled, texts, units, DecodeSettings())


def train(
    folder: Path,
    *,
    settings: TrainSettings = SETTINGS,
    method: Transfer | None = None,
    languages: Sequence[str] = ("en",),
    model: AcousticModel | None = None,
    augment: AugmentSettings | None = None,
    evaluate_dev: Callable | None = None,
    seed: int = 0,
) -> FitResult:
    """Train a tiny model on toy speech in `folder`, or resume it there."""
    labelled, _, tokenizers = examples(24, languages)
    if model is None:
        model = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=seed)
    return fit(
        model,
        method or Transfer(),
        TransferData(labelled, tokenizers),
        settings,
        folder,
        evaluate_dev=evaluate_dev or development(languages=languages),
        augment=augment or AugmentSettings(),
        seed=seed,
    )


def train_and_die(folder: Path, patch: str, count: int) -> None:
    """Train in a process that kills itself: `patch` says in the middle of what, `count` at which time."""
    import speechtl.training_state as state
    import speechtl.whole_files as files

    torch.set_num_threads(1)
    left = [count]

    def is_due() -> bool:
        left[0] -= 1
        return left[0] <= 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    write_bytes, rename, rmtree = files.write_bytes, Path.rename, state.shutil.rmtree

    def half_written(path: Path, data: bytes) -> None:
        if is_due():
            path.write_bytes(data[: len(data) // 2])
            die()
        write_bytes(path, data)

    def not_renamed(path: Path, target: Path) -> Path:
        if is_due():
            die()
        return rename(path, target)

    def half_removed(path: Path, ignore_errors: bool = False) -> None:
        if Path(path).name == "previous" and Path(path).exists() and is_due():
            (Path(path) / "state.json").unlink()
            die()
        rmtree(path, ignore_errors=ignore_errors)

    if patch == "write":
        files.write_bytes = half_written
    elif patch == "rename":
        Path.rename = not_renamed
    elif patch == "remove":
        state.shutil.rmtree = half_removed
    train(folder)


def train_until_killed(folder: Path) -> None:
    """Train slowly enough that another process can send a signal meanwhile."""
    torch.set_num_threads(1)
    train(folder, settings=replace(SETTINGS, steps=4000, evaluations=1))


def write_manifest(
    path: Path, count: int, split: str, language: str = "en", seed: int = 0, **row: str
) -> Path:
    """A manifest of toy speech with its clips beside it; further columns are the same in every row."""
    letters = {"en": "aeio", "de": "äéíö"}[language]
    random = np.random.default_rng([seed, len(split)])
    folder = path.parent / f"{path.stem}-{split}"
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for number, text in enumerate(words(count, random, letters)):
            clip = folder / f"{number}.wav"
            write_audio(clip, tones(text, random), 16_000)
            values = {"id": f"{path.stem}-{split}-{number}", "audio": str(clip), "text": text}
            file.write(json.dumps(values | {"language": language, "split": split} | row) + "\n")
    return path


def write_unsplit(path: Path, language: str, count: int = 60) -> None:
    """A manifest without splits, of three speakers who say as much, with texts that repeat."""
    write_manifest(path, count, "train", language, seed=ord(language[0]))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for number, row in enumerate(rows):
        del row["split"]
        row |= {"speaker": "abc"[number % 3], "text": row["text"] + "aeio"[number % 4]}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
