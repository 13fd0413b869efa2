"""transcribe(): audio files to text; recognise(): examples to text, which evaluation uses too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from speechtl import decode
from speechtl.audio import FULL_SCALE, SAMPLE_RATE, read_pcm
from speechtl.batches import Examples, inference_batches
from speechtl.cache import SILENT_PEAK
from speechtl.conversion import converts, respell
from speechtl.devices import device
from speechtl.faults import counted, listed
from speechtl.terminal import progress_bar
from speechtl.text import orthography

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from speechtl.checkpoint import LoadedModel
    from speechtl.decode import DecodeSettings
    from speechtl.models.acoustic import AcousticModel

BATCH_SECONDS = 60.0
"""Most audio, padding included, that is encoded at once; a longer utterance goes alone."""


@dataclass(frozen=True)
class Recognised:
    """What was recognised, one entry per example, in the examples' order."""

    texts: list[str]
    closed: list[str] | None
    """The best of the model's listed words; None where that is not asked for, or it lists none."""


def transcribe(
    model: LoadedModel, files: Sequence[str | Path], language: str | None, settings: DecodeSettings
) -> list[tuple[Path, str]]:
    """The text of each file, in their order; with `settings.closed` the best of the model's listed words.

    Args:
        model: from `load_model`; it is moved to the accelerator where there is one.
        files: audio of any rate and format.
        language: the orthography of the head, or one that its texts convert to; None where the model has
            only one.
        settings: how to decode.

    Raises:
        ValueError: the language is unknown, or needed and not given; files that are missing, unreadable
            or silent, all of them in one message.
    """
    tag = _language(model.model, language, settings)
    wanted = tag if language is None else _tag(language)
    paths = [Path(file) for file in files]
    examples = _examples(paths, tag)
    recognised = recognise(model.model.to(device()), examples, tag, settings)
    texts = recognised.closed if recognised.closed is not None else recognised.texts
    if wanted != tag:
        texts = [respell(text, source=tag, target=wanted) for text in texts]
    return list(zip(paths, texts, strict=True))


def recognise(
    model: AcousticModel,
    examples: Examples,
    language: str,
    settings: DecodeSettings,
    *,
    progress: str | None = None,
) -> Recognised:
    """Decode examples of one language with its head, in eval mode; the model's mode is put back after.

    Args:
        model: on the device to encode on.
        examples: of one language.
        language: the orthography of the head.
        settings: how to decode.
        progress: what a progress bar says; none is shown without it.
    """
    words = model.words.get(language) if settings.closed else None
    texts: dict[int, str] = {}
    chosen: dict[int, str] = {}
    was_training = model.training
    model.eval()
    try:
        for indices, log_probs, lengths in _posteriors(model, examples, language, progress):
            tokenizer = model.tokenizers[language]
            texts.update(zip(indices, decode.decode(log_probs, lengths, tokenizer, settings), strict=True))
            if words:
                best = decode.closed(log_probs, lengths, tokenizer, words)
                chosen.update(zip(indices, best, strict=True))
    finally:
        model.train(was_training)
    order = range(len(examples))
    return Recognised([texts[i] for i in order], [chosen[i] for i in order] if words else None)


def _posteriors(
    model: AcousticModel, examples: Examples, language: str, progress: str | None
) -> Iterator[tuple[list[int], torch.Tensor, torch.Tensor]]:
    """Per batch: places in the examples, log-probabilities (batch, time, 1 + units), lengths in frames."""
    encoded_on = next(model.parameters()).device
    with progress_bar(progress or "", len(examples), progress is not None) as advance:
        for indices, batch in inference_batches(examples, BATCH_SECONDS):
            with torch.inference_mode():
                encoded = model.encode(batch.to(encoded_on))
                log_probs = model.log_probs(encoded, language).cpu()
            yield indices.tolist(), log_probs, encoded.lengths.cpu()
            advance(len(indices))


def _language(model: AcousticModel, language: str | None, settings: DecodeSettings) -> str:
    """The head to use: the one asked for, one whose texts convert to that, or the only one."""
    if language is None and len(model.languages) > 1:
        raise ValueError(
            f"the model has heads for {', '.join(model.languages)}; choose one of them with --language"
        )
    tag = model.languages[0] if language is None else _tag(language)
    if tag not in model.languages:
        tag = next((head for head in model.languages if converts(head, tag)), tag)
    model.head(tag)
    if settings.closed and not model.words.get(tag):
        raise ValueError(
            f"the model lists no words for {tag}, so there is none to choose from: drop --closed"
        )
    return tag


def _tag(language: str) -> str:
    try:
        return orthography(language).tag
    except ValueError as error:
        raise ValueError(f"--language: {error}") from error


def _examples(paths: Sequence[Path], language: str) -> Examples:
    """The files as examples without labels; bad files are refused together."""
    waveforms, faults = [], []
    for path in paths:
        try:
            waveforms.append(_read(path))
        except (OSError, ValueError) as error:
            faults.append(str(error))
    if faults:
        lines = listed(faults, "\n  ")
        raise ValueError(
            f"{len(faults)} of {counted(len(paths), 'file')} cannot be transcribed:\n  {lines}\n"
            "Mend them or leave them out."
        )
    unknown = [None] * len(paths)
    return Examples(
        waveforms=waveforms,
        seconds=np.array([len(waveform) / SAMPLE_RATE for waveform in waveforms]),
        labels=[[] for _ in paths],
        languages=[language] * len(paths),
        ids=[str(path) for path in paths],
        speakers=unknown,
        domains=unknown,
    )


def _read(path: Path) -> NDArray[np.int16]:
    samples = read_pcm(path)
    peak = int(np.abs(samples.astype(np.int32)).max())
    if peak < SILENT_PEAK:
        raise ValueError(f"{path}: silent, its peak is {peak} of {FULL_SCALE:,} (at least {SILENT_PEAK})")
    return samples
