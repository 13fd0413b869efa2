"""Tables of transfer plans, before training and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechtl.faults import counted
from speechtl.tables import Column, Table
from speechtl.transfer.receipt import Receipt, TensorReceipt, blocks_of, totals

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from speechtl.planning import Planned


STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Buffers that training updates; all others are constants, or what a method measured."""


def planned_table(planned: Planned, each_tensor: bool) -> RichTable:
    """What will become of every block, or of every tensor, and what each stage trains."""
    experiment, receipt = planned.experiment, planned.receipt
    title = f"plan of {experiment.name}, seed {experiment.seed}: {_from(receipt)}"
    table = _table(title, receipt, each_tensor, is_trained=False)
    if planned.is_shape_only:
        table.notes.append(
            f"the source {experiment.source} is not trained yet; `speechtl run` trains it first"
        )
    if len(planned.stages) > 1:
        blocks = {tensor.name: tensor.block for tensor in receipt.tensors}
        for number, stage in enumerate(planned.stages, 1):
            trained = dict.fromkeys(block for name, block in blocks.items() if name in stage.trained)
            table.notes.append(
                f"stage {number}, {100 * stage.share:.0f} % of the steps: "
                f"trains {', '.join(trained) or 'nothing'}"
                + (", its learning rate begins anew" if stage.restarts and number > 1 else "")
            )
    return table.rich()


def receipt_table(receipt: Receipt, run: Path, faults: Sequence[str], each_tensor: bool) -> RichTable:
    """What became of every block, or of every tensor, of a run, and whether it is proved."""
    table = _table(f"receipt of {run}: {_from(receipt)}", receipt, each_tensor, is_trained=True)
    frozen = [tensor for tensor in receipt.tensors if tensor.frozen]
    buffers = sum(tensor.is_buffer for tensor in frozen)
    if not faults:
        table.notes.append(
            f"{counted(len(frozen), 'tensor')} frozen, {counted(buffers, 'buffer')} among them: "
            "the digest of each is that before training"
        )
        table.notes.append("the digests of the model that was saved are those of the receipt")
    return table.rich()


def _from(receipt: Receipt) -> str:
    return f"{receipt.method} from {receipt.source}" if receipt.source else f"{receipt.method} from scratch"


def _table(title: str, receipt: Receipt, each_tensor: bool, is_trained: bool) -> Table:
    tensors, steps = receipt.tensors, receipt.steps
    groups = {one.name: [one] for one in tensors} if each_tensor else blocks_of(tensors)
    first = "tensor" if each_tensor else "block"
    columns = [
        Column(first, is_number=False),
        Column("numbers"),
        Column("starts", is_number=False),
        Column("trained"),
        Column("rate"),
    ]
    table = Table(title, [*columns, Column("drift")] if is_trained else columns)
    for name, members in groups.items():
        table.rows.append(_row(name, members, is_trained, is_stepping=steps != 0))
    whole, trained = totals(tensors)
    if steps == 0:
        table.notes.append("no step is taken: the model is evaluated as it starts")
    else:
        table.notes.append(
            f"{trained:,} of {whole:,} parameters are trained: {100 * trained / max(whole, 1):.1f} %"
        )
    if any(one.trained is not None for one in tensors) and is_trained:
        table.notes.append("what was trained is a change of these tensors, merged into them at the end")
    if is_trained and not each_tensor:
        table.notes.append("drift: the largest of a block's parameters, of buffers only where it has none")
    return table


def _row(name: str, members: Sequence[TensorReceipt], is_trained: bool, is_stepping: bool) -> list[str]:
    whole, trained = totals(members)
    if not is_stepping:
        share = ""
    elif whole:
        share = "frozen" if not trained else "all" if trained == whole else f"{100 * trained / whole:.1f} %"
    else:
        statistics = [one for one in members if one.name.endswith(STATISTICS)]
        share = (
            "updated" if any(not one.frozen for one in statistics) else "frozen" if statistics else "fixed"
        )
    rates = sorted({one.lr for one in members if is_stepping and one.trained_values and not one.is_buffer})
    row = [
        name,
        f"{sum(one.values for one in members):,}",
        _starts(members),
        share,
        " ".join(f"{rate:.3g}" for rate in rates),
    ]
    return [*row, _drift(members)] if is_trained else row


def _starts(members: Sequence[TensorReceipt]) -> str:
    counts = Counter(one.fate for one in members)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{number} {fate}" for fate, number in counts.most_common())


def _drift(members: Sequence[TensorReceipt]) -> str:
    """The largest drift of the parameters: running statistics go far, and nothing learns them.

    Of members without any it is that of the buffers; counters of batches say nothing.
    """
    told = [one for one in members if not one.is_buffer] or [
        one for one in members if not one.name.endswith("num_batches_tracked")
    ]
    largest = max((one.drift for one in told), default=0.0)
    return "0" if largest == 0 else f"{largest:.3g}"
