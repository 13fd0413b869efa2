"""transcribe(): audio files to text; transcripts(): the same with times, for recordings of any length."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from speechtl.conversion import converts, respell
from speechtl.devices import device
from speechtl.faults import counted, lasting, listed
from speechtl.hearing import Hearing, Recording, examine
from speechtl.known_speakers import known_keys, matched
from speechtl.phrases import Segment
from speechtl.recognition import advise_on_strangers, advise_on_unnamed_domains, require_decodable
from speechtl.terminal import progress_bar
from speechtl.text import orthography
from speechtl.windows import WindowSettings

if TYPE_CHECKING:
    from speechtl.checkpoint import LoadedModel
    from speechtl.decode import DecodeSettings
    from speechtl.models.acoustic import AcousticModel

TOGETHER_SECONDS = 600.0
"""Most audio of short files that is held at once."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Transcript:
    """What was recognised in a file."""

    file: Path
    text: str
    segments: tuple[Segment, ...]
    """Its phrases in order."""


@dataclass(frozen=True)
class TranscribeSettings:
    """How files are heard and told."""

    windows: WindowSettings = field(default_factory=WindowSettings)
    """How long recordings are cut."""
    pause: float = 0.5
    """Seconds without any unit that end a phrase."""
    speaker: str | None = None
    """Who speaks, for models with parts of their own for some speakers."""
    domain: str | None = None
    """The recordings' domain, for models with inputs or batch norms of their own for some domains."""
    skip_bad: bool = False
    """Whether to pass over files that cannot be used instead of refusing all."""

    def __post_init__(self) -> None:
        if not self.pause > 0:
            raise ValueError(f"a pause of {self.pause:g} s; expected above 0")


def transcribe(
    model: LoadedModel,
    files: str | Path | Sequence[str | Path],
    language: str | None = None,
    settings: DecodeSettings | None = None,
) -> list[tuple[Path, str]]:
    """The text of each file, in their order; of one, or of all that a folder or a pattern stands for, where
    that is given in place of several. See `transcripts`."""
    from speechtl.decode import DecodeSettings
    from speechtl.sound_files import find

    if isinstance(files, str | Path):
        files = find([files])
    found = transcripts(model, files, language, settings or DecodeSettings())
    return [(one.file, one.text) for one in found]


def transcripts(
    model: LoadedModel,
    files: Sequence[str | Path],
    language: str | None,
    settings: DecodeSettings,
    options: TranscribeSettings | None = None,
    *,
    show_progress: bool = False,
) -> Iterator[Transcript]:
    """The transcript of each file, in their order, as soon as it is there.

    All files are read once before the first is transcribed, so that bad ones are told of at the start.
    Recordings longer than a window are read, heard and decoded piece by piece.

    Args:
        model: from `load_model`; it is moved to the accelerator where there is one.
        files: audio of any rate, format and length.
        language: the orthography of the head, or one that its texts convert to; None where the model has
            only one.
        settings: how to decode; with `closed`, the text is the best of the model's listed words.
        options: how to hear long recordings and tell phrases.
        show_progress: whether to show a progress bar on the terminal.

    Raises:
        ValueError: the language is unknown, or needed and not given; files that are missing, unreadable
            or silent, or too long for one decision, all of them in one message.
    """
    options = options or TranscribeSettings()
    tag = _language(model.model, language, settings)
    require_decodable(model.model, [tag], settings)
    wanted = tag if language is None else _tag(language)
    hearing = Hearing(model.model.to(device()), tag, settings, options.windows, options.pause)
    (speaker,) = matched([options.speaker], known_keys(model.model, "speaker"))
    hearing = replace(hearing, speaker=speaker, domain=options.domain)
    advise_on_strangers(model.model, options.speaker, options.domain)
    recordings = _examined([Path(file) for file in files], hearing, options.skip_bad)
    if options.domain is None:
        advise_on_unnamed_domains(model.model, [None] * len(recordings), "recordings")
    total = round(sum(recording.seconds for recording in recordings))
    task = f"transcribing {counted(len(recordings), 'file')} of {lasting(total / 60)}"
    with progress_bar(task, total, show_progress) as advance:
        for together in _grouped(recordings, hearing):
            for recording, (text, segments) in zip(together, _heard(hearing, together, advance), strict=True):
                if wanted != tag:
                    text = respell(text, source=tag, target=wanted)
                    segments = [
                        replace(part, text=respell(part.text, source=tag, target=wanted)) for part in segments
                    ]
                yield Transcript(recording.path, text, tuple(segments))


def _heard(
    hearing: Hearing, together: Sequence[Recording], advance: Callable[[int], None]
) -> list[tuple[str, list[Segment]]]:
    if len(together) == 1 and hearing.is_long(together[0]):
        return [hearing.long(together[0], advance)]
    found = hearing.short(together)
    advance(round(sum(recording.seconds for recording in together)))
    return found


def _grouped(recordings: Sequence[Recording], hearing: Hearing) -> Iterator[list[Recording]]:
    """Short recordings that are held together; a long one is alone."""
    together: list[Recording] = []
    for recording in recordings:
        seconds = sum(one.seconds for one in together) + recording.seconds
        is_long = hearing.is_long(recording)
        if together and (is_long or seconds > TOGETHER_SECONDS):
            yield together
            together = []
        together.append(recording)
        if is_long:
            yield together
            together = []
    if together:
        yield together


def _examined(paths: Sequence[Path], hearing: Hearing, skip_bad: bool) -> list[Recording]:
    """The files that can be transcribed; bad ones are refused together, or named and left out."""
    recordings, faults = [], []
    for path in paths:
        try:
            recording = examine(path)
            hearing.require_short(recording)
        except (OSError, ValueError) as error:
            faults.append(str(error))
        else:
            recordings.append(recording)
    if faults:
        found = f"{len(faults)} of {counted(len(paths), 'file')} cannot be transcribed"
        lines = listed(faults, "\n  ")
        if not skip_bad or not recordings:
            raise ValueError(f"{found}:\n  {lines}\nMend them, or leave them out (--skip-bad).")
        _log.warning("%s and are left out:\n  %s", found, lines)
    return recordings


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
