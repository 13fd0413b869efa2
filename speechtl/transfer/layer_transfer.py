"""LayerTransfer: some blocks are copied and kept, the others trained again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from speechtl.transfer.base import Transfer, TransferData
from speechtl.transfer.rules import Rule
from speechtl.transfer.stages import Stage

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel


@dataclass(frozen=True)
class LayerTransfer(Transfer):
    """Keep the source's weights in some blocks and train the others again, from either end of the model.

    For speech the last blocks are kept and those at the input trained again, since speakers differ in their
    vocal tract and not in their language; for images it is the other way round. What is trained again starts
    from the source's weights or from random ones: two methods. The head of a new language is always trained,
    and starts as `head_rows` says.

    Source: Yosinski, Clune, Bengio and Lipson 2014, How transferable are features in deep neural networks?,
    section 2.
    """

    retrain: str = "input:2"
    """`input:2`: the two blocks nearest the input, of which all inputs are the first; `upper:3`: the three
    blocks of the encoder nearest the heads, with the norm behind them and the target's heads; or names of
    blocks, `encoder.0,encoder.1`. Joined by commas."""
    start: Literal["source", "random"] = "source"
    """The weights with which the blocks that are trained again begin. Seconds of a new speaker are too few
    for random ones; for a new language they are the usual choice."""
    rest: Literal["frozen", "trained"] = "frozen"
    """Whether the copied blocks stay as they are or are trained along."""
    then_all: float = 0.0
    """Share of the steps of a second stage, at the end, that trains the copied blocks too; the learning rate
    goes on falling."""

    needs_source: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = self._parts
        if not all(parts):
            raise ValueError(f"retrain={self.retrain!r} names no blocks; expected such as input:2 or upper:3")
        for part in parts:
            end, colon, count = part.partition(":")
            if colon and (end not in ("input", "upper") or not count.isdecimal() or int(count) < 1):
                raise ValueError(
                    f"retrain={self.retrain!r}: {part!r} is neither input:NUMBER nor upper:NUMBER, with a "
                    "number of blocks from 1 on, nor the name of a block"
                )
        if not 0 <= self.then_all < 1:
            raise ValueError(f"then_all={self.then_all}: expected a share of the steps from 0 to below 1")
        if self.rest == "trained" and self.start == "source":
            raise ValueError(
                "rest=trained with start=source trains everything from the source's weights, which is "
                "fine-tuning: use Transfer, or choose start=random or rest=frozen"
            )
        if self.rest == "trained" and self.then_all:
            raise ValueError(
                f"rest=trained leaves nothing for then_all={self.then_all} to begin with; drop one"
            )
        if self.trains == "head":
            raise ValueError("trains=head trains no block, and retrain names some; drop one")

    def blocks(self, model: AcousticModel) -> list[str]:
        """The blocks that are trained again, heads only where they are named.

        Raises:
            ValueError: the model has fewer blocks.
        """
        levels = [list(model.inputs.blocks())]
        levels += [[name] for name in model.blocks() if name.startswith("encoder.")]
        levels[-1].append("norm")
        found: list[str] = []
        for part in self._parts:
            end, colon, number = part.partition(":")
            count = int(number or 0)
            if count > len(levels):
                raise ValueError(
                    f"retrain={part}: this model has {len(levels)} blocks, its input counted as one: "
                    f"{', '.join(name for level in levels for name in level)}"
                )
            chosen = levels[:count] if end == "input" else levels[len(levels) - count :]
            found += [name for level in chosen for name in level] if colon else [part]
        return list(dict.fromkeys(found))

    def rules(self, model: AcousticModel, data: TransferData) -> tuple[Rule, ...]:
        """The copied blocks frozen, unless a second stage trains them; the others trained."""
        again = self.blocks(model)
        named = tuple(Rule(block, frozen=False) for block in again)
        if self.start == "random":
            named += tuple(Rule(block, start="random") for block in again)
        if self.rest == "trained" or self.then_all:
            return named
        return (*self._kept(model), *named)

    def stages(self, model: AcousticModel) -> tuple[Stage, ...]:
        """The copied blocks frozen; then, if asked for, trained too."""
        if not self.then_all:
            return super().stages(model)
        new = {fate.block for fate in model.fates.values() if fate.start != "copied"}
        return (Stage(1 - self.then_all, self._kept(model, new)), Stage(self.then_all))

    @property
    def _parts(self) -> list[str]:
        return [part.strip() for part in self.retrain.split(",")]

    @property
    def _reaches_heads(self) -> bool:
        return any(part.startswith("upper:") for part in self._parts)

    def _kept(self, model: AcousticModel, new: Collection[str] = ()) -> tuple[Rule, ...]:
        """Rules that freeze what is not trained again: all but the blocks, and heads that are new.

        Where it reaches the heads, those are trained that speech goes through, whoever brings it.
        """
        blocks = [*model.blocks(), *(["blank"] if model.shared_blank is not None else [])]
        heads = [name for name in blocks if name.startswith("head.") or name == "blank"]
        again = {
            *self.blocks(model),
            *(heads if self._reaches_heads else (name for name in heads if name in new)),
        }
        return tuple(Rule(block, frozen=True) for block in blocks if block not in again)
