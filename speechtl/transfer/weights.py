"""Weights of another model in place of the source's."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch

from speechtl.models.fates import Place, places

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel
    from speechtl.transfer.rules import Weights


MOST = 8
"""Tensors that are named where they do not fit."""


@torch.no_grad()
def load_weights(model: AcousticModel, wanted: Weights) -> list[str]:
    """Copy the named tensors of another model into this one; their names in its state.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: no name begins as asked, this model lacks one, or shapes or units differ; all are named.
    """
    from speechtl.checkpoint import load_model

    other = load_model(wanted.path).model
    theirs = other.state_dict()
    standing, own = places(other), places(model)
    chosen = {
        place.name: name
        for name, place in standing.items()
        if _begins(place.name, wanted.source) and not any(_begins(place.name, one) for one in wanted.excluded)
    }
    if not chosen:
        raise ValueError(
            f"{wanted.path} has no tensors under {wanted.source!r}{_near(wanted.source, standing.values())}"
        )
    mine = {place.name: name for name, place in own.items()}
    state = model.state_dict(keep_vars=True)
    faults = []
    pairs: dict[str, str] = {}
    for name, theirs_name in chosen.items():
        rest = name[len(wanted.source) :].removeprefix(".")
        target = f"{wanted.target}.{rest}".removesuffix(".") if wanted.target else name
        if target not in mine:
            faults.append(f"this model has no {target} for {name}{_near(target, own.values())}")
        elif state[mine[target]].shape != theirs[theirs_name].shape:
            shapes = tuple(theirs[theirs_name].shape), tuple(state[mine[target]].shape)
            faults.append(f"{name} is {shapes[0]} in {wanted.path}, {target} is {shapes[1]} here")
        elif _units(other, standing[theirs_name]) != _units(model, own[mine[target]]):
            blocks = standing[theirs_name].block, own[mine[target]].block
            faults.append(f"{blocks[0]} of {wanted.path} has other units than {blocks[1]} here")
        else:
            pairs[mine[target]] = theirs_name
    if faults:
        faults = list(dict.fromkeys(faults))
        more = [f"and {len(faults) - MOST} more"] if len(faults) > MOST else []
        raise ValueError(
            "\n".join(
                [
                    f"weights of {wanted.path}, {_shape(other)}, do not fit into {_shape(model)}; "
                    "choose FROM and TO of equal shape, or take that run as the source:",
                    *faults[:MOST],
                    *more,
                ]
            )
        )
    for name, theirs_name in pairs.items():
        state[name].copy_(theirs[theirs_name])
    return list(pairs)


def _shape(model: AcousticModel) -> str:
    settings = model.settings
    return f"a {settings.encoder} of {settings.blocks} blocks and width {settings.dim}"


def _units(model: AcousticModel, place: Place) -> tuple[str, ...]:
    """What the rows of a head stand for; nothing outside heads."""
    kind, _, language = place.block.partition(".")
    return tuple(model.tokenizers[language].units) if kind == "head" else ()


def refuse_other_models(paths: Sequence[str], method: str) -> None:
    """Refuse weights of another model beside a pull towards the source's.

    Raises:
        ValueError: there are some.
    """
    if paths:
        raise ValueError(
            f"the plan takes weights of {paths[0]}, which {method} would pull towards the "
            "source's; name that model as the source, or leave it out of the plan"
        )


def _begins(name: str, prefix: str) -> bool:
    return not prefix or name == prefix or name.startswith(prefix + ".")


def _near(name: str, standing: Iterable[Place]) -> str:
    names = sorted({one for place in standing for one in (place.block, place.name)})
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    return f"; the nearest are {', '.join(near)}" if near else ""
