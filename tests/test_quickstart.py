"""The quickstart by a tiny model: what it leaves, that it is the same again, and that it goes on."""

import json
import os
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import pytest
import torch

from speechtl.cli import main
from speechtl.compare import compare
from speechtl.corpus import Corpus
from speechtl.experiment import Experiment, read_experiment
from speechtl.quickstart import SMOKE, Outcome, Quickstart, quickstart
from speechtl.quickstart.experiments import stages
from speechtl.quickstart.folder import claim
from speechtl.quickstart.table import learned
from speechtl.report import Report
from speechtl.run import run
from speechtl.train import Interrupted

TINY = replace(
    SMOKE,
    name="tiny",
    source_train=20,
    source_test=3,
    minutes=0.4,
    target_train=30,
    target_test=8,
    accent_train=8,
    accent_test=8,
    dev=3,
    dim=8,
    source_steps=4,
    target_steps=3,
    accent_steps=3,
)
CHOSEN = Quickstart(size=TINY)


@dataclass(frozen=True)
class Typed:
    """What the command left and printed."""

    place: Path
    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Typed:
    """The command, typed once; its smallest version is a smaller one here."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("quickstart") / "kept"
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr("speechtl.quickstart.SMOKE", TINY)
        status = main(["quickstart", "--smoke", "--keep", str(place)])
    return Typed(place, status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def done(typed: Typed) -> tuple[Path, Outcome]:
    """The same from Python, which only reads what is finished."""
    return typed.place, quickstart(typed.place, CHOSEN)


@pytest.fixture
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pictures of single runs, a quarter of the time of such short ones."""
    monkeypatch.setattr("speechtl.run.draw_curves", lambda *arguments: None)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the experiments that are run from here on."""
    names: list[str] = []

    def noted(experiment: Experiment, runs: Path) -> Report:
        names.append(experiment.name)
        return run(experiment, runs)

    monkeypatch.setattr("speechtl.quickstart.running.run", noted)
    return names


def test_the_command_prints_the_table_what_was_learned_and_what_is_next(
    typed: Typed, done: tuple[Path, Outcome]
) -> None:
    assert typed.status == 0
    assert typed.out.startswith("Synthetic speech")
    assert " ".join(done[1].learned.split()) in " ".join(typed.out.split())
    for stage in done[1].stages.all[1:]:
        assert stage.title.split()[0] in typed.out
    assert f"the report, with pictures, is {typed.place}/report/report.md" in typed.err
    assert all(command in typed.err for command in done[1].next)


def table_of(outcome: Outcome) -> str:
    return outcome.table.markdown()


def test_the_folder_holds_speech_runs_report_and_cache(done: tuple[Path, Outcome]) -> None:
    place, outcome = done
    assert {path.name for path in place.iterdir()} == {"cache", "quickstart.json", "report", "runs", "speech"}
    assert outcome.report == place / "report" / "report.md"
    target = Corpus.load(place / "speech" / "synthetic_nan_latn_tailo")
    assert len(target.filter(split="test")) == 8
    assert {path.name for path in (place / "runs").iterdir()} == {
        "synthetic-source",
        "synthetic-scratch",
        "synthetic-finetune",
        "synthetic-upper",
        "synthetic-kl",
        *(stage.experiment.name for stage in (outcome.stages.accent_control, *outcome.stages.accent_methods)),
    }


def test_the_table_says_what_compare_says(done: tuple[Path, Outcome]) -> None:
    place, outcome = done
    runs = [place / "runs" / f"synthetic-{name}" for name in ("scratch", "finetune", "upper", "kl")]
    (compared,) = compare(runs, sets=["synthetic_nan_latn_tailo"]).sets
    target, accent = outcome.findings
    assert [one.measured.error for one in target.rows] == [row.error for row in compared.rows]
    assert [one.p_value for one in target.rows] == [row.corrected for row in compared.rows]
    assert all(one.p_value is not None for one in target.rows[1:])
    (compared,) = compare(
        [stage.folder(place) for stage in (outcome.stages.accent_control, *outcome.stages.accent_methods)],
        sets=["synthetic_en_gb_scotland"],
    ).sets
    assert [one.measured.difference for one in accent.rows] == [row.difference for row in compared.rows]


def test_what_it_costs_the_source_is_against_the_source_itself(done: tuple[Path, Outcome]) -> None:
    place, outcome = done
    assert outcome.findings[0].rows[0].source_loss is None
    before = Report.load(place / "runs/synthetic-source/seed-0/report.json").sets
    for one in outcome.findings[0].rows[1:]:
        after = Report.load(one.stage.folder(place) / "report.json").source_sets
        assert set(before) == set(after)
        names = {name: "syllable" if "syllable" in entry.metrics else "cer" for name, entry in before.items()}
        lost = [after[n].metrics[m].value - before[n].metrics[m].value for n, m in names.items()]
        assert one.source_loss == pytest.approx(sum(lost) / len(lost))


def test_what_was_learned_names_the_method_that_forgets_least(done: tuple[Path, Outcome]) -> None:
    target, accent = done[1].findings
    for losses, sentence in (
        ((0.2, 0.1, 0.05), "KL-conservative is the kindest to what the source knew (+5.0 points there, +20"),
        ((0.01, 0.05, 0.03), "fine-tuning is the kindest to what the source knew (+1.0 points there), and"),
    ):
        known = (None, *losses)
        rows = [replace(one, source_loss=loss) for one, loss in zip(target.rows, known, strict=True)]
        assert sentence in learned(CHOSEN, (replace(target, rows=tuple(rows)), accent))


def test_synthetic_speech_is_said_wherever_a_number_is(done: tuple[Path, Outcome]) -> None:
    place, outcome = done
    page = outcome.report.read_text(encoding="utf-8")
    assert page.startswith("# Synthetic speech")
    assert outcome.table.title.startswith("Synthetic speech")
    assert outcome.learned.startswith("On synthetic speech")
    assert all(f"![Synthetic speech: {what}" in page for what in ("errors", "dev error"))
    for run_folder in (place / "runs").iterdir():
        assert run_folder.name.startswith("synthetic-")
        report = Report.load(run_folder / "seed-0" / "report.json")
        assert all(name.startswith("synthetic_") for name in [*report.sets, *report.source_sets])


def test_the_report_is_a_folder_of_its_own_with_pictures(done: tuple[Path, Outcome]) -> None:
    page = done[1].report.read_text(encoding="utf-8")
    for name in re.findall(r"!\[.*?\]\((.*?)\)", page):
        assert "/" not in name
        assert (done[1].report.parent / name).read_bytes().startswith(b"\x89PNG")
    assert done[1].learned in page
    assert table_of(done[1]) in page
    assert f"{TINY.minutes:g} minutes of Taiwanese" in page
    for stage in done[1].stages.all:
        assert f"`runs/{stage.experiment.name}/seed-0`" in page


def test_the_same_call_reads_what_is_finished(done: tuple[Path, Outcome], trained: list[str]) -> None:
    place, outcome = done
    outcome.report.unlink()
    again = quickstart(place, CHOSEN)
    assert trained == []
    assert again.table == outcome.table
    assert again.learned == outcome.learned
    assert outcome.report.is_file()


def test_it_goes_on_where_it_was_stopped_and_ends_with_the_same_table(
    done: tuple[Path, Outcome],
    tmp_path: Path,
    trained: list[str],
    no_curves: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tmp_path / "kept"
    stopped = ["synthetic-finetune"]
    noted: Callable[[Experiment, Path], Report] = run

    def stop_once(experiment: Experiment, runs: Path) -> Report:
        trained.append(experiment.name)
        if experiment.name in stopped:
            stopped.remove(experiment.name)
            raise Interrupted("asked to stop")
        return noted(experiment, runs)

    monkeypatch.setattr("speechtl.quickstart.running.run", stop_once)
    with pytest.raises(Interrupted):
        quickstart(place, CHOSEN)
    assert trained == ["synthetic-source", "synthetic-scratch", "synthetic-finetune"]
    source = place / "runs/synthetic-source/seed-0/report.json"
    clips = {
        path: path.stat().st_mtime_ns for path in [source, *(place / "speech" / "clips").rglob("*.flac")]
    }
    trained.clear()
    outcome = quickstart(place, CHOSEN)
    assert trained[0] == "synthetic-finetune"
    assert "synthetic-source" not in trained
    assert "synthetic-scratch" not in trained
    assert all(path.stat().st_mtime_ns == when for path, when in clips.items())
    assert table_of(outcome) == table_of(done[1])
    assert outcome.learned == done[1].learned


def test_only_what_a_method_is_differs_from_fine_tuning(tmp_path: Path) -> None:
    planned = stages(tmp_path, CHOSEN)
    tuned = planned.methods[0].experiment
    for stage in planned.methods:
        assert replace(stage.experiment, name=tuned.name, method=tuned.method) == tuned
    scratch = planned.scratch.experiment
    assert (scratch.target, scratch.dev, scratch.tests) == (tuned.target, tuned.dev, tuned.tests)
    assert scratch.model == tuned.model
    assert scratch.train.steps == tuned.train.steps
    control = planned.accent_control.experiment
    for stage in planned.accent_methods:
        assert stage.experiment.tests == control.tests
        assert stage.experiment.target == control.target


def test_a_run_is_an_ordinary_run(done: tuple[Path, Outcome]) -> None:
    place, outcome = done
    for stage in outcome.stages.all:
        assert read_experiment(stage.folder(place) / "experiment.json") == stage.experiment


def test_english_as_the_target_is_not_in_the_source(tmp_path: Path) -> None:
    planned = stages(tmp_path, Quickstart("en", size=TINY))
    heard = {Path(spec.corpus).name for spec in planned.source.experiment.targets}
    assert "synthetic_en_us" not in heard
    assert "synthetic_nan_latn_tailo" not in heard
    assert len(heard) == 5
    tuned, accent = planned.methods[0].experiment, planned.accent_control.experiment
    assert accent.target == tuned.target
    assert accent.source == str(planned.methods[0].folder(tmp_path))


def test_another_target_is_adapted_to(tmp_path: Path, no_curves: None) -> None:
    outcome = quickstart(tmp_path / "kept", Quickstart("en", seed=1, size=TINY))
    assert outcome.table.rows[0][0] == "English"
    assert [one.stage.title for one in outcome.findings[0].rows][:2] == ["from scratch", "fine-tuning"]
    assert "0.4 minutes of English from a source of 5 other languages" in outcome.learned


def test_the_audio_that_is_decoded_stays_in_the_folder(
    done: tuple[Path, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path / "elsewhere"))
    place, _ = done
    quickstart(place, CHOSEN)
    assert not (tmp_path / "elsewhere").exists()
    assert any((place / "cache").rglob("*.arrow"))
    assert os.environ["SPEECHTL_CACHE"] == str(tmp_path / "elsewhere")


def test_other_settings_and_other_folders_are_refused(done: tuple[Path, Outcome], tmp_path: Path) -> None:
    place, _ = done
    with pytest.raises(
        ValueError, match=r"(?s)other settings.*language: it has 'nan-Latn-tailo', you ask for 'de'"
    ):
        quickstart(place, replace(CHOSEN, language="de"))
    with pytest.raises(
        ValueError, match=r"(?s)size\.dim: it has 8, you ask for 9.*Name another folder by --keep"
    ):
        quickstart(place, replace(CHOSEN, size=replace(TINY, dim=9)))
    (tmp_path / "mine.txt").touch()
    with pytest.raises(ValueError, match=r"is no folder of a quickstart: there is no quickstart\.json in it"):
        quickstart(tmp_path, CHOSEN)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("chosen", [Quickstart(), Quickstart("de", 3, SMOKE)])
def test_a_folder_is_known_again(chosen: Quickstart, tmp_path: Path) -> None:
    claim(tmp_path / "kept", chosen)
    claim(tmp_path / "kept", chosen)
    with pytest.raises(ValueError, match=r"seed: it has \d, you ask for 9"):
        claim(tmp_path / "kept", replace(chosen, seed=9))


def test_a_folder_that_was_moved_is_refused(done: tuple[Path, Outcome], tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    document = json.loads((done[0] / "quickstart.json").read_text())
    (tmp_path / "moved" / "quickstart.json").write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"(?s)place: it has .*kept', you ask for .*moved'"):
        quickstart(tmp_path / "moved", CHOSEN)


@pytest.mark.parametrize(
    ("language", "seed", "message"),
    [("fr", 0, "no texts to synthesise in 'fr'"), ("de", -1, "seed=-1; expected 0 or more")],
)
def test_what_there_is_no_quickstart_for(language: str, seed: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Quickstart(language, seed)
