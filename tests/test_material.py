"""Material: dev out of the target's own minutes is refused where the source was trained on it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from toy_speech import QUICK, toy_experiment, write_manifest

from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment
from speechtl.run import run
from speechtl.transfer import SourceReplay

BRIEF = replace(QUICK, steps=2, evaluations=1)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    for split, count in (("train", 12), ("dev", 4), ("test", 4), ("second", 12)):
        write_manifest(folder / "en.jsonl", count, split)
    return folder


@pytest.fixture(autouse=True)
def _own_places(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(speech / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(speech / "data"))


def trained(speech: Path, split: str = "train") -> str:
    """The folder of a source that is trained on a split."""
    experiment = toy_experiment(
        speech / "en.jsonl", name=f"on-{split}", train=BRIEF, target=corpus(str(speech / "en.jsonl"), split)
    )
    run(experiment, speech / "runs")
    return str(speech / "runs" / experiment.name / "seed-0")


def tuned(speech: Path, **changes: object) -> Experiment:
    return toy_experiment(speech / "en.jsonl", name="tuned", train=BRIEF, dev="fold", **changes)


def test_folds_of_speech_that_the_source_was_trained_on_are_refused_as_named_dev_is(
    speech: Path, tmp_path: Path
) -> None:
    source, path = trained(speech), str(speech / "en.jsonl")
    named = tuned(speech, source=source, target=corpus(path, "second"))
    with pytest.raises(ValueError, match="dev holds what the model is trained on"):
        run(replace(named, name="named", dev=(corpus(path, "train"),)), tmp_path)
    with pytest.raises(ValueError, match="dev of fold 1 holds what the model is trained on") as refused:
        run(tuned(speech, source=source), tmp_path)
    assert "dev of fold 3" in str(refused.value)
    assert "Leave what it was trained on out of the target, or name dev in the recipe" in str(refused.value)


def test_folds_of_speech_that_is_replayed_are_refused(speech: Path, tmp_path: Path) -> None:
    changes = {"source": trained(speech, "second"), "method": SourceReplay()}
    replayed = (corpus(str(speech / "en.jsonl"), "train"),)
    with pytest.raises(ValueError, match="dev of fold 1 holds what the model is trained on"):
        run(tuned(speech, source_speech=replayed, **changes), tmp_path)
    run(tuned(speech, **changes), tmp_path / "own")


@pytest.mark.parametrize("split_by", ["text", "none"])
def test_folds_of_other_recordings_of_texts_that_the_source_knows_are_accepted(
    speech: Path, tmp_path: Path, split_by: str
) -> None:
    rows = [json.loads(line) for line in (speech / "en.jsonl").read_text().splitlines()]
    of = {split: [row for row in rows if row["split"] == split] for split in ("train", "second", "test")}
    for one, other in zip(of["second"], of["train"], strict=True):
        one["text"] = other["text"]
    path = tmp_path / "again.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in of["second"]))
    target = corpus(str(path), split_by=split_by)
    report = run(tuned(speech, source=trained(speech), target=target), tmp_path)
    assert report.train is not None
    assert "by recording" in report.train.dev


def test_speakers_whom_the_source_knows_are_refused_as_dev_unless_they_may_be_shared(
    speech: Path, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in (speech / "en.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["speaker"] = f"s{number % 12}" if row["split"] in ("train", "second") else f"t{number}"
    (tmp_path / "voices.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "voices").mkdir()
    path = tmp_path / "voices.jsonl"
    base = toy_experiment(path, name="base", train=BRIEF)
    run(base, tmp_path)
    source = str(tmp_path / "base" / "seed-0")
    for split_by, is_refused in (("speaker", True), ("none", False)):
        target = corpus(str(path), "second", split_by=split_by)
        again = replace(base, name=split_by, source=source, target=target, dev="fold")
        if not is_refused:
            run(again, tmp_path)
            continue
        with pytest.raises(ValueError, match="speakers who were trained on") as refused:
            run(again, tmp_path)
        assert "to adapt to speakers whom it knows, give the target split_by=none" in str(refused.value)


def test_speech_that_the_source_knows_and_a_corpus_without_splits_says_how_to_keep_it_in_training(
    speech: Path, tmp_path: Path
) -> None:
    source = trained(speech)
    rows = [json.loads(line) for line in (speech / "en.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row |= {"id": f"again{number}", "speaker": f"s{number % 6}"}
        del row["split"]
    (speech / "again.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    experiment = replace(
        tuned(speech, source=source), target=corpus(str(speech / "again.jsonl")), dev=(), tests=()
    )
    with pytest.raises(ValueError, match=r"identical audio") as refused:
        run(experiment, tmp_path)
    assert "carved out of 32 utterances by speaker" in str(refused.value)
    assert "give the corpus a column `split`, with those that the source was trained on in train" in str(
        refused.value
    )
