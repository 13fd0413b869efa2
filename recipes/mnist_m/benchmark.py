"""The published benchmark: `python -m recipes.mnist_m.benchmark --rows source dann --out DIR`.

Trains a network on labelled digits of MNIST, with or without the digits of MNIST-M beside them, and asks it
about the test digits of both. Every cell, a row with a seed, has a folder of its own: what is finished is
kept, what was stopped is resumed by the same command, and two commands may work on different rows or seeds
of one folder at once. The cheapest cells come first. Ends with a table of all finished cells (printed, and
as JSON and Markdown in the folder), a picture of blended digits and one of the features.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from recipes.mnist_m.cells import Cell, run_cell
from recipes.mnist_m.data import TARGET, data_folder
from recipes.mnist_m.material import Material
from recipes.mnist_m.network import NETWORKS, Name
from recipes.mnist_m.pictures import draw_digits, draw_features
from recipes.mnist_m.rows import HALF, ROWS
from recipes.mnist_m.tables import document, finished_lines, finished_results, table
from speechtl.faults import counted, lasting
from speechtl.tables import Table
from speechtl.terminal import LogLines, show
from speechtl.train import Interrupted
from speechtl.whole_files import write_json

logger = logging.getLogger(__name__)


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    found.add_argument(
        "--network", choices=get_args(Name), default="paper", help="paper, or wide with batch norm"
    )
    found.add_argument(
        "--rows",
        nargs="+",
        choices=list(ROWS),
        default=["source", "control", "dann", "target"],
        help="\n".join(f"{name}: {row.account}" for name, row in ROWS.items()),
    )
    found.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="one training each")
    found.add_argument("--epochs", type=int, default=20, help="passes over the labelled images")
    found.add_argument("--images", type=int, help="only the first so many training images of each domain")
    found.add_argument(
        "--weight", type=float, help="of the term of dann, mmd or coral, instead of the usual one"
    )
    found.add_argument(
        "--data", type=Path, help="folder of mnist.npz and photos; default $SPEECHTL_CORPORA/mnist-m"
    )
    found.add_argument(
        "--out", type=Path, required=True, help="folder of the cells, the table and the pictures"
    )
    return found


def cells_of(options: argparse.Namespace, labelled: int) -> list[Cell]:
    """The cells that are asked for, the cheapest first; a cell that adapts another's model comes after it.

    Raises:
        ValueError: a row makes no sense for the network, or a number does not.
    """
    for name in ("epochs", "images"):
        if (value := getattr(options, name)) is not None and value < 1:
            raise ValueError(f"--{name} {value}: expected 1 or more")
    if NETWORKS[options.network].has_batch_norm and labelled % HALF == 1:
        raise ValueError(
            f"--images {labelled}: the last of the batches of {HALF} would hold one image, of which batch "
            "norms can take no statistics; take one more or one fewer"
        )
    rows = list(dict.fromkeys(options.rows))
    needed = [row for row in (ROWS[name].starts_from for name in rows) if row is not None]
    cells = [
        Cell(options.network, row, seed, options.epochs, options.weight, options.out)
        for row in dict.fromkeys([*needed, *rows])
        for seed in dict.fromkeys(options.seeds)
    ]
    order = list(ROWS)
    return sorted(cells, key=lambda one: (_images(one, labelled), order.index(one.row)))


def _images(cell: Cell, labelled: int) -> int:
    """Images that must be trained on until a cell can be finished."""
    start = cell.what.starts_from
    trained = cell if start is None else Cell(cell.network, start, cell.seed, cell.epochs, None, cell.out)
    return trained.images(labelled)


def run_all(cells: Sequence[Cell], material: Material) -> None:
    """Train all cells that are not finished, one after another, and log how long the others will take."""
    labelled = len(material.train[0])
    waiting = [cell for cell in cells if not cell.is_finished]
    seconds, images = 0.0, 0
    for number, cell in enumerate(cells, start=1):
        was_finished = cell.is_finished
        result = run_cell(cell, material)
        if was_finished:
            continue
        waiting.remove(cell)
        seconds += result["seconds"]  # with those before an interruption
        images += result["images"]
        _report(number, len(cells), cell, result)
        left = sum(other.images(labelled) for other in waiting)
        if left and images:
            minutes = left * seconds / images / 60
            logger.info("%s left, about %s", counted(len(waiting), "cell"), lasting(minutes))


def _report(number: int, count: int, cell: Cell, result: dict[str, Any]) -> None:
    took = result["seconds"]  # rounded, so that of very few images it is none
    speed = f", {result['images'] / took:.0f} images/s" if result["images"] and took else ""
    logger.info(
        "cell %d of %d: %s, seed %d: %.4f on %s%s",
        number,
        count,
        cell.row,
        cell.seed,
        result["accuracy"][TARGET],
        TARGET,
        speed,
    )


def write_results(cells: Sequence[Cell], material: Material, out: Path, network: str) -> Table:
    """Write the table of all finished cells and the pictures; the table."""
    results = finished_results(out, network)
    lines = finished_lines(results, network)
    folder = out / network
    write_json(folder / "table.json", document(results, lines, network))
    found = table(lines, network)
    (folder / "table.md").write_text(f"{found.markdown()}\n", encoding="utf-8")
    draw_digits(material, out / "digits.png")
    by_row = {(cell.row, cell.seed): cell for cell in cells if cell.is_finished}
    for row, seed in by_row:
        if row == "dann" and ("source", seed) in by_row:
            draw_features(
                by_row["source", seed], by_row[row, seed], material, folder / f"features-seed-{seed}.png"
            )
            break
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0, 2 for a mistake of the user, 130 for an interruption."""
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[LogLines()])
    try:
        material = Material.load(data_folder(options.data), options.images)
        cells = cells_of(options, len(material.train[0]))
        run_all(cells, material)
        show(write_results(cells, material, options.out, options.network).rich())
    except (ValueError, FileNotFoundError) as error:
        logger.error("%s", error)
        return 2
    except Interrupted as message:
        logger.warning("%s", message)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
