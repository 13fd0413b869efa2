"""From the rows of a manifest to utterances: every row is checked, and every fault is kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from speechtl.audio import duration
from speechtl.faults import Fault
from speechtl.formats.checked_row import CheckedRow
from speechtl.formats.clips import cut
from speechtl.formats.listing import Listing, Options, Reading, Recorded

_AT_ONCE = 100
"""Rows that a thread looks at before it takes others."""


def check(listing: Listing, options: Options, name: str) -> Reading:
    """The utterances of rows without fault, and the faults of all others.

    Raises:
        OSError: Audio without a file of its own could not be written.
    """
    whole = list(listing.faults)
    if not listing.met and not whole:
        whole.append(Fault("the manifest has no rows", "write one per utterance", str(listing.path)))
    rows = [CheckedRow(row, dict(row.values)) for row in listing.rows]
    replaced = _replaced_codes(listing, options.language)
    for row in rows:
        stated = row.values.get("language")
        if options.language is not None and (stated in (None, "") or stated in replaced):
            row.values["language"] = options.language
        row.check(listing, options.needs_text)
    _measure(rows)
    _cut(rows, options.clips)
    _give_ids(rows, listing.root)
    unsound = {fault.row for fault in whole}
    kept = [
        row for row in rows if not row.faults and row.row.index not in unsound and "language" in row.values
    ]
    return Reading(
        name=name,
        format=listing.format,
        utterances=[row.utterance() for row in kept],
        faults=[*whole, *(fault for row in rows for fault in row.faults)],
        rows=listing.met,
        row_of=[row.row.index for row in kept],
        places=[row.row.where for row in kept],
        recorded=[Recorded(row.row.index, row.row.where, row.audio) for row in rows if row.audio is not None],
    )


def _replaced_codes(listing: Listing, given: str | None) -> Collection[str]:
    """A peer's codes that `--language` stands for.

    A code of the same language is replaced, and one that does not say how the text is written, if there are
    not several of those: they tell languages apart.
    """
    if given is None or not listing.has_codes:
        return ()
    codes = {str(row.values["language"]) for row in listing.rows if "language" in row.values}
    vague = {code for code in codes if not _is_orthography(code)}
    same = {code for code in codes if code.lower() == given.partition("-")[0].lower()}
    return same | (vague if len(vague) == 1 else set())


def _is_orthography(code: str) -> bool:
    from speechtl.text import orthography

    try:
        orthography(code)
    except ValueError:
        return False
    return True


def _measure(rows: Sequence[CheckedRow]) -> None:
    """Look at the audio of all rows, in threads: headers are mostly waited for."""

    def measure(start: int) -> None:
        for row in rows[start : start + _AT_ONCE]:
            row.measure()

    with ThreadPoolExecutor() as pool:
        list(pool.map(measure, range(0, len(rows), _AT_ONCE)))


def _cut(rows: Sequence[CheckedRow], clips: Path) -> None:
    """Cut the parts of recordings, each recording decoded once."""
    by_recording: defaultdict[str, list[CheckedRow]] = defaultdict(list)
    for row in rows:
        if row.row.span is not None and row.audio is not None:
            by_recording[row.audio].append(row)
    pool = ThreadPoolExecutor()
    try:
        list(pool.map(lambda recording: _cut_one(recording, by_recording[recording], clips), by_recording))
    finally:
        pool.shutdown(cancel_futures=True)


def _cut_one(recording: str, rows: Sequence[CheckedRow], clips: Path) -> None:
    spans = [row.row.span for row in rows if row.row.span is not None]
    try:
        found = cut(clips, Path(recording), spans)
    except ValueError as error:
        for row in rows:
            row.audio = None
            row.audio_fault(error)
        return
    for row, span in zip(rows, spans, strict=True):
        clip = found[span]
        if isinstance(clip, Path):
            row.audio, row.values["duration"] = str(clip), duration(clip)
        else:
            row.audio = None
            row.fault("part that its recording has not", "correct its times, or remove the row", clip)


def _give_ids(rows: Sequence[CheckedRow], root: Path) -> None:
    """Give an id to rows without one, and a fault to those whose id has been met.

    It is the audio's stem, with the folder where stems occur more than once, and with the ending where only
    that tells two files apart.
    """
    named = [row for row in rows if "id" not in row.values and row.recording is not None]
    names = {row.row.index: row.name() for row in named}
    stems = Counter(name.stem for name in names.values())
    forms = Counter(name.with_suffix("") for name in set(names.values()))
    for row in named:
        name = names[row.row.index]
        row.values["id"] = _stem(name, root, stems, has_ending=forms[name.with_suffix("")] > 1)
    first: dict[str, str] = {}
    for row in rows:
        id_ = row.values.get("id")
        if not isinstance(id_, str):
            continue
        if id_ in first:
            detail = f"{id_!r}, first {_place(first[id_], row.row.where)}"
            row.fault("duplicate id", "give each utterance its own", detail)
        first.setdefault(id_, row.row.where)


def _place(first: str, second: str) -> str:
    """Where the first of two is, in short where both are in one file."""
    file, _, line = first.rpartition(":")
    return f"on line {line}" if file and second.rpartition(":")[0] == file else f"at {first}"


def _stem(audio: Path, root: Path, stems: Mapping[str, int], has_ending: bool) -> str:
    if stems[audio.stem] == 1:
        return audio.stem
    inside = audio.relative_to(root.absolute()) if audio.is_relative_to(root.absolute()) else audio
    return (inside if has_ending else inside.with_suffix("")).as_posix().lstrip("/")
