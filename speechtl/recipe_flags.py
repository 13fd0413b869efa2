"""A recipe and flags for its fields, as one experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from speechtl.experiment import Experiment, load_recipe

FOLDS = ("--dev", "fold")
"""A flag of ours: tyro takes a field's kind, here corpora or a word, from the recipe's own value."""


def parse_recipe(name: str, flags: Sequence[str], command: str = "run") -> Experiment:
    """A recipe with flags for its fields, named after those that were changed.

    Args:
        name: The recipe's name, its file, or a run's experiment.json.
        flags: As on the command line: `--train.steps`, `300`.
        command: What to call the command in the help and in messages about flags.

    Raises:
        FileNotFoundError: There is no such recipe.
        SystemExit: A flag is unknown or its value of the wrong kind, or help was asked for; it is printed.
    """
    import tyro

    recipe = load_recipe(name)
    default, others = recipe, [*flags]
    for place in range(len(others) - 1, -1, -1):
        if others[place] == "=".join(FOLDS):
            others[place : place + 1] = FOLDS
        if tuple(others[place : place + 2]) == FOLDS:
            default = replace(recipe, dev="fold")
            del others[place : place + 2]
    chosen = tyro.cli(Experiment, default=default, args=others, prog=f"speechtl {command} {name}")
    is_named = any(flag == "--name" or flag.startswith("--name=") for flag in flags)
    return chosen if is_named else chosen.with_overrides_in_name(recipe)
