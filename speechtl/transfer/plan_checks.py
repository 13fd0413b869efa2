"""What a transfer refuses once it is known what becomes of every tensor."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from speechtl.models.fates import Fate
from speechtl.transfer.head_rows import Coverage
from speechtl.transfer.rules import Rule, Weights

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel


def refuse_unmeasured(fates: Mapping[str, Fate], known: Collection[str]) -> None:
    """Refuse blocks of the source that begin at random after the model was measured with the source's."""
    random = {fate.block for name, fate in fates.items() if fate.start == "initialised" and name in known}
    if blocks := sorted(name for name in random if not name.startswith("head.")):
        raise ValueError(
            f"{', '.join(blocks)}: random by the plan, but statistics are taken of the source as it is, and "
            "would be another model's; leave the rule or the method that takes them out"
        )


def require_rows(chosen: Iterable[Rule | Weights], coverage: Mapping[str, Coverage]) -> None:
    """Refuse to map a head of which no unit corresponds to any of the source's."""
    for rule in chosen:
        if isinstance(rule, Rule) and rule.start == "map":
            empty = [
                tag
                for tag, rows in coverage.items()
                if not rows.mapped and fnmatchcase(f"head.{tag}", rule.match)
            ]
            for language in empty:
                raise ValueError(
                    f"rule {rule.match!r}: no unit of {language} corresponds to one of the source's heads. "
                    "Say which sound alike by unit_table, or leave the rule out"
                )


def refuse_frozen_taps(model: AcousticModel, fates: Mapping[str, Fate], taps: Sequence[str]) -> None:
    """Refuse losses on the outputs of blocks up to which nothing is trained: they would change nothing.

    Raises:
        ValueError: there is such a block; names it.
    """
    trained = {fates[name].block for name, value in model.named_parameters() if not fates[name].frozen}
    hosts = {one.name: one.block for one in model.inserted.insertions}
    trained = {hosts.get(block, block) for block in trained}
    order = list(model.blocks())
    for tap in taps:
        before = order[: order.index(tap) + 1] if tap in order else order
        if not trained.intersection(before):
            raise ValueError(
                f"nothing is trained up to the block {tap}, to whose output a loss on both domains belongs, "
                "so it would change nothing. Take a later block, or train more of the model"
            )
