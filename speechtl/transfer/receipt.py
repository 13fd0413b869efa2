"""Receipt: what became of every tensor of a trained model, with the proof that frozen ones did not move."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import torch
from torch import Tensor

from speechtl.models.fates import Fate, Start, places, plain
from speechtl.whole_files import read_json, write_json

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

FILE = "plan.json"


@dataclass(frozen=True)
class TensorReceipt:
    """What became of one tensor."""

    name: str
    """In the trained model's state."""
    block: str
    fate: str
    """copied, loaded, estimated, mapped, initialised or inserted."""
    frozen: bool
    lr: float
    """Multiplier on the learning rate."""
    values: int
    """How many numbers it has."""
    is_buffer: bool
    drift: float
    """Euclidean distance from where it started, relative to the start's norm (absolute where that is 0)."""
    sha256: str
    """Of the trained values, their type and shape."""
    started: str
    """The same of the values before training."""
    source: str | None
    """The same of the source's values; None where the source has no such tensor."""
    trained: int | None = None
    """How many numbers were trained where it is another number than its own, as of a change of low rank that
    was merged into it."""

    @property
    def trained_values(self) -> int:
        """How many numbers were trained."""
        if self.trained is not None:
            return self.trained
        return 0 if self.frozen else self.values


@dataclass(frozen=True)
class Receipt:
    """The receipt of a run."""

    method: str
    """The class of the method; of several at once all of them."""
    source: str | None
    """The experiment's source; None from scratch."""
    tensors: tuple[TensorReceipt, ...]
    steps: int | None = None
    """After which the weights were as they are kept; None where nobody noted it."""

    @classmethod
    def read(cls, run: Path) -> Receipt:
        """The receipt in a run's folder.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is damaged, or of another version.
        """
        path = run / FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: the run has not finished, or was made before there were receipts"
            )
        document = read_json(path)
        try:
            tensors = tuple(TensorReceipt(**entry) for entry in document["tensors"])
            for tensor in tensors:
                _require_types(tensor)
            return cls(document["method"], document["source"], tensors, document.get("steps"))
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged, or of another speechtl: {error!r}") from error

    def write(self, run: Path) -> None:
        """Write it into a run's folder.

        Raises:
            OSError: the disk is full or not writable.
        """
        write_json(run / FILE, asdict(self))

    def faults(self) -> list[str]:
        """What contradicts itself: frozen tensors that moved, copies that are not the source's."""
        found = []
        for tensor in self.tensors:
            if tensor.frozen and tensor.sha256 != tensor.started:
                found.append(f"{tensor.name} was to stay frozen, and moved by {tensor.drift:.3g}")
            if tensor.fate == "copied" and tensor.source is not None and tensor.started != tensor.source:
                found.append(f"{tensor.name} was to be copied, and did not start from the source's values")
        return found

    def contradictions(self) -> list[str]:
        """What no training writes: fates that there are not, copies of nothing, moves without a change."""
        found = []
        names = [tensor.name for tensor in self.tensors]
        found += [f"{name} stands there twice" for name in sorted({n for n in names if names.count(n) > 1})]
        for tensor in self.tensors:
            if tensor.fate not in get_args(Start):
                found.append(f"{tensor.name} has the fate {tensor.fate!r}, of which there is none")
            if tensor.fate == "copied" and tensor.source is None:
                found.append(f"{tensor.name} was copied, and no digest of the source's values is there")
            if (tensor.sha256 == tensor.started) != (tensor.drift == 0):
                found.append(
                    f"{tensor.name} moved by {tensor.drift:.3g}, and the digests of its start and end are "
                    f"{'equal' if tensor.sha256 == tensor.started else 'not equal'}"
                )
        return found

    def differences(self, state: Mapping[str, Tensor]) -> list[str]:
        """In what a model's state is not the one that the receipt was made for."""
        known = {tensor.name: tensor for tensor in self.tensors}
        found = [f"{name} is not in the receipt" for name in state if name not in known]
        for name, tensor in known.items():
            if name not in state:
                found.append(f"{name} is not in the model")
            elif digest(state[name]) != tensor.sha256:
                found.append(f"{name} has other values than those that training ended with")
        return found


@dataclass(frozen=True)
class Beginning:
    """A model's tensors and their fates before the first step."""

    state: Mapping[str, Tensor]
    """By plain name."""
    fates: Mapping[str, Fate]
    """By plain name."""
    merged: Mapping[str, int]
    """Plain names of tensors that a parametrisation changes, though they themselves are frozen, and how many
    numbers it trains for each."""
    source: Mapping[str, str]
    """Digests of the source's tensors by name."""
    stages: Sequence[tuple[int, frozenset[str]]] = ()
    """The step before which each stage of the training ends, and the plain names of what it trains."""

    @classmethod
    def of(
        cls,
        model: AcousticModel,
        source: AcousticModel | None,
        stages: Sequence[tuple[int, frozenset[str]]] = (),
    ) -> Beginning:
        """Note a model that a method has prepared.

        Args:
            model: before its first step.
            source: what it was adapted from.
            stages: of its training, the step before which each ends, and the parameters that it trains.
        """
        state = {plain(name): tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
        merged: dict[str, int] = {}
        trained = {name: value.numel() for name, value in model.named_parameters() if value.requires_grad}
        for name in model.state_dict():
            before, inside, behind = name.partition("parametrizations.")
            if inside and not name.endswith(".original"):
                changed = before + behind.split(".")[0]
                merged[changed] = merged.get(changed, 0) + trained.get(name, 0)
        digests = {} if source is None else {name: digest(t) for name, t in source.state_dict().items()}
        fates = {plain(name): fate for name, fate in model.fates.items()}
        parts = [(end, frozenset(map(plain, names))) for end, names in stages]
        return cls(state, fates, merged, digests, parts)

    def receipt(
        self, trained: AcousticModel, method: str, source: str | None, steps: int | None = None
    ) -> Receipt:
        """The receipt of a model that was trained from here.

        Args:
            trained: the model whose weights are kept.
            method: its name.
            source: the experiment's.
            steps: after which the weights were as they are kept; what only later stages train was frozen.
        """
        standing = places(trained)
        parameters = {name for name, _ in trained.named_parameters()}
        waiting = self._waiting(map(plain, parameters), steps)
        tensors = []
        for name, tensor in trained.state_dict().items():
            start = self.state[plain(name)]
            fate = self.fates.get(plain(name), Fate(name, standing[name].block, "initialised"))
            waits = plain(name) in waiting or (
                name not in parameters and _beside(plain(name), waiting) and digest(start) == digest(tensor)
            )
            tensors.append(
                TensorReceipt(
                    name=plain(name),
                    block=standing[name].block,
                    fate=fate.start,
                    frozen=(fate.frozen or waits) and name not in self.merged,
                    lr=fate.lr,
                    values=tensor.numel(),
                    is_buffer=name not in parameters,
                    drift=drift(start, tensor),
                    sha256=digest(tensor),
                    started=digest(start),
                    source=self.source.get(plain(name)),
                    trained=self.merged.get(name),
                )
            )
        return Receipt(method, source, tuple(tensors), steps)

    def _waiting(self, parameters: Iterable[str], steps: int | None) -> frozenset[str]:
        """The parameters that only stages train which had not begun after so many steps."""
        if not steps or len(self.stages) < 2:
            return frozenset()
        starts = [0, *(end for end, _ in self.stages)]
        begun = [names for start, (_, names) in zip(starts, self.stages, strict=False) if start < steps]
        later = frozenset[str]().union(*(names for _, names in self.stages)) - frozenset[str]().union(*begun)
        return later.intersection(parameters)


def _require_types(tensor: TensorReceipt) -> None:
    """Refuse an entry whose fields are of other types than theirs.

    Raises:
        TypeError: there is one; names it.
    """
    kinds: dict[str, tuple[type, ...]] = {
        "str": (str,),
        "bool": (bool,),
        "int": (int,),
        "float": (int, float),
        "str | None": (str, type(None)),
        "int | None": (int, type(None)),
    }
    for field in fields(tensor):
        value = getattr(tensor, field.name)
        if not isinstance(value, kinds[str(field.type)]):
            raise TypeError(f"{field.name} of {tensor.name} is {value!r}")


def _beside(buffer: str, parameters: frozenset[str]) -> bool:
    """Whether a buffer is of a module of which there are such parameters."""
    module = buffer.rpartition(".")[0]
    return any(name.rpartition(".")[0] == module for name in parameters)


def digest(tensor: Tensor) -> str:
    """SHA-256 of a tensor's type, shape and values."""
    values = tensor.detach().cpu().contiguous()
    head = f"{values.dtype}{tuple(values.shape)}".encode()
    return hashlib.sha256(head + values.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()


def drift(start: Tensor, end: Tensor) -> float:
    """How far a tensor went: ‖end − start‖ / ‖start‖; ‖end‖ where it started at 0.

    >>> drift(torch.tensor([3.0, 4.0]), torch.tensor([3.0, 4.5]))
    0.1
    """
    first, last = start.detach().cpu().double(), end.detach().cpu().double()
    norm = float(first.norm())
    return float((last - first).norm()) / (norm if norm > 0 else 1.0)


def require_sound(receipt: Receipt, where: Path) -> None:
    """Refuse a receipt that contradicts itself.

    Raises:
        ValueError: a frozen tensor moved, or a copy is none; the method has a fault.
    """
    faults: Sequence[str] = receipt.faults()
    if faults:
        raise ValueError(
            "\n".join(
                [
                    f"{where}: training did not do what its plan says, so the model is not saved; the method "
                    f"{receipt.method} has a fault:",
                    *faults,
                ]
            )
        )


def blocks_of(tensors: Sequence[TensorReceipt]) -> dict[str, list[TensorReceipt]]:
    """The tensors by block, in the order of the model."""
    found: dict[str, list[TensorReceipt]] = {}
    for tensor in tensors:
        found.setdefault(tensor.block, []).append(tensor)
    return found


def totals(tensors: Sequence[TensorReceipt]) -> tuple[int, int]:
    """Numbers in parameters, those of merged changes among them, and how many of these are trained."""
    parameters = [tensor for tensor in tensors if not tensor.is_buffer]
    return (
        sum(tensor.values + (tensor.trained or 0) for tensor in parameters),
        sum(tensor.trained_values for tensor in parameters),
    )
