import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeCorpus, MakeModel

from speechtl.audio import write_audio
from speechtl.cache import load_waveforms
from speechtl.cli import main
from speechtl.report import Report

COMMANDS = (
    "quickstart",
    "prepare",
    "doctor",
    "cache",
    "run",
    "study",
    "evaluate",
    "compare",
    "transcribe",
    "lm",
)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_quick_and_imports_nothing_heavy(command: str) -> None:
    code = (
        "import sys\nfrom speechtl.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'torch', 'numpy', 'datasets', 'scipy', 'rich', 'tyro'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    started = time.perf_counter()
    arguments = [sys.executable, "-c", code, *([command] if command else []), "--help"]
    shown = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert time.perf_counter() - started < 3  # 0.05 s on an idle machine; it may be a busy one
    assert shown.startswith("usage: speechtl")
    for name in COMMANDS if not command else ():
        assert name in shown


@pytest.mark.parametrize(
    "arguments", [["--no-such"], ["evaluate"], ["compare", "a", "--markdwn"], ["cache", "--cle"], ["train"]]
)
def test_usage_errors_exit_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: speechtl" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "none", "words"], "no model in none"),
        (["compare", "none"], "none: no such folder"),
        (["transcribe", "none", "a.wav"], "no model in none"),
        (["cache", "--clear", "--corpus", "none"], "has nothing of 'none'"),
        (["run"], "no recipe given"),
        (["run", "no/such"], "taiwanese/finetune"),
        (["prepare"], "no corpus given"),
        (["prepare", "none"], "no data_prep is named 'none'"),
    ],
)
def test_a_mistake_is_one_message_without_a_traceback(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    own_folders: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(own_folders)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("speechtl: ")
    assert message in error
    assert "Traceback" not in error
    for debugging in (["--debug", *arguments], [*arguments, "--debug"]):
        assert main(debugging) == 2
        assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_mistake() -> None:
    """`speechtl run finetune --help | head`: the pipe is closed before all is written."""
    writing = subprocess.Popen(
        [sys.executable, "-m", "speechtl", "run", "finetune", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert writing.stdout is not None
    assert writing.stderr is not None
    writing.stdout.close()
    assert writing.stderr.read() == ""
    assert writing.wait() == 141


def test_a_misspelt_recipe_flag_is_met_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", "multilingual", "--train.stepz", "3"])
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert "--train.steps" in captured.out + captured.err


def test_a_stopped_training_exits_130_with_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from speechtl import run, train

    def stop(*arguments: object, **options: object) -> Report:
        raise train.Interrupted("stopped at step 7; the same command goes on from there")

    monkeypatch.setattr(run, "run", stop)
    assert main(["run", "multilingual", "--runs", str(tmp_path)]) == 130
    error = capsys.readouterr().err
    assert "stopped at step 7" in error
    assert "Traceback" not in error


def test_evaluate_prints_and_writes_only_where_it_is_told_to(
    make_corpus: MakeCorpus, make_model: MakeModel, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_model(own_folders / "model", "en", words=["go", "stop"])
    make_corpus(["go", "stop"]).save(own_folders / "data" / "words")
    before = sorted(own_folders.rglob("report.json"))
    assert main(["evaluate", str(model), "words"]) == 0
    shown = capsys.readouterr().out
    assert "%WER 100.00 [ 2 / 2, 0 ins, 2 del, 0 sub ] words" in shown
    assert "100.0 – 100.0" in shown
    assert sorted(own_folders.rglob("report.json")) == before
    out = own_folders / "out"
    assert main(["evaluate", str(model), "words", "--decode", "greedy", "--closed", "--out", str(out)]) == 0
    entry = Report.load(out / "report.json").sets["words"]
    assert entry.decoding == "greedy"
    assert "closed" in entry.metrics
    assert len((out / "hyp" / "words.jsonl").read_text().splitlines()) == 2


def test_evaluate_reads_a_manifest_of_one_s_own_audio(
    make_model: MakeModel, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_model(own_folders / "model", "en", "ar")
    write_audio(own_folders / "a.wav", np.random.default_rng(0).uniform(-0.3, 0.3, 8000), 16_000)
    manifest = own_folders / "mine.jsonl"
    manifest.write_text(json.dumps({"audio": "a.wav", "text": "go left"}) + "\n")
    assert main(["evaluate", str(model), str(manifest), "--language", "en"]) == 0
    assert "%WER 100.00 [ 2 / 2, 0 ins, 2 del, 0 sub ] mine" in capsys.readouterr().out
    assert main(["evaluate", str(model), str(manifest)]) == 2
    assert "language" in capsys.readouterr().err
    assert main(["evaluate", str(model), str(manifest), "--language", "fr"]) == 2
    assert "the model has heads for en, ar, but mine is in fr" in capsys.readouterr().err
    assert main(["evaluate", str(model), str(manifest), "--language", "en", "--trim-db", "30"]) == 0
    assert main(["evaluate", str(model), str(manifest), "--language", "en", "--trim-db", "-3"]) == 2
    assert "trim_db is -3.0; expected decibels above 0" in capsys.readouterr().err


def test_compare_prints_tables_or_markdown(
    make_corpus: MakeCorpus, make_model: MakeModel, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_corpus(["go", "stop", "left"]).save(own_folders / "data" / "words")
    folders = []
    for name, silent in (("one", True), ("two", False)):
        model = make_model(own_folders / "models" / name, "en", silent=silent)
        folders.append(str(own_folders / name))
        assert main(["evaluate", str(model), "words", "--out", folders[-1]]) == 0
    capsys.readouterr()
    assert main(["compare", *folders, "--metric", "wer"]) == 0
    assert "against one" in capsys.readouterr().out
    assert main(["compare", *folders, "--markdown"]) == 0
    captured = capsys.readouterr()
    assert "| one | 0 | 100.0 % |" in captured.out
    assert captured.err == ""


def test_transcribe_prints_a_line_per_file(
    make_model: MakeModel, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_model(own_folders / "model", "en", words=["go"])
    files = [str(own_folders / f"{name}.wav") for name in "ab"]
    for file in files:
        write_audio(file, np.random.default_rng(0).uniform(-0.3, 0.3, 8000), 16_000)
    assert main(["transcribe", str(model), *files, "--closed"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{file}\tgo" for file in files]


def test_cache_lists_and_clears(
    make_corpus: MakeCorpus, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_waveforms(make_corpus(["go", "stop"], name="one"))
    load_waveforms(make_corpus(["left"], name="two"))
    assert main(["cache"]) == 0
    shown = capsys.readouterr().out
    assert "in all 3 clips" in shown
    assert "one" in shown
    assert main(["cache", "--corpus", "two"]) == 0
    assert "in all 1 clips" in capsys.readouterr().out
    assert main(["cache", "--clear", "--corpus", "one"]) == 0
    assert "freed" in capsys.readouterr().out
    assert main(["cache", "--clear"]) == 0
    capsys.readouterr()
    assert main(["cache"]) == 0
    assert "in all 0 clips" in capsys.readouterr().out
