"""Whether an audio file is whole, by its own structure: decoders play what there is of a WAV, MP3 or Ogg."""

from __future__ import annotations

import mmap
import struct
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_CHUNK = struct.Struct("<4sI")
_UNSTATED = 0x7FFFF000
"""From this length on, a WAV was written by a program that did not know it in advance."""

_LARGEST_PAGE = 65_307
_END_OF_STREAM = 0x04

_BIT_RATES = {
    # kbit/s by (is MPEG 1, layer), as ISO 11172-3 and 13818-3 number them; 0 is free and not followed
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)


class Gap(NamedTuple):
    """What a file lacks."""

    message: str
    is_certain: bool
    """False where a writer that was never closed leaves the same."""


class _Frame(NamedTuple):
    """What the header of an MPEG frame says."""

    size: int
    """Bytes, header included."""
    samples: int
    rate: int
    kind: tuple[int, int, int]
    """Version, layer and rate: the same throughout a file."""
    info: int
    """Offset of a Xing header, if this frame holds one."""


def missing_end(path: Path) -> Gap | None:
    """What shows that the end of a file is missing; None where nothing does.

    FLAC is passed over: its decoder refuses a file that is cut.
    """
    if path.stat().st_size == 0:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        head = content[:12]
        if head[:4] == b"RIFF" and head[8:] == b"WAVE":
            return _wav_gap(content)
        if head[:4] == b"OggS":
            return _ogg_gap(content)
        if head[:3] == b"ID3" or _frame(head[:4]) is not None:
            return _mp3_gap(content)
    return None


def _wav_gap(content: mmap.mmap) -> Gap | None:
    """A WAV states the length of the whole, and of each chunk; the sound is in the chunk `data`."""
    ends = [_CHUNK.unpack(content[:8])[1] + 8]
    position = 12
    while position + 8 <= len(content):
        name, size = _CHUNK.unpack(content[position : position + 8])
        if name == b"data":
            ends.append(position + 8 + size)
            break
        position += 8 + size + size % 2
    # An odd chunk ends with a byte of padding that some writers leave away.
    missing = max((end - 1 - len(content) for end in ends if end < _UNSTATED), default=0)
    return Gap(f"its header promises {missing} bytes more", True) if missing > 0 else None


def _ogg_gap(content: mmap.mmap) -> Gap | None:
    """The last page must be complete, and say that it ends the stream."""
    start = content.rfind(b"OggS\0", max(0, len(content) - 2 * _LARGEST_PAGE))
    if start < 0:
        return None
    segments = content[start + 27 : start + 27 + content[start + 26]] if start + 26 < len(content) else b""
    end = start + 27 + len(segments) + sum(segments)
    if start + 26 >= len(content) or len(segments) < content[start + 26] or end > len(content):
        return Gap("its last page is incomplete", True)
    if not content[start + 5] & _END_OF_STREAM:
        return Gap("its last page does not end the stream", False)
    return None


def _mp3_gap(content: mmap.mmap) -> Gap | None:
    """The frames that the first one promises must be there; if it promises none, the last must be whole."""
    start = _tag_size(content)
    if content[start : start + 4] == b"fLaC":
        return None
    if (opening := _opening(content, start)) is None:
        return None
    position, first, promised = opening
    found, is_broken = _count_frames(content, position, first)
    if promised is None:
        return Gap("its last frame is incomplete", True) if is_broken else None
    found -= 1  # the frame that promises holds no sound
    # Some writers count that frame too.
    if found < promised - 1 or (is_broken and found < promised):
        seconds = [count * first.samples / first.rate for count in (found, promised)]
        return Gap(f"it holds {seconds[0]:.2f} s of the {seconds[1]:.2f} s its header promises", True)
    return None


def unstated_seconds(path: Path) -> float | None:
    """How long an MP3 is that does not state it, by counting its frames; None of any that does.

    Decoders guess that from the size and the rate of the first frame, which of a variable rate may be any.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        opening = _opening(content, _tag_size(content))
        if opening is None or opening[2] is not None:
            return None
        position, first, _ = opening
        return _count_frames(content, position, first)[0] * first.samples / first.rate


def _tag_size(content: mmap.mmap) -> int:
    """Bytes of ID3v2 tags at the start; there may be several."""
    position = 0
    while content[position : position + 3] == b"ID3" and position + 10 <= len(content):
        size = 0
        for byte in content[position + 6 : position + 10]:
            size = size << 7 | byte & 0x7F
        has_footer = bool(content[position + 5] & 0x10)
        position += 10 + size + 10 * has_footer
    return position


def _opening(content: mmap.mmap, start: int) -> tuple[int, _Frame, int | None] | None:
    """Where an MP3's first frame is, what it says, and how many it promises; None where there is none."""
    position = _first_frame(content, start)
    first = None if position is None else _frame(content[position : position + 4])
    if position is None or first is None:
        return None
    return position, first, _promised_frames(content[position : position + first.size], first.info)


def _first_frame(content: mmap.mmap, start: int, kind: tuple[int, int, int] | None = None) -> int | None:
    """Where the next frame is that another one, or the end, follows."""
    position = content.find(b"\xff", start)
    while position >= 0:
        frame = _frame(content[position : position + 4])
        if frame is not None and kind in (None, frame.kind):
            after = position + frame.size
            following = _frame(content[after : after + 4])
            if after == len(content) or (following is not None and following.kind == frame.kind):
                return position
        position = content.find(b"\xff", position + 1)
    return None


def _count_frames(content: mmap.mmap, position: int, first: _Frame) -> tuple[int, bool]:
    """How many whole frames there are, and whether the file stops within one; other bytes are skipped."""
    count, end = 0, len(content)
    while position < end:
        header = content[position : position + 4]
        frame = _frame(header)
        if frame is not None and frame.kind == first.kind:
            if position + frame.size > end:
                return count, True
            count += 1
            position += frame.size
        elif len(header) < 4:
            return count, header[:1] == b"\xff"
        else:
            found = _first_frame(content, position + 1, first.kind)
            if found is None:
                return count, False
            position = found
    return count, False


def _promised_frames(frame: bytes, offset: int) -> int | None:
    """The number of frames after this one that it states, in a Xing, Info or VBRI header."""
    for start in (offset, offset + 2):  # a checksum of two bytes may come first
        if frame[start : start + 4] in (b"Xing", b"Info"):
            has_count = len(frame) >= start + 12 and frame[start + 7] & 1
            return int.from_bytes(frame[start + 8 : start + 12], "big") if has_count else None
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        return int.from_bytes(frame[50:54], "big")
    return None


@lru_cache(maxsize=4096)
def _frame(header: bytes) -> _Frame | None:
    """What four bytes say, None where they do not start a frame."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bit_rate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return None
    is_first = version == 3
    hertz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    samples = 384 if layer == 1 else 1152 if layer == 2 or is_first else 576
    slot = 4 if layer == 1 else 1
    bits = _BIT_RATES[is_first, layer][bit_rate - 1] * 1000
    size = samples // 8 * bits // hertz // slot * slot + (header[2] >> 1 & 1) * slot
    is_mono = header[3] >> 6 == 3
    info = 4 + ((17 if is_mono else 32) if is_first else (9 if is_mono else 17))
    return _Frame(size, samples, hertz, (version, layer, hertz), info)
