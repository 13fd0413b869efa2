"""Tables for the terminal, and the same as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from speechtl.report import error_of
from speechtl.terminal import printable

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from speechtl.cache import CachedShard
    from speechtl.compare import SetComparison
    from speechtl.corpus import Corpus
    from speechtl.corpus_summary import SummaryRow
    from speechtl.doctor import Examination
    from speechtl.dry_run import DryRun
    from speechtl.stats import Interval


LONG = 24
"""Characters of a run's name from which on it is too long for a heading."""
TWO_SEEDS = "two seeds say too little of others for an interval; three are a look, five a claim"


@dataclass(frozen=True)
class Column:
    """One column's heading, and whether its cells are numbers."""

    heading: str
    is_number: bool = True


@dataclass
class Table:
    """Rows of text under headings, with a line above and notes below."""

    title: str
    columns: Sequence[Column]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def rich(self) -> RichTable:
        """For the terminal."""
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(
            title=self.title or None,
            title_justify="left",
            caption=Text("\n".join(self.notes)) if self.notes else None,
            caption_justify="left",
        )
        for column in self.columns:
            justify: Literal["left", "right"] = "right" if column.is_number else "left"
            table.add_column(column.heading, justify=justify, overflow="fold")
        for row in self.rows:
            table.add_row(*(Text(cell) for cell in row))
        return table

    def markdown(self) -> str:
        """For a document: a title, a pipe table and the notes."""
        headings = [column.heading for column in self.columns]
        rules = ["---:" if column.is_number else "---" for column in self.columns]
        lines = [_pipes(row) for row in (headings, rules, *self.rows)]
        title = [f"**{self.title}**", ""] if self.title else []
        notes = ["", *self.notes] if self.notes else []
        return "\n".join([*title, *lines, *notes])


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def summary_table(corpus: Corpus) -> RichTable:
    """What a corpus holds per split and language, and what was left out."""
    table = _summary(corpus.name, corpus.summary())
    table.notes.append(
        f"{len(corpus)} utterances, {corpus.minutes / 60:.2f} hours; split by {corpus.split_by}"
    )
    if corpus.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(corpus.left_out.items()))
        table.notes.append(f"left out: {reasons}")
    return table.rich()


def synthetic_table(corpora: Iterable[Corpus]) -> Table:
    """What corpora of synthetic speech hold: speakers, utterances and minutes of each split."""
    texts, numbers = ("corpus", "language", "split"), ("speakers", "utterances", "minutes")
    columns = [Column(name, is_number=False) for name in texts] + [Column(name) for name in numbers]
    table = Table("synthetic speech", columns)
    for corpus in corpora:
        for row in corpus.summary():
            counts = (_speakers(row), str(row.utterances), f"{row.minutes:.1f}")
            table.rows.append((corpus.name, row.language, row.split, *counts))
    return table


def examination_table(found: Examination) -> RichTable:
    """What of an examined corpus can be read, per split and language."""
    table = _summary(printable(found.name), found.summary)
    utterances = sum(row.utterances for row in found.summary)
    hours = sum(row.minutes for row in found.summary) / 60
    table.notes.append(f"{utterances} utterances that can be read, {hours:.2f} hours")
    return table.rich()


def _summary(name: str, rows: Sequence[SummaryRow]) -> Table:
    texts, numbers = ("split", "language"), ("utterances", "minutes", "speakers", "texts", "units")
    columns = [Column(name, is_number=False) for name in texts] + [Column(name) for name in numbers]
    table = Table(name, columns)
    for row in rows:
        counts = (str(row.utterances), f"{row.minutes:.1f}", _speakers(row), str(row.texts), str(row.units))
        table.rows.append((row.split, row.language, *counts))
    return table


def _speakers(row: SummaryRow) -> str:
    if row.speakers is None:
        return "unknown"
    return f"{row.speakers} + {row.unknown_speakers} unknown" if row.unknown_speakers else str(row.speakers)


def dry_run_parts(found: DryRun) -> list[RichTable | str]:
    """What is shown of a run that was not started: tables and lines, first those of an untrained source."""
    before: list[RichTable | str] = []
    if found.source is not None:
        before = [f"first, the source {found.experiment.source}:", *_dry_run_tables(found.source)[1:]]
        before += [f"{found.source.fate}; {found.source.takes}\n", f"then {found.experiment.name}:"]
    where = found.source_folder if found.source is None else None
    source = [] if where is None else [f"the source is the model in {where}"]
    return [*before, *_dry_run_tables(found), *source, f"{found.fate}; {found.takes}"]


def _dry_run_tables(found: DryRun) -> list[RichTable]:
    settings = Table("settings", [Column(name, is_number=False) for name in ("setting", "value", "recipe")])
    for entry in found.settings:
        changed = f"* {entry.name}" if entry.is_changed else f"  {entry.name}"
        was = _shown(entry.recipe) if entry.is_changed else ""
        settings.rows.append((changed, _shown(entry.value), was))
    settings.notes.append("* differs from the recipe")
    texts, numbers = ("for", "split", "language"), ("utterances", "hours", "speakers", "texts")
    data = Table("speech", [*(Column(name, is_number=False) for name in texts), *map(Column, numbers)])
    for role, row in found.data:
        counts = (str(row.utterances), f"{row.minutes / 60:.2f}", _speakers(row), str(row.texts))
        data.rows.append((role, row.split, row.language, *counts))
    data.notes.extend(found.notes)
    model = Table("model", [Column("block", is_number=False), Column("parameters"), Column("trained")])
    for block in found.blocks:
        model.rows.append((block.name, f"{block.parameters:,}", f"{block.trained:,}"))
    whole, trained = (sum(getattr(b, name) for b in found.blocks) for name in ("parameters", "trained"))
    model.rows.append(("in all", f"{whole:,}", f"{trained:,}"))
    return [settings.rich(), data.rich(), model.rich()]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def cache_table(shards: Sequence[CachedShard], place: str) -> RichTable:
    """The shards of the cache, and their total."""
    columns = [
        Column("shard", is_number=False),
        Column("corpora", is_number=False),
        Column("clips"),
        Column("hours"),
        Column("size"),
    ]
    table = Table(f"decoded audio in {place}", columns)
    for shard in shards:
        cells = (str(shard.clips), f"{shard.hours:.2f}", size(shard.bytes))
        table.rows.append((shard.shard, ", ".join(shard.corpora), *cells))
    clips, hours = sum(shard.clips for shard in shards), sum(shard.hours for shard in shards)
    table.notes.append(f"in all {clips} clips, {hours:.2f} hours, {size(sum(s.bytes for s in shards))}")
    return table.rich()


def size(count: int) -> str:
    """A number of bytes as people read it.

    >>> size(999), size(32_000_000)
    ('999 B', '32.0 MB')
    """
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.95:
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def comparison_table(compared: SetComparison) -> Table:
    """The errors of runs on one set, each against the first."""
    first = compared.rows[0]
    several = any(len(row.seeds) > 1 for row in compared.rows)
    corrected = any(row.corrected is not None for row in compared.rows)
    over = f"over {compared.resampled}"
    headings = ["run", "seeds", error_of(compared.metric), over]
    headings += ["over seeds"] if any(row.over_seeds for row in compared.rows) else []
    against = f"against {first.run}" if len(first.run) <= LONG else "against the first"
    headings += [against, "relative"] if len(compared.rows) > 1 else []
    headings += ["p by seed"] if several and len(compared.rows) > 1 else []
    headings += ["p (Holm)" if corrected else "p"] if len(compared.rows) > 1 else []
    kind = "source's set" if compared.is_source else "set"
    title = f"{kind} {compared.name}: {compared.language}, {compared.utterances} utterances"
    table = Table(title, [Column(heading, is_number=heading != "run") for heading in headings])
    for row in compared.rows:
        cells = {
            "run": row.run,
            "seeds": ", ".join(str(seed) for seed in row.seeds),
            headings[2]: f"{100 * row.error:.1f} %",
            over: interval_text(row.over_utterances),
            "over seeds": interval_text(row.over_seeds),
            against: difference_text(row.difference),
            "relative": "" if row.relative is None else f"{100 * row.relative:+.1f} %",
            "p by seed": ", ".join(p_text(p) for p in row.seed_p_values.values()),
            "p": p_text(row.p_value),
            "p (Holm)": p_text(row.corrected),
        }
        table.rows.append([cells[heading] for heading in headings])
    table.notes.extend(_notes(compared))
    return table


def _notes(compared: SetComparison) -> list[str]:
    notes = [f"95 % intervals; the bootstrap resamples {compared.resampled}"]
    paired = {row.run: tuple(row.seed_p_values) for row in compared.rows[1:]}
    if compared.utterances < 2:
        notes.append("one utterance cannot be resampled: no intervals over utterances, no paired tests")
    for run, seeds in paired.items():
        if not seeds and compared.utterances > 1:
            notes.append(f"{run} has no seed in common with {compared.rows[0].run}: no paired test")
    if any(len(row.seeds) == 2 for row in compared.rows):
        notes.append(TWO_SEEDS)
    if any(len(seeds) > 1 for seeds in paired.values()):
        notes.append("differences and the last column's p: paired bootstrap over seeds too")
    if len(compared.decodings) > 1:
        notes.append(f"the runs were decoded differently: {', '.join(compared.decodings)}")
    return notes


def interval_text(interval: Interval | None) -> str:
    """The ends of an interval of a rate, in per cent."""
    return "" if interval is None else f"{100 * interval.low:.1f} – {100 * interval.high:.1f}"


def difference_text(interval: Interval | None) -> str:
    """A difference of rates and its interval, in points."""
    if interval is None:
        return ""
    return f"{100 * interval.value:+.1f} ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"


def p_text(value: float | None) -> str:
    """A p-value, not more exactly than it is known."""
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
