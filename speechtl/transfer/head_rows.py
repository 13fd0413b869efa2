"""A new language's head rows, started from the rows of corresponding units of the source's heads."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from speechtl.models.fates import Fate

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel
    from speechtl.text import Tokenizer


@dataclass(frozen=True)
class Coverage:
    """Where each row of a new head came from."""

    language: str
    rows: dict[str, tuple[tuple[str, str], ...]]
    """Target unit to the source (language, unit) pairs whose mean it starts from; empty if it is new."""

    @property
    def mapped(self) -> int:
        """How many units start from the source."""
        return sum(bool(sources) for sources in self.rows.values())

    def to_dict(self) -> dict[str, Any]:
        """For `coverage.json`."""
        return {**asdict(self), "mapped": self.mapped, "units": len(self.rows)}


def corresponding_rows(
    model: AcousticModel,
    tokenizer: Tokenizer,
    table: Mapping[str, tuple[tuple[str, str], ...]] | None,
) -> Coverage:
    """Find the source rows that each unit of a new language starts from; the model is not changed.

    A unit listed in `table` starts from the mean of the listed source rows that the model has. Without
    a table a unit starts from the same symbol, whatever its Unicode form, in every head that has it.
    """
    known = {(tag, _canonical(unit)) for tag, source in model.tokenizers.items() for unit in source.units}
    listed = None if table is None else {_canonical(unit): pairs for unit, pairs in table.items()}
    rows: dict[str, tuple[tuple[str, str], ...]] = {}
    for unit in tokenizer.units:
        same = tuple((tag, unit) for tag in model.languages)
        wanted = same if listed is None else listed.get(_canonical(unit), ())
        rows[unit] = tuple(pair for pair in wanted if (pair[0], _canonical(pair[1])) in known)
    return Coverage(tokenizer.language, rows)


def copy_rows(model: AcousticModel, coverage: Coverage, new: Collection[str] = ()) -> None:
    """Fill the rows of a new head from the source rows of its coverage; the rest stays random.

    The blank starts from the source's blank (the mean, where each head has its own).

    Args:
        model: with the new head.
        coverage: where its rows come from.
        new: other languages that the source lacks, whose blanks are random.
    """
    head, units = model.head(coverage.language), model.tokenizers[coverage.language].units
    index = {
        (tag, _canonical(unit)): row
        for tag, tokenizer in model.tokenizers.items()
        for row, unit in enumerate(tokenizer.units)
    }
    with torch.no_grad():
        for row, unit in enumerate(units):
            picked = [
                (model.head(tag).units, index[tag, _canonical(name)]) for tag, name in coverage.rows[unit]
            ]
            if picked:
                head.units.weight[row] = torch.stack([layer.weight[i] for layer, i in picked]).mean(0)
                head.units.bias[row] = torch.stack([layer.bias[i] for layer, i in picked]).mean(0)
        _copy_blank(model, coverage.language, {coverage.language, *new})


def told_fates(fates: Mapping[str, Fate], coverage: Mapping[str, Coverage]) -> dict[str, Fate]:
    """The fates, of which those of a head's units are no mapped ones where none of its rows is.

    Its blank may be the source's all the same.
    """
    bare = tuple(f"heads.{language}.units." for language, rows in coverage.items() if not rows.mapped)
    return {
        name: replace(fate, start="initialised") if fate.start == "mapped" and name.startswith(bare) else fate
        for name, fate in fates.items()
    }


def _copy_blank(model: AcousticModel, language: str, new: Collection[str]) -> None:
    sources = [tag for tag in model.languages if tag not in new]
    blank = model.head(language).blank
    known = [layer for layer in (model.head(tag).blank for tag in sources) if layer is not None]
    known += [model.shared_blank] if model.shared_blank is not None else []
    if blank is not None and known:
        blank.weight.copy_(torch.stack([layer.weight for layer in known]).mean(0))
        blank.bias.copy_(torch.stack([layer.bias for layer in known]).mean(0))


def _canonical(unit: str) -> str:
    return unicodedata.normalize("NFC", unit)
