"""The benchmark as a whole: every row runs, resumes and lands in the table, and real digits fall in order."""

import json
import logging
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from made_up_digits import write_digits

from recipes.mnist_m import cells as cells_module
from recipes.mnist_m.benchmark import cells_of, main, parser
from recipes.mnist_m.cells import Cell, run_cell
from recipes.mnist_m.data import Digits
from recipes.mnist_m.material import Material
from recipes.mnist_m.rows import ROWS, row_of, train_settings
from recipes.mnist_m.tables import Line, line_of, table
from speechtl.development import DevScore
from speechtl.models.acoustic import AcousticModel

torch.set_num_threads(1)

PAPER = ["source", "control", "dann", "mmd", "coral", "target"]
WIDE = ["source", "adabn", "dann-own-norms", "control-own-norms"]
"""The rows that need batch norms, and the one that they are adapted from; all others run without, too."""


@pytest.fixture(autouse=True)
def _plain_logs() -> Iterator[None]:
    """Whatever `main` sets up for log lines is gone afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def material(folder: Path) -> Material:
    return Material.load(folder)


def run(folder: Path, out: Path, *arguments: str) -> int:
    return main(["--data", str(folder), "--out", str(out), "--seeds", "0", *arguments])


def results(out: Path, network: str) -> dict[str, dict]:
    return {
        path.parent.parent.name: json.loads(path.read_text())
        for path in out.glob(f"{network}/*/*/result.json")
    }


def test_every_row_of_the_papers_network_ends_in_the_table(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, tmp_path, "--rows", *PAPER, "--epochs", "1") == 0
    found = results(tmp_path, "paper")
    assert set(found) == set(PAPER)
    assert {row: one["steps"] for row, one in found.items()} == dict.fromkeys(PAPER, 2)
    assert found["dann"]["images"] == 2 * found["source"]["images"] == 2 * 2 * 64
    table = json.loads((tmp_path / "paper" / "table.json").read_text())
    assert [line["row"] for line in table["rows"]] == PAPER
    assert [(cell["row"], len(cell["curve"])) for cell in table["cells"]] == [(row, 1) for row in PAPER]
    dann = table["rows"][2]
    assert dann["target"] == [found["dann"]["accuracy"]["mnist-m"]]
    assert (dann["published"], dann["replicated"]) == (0.7666, 0.806)
    printed = capsys.readouterr().out
    for text in (printed, (tmp_path / "paper" / "table.md").read_text()):
        assert "labelled MNIST alone" in text
        assert "0.960" in text
    for picture in ("digits.png", "paper/features-seed-0.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_every_row_that_needs_batch_norms_runs_and_adabn_starts_from_its_source(
    folder: Path, tmp_path: Path
) -> None:
    assert run(folder, tmp_path, "--network", "wide", "--rows", *WIDE, "--epochs", "1") == 0
    found = results(tmp_path, "wide")
    assert set(found) == set(WIDE)
    assert found["adabn"]["steps"] == 0
    assert [entry["step"] for entry in found["dann-own-norms"]["curve"]] == [2]
    models = {
        row: cells_module.trained_model(Cell("wide", row, 0, 1, None, tmp_path)).state_dict()
        for row in ("source", "adabn")
    }
    moved = {
        name for name in models["source"] if not torch.equal(models["source"][name], models["adabn"][name])
    }
    assert moved
    assert all(".running_" in name for name in moved), "AdaBN changes statistics alone"


def test_finished_cells_are_kept_and_others_join_their_table(folder: Path, tmp_path: Path) -> None:
    assert run(folder, tmp_path, "--rows", "source", "--epochs", "1") == 0
    result = tmp_path / "paper" / "source" / "seed-0" / "result.json"
    before = result.stat().st_mtime_ns
    assert run(folder, tmp_path, "--rows", "target", "--epochs", "1") == 0
    assert run(folder, tmp_path, "--rows", "source", "--epochs", "1") == 0
    assert result.stat().st_mtime_ns == before
    table = json.loads((tmp_path / "paper" / "table.json").read_text())
    assert [line["row"] for line in table["rows"]] == ["source", "target"]


def test_other_settings_do_not_mix_with_a_finished_cell(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert run(folder, tmp_path, "--rows", "source", "--epochs", "1") == 0
    assert run(folder, tmp_path, "--rows", "source", "--epochs", "2") == 2
    assert "holds a training with other settings (train): choose another --out" in caplog.text
    caplog.clear()
    assert run(folder, tmp_path, "--rows", "source", "--epochs", "2", "--seeds", "1") == 2
    assert "seed-0 holds a training with other settings (train)" in caplog.text, "one row, one setting"


def test_a_cell_that_was_stopped_is_resumed_and_ends_with_the_same_bits(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--rows", "dann", "--epochs", "3")
    assert run(folder, tmp_path / "whole", *arguments) == 0

    def stop_after_the_first_epoch(model: AcousticModel, material: Material) -> DevScore:
        monkeypatch.undo()
        signal.raise_signal(signal.SIGINT)
        return cells_module.errors_on_tests(model, material)

    monkeypatch.setattr(cells_module, "errors_on_tests", stop_after_the_first_epoch)
    assert run(folder, tmp_path / "stopped", *arguments) == 130
    assert not results(tmp_path / "stopped", "paper")
    assert run(folder, tmp_path / "stopped", *arguments) == 0
    whole, stopped = (
        (tmp_path / name / "paper/dann/seed-0/model.safetensors").read_bytes()
        for name in ("whole", "stopped")
    )
    assert whole == stopped
    curves = [results(tmp_path / name, "paper")["dann"]["curve"] for name in ("whole", "stopped")]
    assert curves[0] == curves[1]
    assert [entry["step"] for entry in curves[0]] == [2, 4, 6]


def test_labels_of_the_photo_digits_move_nothing_but_the_row_that_trains_on_them(
    material: Material, tmp_path: Path
) -> None:
    digits, blended = material.train
    relabelled = Digits(blended.domain, blended.pixels, (9 - blended.labels).astype(blended.labels.dtype))
    other = Material((digits, relabelled), material.test)
    for row, is_moved in (("dann", False), ("mmd", False), ("target", True)):
        models = []
        for name, images in (("true", material), ("false", other)):
            cell = Cell("paper", row, 0, 1, None, tmp_path / name)
            run_cell(cell, images)
            models.append((cell.folder / "model.safetensors").read_bytes())
        assert (models[0] != models[1]) == is_moved, row


def test_without_a_term_the_rows_are_the_control_bit_for_bit(material: Material, tmp_path: Path) -> None:
    def trained(row: str, weight: float | None) -> bytes:
        cell = Cell("paper", row, 0, 1, weight, tmp_path / f"{row}-{weight}")
        run_cell(cell, material)
        return (cell.folder / "model.safetensors").read_bytes()

    control = trained("control", None)
    assert all(trained(row, 0.0) == control for row in ("dann", "mmd", "coral"))
    assert trained("mmd", None) != control


def test_it_learns_made_up_digits(material: Material, tmp_path: Path) -> None:
    result = run_cell(Cell("wide", "source", 0, 12, None, tmp_path), material)
    assert result["accuracy"]["mnist"] > 0.5, "chance is 0.1"
    assert result["label_free"]["step"] in {entry["step"] for entry in result["curve"]}
    assert result["curve"][-1]["mnist"] == pytest.approx(result["accuracy"]["mnist"])
    assert result["probe"]["domains"] > 0.9, "plain features tell grey from coloured images"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "adabn"], "the row adabn needs batch norms, and the paper network has none"),
        (["--rows", "dann-own-norms"], "leave it out, or take --network wide"),
        (["--rows", "source", "--weight", "2"], "the row source has no term to weigh"),
        (["--rows", "control", "dann", "--weight", "2"], "the row control has no term to weigh"),
        (["--rows", "source", "--epochs", "0"], "--epochs 0: expected 1 or more"),
        (
            ["--network", "wide", "--rows", "source", "--images", "65"],
            "--images 65: the last of the batches of 64 would hold one image",
        ),
        (["--rows", "source", "--data", "nowhere"], "nowhere lacks mnist.npz, photos/train, photos/test"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, arguments: list[str], message: str
) -> None:
    assert run(folder, tmp_path, *arguments) == 2
    assert message in caplog.text
    assert not list(tmp_path.iterdir())


def test_the_cheapest_cells_come_first_and_adabn_behind_its_source(tmp_path: Path) -> None:
    options = parser().parse_args(
        [
            "--network",
            "wide",
            "--rows",
            "dann",
            "adabn",
            "target",
            "--seeds",
            "3",
            "1",
            "--out",
            str(tmp_path),
        ]
    )
    ordered = [(cell.row, cell.seed) for cell in cells_of(options, 60_000)]
    assert ordered[:6] == [
        ("source", 3),
        ("source", 1),
        ("adabn", 3),
        ("adabn", 1),
        ("target", 3),
        ("target", 1),
    ]
    assert ordered[6:] == [("dann", 3), ("dann", 1)]


def test_the_training_is_that_of_the_paper() -> None:
    source, dann = (train_settings(row_of(name, "paper"), "paper", 60_000, 20) for name in ("source", "dann"))
    assert source.steps == dann.steps == 20 * 938
    assert (source.batch_seconds, dann.batch_seconds) == (64, 128)
    assert (dann.lr, dann.optimiser, dann.schedule, dann.average, dann.weight_decay) == (
        0.01,
        "sgd",
        "inverse",
        0,
        0,
    )
    assert not any(row.method.chooses_on_dev for row in ROWS.values()), "no row chooses by labels of tests"


def test_a_row_of_the_table_is_over_its_seeds() -> None:
    found = [
        {
            "seed": seed,
            "epochs": 20,
            "accuracy": {"mnist-m": target, "mnist": 0.99},
            "label_free": {"accuracy": {"mnist-m": target - 0.1}},
            "probe": {"domains": 0.7},
        }
        for seed, target in ((0, 0.75), (1, 0.85))
    ]
    line = line_of("dann", "paper", found)
    assert line == Line(
        "dann", "DANN", (0, 1), 20, (0.75, 0.85), (0.99, 0.99), (0.65, 0.75), (0.7, 0.7), 0.7666, 0.806
    )
    assert table([line], "paper").rows == [
        ("DANN", "0 1", "20", "", "0.800", "0.990", "0.700", "0.700", "0.767", "0.806")
    ]
    stronger = line_of("dann", "paper", [one | {"weight": 2.0, "labelled": 640} for one in found])
    assert (stronger.account, stronger.labelled) == ("DANN, weight 2", 640)
    both = table([line, stronger], "paper")
    assert both.rows[1][3] == "640"
    assert "rows of other epochs or images are not to be compared" in both.notes
    assert len(table([line], "paper").notes) == 1
    more = replace(line, target=(0.75, 0.85, 0.80))
    assert table([more], "paper").rows[0][4] == "0.800 (0.676 – 0.924)", "Student's t over three seeds"
    found[1]["diverged"] = "the decisions on the unlabelled speech have lost information"
    told = f"DANN: seed 1, which is counted: DIVERGED: {found[1]['diverged']}"
    assert told in table([line_of("dann", "paper", found)], "paper").notes
    found[1]["label_free"] = None
    assert line_of("dann", "paper", found).label_free == ()


@pytest.mark.slow
def test_two_epochs_of_real_digits_fall_in_order(tmp_path: Path) -> None:
    """Two minutes on a core with AVX-512, five without: `pytest -m slow tests/test_mnist_m.py`."""
    root = os.environ.get("SPEECHTL_CORPORA")
    if not root or not (Path(root) / "mnist-m").is_dir():
        pytest.skip("no real digits: set SPEECHTL_CORPORA to the absolute path of the folder with mnist-m")
    assert (
        main(["--rows", "source", "dann", "target", "--seeds", "0", "--epochs", "2", "--out", str(tmp_path)])
        == 0
    )
    found = {row: one["accuracy"]["mnist-m"] for row, one in results(tmp_path, "paper").items()}
    assert found["source"] + 0.05 < found["dann"] < found["target"] - 0.05
