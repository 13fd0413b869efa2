"""What a quickstart found, as one table and in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from speechtl.compare import SetComparison
from speechtl.quickstart.finding import Finding, Findings
from speechtl.quickstart.settings import NAMES, Quickstart
from speechtl.report import error_of
from speechtl.tables import Column, Table, difference_text, interval_text, p_text

SURE = 0.05
"""A difference with a smaller p-value is called one."""
_TEXTS = ("tested on", "trained by")
_NUMBERS = ("error", "95 %", "against the control", "p (Holm)", "source's tests")


def table(chosen: Quickstart, found: Sequence[Findings]) -> Table:
    """All methods: error, difference to the control of their group, and what they cost the source."""
    columns = [Column(name, is_number=False) for name in _TEXTS] + [Column(name) for name in _NUMBERS]
    shown = Table("Synthetic speech: what a source brings, and what speech without labels brings", columns)
    for group in found:
        name = _tested(chosen, group.tested)
        for place, one in enumerate(group.rows):
            shown.rows.append((name if place == 0 else "", *_cells(one, is_control=place == 0)))
    target, accent = (group.tested for group in found)
    resampled = " and ".join(sorted({target.resampled, accent.resampled}))
    shown.notes += [
        "Synthetic speech: it says whether a method works, not how well it will work on people",
        f"{_tested(chosen, target)}: {error_of(target.metric)} of {target.utterances} utterances after "
        f"{chosen.size.minutes:g} minutes of training speech, with the same steps for all, scratch too",
        f"{_tested(chosen, accent)}: {error_of(accent.metric)} of {accent.utterances} utterances; the labels "
        "are of American English",
        f"95 % intervals and p-values: (paired) bootstrap over {resampled}; Holm's correction in a group",
        "source's tests: points of error more (+) or less (-) than the model that it started from has there",
        f"one seed, {chosen.seed}, says nothing about others: --seed",
    ]
    return shown


def _cells(one: Finding, *, is_control: bool) -> tuple[str, ...]:
    row = one.measured
    return (
        f"{one.stage.title} (control)" if is_control else one.stage.title,
        f"{100 * row.error:.1f} %",
        interval_text(row.over_utterances),
        difference_text(row.difference),
        p_text(one.p_value),
        "" if one.source_loss is None else f"{100 * one.source_loss:+.1f}",
    )


def _tested(chosen: Quickstart, tested: SetComparison) -> str:
    if tested.language == chosen.language and "scotland" not in tested.name:
        return NAMES[tested.language]
    return "Scottish English"


def learned(chosen: Quickstart, found: Sequence[Findings]) -> str:
    """What the numbers say, in one sentence; a difference is only called one where it is sure."""
    target, accent = found
    scratch, tuned = target.rows[0], target.rows[1]
    minutes, name = f"{chosen.size.minutes:g} minutes", NAMES[chosen.language]
    return (
        f"On synthetic speech, {minutes} of {name} from a source of {len(chosen.sources)} other languages "
        f"leave {_percent(tuned)} error in place of {_percent(scratch)} from scratch ({_sure(tuned)}), "
        f"{_kindest(target.rows[1:])}, and {accent_clause(accent)}."
    )


def _kindest(methods: Sequence[Finding]) -> str:
    """By which method, of which fine-tuning is the first, the source forgets least."""
    tuned, best = methods[0], min(methods, key=lambda one: one.source_loss or 0.0)
    against = "" if best is tuned else f", {_points(tuned)} by fine-tuning"
    return f"{best.stage.title} is the kindest to what the source knew ({_points(best)} there{against})"


def accent_clause(accent: Findings) -> str:
    """What speech of the other accent without labels brought, by its best method."""
    control, *others = accent.rows
    best = min(others, key=lambda one: one.measured.error)
    change = f"({_percent(control)} to {_percent(best)}, {_sure(best)}; {best.stage.title})"
    if best.p_value is None or best.p_value >= SURE:
        return f"whether Scottish English without labels helps on Scottish English stays open {change}"
    verb = "helps" if best.measured.error < control.measured.error else "harms"
    return f"Scottish English without labels {verb} on Scottish English {change}"


def _percent(one: Finding) -> str:
    return f"{100 * one.measured.error:.1f} %"


def _points(one: Finding) -> str:
    return f"{100 * (one.source_loss or 0.0):+.1f} points"


def _sure(one: Finding) -> str:
    shown = p_text(one.p_value)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"
