"""espeak-ng through ctypes: one freshly loaded copy of the library, which says a text as samples.

espeak-ng keeps its state in the library: the phase of its oscillators, its random noise and the voice outlive
an utterance. So the same request has the same samples only where the same came before it, and an engine
therefore starts from a library that nobody has used: it is loaded when the engine is made and unloaded when
it is closed.
"""

from __future__ import annotations

import ctypes
import difflib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

INSTALL = "pip install 'speechtl[synth]'"
"""The command that brings espeak-ng."""

_RETRIEVAL = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples go to the callback before espeak_Synth returns
_DO_NOT_EXIT = 0x8000  # otherwise the library ends the process where its data are missing
_UTF8, _PHONEMES = 1, 0x100
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_LOUDNESS = 50  # of 200; at 100, the library's own choice, some variants are clipped
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class _Voice(ctypes.Structure):
    """espeak_VOICE of speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class Delivery:
    """How a voice says something."""

    rate: int = 165
    """Words a minute, 80 to 450."""
    pitch: int = 50
    """Of the voice, 0 to 99."""
    range: int = 50
    """How far the pitch moves, in tones and intonation, 0 to 99."""

    def __post_init__(self) -> None:
        if not (80 <= self.rate <= 450 and 0 <= self.pitch <= 99 and 0 <= self.range <= 99):
            raise ValueError(f"{self}: the rate must lie in 80 to 450, pitch and range in 0 to 99")


class Engine:
    """One voice of espeak-ng, from a library that nobody has used before; a context manager.

    Args:
        voice: A language's voice by the name of its file in small letters, such as en-gb-scotland.
        variant: The speaker's, such as f2; none is the language's own voice.

    Raises:
        ImportError: espeak-ng is not installed.
        ValueError: There is no such voice or variant (the library would keep the one before, and say
            nothing), or another engine of this process is still open.
    """

    def __init__(self, voice: str, variant: str | None = None) -> None:
        library, data = _places()
        if _is_loaded(library):
            raise ValueError("espeak-ng is in use in this process; close the other engine first")
        self._pieces: list[bytes] = []
        self._interruption: KeyboardInterrupt | None = None
        self._callback = _Callback(self._collect)  # kept: the library holds no reference to it
        self._library = ctypes.CDLL(library)
        self._is_open = True
        try:
            self.sample_rate = self._initialise(data)
            self._select(voice, variant)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unload the library; once is enough."""
        if self._is_open:
            self._is_open = False
            self._library.espeak_Terminate()
            _unload(self._library)

    def say(self, text: str, delivery: Delivery, seed: int = 0) -> NDArray[np.int16]:
        """The samples of a text, int16 (samples,), at `sample_rate`.

        Args:
            text: In the voice's language; phonemes stand in [[ ]], as `phonemes` writes them.
            delivery: How fast and how high.
            seed: Of the noise in it.

        Raises:
            ValueError: The library says nothing for it, or the engine is closed.
        """
        self._require_open()
        for parameter, value in (
            (_RATE, delivery.rate),
            (_VOLUME, _LOUDNESS),
            (_PITCH, delivery.pitch),
            (_RANGE, delivery.range),
        ):
            self._must(self._library.espeak_SetParameter(parameter, value, 0), "a parameter")
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        self._pieces.clear()
        self._synthesise(text)
        samples = np.frombuffer(b"".join(self._pieces), dtype=np.int16)
        if not samples.any():
            raise ValueError(f"espeak-ng says nothing for {text!r}; is it written in the voice's language?")
        return samples

    def phonemes(self, text: str) -> str:
        """What the library makes of a text, in its own names of phonemes."""
        self._require_open()
        rest = ctypes.c_char_p(text.encode())
        clauses: list[str] = []
        while rest.value:
            found = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8 | _PHONEMES, 0)
            clauses.append(found.decode())
        return " ".join(clauses)

    def _initialise(self, data: str) -> int:
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self._library.espeak_GetCurrentVoice.restype = ctypes.POINTER(_Voice)
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        rate = self._library.espeak_Initialize(_RETRIEVAL, 0, data.encode(), _DO_NOT_EXIT)
        if rate <= 0:
            raise ValueError(f"espeak-ng cannot read its data in {data}; install it again: {INSTALL}")
        self._library.espeak_SetSynthCallback(self._callback)
        self._synthesise("")  # [[ ]] is read as phonemes from here on, by espeak_TextToPhonemes as well
        return int(rate)

    def _synthesise(self, text: str) -> None:
        said = text.encode()
        size = ctypes.c_size_t(len(said) + 1)
        status = self._library.espeak_Synth(said, size, 0, 0, 0, _UTF8 | _PHONEMES, None, None)
        if self._interruption is not None:
            raise self._interruption
        self._must(status, repr(text))

    def _collect(self, samples: ctypes._Pointer[ctypes.c_short], count: int, events: int | None) -> int:
        """The library's callback; anything but 0 stops it."""
        try:
            if samples and count:
                self._pieces.append(ctypes.string_at(samples, 2 * count))
        except KeyboardInterrupt as interruption:
            # ctypes would drop it: nothing is raised through the library.
            self._interruption = interruption
            return 1
        return 0

    def _require_open(self) -> None:
        if not self._is_open:
            raise ValueError("this engine of espeak-ng is closed; make a new one")

    def _select(self, voice: str, variant: str | None) -> None:
        wanted = voice if variant is None else f"{voice}+{variant}"
        status = self._library.espeak_SetVoiceByName(wanted.encode())
        current = self._library.espeak_GetCurrentVoice().contents.identifier or b""
        taken, _, its_variant = current.partition(b"+")
        if status != 0 or _file(taken).lower() != voice:
            raise ValueError(_unknown("voice", voice, [name.lower() for name in self._listed(None)]))
        if its_variant.decode() != (variant or "") or "/" in (variant or ""):
            raise ValueError(_unknown("variant", str(variant), self._listed(b"variant")))

    def _listed(self, languages: bytes | None) -> list[str]:
        """The names of all voices, or of those of a language."""
        wanted = None if languages is None else ctypes.byref(_Voice(languages=languages))
        voices = self._library.espeak_ListVoices(wanted)
        found: list[str] = []
        while voices[len(found)]:
            found.append(_file(voices[len(found)].contents.identifier))
        return found

    def _must(self, status: int, what: str) -> None:
        if status != 0:
            raise ValueError(f"espeak-ng refuses {what} (status {status})")


def require_espeak() -> None:
    """See before any work whether espeak-ng is there.

    Raises:
        ImportError: It is not.
    """
    _places()


def _places() -> tuple[str, str]:
    """Where the library and its data are."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise ImportError(f"synthetic speech needs espeak-ng ({error}): {INSTALL}") from error
    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()


def _file(identifier: bytes) -> str:
    """The last part of an identifier such as gmw/en-US or !v/f2."""
    return identifier.decode("utf-8", "replace").rpartition("/")[2]


def _unknown(kind: str, name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=5, cutoff=0.4) or sorted(known)[:5]
    return f"espeak-ng has no {kind} {name!r}; of its {len(known)} the nearest are {', '.join(near)}"


def _is_loaded(library: str) -> bool:
    if sys.platform == "win32":
        return False
    try:
        found = ctypes.CDLL(library, mode=os.RTLD_NOLOAD)
    except OSError:
        return False
    _unload(found)
    return True


def _unload(library: ctypes.CDLL) -> None:
    """Give back one hold on a library; ctypes itself never does, and has no public call for it."""
    import _ctypes

    if sys.platform == "win32":
        _ctypes.FreeLibrary(library._handle)
    else:
        _ctypes.dlclose(library._handle)
