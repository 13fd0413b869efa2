"""Training states on disk: all that an exact resume needs, one whole copy at any moment."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from speechtl.whole_files import explained, read_json, read_tensors, write_tensors

logger = logging.getLogger(__name__)


def save_state(folder: Path, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Write a training checkpoint `last` in `folder`; the one before it stays as `previous`.

    At any moment one of the two is whole, so a run that is killed here resumes from it.

    Raises:
        OSError: the disk is full or not writable; the checkpoints there were are still there.
    """
    last, previous = folder / "last", folder / "previous"
    beside = folder / ".last.new"
    with explained("the training checkpoint", last):
        shutil.rmtree(beside, ignore_errors=True)
        try:
            beside.mkdir(parents=True)
            write_tensors(beside, "state", tensors, values)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        if last.exists():
            shutil.rmtree(previous, ignore_errors=True)
            last.rename(previous)
        beside.rename(last)


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest whole training checkpoint in `folder`, or None where there is none.

    Raises:
        ValueError: there are checkpoints, and none of them is whole.
    """
    problems = []
    for name in ("last", "previous"):
        if not (folder / name).is_dir():
            continue
        try:
            found = read_tensors(folder / name, "state")
        except (ValueError, FileNotFoundError) as error:
            problems.append(str(error))
            continue
        if problems:
            logger.warning("%s The checkpoint before it is used.", problems[0])
        return found
    if problems:
        raise ValueError(
            "no checkpoint of this run can be read; start again with --fresh:\n" + "\n".join(problems)
        )
    return None


def saved_step(folder: Path) -> int | None:
    """The step of the newest training checkpoint in `folder`, as its JSON says; None where there is none."""
    for name in ("last", "previous"):
        document = folder / name / "state.json"
        if document.is_file():
            return int(read_json(document)["step"])
    return None


def state_tensors(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors with `prefix.` before each name."""
    return {f"{prefix}.{name}": tensor for name, tensor in state.items()}


def without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those tensors whose name starts with `prefix.`, without it."""
    return {name[len(prefix) + 1 :]: t for name, t in tensors.items() if name.startswith(prefix + ".")}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's state as flat tensors `<parameter>.<key>`, and its other values, keyed alike."""
    tensors: dict[str, Tensor] = {}
    values: dict[str, Any] = {}
    for index, entries in optimiser.state_dict()["state"].items():
        for key, value in entries.items():
            target: dict[str, Any] = tensors if isinstance(value, Tensor) else values
            target[f"{index}.{key}"] = value
    return tensors, values


def load_optimiser(
    optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], values: Mapping[str, Any]
) -> None:
    """Give an optimiser back the state that `optimiser_tensors` took."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**tensors, **values}.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
