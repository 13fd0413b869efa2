"""What a model hears: texts and timed phrases of recordings, short ones in batches, long ones in windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from speechtl import decode
from speechtl.audio import SAMPLE_RATE, read_pcm, read_pieces, swing
from speechtl.batches import Examples
from speechtl.cache import SILENT_PEAK, silent
from speechtl.models.inputs import SUBSAMPLING
from speechtl.phrases import Segment, TimedUnit, phrases
from speechtl.recognition import posteriors
from speechtl.text import orthography
from speechtl.trimming import speech_extent
from speechtl.windows import Grid, Window, WindowSettings, cut, join, silence

if TYPE_CHECKING:
    from torch import Tensor

    from speechtl.decode import DecodeSettings
    from speechtl.models.acoustic import AcousticModel
    from speechtl.text import Tokenizer
    from speechtl.windows import Pcm

Heard = tuple[str, list[Segment]]
"""The text of a recording and its phrases."""


@dataclass(frozen=True)
class Recording:
    """A file that can be transcribed."""

    path: Path
    seconds: float
    peak: int
    """Half of what its samples swing over, of 32,768."""


@dataclass(frozen=True)
class Hearing:
    """A model with all that decides on how it hears."""

    model: AcousticModel
    language: str
    settings: DecodeSettings
    windows: WindowSettings
    pause: float
    """Seconds without a unit that end a phrase."""
    speaker: str | None = None
    domain: str | None = None

    @property
    def tokenizer(self) -> Tokenizer:
        """That of the language's head."""
        return self.model.tokenizers[self.language]

    @property
    def decides(self) -> bool:
        """Whether a recording's text is one decision and not a sequence of units."""
        return self.settings.closed or self.tokenizer.kind == "whole"

    def is_long(self, recording: Recording) -> bool:
        """Whether a recording is heard in windows."""
        return recording.seconds > self.windows.seconds

    def require_short(self, recording: Recording) -> None:
        """Refuse a decision about a long recording.

        Raises:
            ValueError: it is longer than a window.
        """
        if self.decides and self.is_long(recording):
            raise ValueError(
                f"{recording.path}: {recording.seconds:.1f} s are too long for a choice of one text; cut it "
                f"into clips of at most {self.windows.seconds:g} s"
            )

    def short(self, recordings: Sequence[Recording]) -> list[Heard]:
        """Texts and phrases of recordings that are heard whole, trimmed as the training speech was."""
        clips = [read_pcm(recording.path) for recording in recordings]
        extents = [self._extent(clip) for clip in clips]
        examples = self._examples([clip[slice(*extent)] for clip, extent in zip(clips, extents, strict=True)])
        found: dict[int, Heard] = {}
        for places, log_probs, lengths in posteriors(self.model, examples, self.language):
            if self.decides:
                texts = self._decisions(log_probs, lengths)
                for place, text in zip(places, texts, strict=True):
                    whole = Segment(0.0, round(recordings[place].seconds, 3), text)
                    found[place] = text, [whole] if text else []
                continue
            ids = decode.unit_ids(log_probs, lengths, self.tokenizer, self.settings)
            for place, row, length, units in zip(places, log_probs, lengths.tolist(), ids, strict=True):
                timed = self._timed(row[:length], units, extents[place][0], recordings[place].seconds)
                found[place] = self._told(timed)
        return [found[place] for place in range(len(recordings))]

    def long(self, recording: Recording, advance: Callable[[int], None]) -> Heard:
        """Text and phrases of a recording that is heard in windows, of which only two are held at once.

        Args:
            recording: read piece by piece.
            advance: told of seconds that are done.
        """
        quiet = self._quiet(recording)

        def hear(window: Window) -> Tensor:
            advance(
                round(min(len(window.samples) / SAMPLE_RATE, self.windows.seconds - self.windows.overlap))
            )
            return self._window(window, quiet)

        timed: list[TimedUnit] = []
        windows = cut(read_pieces(recording.path), self.windows, SAMPLE_RATE, self._grid)
        for part in join(windows, hear, self._grid):
            lengths = torch.tensor([len(part.log_probs)])
            (ids,) = decode.unit_ids(part.log_probs[None], lengths, self.tokenizer, self.settings)
            first = part.first_frame * self._grid.stride
            timed += self._timed(part.log_probs, ids, first, recording.seconds)
        return self._told(timed)

    @property
    def _grid(self) -> Grid:
        featurizer = self.model.inputs.of(self.domain).featurizer
        return Grid(SUBSAMPLING * featurizer.hop_length, featurizer.margin)

    def _quiet(self, recording: Recording) -> float:
        """The peak up to which a window holds nothing, by what the features take for silence."""
        range_db = self.model.inputs.of(self.domain).featurizer.settings.range_db
        return max(float(SILENT_PEAK), recording.peak * 10 ** (-range_db / 20))

    def _window(self, window: Window, quiet: float) -> Tensor:
        """The log-probabilities (time, 1 + units) of a window."""
        if swing(window.samples) < quiet:
            frames = int(self.model.encoded_frames(torch.tensor([len(window.samples)]), (self.domain,))[0])
            return silence(frames, 1 + len(self.tokenizer.units))
        examples = self._examples([window.samples])
        ((_, log_probs, _),) = posteriors(self.model, examples, self.language)
        return log_probs[0]

    def _decisions(self, log_probs: Tensor, lengths: Tensor) -> list[str]:
        words = self.model.words.get(self.language)
        if self.settings.closed and words:
            return decode.closed(log_probs, lengths, self.tokenizer, words)
        return decode.decode(log_probs, lengths, self.tokenizer, self.settings)

    def _extent(self, samples: Pcm) -> tuple[int, int]:
        """The samples that are heard of a recording, from and to: trimmed as the training speech was."""
        trim_db = self.model.trim_db.get(self.language)
        return (0, len(samples)) if trim_db is None else speech_extent(samples, trim_db)

    def _timed(
        self, log_probs: Tensor, ids: Sequence[int], first_sample: int, seconds: float
    ) -> list[TimedUnit]:
        """When the units are heard; where they do not fit into the frames, throughout.

        Args:
            log_probs: (time, 1 + units).
            ids: The units.
            first_sample: Where in the recording the first frame lies.
            seconds: The recording's length.
        """
        spans = decode.align(log_probs, ids) or [(0, len(log_probs))] * len(ids)
        grid = self._grid

        def time(frame: int) -> float:
            moment = (first_sample + frame * grid.stride - grid.margin) / SAMPLE_RATE
            return min(max(moment, 0.0), seconds)

        return [TimedUnit(id_, time(start), time(end)) for id_, (start, end) in zip(ids, spans, strict=True)]

    def _told(self, timed: Sequence[TimedUnit]) -> Heard:
        found = phrases(timed, self.tokenizer, self.pause)
        return orthography(self.language).normalise(" ".join(segment.text for segment in found)), found

    def _examples(self, waveforms: Sequence[Pcm]) -> Examples:
        return Examples.unlabelled(waveforms, self.language, speaker=self.speaker, domain=self.domain)


def examine(path: Path) -> Recording:
    """Read a file through once, without holding it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no audio, cut short, or silent.
    """
    samples = peak = 0
    for piece in read_pieces(path):
        samples += len(piece)
        peak = max(peak, swing(piece))
    if peak < SILENT_PEAK:
        raise ValueError(f"{path}: {silent(peak)}")
    return Recording(path, samples / SAMPLE_RATE, peak)
