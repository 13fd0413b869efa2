"""The table of how far the labelled and the unlabelled speech of a run are apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speechtl.faults import listed
from speechtl.report import headed
from speechtl.tables import Column, Table

BELOW = 0.1
"""So far below chance a probe knows voices, and not what they have in common."""


def domain_table(found: Mapping[str, Any]) -> Table:
    """The accuracies before and after training, and what is to be minded, from a run's domains.json."""
    columns = [Column("told apart", is_number=False), *map(Column, ("before", "after", "chance"))]
    table = Table("labelled and unlabelled speech", columns)
    probes = {"by a fresh probe": "probe", "by one within a class": "within_classes"}
    if found.get("hidden"):
        probes[f"{found['hidden']}s, by a fresh probe"] = "hidden"
    for heading, key in probes.items():
        before, after = found["before"].get(key), found["after"].get(key)
        if before and after:
            rates = (before["value"], after["value"], after["chance"])
            table.rows.append((heading, *map(_percent, rates)))
    for head, rate in found["domain_heads"].items():
        if "accuracy" in rate:
            chance = _percent(rate["chance"]) if "chance" in rate else ""
            told = found.get("hidden") or head
            table.rows.append((f"by the method's own head ({told})", "", _percent(rate["accuracy"]), chance))
    table.notes += _notes(found)
    return table


def _notes(found: Mapping[str, Any]) -> list[str]:
    """What was measured, what is chosen without labels, and what is to be minded."""
    notes = [f"before: the {found['before']['model']} model; features of {found['block']}"]
    if probe := found["after"]["probe"]:
        notes[0] += (
            f"; {probe['source_utterances']} labelled and {probe['target_utterances']} unlabelled utterances,"
            f" each asked about by a probe that has not heard its {probe['split_by']}"
        )
    for moment in ("before", "after"):
        probe = found[moment]["probe"]
        if probe and probe["value"] < probe["chance"] - BELOW:
            notes.append(
                f"the probe {moment} is far below chance: it tells voices, which are few, and those that "
                "it has not heard fall to the wrong side. So the domain is not hidden, and the share tells "
                "nothing else"
            )
    if control := found.get("control"):
        notes.append(
            f"control, the same batches without what the method adds: the same command and {control}"
        )
    if chosen := found["label_free"]:
        places = (f"label-free choice: step {chosen['step']}", f"kept: step {chosen['kept']['step']}")
        told = zip(places, (chosen, chosen["kept"]), strict=True)
        notes.append("; ".join(f"{place} ({_nats(decisions)})" for place, decisions in told))
    if found["is_transductive"]:
        shared = [f"{count} of {name}" for name, count in found["transductive"].items() if count]
        notes.append(f"TRANSDUCTIVE: heard without labels: {', '.join(shared) or 'none of the tests'}")
    if outrun := found.get("outrun"):
        notes.append(f"OUTRUN: {outrun}")
    if found["is_diverged"]:
        notes.append(headed(found["reason"]))
    elif steps := found.get("alarmed"):
        notes.append(
            f"diverged on the way, at steps {listed(steps)}; whether it has recovered the tests tell"
        )
    return notes


def _nats(decisions: Mapping[str, Any]) -> str:
    information = decisions["information"]
    told = "not a number" if information is None else f"{information:.2f}"
    return f"information {told} of at most {decisions['most']:.2f} nats"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
