"""What a corpus holds, per split and language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class SummaryRow:
    """What one split holds of one language."""

    split: str
    language: str
    utterances: int
    minutes: float
    speakers: int | None
    """Distinct speakers; None when none is known."""
    unknown_speakers: int
    """Utterances whose speaker is unknown."""
    texts: int
    """Distinct normalised texts."""
    units: int
    """Distinct label units of the orthography."""


def summarise(table: pyarrow.Table) -> list[SummaryRow]:
    """One row per split and language; train, dev and test first, then other splits by name.

    Args:
        table: A corpus's columns.
    """
    grouped = table.group_by(["split", "language"]).aggregate(
        [
            ("id", "count"),
            ("duration", "sum"),
            ("speaker", "distinct"),
            ("speaker", "count"),
            ("text", "distinct"),
        ]
    )
    rows = [_row(group) for group in grouped.to_pylist()]
    usual = ("train", "dev", "test")
    return sorted(
        rows, key=lambda row: (usual.index(row.split) if row.split in usual else 3, row.split, row.language)
    )


def _row(group: dict[str, object]) -> SummaryRow:
    from speechtl.text import orthography

    rules = orthography(str(group["language"]))
    written: list[str] = group["text_distinct"]  # type: ignore[assignment]
    speakers: list[str | None] = group["speaker_distinct"]  # type: ignore[assignment]
    known = [speaker for speaker in speakers if speaker is not None]
    texts = {rules.alternatives(text)[0] for text in written}
    utterances = int(group["id_count"])  # type: ignore[call-overload]
    return SummaryRow(
        split=str(group["split"]),
        language=str(group["language"]),
        utterances=utterances,
        minutes=float(group["duration_sum"]) / 60,  # type: ignore[arg-type]
        speakers=len(known) or None,
        unknown_speakers=utterances - int(group["speaker_count"]),  # type: ignore[call-overload]
        texts=len(texts),
        units=len({unit for text in texts for unit in rules.units(text)}),
    )
