"""A recipe and flags for its fields, as one experiment."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

from speechtl import transfer
from speechtl.corpus_spec import YOUR_CORPUS, CorpusSpec
from speechtl.experiment import CORPORA, Experiment, load_recipe

DEV = "--dev"
"""A flag of ours: tyro takes a field's kind, here corpora or a word, from the recipe's own value."""
DEVS: tuple[Literal["fold", "none"], ...] = ("fold", "none")
"""The words that it may say."""
METHOD = "--method"
"""Another: tyro takes the method's class, whose settings are flags, from the recipe's own value as well."""


def parse_recipe(name: str, flags: Sequence[str], command: str = "run") -> Experiment:
    """A recipe with flags for its fields, named after those that were changed.

    Args:
        name: The recipe's name, its file, or a run's experiment.json.
        flags: As on the command line: `--train.steps`, `300`. `--method NAME` takes the method of that class,
            or the method and the training settings of that recipe, in place of the recipe's own. A setting
            that one method of a combination has needs no place: `--method.level` is that of its DANN.
        command: What to call the command in the help and in messages about flags.

    Raises:
        FileNotFoundError: There is no such recipe or method.
        ValueError: Dev speech is named, and a way to do without it too.
        SystemExit: A flag is unknown or its value of the wrong kind, or help was asked for; it is printed.
    """
    import tyro

    others = [*flags]
    recipe = default = load_recipe(name)
    for place in range(len(others) - 1, -1, -1):
        for dev in DEVS:
            if others[place : place + 1] == [f"{DEV}={dev}"]:
                others[place : place + 1] = [DEV, dev]
            if others[place : place + 2] == [DEV, dev]:
                default = replace(recipe, dev=dev)
                del others[place : place + 2]
    named = [flag for flag in others if flag.startswith(f"{DEV}.")]
    if named and default is not recipe:
        raise ValueError(
            f"{DEV} {default.dev} takes no dev speech, and {named[0]} names some; leave one of them out"
        )
    default = _with_places(default, others)
    if any(flag.partition("=")[0] == METHOD for flag in others):
        default = _with_method(default, others)
        recipe = replace(default, dev=recipe.dev)
    others = [_in_part(default.method, flag) for flag in others]
    chosen = tyro.cli(Experiment, default=default, args=others, prog=f"speechtl {command} {name}")
    is_named = any(flag == "--name" or flag.startswith("--name=") for flag in flags)
    return chosen if is_named else chosen.with_overrides_in_name(recipe)


def _in_part(method: transfer.Transfer, flag: str) -> str:
    """A flag for a setting that one method of a combination has, and no other, with the method's place."""
    named = re.match(r"--method\.([a-z_-]+)", flag)
    if named is None or not isinstance(method, transfer.Composed):
        return flag
    name = named[1].replace("-", "_")
    own = {name, name.removeprefix("no_")}
    places = [
        place for place, part in enumerate(method.methods) if own & {field.name for field in fields(part)}
    ]
    if len(places) != 1 or own & {field.name for field in fields(method)}:
        return flag
    return flag.replace("--method.", f"--method.methods.{places[0]}.", 1)


def _with_method(recipe: Experiment, flags: list[str]) -> Experiment:
    """A recipe with the method that a flag names, which is taken out of the flags; named after it too.

    Raises:
        FileNotFoundError: There is neither such a method nor such a recipe.
        ValueError: The flag has no value, or the method needs settings, a source or unlabelled speech.
    """
    names = []
    for place in range(len(flags) - 1, -1, -1):
        if flags[place] == METHOD:
            if place + 1 == len(flags):
                raise ValueError(f"{METHOD} needs a method, such as LHUC, or a recipe: taiwanese/lhuc")
            names.append(flags[place + 1])
            del flags[place : place + 2]
        elif flags[place].startswith(f"{METHOD}="):
            names.append(flags.pop(place).partition("=")[2])
    return _by(recipe, names[0], flags) if names else recipe  # the last of several, as of any flag


def _by(recipe: Experiment, name: str, flags: Sequence[str]) -> Experiment:
    """A recipe with the method of a class, or with the method and the training settings of a recipe."""
    changes: dict[str, Any] = {}
    if name in transfer.__all__:
        try:
            changes["method"] = getattr(transfer, name)()
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{METHOD} {name}: it needs settings ({error}); name a recipe that has some"
            ) from error
    else:
        try:
            other = load_recipe(name)
        except FileNotFoundError as error:
            folded = {method.casefold(): method for method in transfer.__all__}
            close = difflib.get_close_matches(name.casefold(), folded, n=2, cutoff=0.5)
            near = [folded[one] for one in close]
            meant = f"did you mean {' or '.join(near)}? " if near else ""
            raise FileNotFoundError(
                f"{METHOD} {name} is neither a method nor a recipe: {meant}Methods are "
                f"{', '.join(transfer.__all__)}; recipes have theirs, such as taiwanese/lhuc"
            ) from error
        changes |= {"method": other.method, "train": other.train}
    if recipe.source is None and any(flag.partition("=")[0] == "--source" for flag in flags):
        changes["source"] = "named by a flag"
    plain, plus, overrides = recipe.name.partition("+")
    short = Path(name).stem if name.endswith(".py") else name.replace("/", "-").lower()
    changes["name"] = f"{plain}-{short}{plus}{overrides}"
    return replace(recipe, **changes)


def _with_places(recipe: Experiment, flags: Sequence[str]) -> Experiment:
    """A recipe with a place for each corpus that flags name by its number: `--tests.0.corpus`.

    Tyro knows the fields of those alone that a recipe has.
    """
    found: dict[str, int] = {}
    for flag in flags:
        named = re.match(r"--([a-z_-]+)\.(\d+)\.", flag)
        if named and (field := named[1].replace("-", "_")) in CORPORA:
            found[field] = max(found.get(field, 0), int(named[2]) + 1)
    places: dict[str, Any] = {}
    for field, count in found.items():
        present = recipe.corpora(field)
        places[field] = (*present, *[CorpusSpec(YOUR_CORPUS)] * (count - len(present)))
    return replace(recipe, **places)
