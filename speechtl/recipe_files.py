"""Recipe files: found by name or path, and imported."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
import types
from collections.abc import Sequence
from pathlib import Path


def recipe_module(name: str, holds: str = "experiment") -> types.ModuleType:
    """The module of a recipe by slashed name, or of a Python file.

    Args:
        name: The recipe's name, or the file's.
        holds: The value that is looked for in it, for the names of those that there are.

    Raises:
        FileNotFoundError: there is no such recipe or file; names similar ones.
        ValueError: the file is no Python.
    """
    path = Path(name)
    if path.suffix != ".py":
        return _installed_recipe(name, holds)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; expected a recipe file")
    return _module_of(path)


def table_module(field: str, name: str, values: Sequence[str], example: str) -> types.ModuleType:
    """The module of a table that a recipe names by its dotted name, or by the path of its file.

    Args:
        field: The recipe's field, for messages.
        name: What it says.
        values: What the module must define.
        example: A module that does.

    Raises:
        ValueError: There is no such module or file, or it lacks some; says what was expected.
    """
    try:
        found = recipe_module(name) if name.endswith(".py") else importlib.import_module(name)
        for value in values:
            getattr(found, value)
    except (ModuleNotFoundError, FileNotFoundError, AttributeError) as error:
        raise ValueError(
            f"{field}={name!r} cannot be used ({error}); expected a module with {' and '.join(values)}, such "
            f"as {example}, or a file of your own by its path, ending in .py"
        ) from error
    return found


def _module_of(path: Path) -> types.ModuleType:
    specification = importlib.util.spec_from_file_location(f"recipe_{path.stem}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up there
    try:
        specification.loader.exec_module(module)
    except SyntaxError as error:
        raise ValueError(f"{path}:{error.lineno}: {error.msg}; the recipe is no Python") from error
    return module


def _installed_recipe(name: str, holds: str) -> types.ModuleType:
    dotted = "recipes." + name.strip("/").replace("/", ".")
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError as error:
        if error.name is None or not dotted.startswith(error.name):
            raise
        refuse_missing_path(name)
        names = recipe_names(holds)
        similar = difflib.get_close_matches(name, names, n=2)
        meant = f"did you mean {' or '.join(similar)}? There" if similar else "there"
        raise FileNotFoundError(
            f"no recipe is named {name!r}; {meant} are: {', '.join(names)}. A recipe of your own is "
            "given by its path, ending in .py, a run's by that of its experiment.json."
        ) from error


def refuse_missing_path(name: str) -> None:
    """Refuse what leads into a folder that is there, and is not there itself, as the path that it is.

    Raises:
        FileNotFoundError: it is one; names what the folder holds, what is similar first.
    """
    place = Path(name)
    above = next((parent for parent in place.parents if parent.is_dir()), Path())
    if above in (Path(), Path("/")):
        return
    held = sorted(entry.name for entry in above.iterdir() if not entry.name.startswith("."))
    wanted = place.relative_to(above).parts[0]
    if wanted in held:
        inside = sorted({*place.glob("*/experiment.json"), *place.glob("*/*/experiment.json")})
        runs = f"runs in it are {_first([str(run.parent) for run in inside])}"
        speech = f"speech is named beside a recipe: speechtl run finetune --target.corpus {name}"
        raise FileNotFoundError(
            f"{name} is neither a recipe nor a run: there is no experiment.json in it; "
            f"{runs if inside else speech}"
        )
    near = [one for one in held if one.startswith(wanted)] or difflib.get_close_matches(wanted, held) or held
    raise FileNotFoundError(
        f"there is no {name}; {above} holds {_first(near) or 'nothing'}. A recipe is given by its name or "
        "its path, ending in .py, a run by its folder"
    )


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def recipe_names(holds: str = "experiment") -> list[str]:
    """Slashed names of the installed recipes that hold an `experiment`, or another value."""
    package = importlib.import_module("recipes")
    root = Path(str(package.__path__[0]))
    files = sorted(root.rglob("*.py"))
    return [
        file.relative_to(root).with_suffix("").as_posix()
        for file in files
        if not file.name.startswith("_") and f"\n{holds} = " in file.read_text(encoding="utf-8")
    ]
