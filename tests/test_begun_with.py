"""A run goes on only with what it began with."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy_speech import QUICK, toy_experiment, write_manifest

import speechtl.run
from speechtl.begun_with import FACT
from speechtl.checkpoint import LoadedModel, save_model
from speechtl.corpus_spec import corpus
from speechtl.decode import DecodeSettings
from speechtl.dry_run import dry_run
from speechtl.evaluate import evaluate
from speechtl.experiment import Experiment
from speechtl.features import FeatureSettings
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.text import TextSettings, Tokenizer
from speechtl.train import Interrupted
from speechtl.transcribe import transcribe


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(tmp_path / "data"))


@pytest.fixture(name="manifest")
def _manifest(tmp_path: Path) -> Path:
    for split, count in (("train", 24), ("dev", 6), ("test", 6)):
        write_manifest(tmp_path / "en.jsonl", count, split, "en", seed=count)
    return tmp_path / "en.jsonl"


def source(folder: Path, seed: int) -> Path:
    """A model of the same units that other random weights have."""
    tokenizers = {"en": Tokenizer.fit(list("aeio"), "en")}
    model = AcousticModel(toy_experiment(folder).model, FeatureSettings(), tokenizers, seed=seed)
    save_model(model, folder, fingerprints=Fingerprints())
    return folder


def stopped(experiment: Experiment, runs: Path) -> None:
    """Run it for two steps."""
    fit = speechtl.run.fit

    def stop(*arguments: Any, **settings: Any) -> None:
        fit(*arguments, **{**settings, "last": 2})
        raise Interrupted("stopped")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speechtl.run, "fit", stop)
        with pytest.raises(Interrupted):
            speechtl.run.run(experiment, runs)


def rewritten(manifest: Path, change: Any) -> None:
    """Each line as the change makes it; None leaves it out."""
    lines = [change(row) for row in map(json.loads, manifest.read_text().splitlines())]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in lines if row is not None))


def test_the_same_speech_and_source_are_gone_on_with(manifest: Path, tmp_path: Path) -> None:
    begun = toy_experiment(manifest, source=str(source(tmp_path / "base", 1)))
    stopped(begun, tmp_path / "runs")
    folder = tmp_path / "runs" / "toy" / "seed-0"
    noted = json.loads((folder / "experiment.json").read_text())[FACT]
    assert set(noted) == {"the training speech", "the dev speech", "the source's weights"}
    speechtl.run.run(begun, tmp_path / "runs")
    assert json.loads((folder / "experiment.json").read_text())[FACT] == noted
    assert len((folder / "metrics.jsonl").read_text().splitlines()) >= QUICK.steps


@pytest.mark.parametrize(
    ("split", "change", "message"),
    [
        ("train", lambda row: None, "the training speech changed since"),
        ("train", lambda row: row | {"text": "aeio"}, "the training speech changed since"),
        ("dev", lambda row: None, "the dev speech changed since"),
    ],
    ids=["less", "another text", "less dev"],
)
def test_changed_speech_is_refused_and_the_run_is_kept(
    split: str, change: Any, message: str, manifest: Path, tmp_path: Path
) -> None:
    stopped(toy_experiment(manifest), tmp_path / "runs")
    folder = tmp_path / "runs" / "toy" / "seed-0"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    first = next(
        row["id"] for row in map(json.loads, manifest.read_text().splitlines()) if row["split"] == split
    )
    rewritten(manifest, lambda row: change(row) if row["id"] == first else row)
    with pytest.raises(ValueError, match=f"begun with other data: {message}.*--fresh"):
        speechtl.run.run(toy_experiment(manifest), tmp_path / "runs")
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    speechtl.run.run(toy_experiment(manifest), tmp_path / "runs", fresh=True)


def test_another_source_in_the_same_place_is_refused(manifest: Path, tmp_path: Path) -> None:
    """Its receipt would compare with weights that it never started from."""
    begun = toy_experiment(manifest, source=str(source(tmp_path / "base", 1)))
    stopped(begun, tmp_path / "runs")
    source(tmp_path / "base", 2)
    with pytest.raises(ValueError, match="other data: the source's weights changed since"):
        speechtl.run.run(begun, tmp_path / "runs")


def test_a_run_that_was_refused_before_it_trained_does_not_block_its_mended_command(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its dev and test were carved already."""
    rewritten(manifest, lambda row: row | {"split": "train"})
    wrong = toy_experiment(manifest, target=corpus(str(manifest)), dev=(), tests=())

    def refuse(*_: object) -> None:
        raise ValueError("units that the source's heads lack")

    with monkeypatch.context() as patch:
        patch.setattr(speechtl.run, "start", refuse)
        with pytest.raises(ValueError, match="units that"):
            speechtl.run.run(wrong, tmp_path / "runs")
    assert not (tmp_path / "runs" / "toy" / "seed-0").exists(), "it is no run yet"
    speechtl.run.run(replace(wrong, train=replace(QUICK, steps=2, evaluations=1)), tmp_path / "runs")


def test_a_language_model_that_cannot_be_read_is_refused_before_anything_else(
    manifest: Path, tmp_path: Path
) -> None:
    for lm, message in ((manifest, "is no ARPA file"), (tmp_path / "no.arpa", "no.arpa")):
        experiment = toy_experiment(manifest, decode=DecodeSettings(method="beam", lm=str(lm)))
        for tell in (dry_run, speechtl.run.run):
            with pytest.raises((ValueError, FileNotFoundError), match=message):
                tell(experiment, tmp_path / "runs")
    words = DecodeSettings(method="lexicon", lexicon=str(tmp_path / "no.txt"))
    with pytest.raises(FileNotFoundError, match=r"no\.txt: no such file; a list of words"):
        dry_run(toy_experiment(manifest, decode=words), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_finished_run_prints_its_report_without_what_it_was_decoded_with(
    manifest: Path, tmp_path: Path
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("ae\nio\n")
    decode = DecodeSettings(method="lexicon", lexicon=str(words))
    few = replace(QUICK, steps=2, evaluations=1)
    experiment = toy_experiment(manifest, decode=decode, train=few)
    report = speechtl.run.run(experiment, tmp_path / "runs")
    words.unlink()
    assert speechtl.run.run(experiment, tmp_path / "runs").sets == report.sets
    assert dry_run(experiment, tmp_path / "runs").fate.startswith("prints the report of the finished run")


def test_a_classifier_is_not_searched(manifest: Path, tmp_path: Path) -> None:
    tokenizers = {"en": Tokenizer.fit(["aei", "oia"], "en", TextSettings(units="whole"))}
    settings = replace(toy_experiment(manifest).model, head="classifier")
    model = LoadedModel(AcousticModel(settings, FeatureSettings(), tokenizers, seed=0), Fingerprints(), ())
    beam = DecodeSettings(method="beam")
    with pytest.raises(ValueError, match=r"head of en is a classifier.*decode\.method=beam"):
        evaluate(model, {"en": corpus(str(manifest), split="test").open()}, settings=beam)
    with pytest.raises(ValueError, match="head of en is a classifier"):
        transcribe(model, [manifest], "en", settings=beam)
