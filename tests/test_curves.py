"""The picture of a run's curves is drawn from its log, whatever the log has."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechtl.curves import draw_curves, smoothed


def log(path: Path, steps: int, languages: tuple[str, ...] = ("en", "de")) -> Path:
    """A training that goes well, but for one step."""
    lines = []
    for step in range(1, steps + 1):
        loss = None if step == 3 else 20 / step
        lines.append(
            {
                "step": step,
                "ctc": loss,
                "gradient_norm": 1.0,
                "lr": 0.1,
                "audio_seconds": step,
                "seconds": step,
            }
        )
        if step % 5 == 0:
            errors = {tag: 1 / (step + i) for i, tag in enumerate(languages)}
            lines.append(
                {"step": step, "seconds": step, "dev": {"error": 0.2, "errors": errors}, "shares": {}}
            )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("steps", [0, 1, 4, 60])
def test_a_picture_is_drawn_of_every_log(tmp_path: Path, steps: int) -> None:
    from matplotlib.image import imread

    picture = tmp_path / "curves.png"
    best = {"step": 5, "error": 0.2, "errors": {}} if steps > 4 else {}
    draw_curves(log(tmp_path / "metrics.jsonl", steps), picture, "toy, seed 0", best)
    pixels = imread(picture)
    assert pixels.shape[:2] == (768, 960)
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > (20 if steps else 2)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".new"] == []


def test_a_short_run_s_ticks_are_whole_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    ticks: list[float] = []
    savefig = Figure.savefig

    def note(figure: Figure, *arguments: object, **options: object) -> None:
        ticks.extend(figure.axes[-1].get_xticks())
        savefig(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", note)
    draw_curves(log(tmp_path / "metrics.jsonl", 20), tmp_path / "curves.png", "toy, seed 0", {})
    assert len(ticks) > 2
    assert all(tick == round(tick) for tick in ticks)


def test_what_lies_above_a_panel_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    told: list[list[str]] = []
    savefig = Figure.savefig

    def note(figure: Figure, *arguments: object, **options: object) -> None:
        told.append([axes.get_title(loc="right") for axes in figure.axes])
        savefig(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", note)
    for steps in (60, 4):
        draw_curves(log(tmp_path / "metrics.jsonl", steps), tmp_path / "curves.png", "toy, seed 0", {})
    assert told[0] == ["▲ up to 20", "▲ up to 20"], "the first loss, and the first of twelve dev errors"
    assert told[1][1] == "", "no dev error at all"


def test_a_term_that_never_was_finite_is_no_hindrance(tmp_path: Path) -> None:
    path = log(tmp_path / "metrics.jsonl", 6)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text(
        "".join(json.dumps(line | ({} if "dev" in line else {"kl": None})) + "\n" for line in lines)
    )
    draw_curves(path, tmp_path / "curves.png", "toy, seed 0", {})
    assert (tmp_path / "curves.png").is_file()


def test_only_drawing_loads_matplotlib() -> None:
    script = "import sys, speechtl.run, speechtl.curves; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.floats(0, 0.99))
def test_smoothing_stays_within_what_was_seen(values: list[float], decay: float) -> None:
    found = smoothed(values, decay)
    assert found[0] == pytest.approx(values[0])
    assert all(min(values) - 1e-6 <= mean <= max(values) + 1e-6 for mean in found)


def test_what_was_not_finite_counts_for_nothing() -> None:
    assert smoothed([4.0, float("nan"), 1.0], 0.5).tolist() == [4.0, 4.0, 2.0]


def test_a_domain_head_has_a_panel_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its accuracy is no loss, and lines of an evaluation without dev are no steps."""
    from matplotlib.figure import Figure

    seen: list[list[str]] = []
    savefig = Figure.savefig

    def note(figure: Figure, *arguments: object, **options: object) -> None:
        labels = [[str(line.get_label()) for line in axes.lines] for axes in figure.axes]
        seen.extend([label for label in one if not label.startswith("_")] for one in labels)
        savefig(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", note)
    metrics = tmp_path / "metrics.jsonl"
    step = {"step": 1, "ctc": 2.0, "domain": 0.7, "domain_accuracy": 0.9, "domain_chance": 0.5, "lr": 0.1}
    evaluation = {"step": 2, "label_free": {"information": 0.5}, "shares": {}}
    lines = [step, {**step, "step": 2, "domain_accuracy": 0.6}, evaluation]
    metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    draw_curves(metrics, tmp_path / "curves.png", "toy, seed 0", {})
    assert seen == [["ctc", "domain"], ["domain accuracy", "domain chance"], []]
