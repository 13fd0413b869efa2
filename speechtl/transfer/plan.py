"""TransferPlan: what becomes of every tensor of a model, decided by rules before training."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import torch

from speechtl.faults import listed
from speechtl.models.fates import Fate, Place, Start, places, plain
from speechtl.transfer.rules import SOURCE, Rule

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

_STARTS: Mapping[str, Start] = {
    "source": "copied",
    "random": "initialised",
    "map": "mapped",
    "estimated": "estimated",
    "loaded": "loaded",
}


@dataclass(frozen=True)
class TransferPlan:
    """Rules, of which later ones win over earlier ones."""

    rules: tuple[Rule, ...]

    def fates(self, model: AcousticModel, known: Collection[str]) -> dict[str, Fate]:
        """What becomes of every tensor of a model's state, by its name; the model is not changed.

        Args:
            model: with all that will be trained.
            known: names of the tensors that the source has.

        Raises:
            ValueError: rules match nothing, or contradict each other; all of them are named.
        """
        standing = places(model)
        fates = {
            name: Fate(name, place.block, _begun(name, place, known)) for name, place in standing.items()
        }
        parameters = {name for name, _ in model.named_parameters()}
        controls: set[str] = set()
        idle: set[str] = set()
        faults = []
        for rule in self.rules:
            names = matched(rule.match, standing, known)
            if not names:
                faults.append(_unmatched(rule.match, standing))
            elif rule.start == "random" and not rule.frozen and idle.issuperset(names):
                blocks = listed(sorted({standing[name].block for name in names}))
                faults.append(
                    f"rule {rule.match!r}: nothing that is trained on goes through {blocks}, so random "
                    "weights would never learn; name other blocks"
                )
            elif _is_of_buffers(rule, names, standing, parameters):
                faults.append(
                    f"rule {rule.match!r} matches nothing that is trained, only statistics, which follow the "
                    "norm that they are of: freeze or train its weights, such as 'encoder.*.norm.*=freeze'"
                )
            if rule.start == "random" and not rule.frozen:
                names = [name for name in names if name not in idle]
            for name in names:
                fates[name], fault = _ruled(fates[name], rule, known)
                if rule.is_control:
                    controls.add(name)
                    if rule.start is None:
                        idle.add(name)
                elif rule.start == "random" and rule.frozen:
                    controls.discard(name)  # a mistake there too, though nothing goes through it
                faults += [fault] if fault else []
        faults += _contradictions([fate for name, fate in fates.items() if name not in controls])
        if faults:
            raise ValueError("\n".join(dict.fromkeys(faults)))
        return fates


def matched(match: str, standing: Mapping[str, Place], known: Collection[str]) -> list[str]:
    """Names in a model's state that a glob matches: by block, by name inside blocks, or as they are.

    What a method once inserted into the source goes with the block that it changes.
    """
    if match == SOURCE:
        return [name for name in standing if plain(name) in known]
    found = []
    for name, place in standing.items():
        called = [place.block, plain(place.name), plain(name)]
        if place.host is not None and plain(name) in known:
            called.append(place.host)
        if any(fnmatchcase(one, match) for one in called):
            found.append(name)
    return found


def planned(model: AcousticModel, fates: Mapping[str, Fate]) -> AcousticModel:
    """Freeze and train what the fates say, and note them in the model; the weights are left alone."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not fates[name].frozen)
    model.fates = _with_buffers(model, fates)
    model.train(model.training)  # what is frozen now leaves training mode
    return model


@torch.no_grad()
def initialise(model: AcousticModel, names: Iterable[str], seed: int) -> None:
    """Give tensors of the model's state the values of an untrained model that is drawn with a seed.

    Inserted modules begin as the identity.
    """
    from speechtl.models.acoustic import AcousticModel

    wanted = set(names)
    if not wanted:
        return
    fresh = AcousticModel(model.settings, model.features, {}, inputs=model.inputs.added, seed=seed)
    for language, tokenizer in model.tokenizers.items():
        fresh.add_head(tokenizer, seed=seed, own_blank=not model.head(language).shares_blank)
    for insertion in model.inserted.insertions:
        fresh.insert(insertion)
    drawn = fresh.state_dict()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if name in wanted:
            tensor.copy_(drawn[plain(name)])


def _with_buffers(model: AcousticModel, fates: Mapping[str, Fate]) -> dict[str, Fate]:
    """The same fates, where a buffer is frozen if its module, or its whole block, is left in eval mode."""
    was = model.training
    model.train()
    modules = dict(model.named_modules())
    parameters = {name for name, _ in model.named_parameters()}
    found = {}
    for name, fate in fates.items():
        if name not in parameters:
            fate = replace(fate, frozen=not modules[name.rpartition(".")[0]].training)
        found[name] = fate
    model.train(was)
    return found


def _begun(name: str, place: Place, known: Collection[str]) -> Start:
    if plain(name) in known:
        return "copied"
    if place.block.startswith("helper."):
        return "helper"
    is_native = place.block.partition(".")[0] in ("input", "encoder", "norm", "head", "blank")
    return "initialised" if is_native and "parametrizations." not in name else "inserted"


def _ruled(fate: Fate, rule: Rule, known: Collection[str]) -> tuple[Fate, str | None]:
    """A fate after a rule, and what is wrong with the rule."""
    if rule.start is not None:
        is_head = fate.block.startswith("head.")
        if rule.start == "source" and plain(fate.name) not in known:
            return fate, f"rule {rule.match!r}: {fate.name} cannot be copied, since the source has none"
        if rule.start == "source" and fate.start in ("loaded", "estimated"):
            whence = "another model" if fate.start == "loaded" else "the target's speech"
            return fate, f"rule {rule.match!r}: {fate.name} cannot be copied, since it is taken from {whence}"
        if rule.start == "map" and not is_head:
            return fate, f"rule {rule.match!r}: {fate.name} has no rows of units that could be mapped"
        if rule.start == "map" and plain(fate.name) in known:
            return fate, f"rule {rule.match!r}: {fate.block} needs no mapped rows, since the source has it"
        if fate.start not in ("inserted", "helper") or rule.start == "estimated":
            fate = replace(fate, start=_STARTS[rule.start])
        elif rule.start == "random" and rule.frozen and not rule.is_control:
            return fate, (
                f"rule {rule.match!r}: {fate.block} is inserted as what changes nothing, and frozen it would "
                "stay that; train it, or leave out the method that inserts it"
            )
    if rule.frozen is not None:
        fate = replace(fate, frozen=rule.frozen)
    if rule.lr is not None:
        fate = replace(fate, lr=rule.lr)
    return fate, None


def _is_of_buffers(
    rule: Rule, names: Iterable[str], standing: Mapping[str, Place], parameters: Collection[str]
) -> bool:
    """Whether a rule says of buffers alone, by their names, how they are trained."""
    if rule.start is not None or (rule.frozen is None and rule.lr is None):
        return False
    return not any(name in parameters or fnmatchcase(standing[name].block, rule.match) for name in names)


def _contradictions(fates: Iterable[Fate]) -> list[str]:
    random = sorted({fate.block for fate in fates if fate.frozen and fate.start == "initialised"})
    slow = sorted({fate.block for fate in fates if fate.frozen and fate.lr != 1.0})
    faults = []
    if random:
        faults.append(
            f"{', '.join(random)}: random and frozen, so never learned; train it, copy it, or say "
            "random-frozen where that is meant as a control"
        )
    if slow:
        faults.append(f"{', '.join(slow)}: frozen, and a learning rate is asked for; leave one of them out")
    return faults


def _unmatched(match: str, standing: Mapping[str, Place]) -> str:
    blocks = list(dict.fromkeys(place.block for place in standing.values()))
    names = [*blocks, *(plain(place.name) for place in standing.values())]
    near = difflib.get_close_matches(match, names, n=3, cutoff=0.4)
    meant = f"the nearest are {', '.join(near)}; the" if near else "the"
    return f"rule {match!r} matches no block and no tensor; {meant} blocks are {', '.join(blocks)}"
