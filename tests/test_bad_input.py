"""Bad input, through the command line: one message with where, what and the fix, exit 2, no traceback."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_speech import SETTINGS, toy_experiment, write_manifest

from speechtl.audio import write_audio
from speechtl.cli import main
from speechtl.experiment import load_recipe
from speechtl.run_folder import RunFolder

Row = dict[str, Any]
Refused = Callable[..., str]


@dataclass(frozen=True)
class Toy:
    """Sound speech, a recipe that trains on it, and the run that it gave."""

    folder: Path
    recipe: str
    run: Path

    @property
    def rows(self) -> list[Row]:
        return [json.loads(line) for line in (self.folder / "en.jsonl").read_text().splitlines()]

    def clip(self, name: str) -> str:
        """A clip that cannot be used."""
        path = self.folder / name
        if name == "silent.wav":
            write_audio(path, np.zeros(8000), 16_000)
        elif name == "junk.wav":
            path.write_text("no audio")
        return str(path)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    folder = tmp_path_factory.mktemp("toy")
    for language in ("en", "de"):
        for split, count in (("train", 6), ("dev", 3), ("test", 3)):
            write_manifest(folder / f"{language}.jsonl", count, split, language, seed=count + len(split))
    experiment = toy_experiment(folder / "en.jsonl", train=replace(SETTINGS, steps=3, evaluations=1))
    recipe = folder / "toy.json"
    recipe.write_text(json.dumps({"experiment": experiment.to_dict()}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHTL_CACHE", str(folder / "cache"))
        patch.setenv("SPEECHTL_DATA", str(folder / "data"))
        patch.delenv("SPEECHTL_CORPORA", raising=False)
        assert main(["run", str(recipe), "--runs", str(folder / "runs")]) == 0
        yield Toy(folder, str(recipe), folder / "runs" / "toy" / "seed-0")


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that must be refused; gives its message."""

    def run(*arguments: str | Path) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("speechtl: ")
        assert captured.err.count("speechtl: ") == 1
        assert "Traceback" not in captured.err
        return captured.err

    return run


def manifest(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


FAULTY_ROWS: dict[str, tuple[Callable[[Toy, Row], Row], tuple[str, ...]]] = {
    "missing file": (
        lambda toy, row: {"audio": toy.clip("gone.wav")},
        ("bad.jsonl:13 (", "gone.wav", "missing audio file; correct the path"),
    ),
    "unreadable clip": (
        lambda toy, row: {"audio": toy.clip("junk.wav")},
        ("bad.jsonl:13 (", "junk.wav: not readable as audio", "WAV, FLAC, MP3", "convert it, or remove"),
    ),
    "unreadable clip of stated duration": (
        lambda toy, row: {"audio": toy.clip("junk.wav"), "duration": 1.0},
        ("bad.jsonl:13 (", "junk.wav: not readable as audio", "convert it, or remove"),
    ),
    "silent clip": (
        lambda toy, row: {"audio": toy.clip("silent.wav")},
        ("bad: ", "silent, its level swings by 0 of 32,768 (at least 10)", "Mend the files or take them"),
    ),
    "empty text": (lambda toy, row: {"text": " "}, ("bad.jsonl:13", "empty text; write what is said")),
    "unspoken text": (
        lambda toy, row: {"text": "?!"},
        ("bad.jsonl:13 ('?!'", "nothing in it is spoken", "write it in en, or remove"),
    ),
    "duplicate id": (
        lambda toy, row: {"id": "en-train-0"},
        ("bad.jsonl:13 ('en-train-0', first on line 1)", "duplicate id; give each utterance its own"),
    ),
    "ambiguous language": (
        lambda toy, row: {"language": "nan"},
        ("bad.jsonl:13", "'nan' does not say how the text is written", "choose one of nan-Latn-tailo"),
    ),
    "no language": (lambda toy, row: {"language": None}, ("bad.jsonl:13", "add the column `language`")),
}


@pytest.mark.parametrize("command", ["run", "evaluate"])
@pytest.mark.parametrize("fault", FAULTY_ROWS)
def test_a_faulty_row_of_a_manifest(
    toy: Toy, refused: Refused, tmp_path: Path, fault: str, command: str
) -> None:
    change, expected = FAULTY_ROWS[fault]
    split = "train" if command == "run" else "test"
    row = next(row for row in toy.rows if row["split"] == split)
    path = manifest(tmp_path / "bad.jsonl", [*toy.rows, row | {"id": "bad"} | change(toy, row)])
    if command == "run":
        message = refused("run", toy.recipe, "--runs", tmp_path, "--target.corpus", path)
    else:
        message = refused("evaluate", toy.run, path)
    for part in expected:
        assert part in message
    assert not list(tmp_path.rglob("metrics.jsonl"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (("audio", "text"), ["no language; add the column `language`", "--language", "--target.language"]),
        (("text", "language"), ["missing column 'audio'; the first line must name it"]),
        (
            ("audio", "language", "transcript"),
            ["missing column 'text'", "unknown column 'transcript'; rename"],
        ),
    ],
)
def test_a_missing_column(
    toy: Toy, refused: Refused, tmp_path: Path, header: tuple[str, ...], expected: list[str]
) -> None:
    path = tmp_path / "bad.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([row.get(column, "a") for column in header] for row in toy.rows)
    message = refused("evaluate", toy.run, path)
    for part in (*expected, f"{path}:1 (the header has: {', '.join(header)})"):
        assert part in message


def test_a_language_that_no_row_has_is_given_by_a_flag(toy: Toy, refused: Refused, tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "language"} for row in toy.rows]
    path = manifest(tmp_path / "mine.jsonl", rows)
    flags = ["run", toy.recipe, "--runs", tmp_path, "--target.corpus", path]
    message = refused(*flags)
    assert "all 12 rows" in message
    assert "--target.language" in message
    assert main([*map(str, flags), "--target.language", "en"]) == 0


def test_a_missing_corpus_manifest_or_publisher_s_folder(
    toy: Toy, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (
        ["evaluate", toy.run],
        ["run", toy.recipe, "--runs", tmp_path, "--target.corpus"],
    ):
        message = refused(*command, "nowhere")
        assert "corpus 'nowhere' is neither prepared under" in message
        assert "`speechtl prepare` knows (arabic_commands, " in message
        assert "Correct the name" in message
        message = refused(*command, "none.csv")
        assert "none.csv: no such manifest; correct the path" in message
        assert f"sought as {tmp_path / 'none.csv'}" in message
        message = refused(*command, "english-fsdd")
        assert "type: speechtl prepare english_fsdd --root DIR" in message
    for flags in ([], ["--dry"]):
        message = refused(
            "run", "finetune", "--runs", tmp_path, "--target.corpus", toy.folder / "en.jsonl", *flags
        )
        assert "type: speechtl prepare mandarin_audio_cmn --root DIR" in message
        assert "of the source multilingual, which has no finished run" in message
        assert "--source None" in message
    message = refused("prepare", "english-fsdd", "--root", tmp_path / "gone")
    assert "gone: no such folder; the publisher's folder of english_fsdd was expected" in message


def test_an_ambiguous_language_tag_of_a_flag(toy: Toy, refused: Refused, tmp_path: Path) -> None:
    clip, speech = toy.rows[0]["audio"], toy.folder / "en.jsonl"
    for where, command in {
        "--language": ["transcribe", toy.run, clip, "--language", "nan"],
        f"the language of corpus {speech}": ["evaluate", toy.run, speech, "--language", "nan"],
        "the language of corpus": ["run", toy.recipe, "--runs", tmp_path, "--target.language", "nan"],
    }.items():
        message = refused(*command)
        assert where in message
        assert "choose one of nan-Latn-tailo, nan-Latn-pehoeji, nan-Hant" in message


@pytest.mark.parametrize("name", ["gone.wav", "junk.wav", "silent.wav"])
def test_a_file_that_cannot_be_transcribed(toy: Toy, refused: Refused, name: str) -> None:
    message = refused("transcribe", toy.run, toy.rows[0]["audio"], toy.clip(name))
    assert "1 of 2 files cannot be transcribed" in message
    assert f"{name}: " in message
    assert "Mend them, or leave them out (--skip-bad)" in message


def test_an_utterance_too_short_for_its_labels_is_found_before_training(
    toy: Toy, refused: Refused, tmp_path: Path
) -> None:
    short = toy.rows[0] | {"id": "short", "text": "aeio" * 20}
    path = manifest(tmp_path / "bad.jsonl", [*toy.rows, short])
    message = refused("run", toy.recipe, "--runs", tmp_path, "--target.corpus", path)
    assert "too short for the labels: 1 utterance (CTC needs a frame per unit" in message
    assert "short: 0." in message
    assert "its 80 units need 80" in message
    assert "Correct the text or the audio" in message
    assert "--augment.speeds" not in message, "no other speed is trained at"
    assert not list(tmp_path.rglob("metrics.jsonl"))


def test_a_corpus_without_the_model_s_languages(toy: Toy, refused: Refused, tmp_path: Path) -> None:
    german = toy.folder / "de.jsonl"
    message = refused("evaluate", toy.run, german)
    assert "the model has heads for en, but de is in de" in message
    assert "adapt it to the others with `speechtl run`" in message
    assert "no head for de; it knows en" in refused(
        "transcribe", toy.run, toy.rows[0]["audio"], "--language", "de"
    )
    run = ["run", toy.recipe, "--runs", tmp_path]
    message = refused(*run, "--tests.0.corpus", german, "--dev.0.corpus", german)
    assert "dev is in de, the target in en" in message
    assert "the test set de is in de; the model will have heads for en" in message
    assert "no language 'de'; it has en" in refused(*run, "--target.language", "de")
    assert not list(tmp_path.rglob("metrics.jsonl"))


def _foreign(model: Path) -> None:
    (model / "config.json").write_text('{"architectures": ["Wav2Vec2ForCTC"]}')


def _truncated(model: Path) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def _newer(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"format_version": 9}))


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (_foreign, ("config.json describes no speechtl model", "expected speechtl-model", "Give the folder")),
        (
            _truncated,
            ("model.safetensors is truncated or changed: its checksum is", "Restore it from a copy"),
        ),
        (
            _newer,
            ("config.json: format version 9 is newer than this speechtl reads (4)", "install the newest"),
        ),
        (shutil.rmtree, ("no model in ", "Expected a run folder")),
    ],
)
def test_a_model_that_cannot_be_used(
    toy: Toy, refused: Refused, tmp_path: Path, damage: Callable[[Path], None], expected: tuple[str, ...]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(toy.run / "model", model)
    damage(model)
    messages = [
        refused("evaluate", model, toy.folder / "en.jsonl"),
        refused("transcribe", model, toy.rows[0]["audio"]),
    ]
    if model.exists():
        messages.append(refused("run", toy.recipe, "--runs", tmp_path / "runs", "--source", model))
    for message in messages:
        for part in expected:
            assert part in message


def test_a_source_that_is_not_there(toy: Toy, refused: Refused, tmp_path: Path) -> None:
    message = refused("run", toy.recipe, "--runs", tmp_path, "--source", "taiwanese/finetun")
    assert "source='taiwanese/finetun' is neither a model's folder nor a recipe" in message
    assert "did you mean taiwanese/finetune" in message


def test_a_test_item_that_was_trained_on(toy: Toy, refused: Refused, tmp_path: Path) -> None:
    speech = toy.folder / "en.jsonl"
    run = ["run", toy.recipe, "--runs", tmp_path]
    for command in (["evaluate", toy.run, speech, "--split", "train"], [*run, "--tests.0.split", "train"]):
        message = refused(*command)
        assert "en-train holds what the model is trained on" in message
        assert "identical audio in 6 utterances: en-train-0, en-train-1" in message
        assert "take them out of one side, or choose another split" in message
    message = refused(*run, "--tests.0.split", "dev")
    assert "en-dev: identical audio in dev in 3 utterances: en-dev-0" in message
    assert not list(tmp_path.rglob("metrics.jsonl"))


def test_a_full_disk_during_a_checkpoint_keeps_the_last_good_one(
    toy: Toy, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import speechtl.whole_files as files

    command, write, written = ["run", toy.recipe, "--runs", tmp_path], files.write_bytes, []

    def full(path: Path, data: bytes) -> None:
        if path.name == "state.safetensors":
            written.append(path)
            if len(written) == 3:
                path.write_bytes(data[:100])
                raise OSError(28, "No space left on device")
        write(path, data)

    monkeypatch.setattr(files, "write_bytes", full)
    message = refused(*command)
    checkpoints = tmp_path / "toy" / "seed-0" / "checkpoints"
    assert f"the training checkpoint could not be written to {checkpoints / 'last'}: No space left" in message
    assert "What was there before is still whole. Make space" in message
    assert json.loads((checkpoints / "last" / "state.json").read_text())["step"] == 2
    monkeypatch.undo()
    monkeypatch.setenv("SPEECHTL_CACHE", str(toy.folder / "cache"))
    assert main([str(part) for part in command]) == 0
    resumed, whole = (path / "model" / "model.safetensors" for path in (checkpoints.parent, toy.run))
    assert resumed.read_bytes() == whole.read_bytes()


def test_a_second_process_on_a_live_run(toy: Toy, tmp_path: Path) -> None:
    """The command itself, in a process of its own."""
    command = [sys.executable, "-m", "speechtl", "run", toy.recipe, "--runs", str(tmp_path)]
    live = RunFolder.of(load_recipe(toy.recipe), tmp_path)
    with live.locked():
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"speechtl: {live.path} is being written by another process. Wait for it, or choose another place "
        "with --runs DIR.\n"
    )


def test_debug_shows_where_it_happened(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--debug", "evaluate", str(toy.run), "nowhere"]) == 2
    error = capsys.readouterr().err
    assert "Traceback (most recent call last)" in error
    assert error.rstrip().splitlines()[-1].startswith("speechtl: corpus 'nowhere'")


def test_a_recipe_that_is_no_python(refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("\nexperiment = (\n")
    assert f"{path}:2: '(' was never closed; the recipe is no Python" in refused("run", path)
