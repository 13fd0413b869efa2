"""Training runs with every kind of units, from texts to a report."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_speech import PLAIN, SETTINGS, TINY, tones

from speechtl import cli
from speechtl.audio import write_audio
from speechtl.checkpoint import load_model
from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment
from speechtl.run import run
from speechtl.text import TextSettings
from speechtl.units import KINDS, Kind

TAILO, POJ = "nan-Latn-tailo", "nan-Latn-pehoeji"
TEXTS = ["a", "e", "i", "o", "ai", "ia", "io", "a-i", "o-e", "i-a", "e-o", "ai-o"]
QUICK = replace(SETTINGS, steps=60, lr=8e-3, average=0.9, evaluations=2, checkpoint_seconds=1000)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of syllables whose letters are tones."""
    folder = tmp_path_factory.mktemp("speech")
    random = np.random.default_rng(0)
    rows = []
    for split, times in (("train", 3), ("dev", 1), ("test", 1)):
        for number, text in enumerate(TEXTS * times):
            clip = folder / f"{split}-{number}.wav"
            write_audio(clip, tones(text.replace("-", ""), random), 16_000)
            rows.append(
                {"id": clip.stem, "audio": str(clip), "text": text, "language": TAILO, "split": split}
            )
    (folder / "words.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder / "words.jsonl"


@pytest.fixture(autouse=True)
def _own_places(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path_factory.getbasetemp() / "units-cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(tmp_path / "data"))


def experiment(speech: Path, kind: Kind, language: str | None = None, **changes: object) -> Experiment:
    train, dev, test = (corpus(str(speech), split, language=language) for split in ("train", "dev", "test"))
    return replace(
        Experiment(
            name=f"toy-{kind}",
            target=train,
            dev=(dev,),
            tests=(test,),
            text=TextSettings(kind),
            model=replace(TINY, head="classifier" if kind == "whole" else "ctc"),
            augment=PLAIN,
            train=QUICK,
        ),
        **changes,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_learns_in_every_kind_of_units(speech: Path, tmp_path: Path, kind: Kind) -> None:
    report = run(experiment(speech, kind), tmp_path)
    metrics = report.sets["words"].metrics
    assert metrics["syllable_toneless"].value < 0.6, "it learns something in a minute of tones"
    assert report.sets["words"].decoding == ("constrained" if kind == "default" else "greedy")
    assert report.sets["words"].text_rules.get("units", "default") == kind
    loaded = load_model(tmp_path / f"toy-{kind}" / "seed-0")
    assert loaded.model.tokenizers[TAILO].kind == kind
    stored = json.loads((tmp_path / f"toy-{kind}" / "seed-0" / "experiment.json").read_text())
    assert stored["experiment"]["text"] == {"units": kind, "vocabulary": "fitted"}


def test_a_run_in_one_romanisation_starts_from_a_source_in_the_other(speech: Path, tmp_path: Path) -> None:
    """The texts are converted, and every row of the new head has its counterpart in the source's."""
    run(experiment(speech, "default", name="source", train=replace(QUICK, steps=20)), tmp_path)
    source = str(tmp_path / "source" / "seed-0")
    adapted = experiment(
        speech, "default", POJ, name="poj", source=source, train=replace(QUICK, steps=0, evaluations=1)
    )
    report = run(adapted, tmp_path)
    (coverage,) = json.loads((tmp_path / "poj" / "seed-0" / "coverage.json").read_text())
    assert (coverage["language"], coverage["mapped"]) == (POJ, coverage["units"])
    before = json.loads((tmp_path / "source" / "seed-0" / "report.json").read_text())["sets"]["words"]
    after = report.sets["words"]
    assert after.language == POJ
    assert after.metrics["syllable"].errors == before["metrics"]["syllable"]["errors"]


def test_other_units_than_the_sources_are_refused(speech: Path, tmp_path: Path) -> None:
    run(experiment(speech, "syllables", name="source", train=replace(QUICK, steps=2)), tmp_path)
    source = str(tmp_path / "source" / "seed-0")
    quick = replace(QUICK, steps=1)
    with pytest.raises(
        ValueError, match=r"text\.units=characters is asked for, but the source's head for nan-L"
    ):
        run(experiment(speech, "characters", name="other", source=source, train=quick), tmp_path)
    run(experiment(speech, "default", name="kept", source=source, train=quick), tmp_path)
    kept = load_model(tmp_path / "kept" / "seed-0").model.tokenizers[TAILO]
    assert kept.kind == "syllables"


def test_units_that_the_language_lacks_are_refused_before_training(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = speech.read_text(encoding="utf-8").replace(TAILO, "en")
    (tmp_path / "english.jsonl").write_text(lines, encoding="utf-8")
    recipe = tmp_path / "mine.py"
    recipe.write_text(
        "from speechtl.corpus_spec import corpus\nfrom speechtl.experiment import Experiment\n"
        f"path = {str(tmp_path / 'english.jsonl')!r}\n"
        "t, d, s = (corpus(path, split=split) for split in ('train', 'dev', 'test'))\n"
        "experiment = Experiment(name='mine', target=t, dev=(d,), tests=(s,))\n"
    )
    arguments = ["run", str(recipe), "--runs", str(tmp_path / "runs"), "--text.units", "syllables"]
    assert cli.main(arguments) == 2
    assert "text.units=syllables: en has no syllable grammar; choose default" in capsys.readouterr().err
