"""Methods that hear the source's speech, as whole runs: it is opened by what the source's run tells."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from toy_speech import QUICK, toy_experiment, write_manifest

from speechtl.corpus_spec import corpus
from speechtl.dry_run import dry_run
from speechtl.experiment import Experiment
from speechtl.planning import plan_of
from speechtl.run import run
from speechtl.transfer import JointTraining, SourceReplay, Transfer


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifests in two languages, and a finished run on one of them."""
    folder = tmp_path_factory.mktemp("places")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHTL_CACHE", str(folder / "cache"))
        patch.setenv("SPEECHTL_DATA", str(folder / "data"))
        for language in ("en", "de"):
            for split, count in (("train", 16), ("dev", 6), ("test", 6)):
                write_manifest(folder / f"{language}.jsonl", count, split, language, seed=count)
        run(toy_experiment(folder / "en.jsonl", name="toy-en"), folder)
    return folder


@pytest.fixture(autouse=True)
def _own_places(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(places / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(places / "data"))


def german(places: Path, method: Transfer, **changes: object) -> Experiment:
    return toy_experiment(
        places / "de.jsonl",
        name=type(method).__name__,
        source=str(places / "toy-en" / "seed-0"),
        source_tests=(corpus(str(places / "en.jsonl"), split="test"),),
        method=method,
        train=replace(QUICK, steps=20, evaluations=1),
        **changes,
    )


@pytest.mark.parametrize(
    ("method", "shares"),
    [(SourceReplay(share=0.5), {"de", "en (source)"}), (JointTraining(), {"de", "en"})],
)
def test_the_speech_of_the_source_s_run_is_heard(
    places: Path, tmp_path: Path, method: Transfer, shares: set[str]
) -> None:
    experiment = german(places, method)
    planned = plan_of(experiment, tmp_path)
    trained = {tensor.block for tensor in planned.receipt.tensors if not tensor.frozen}
    assert {"head.de", "head.en", "encoder.0"} <= trained
    assert dry_run(experiment, tmp_path).cost is not None
    report = run(experiment, tmp_path)
    assert report.source_sets["en"].utterances == 6
    folder = tmp_path / experiment.name / "seed-0"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [set(line["shares"]) for line in lines if "dev" in line] == [shares]


def test_a_test_set_of_replayed_speech_is_refused(places: Path, tmp_path: Path) -> None:
    """Speech that stands in for the source's is trained on, and counts as that."""
    test = (corpus(str(places / "en.jsonl"), split="test"),)
    leaky = german(places, SourceReplay(share=0.5), source_speech=test)
    with pytest.raises(ValueError, match="en"):
        run(leaky, tmp_path)


def test_without_a_source_there_is_nothing_to_replay(places: Path) -> None:
    for method in (SourceReplay(), JointTraining()):
        with pytest.raises(ValueError, match=f"{type(method).__name__} needs a source"):
            replace(german(places, method), source=None, source_tests=())


@pytest.mark.parametrize("method", [SourceReplay(share=0.5), JointTraining()])
def test_what_of_it_is_too_short_for_its_labels_is_refused_like_the_target(
    places: Path, tmp_path: Path, method: Transfer
) -> None:
    """Sped up here, where the source's own training did not; its loss would be infinite, and left out."""
    short = places / "short.jsonl"
    rows = [json.loads(line) for line in (places / "en.jsonl").read_text().splitlines()]
    row = next(row for row in rows if row["split"] == "train")
    short.write_text(json.dumps(row | {"text": "aeio" * 5}) + "\n")
    experiment = german(places, method, source_speech=(corpus(str(short), split="train"),))
    with pytest.raises(ValueError, match=r"too short for the labels: 1 utterance"):
        run(experiment, tmp_path)
    assert "too short for the labels: 1 utterance" in dry_run(experiment, tmp_path / "dry").fate
