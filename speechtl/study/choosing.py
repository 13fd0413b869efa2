"""The study that a command line means: a recipe file's, changed by flags, or one of flags alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from speechtl.study.settings import Study, Variant, is_of, load_study

NAME = "study"
"""The folder of a study without a name."""


def chosen_study(name: str | None, flags: Mapping[str, Any]) -> Study:
    """A study by name or path with flags for its fields, or one that has only these.

    A study's control stays its control where other recipes are asked for.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: there are neither a study nor recipes, or the values make no sense.
    """
    changes = {
        field: flags[field]
        for field in ("name", "control", "dev", "metric", "keep")
        if flags.get(field) is not None
    }
    for field in ("recipes", "seeds", "sources"):
        if flags.get(field):
            changes[field] = tuple(flags[field])
    for field in ("minutes", "utterances"):
        if flags.get(field):
            amounts = tuple(_amount(field, value) for value in flags[field])
            changes |= {"minutes": (), "utterances": (), field: amounts}
    if flags.get("minutes") and flags.get("utterances"):
        raise ValueError("--minutes and --utterances are both given; choose one of them")
    if name is not None:
        study = load_study(name)
        changes = {"control": study.reference} | changes
        kept = {changes["control"], *changes.get("recipes", study.recipes)}
        variants = _named(study.variants, flags.get("variants") or ["*"])
        return replace(study, **changes, variants=tuple(_with_flags_of(kept, one) for one in variants))
    if flags.get("variants"):
        raise ValueError(
            "--variants chooses among those of a study; name one first: `speechtl study NAME|PATH`"
        )
    if "recipes" not in changes:
        raise ValueError(
            "no study given: `speechtl study NAME|PATH`, or `speechtl study --recipes A B --control A`"
        )
    return Study(**({"name": NAME} | changes))


def _named(variants: Sequence[Variant], globs: Sequence[str]) -> list[Variant]:
    """The variants that any of the globs matches.

    Raises:
        ValueError: a glob matches none.
    """
    missed = [
        glob for glob in globs if glob != "*" and not any(fnmatchcase(one.name, glob) for one in variants)
    ]
    if missed:
        names = ", ".join(one.name for one in variants) or "none"
        raise ValueError(f"--variants {' '.join(missed)}: the study has no such variant; it has {names}")
    return [one for one in variants if any(fnmatchcase(one.name, glob) for glob in globs)]


def _with_flags_of(rows: Collection[str], variant: Variant) -> Variant:
    """A variant without its flags and targets for recipes that were not asked for."""
    return replace(
        variant,
        flags=tuple((row, text) for row, text in variant.flags if row in rows),
        others=tuple((text, spec) for text, spec in variant.others if any(is_of(row, text) for row in rows)),
    )


def _amount(field: str, value: str) -> float | int | Literal["all"]:
    if value == "all":
        return "all"
    try:
        return int(value) if field == "utterances" else float(value)
    except ValueError as error:
        raise ValueError(f"--{field} {value}: expected a number, or `all`") from error
