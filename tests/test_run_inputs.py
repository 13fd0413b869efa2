"""Runs whose domains have inputs of their own, from settings to report."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from toy_speech import PLAIN, SETTINGS, TINY, write_manifest

from speechtl.checkpoint import load_model
from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment
from speechtl.features import FeatureSettings
from speechtl.models.inputs import DomainInput
from speechtl.run import run

TELEPHONE = DomainInput("telephone", FeatureSettings(mels=40, f_max=4000))
QUICK = replace(SETTINGS, steps=3, evaluations=1, checkpoint_seconds=1000)


@pytest.fixture
def manifest(own_folders: Path) -> Path:
    """Toy speech, half of it from the telephone."""
    path = own_folders / "calls.jsonl"
    for number, domain in enumerate(("telephone", "studio")):
        for split in ("train", "dev", "test"):
            part = write_manifest(own_folders / f"{domain}.jsonl", 4, split, seed=number, domain=domain)
        with path.open("a", encoding="utf-8") as file:
            file.write(part.read_text(encoding="utf-8"))
    return path


def experiment(manifest: Path, **changes: object) -> Experiment:
    train, dev, test = (corpus(str(manifest), split) for split in ("train", "dev", "test"))
    built = Experiment(
        name="calls",
        target=train,
        dev=(dev,),
        tests=(test,),
        model=TINY,
        inputs=(TELEPHONE,),
        augment=PLAIN,
        train=QUICK,
    )
    return replace(built, **changes)


def test_inputs_are_trained_scored_and_saved(manifest: Path, tmp_path: Path) -> None:
    chosen = experiment(manifest)
    stored = json.loads(json.dumps(chosen.to_dict()))
    assert Experiment.from_dict(stored) == chosen
    report = run(chosen, tmp_path / "runs")
    assert report.sets["calls"].utterances == 8
    model = load_model(tmp_path / "runs" / "calls" / "seed-0").model
    assert model.inputs.added == (TELEPHONE,)
    assert model.inputs.of("telephone").layers.first.weight.shape[1] == 120


def test_a_source_gets_the_inputs_that_it_lacks_and_keeps_its_own(manifest: Path, tmp_path: Path) -> None:
    run(experiment(manifest, name="source", inputs=()), tmp_path)
    adapted = experiment(manifest, source=str(tmp_path / "source" / "seed-0"))
    run(adapted, tmp_path)
    run(replace(adapted, name="again", source=str(tmp_path / "calls" / "seed-0")), tmp_path)
    model = load_model(tmp_path / "again" / "seed-0").model
    assert model.inputs.added == (TELEPHONE,)
    other = replace(TELEPHONE, features=FeatureSettings(mels=30))
    changed = replace(adapted, name="other", inputs=(other,), source=str(tmp_path / "calls" / "seed-0"))
    with pytest.raises(ValueError, match="already has an input for the domain telephone"):
        run(changed, tmp_path)


def test_inputs_that_contradict_are_refused_before_anything_is_read(manifest: Path) -> None:
    with pytest.raises(ValueError, match="inputs has a domain more than once"):
        experiment(manifest, inputs=(TELEPHONE, TELEPHONE))
    slow = replace(TELEPHONE, features=FeatureSettings(hop_ms=20))
    with pytest.raises(ValueError, match="hop_ms=20 for telephone, but 10 for the default input"):
        experiment(manifest, inputs=(slow,))
