"""DANN in training: equal to its control without weight, blind to labels, the same after a resume."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conservative import SHORT, a_source, adapted, equal
from toy_speech import QUICK, TINY, examples, toy_experiment, write_manifest
from two_domains import begun, logged, mixed, speech, trained

from speechtl.checkpoint import load_model
from speechtl.corpus_spec import corpus
from speechtl.doctor.cost import Clips, estimate
from speechtl.experiment import Experiment
from speechtl.features import FeatureSettings
from speechtl.models.inputs import DomainInput
from speechtl.models.settings import ModelSettings
from speechtl.recipe_flags import parse_recipe
from speechtl.run import run
from speechtl.transfer import (
    DANN,
    MMD,
    Composed,
    FineTuning,
    KLRegularised,
    MixedBatches,
    SourceReplay,
    Transfer,
)

CLASSIFIER = replace(TINY, head="classifier")
WAYS = [DANN(), DANN(level="frame"), DANN(is_conditional=True), DANN(level="frame", is_conditional=True)]
every_way = pytest.mark.parametrize("method", WAYS, ids=lambda m: f"{m.level}-{m.is_conditional}")


@every_way
@pytest.mark.parametrize("settings", [None, TINY, CLASSIFIER], ids=["scratch", "ctc", "classifier"])
def test_without_weight_it_trains_as_the_mixed_batches_bit_for_bit(
    tmp_path: Path, method: DANN, settings: ModelSettings | None
) -> None:
    data, source = speech(), None if settings is None else a_source("en", "fr", settings=settings)
    if source is not None and settings == CLASSIFIER:
        words = [[1 + row % 2] for row in range(len(data.target))]
        data = replace(data, target=replace(data.target, labels=words), tokenizers=dict(source.tokenizers))
    control = trained(MixedBatches(), data, tmp_path / "control", source=source)
    without = trained(replace(method, weight=0), data, tmp_path / "without", source=source)
    assert equal(without, control)
    assert not equal(trained(method, data, tmp_path / "with", source=source), control)


def test_without_weight_the_head_learns_and_is_measured_all_the_same(tmp_path: Path) -> None:
    trained(DANN(weight=0), speech(), tmp_path, replace(QUICK, steps=40))
    lines = logged(tmp_path)
    assert all(line["reversal"] == 0 and line["domain_chance"] == 0.5 for line in lines)
    late = [line["domain_accuracy"] for line in lines[-10:]]
    assert sum(late) / len(late) > 0.9, "noise is easily told from silence"
    assert lines[-1]["domain"] < 0.5 < lines[0]["domain"]


def test_the_schedule_is_a_function_of_progress_and_is_logged(tmp_path: Path) -> None:
    assert [round(DANN(weight=2).reversal(p), 5) for p in (0, 0.5, 1)] == [0.0, 1.97323, 1.99982]
    assert [DANN(weight=0.3, schedule="constant").reversal(p) for p in (0, 0.5, 1)] == [0.3, 0.3, 0.3]
    trained(DANN(weight=2), speech(), tmp_path)
    found = [line["reversal"] for line in logged(tmp_path)]
    assert found == pytest.approx([DANN(weight=2).reversal(step / 6) for step in range(6)], abs=1e-6)


def test_a_stopped_run_goes_on_to_the_same_bits_and_the_same_schedule(tmp_path: Path) -> None:
    data, method = speech(), DANN(over="speaker")
    whole = trained(method, data, tmp_path / "whole")
    trained(method, data, tmp_path / "stopped", last=4)
    assert len(logged(tmp_path / "stopped")) == 4
    assert equal(trained(method, data, tmp_path / "stopped"), whole)
    keys = ("reversal", "domain", "domain_accuracy")
    one, other = ([[line[k] for k in keys] for line in logged(tmp_path / n)] for n in ("whole", "stopped"))
    assert one == other


@every_way
def test_labels_of_the_unlabelled_speech_change_nothing(tmp_path: Path, method: DANN) -> None:
    data = speech()
    told = replace(data, unlabelled=replace(data.unlabelled, labels=[[1, 2, 3]] * 12))
    models = [trained(method, one, tmp_path / name) for name, one in (("none", data), ("told", told))]
    assert equal(*models)


@pytest.mark.parametrize(
    ("over", "names"),
    [
        ("domain", ("source", "target")),
        ("accent", ("uk", "us")),
        ("speaker", ("ann", "bob", "cat", "dan")),
        ("language", ("en", "fr")),
    ],
)
def test_the_classes_are_the_values_of_both_corpora(
    tmp_path: Path, over: str, names: tuple[str, ...]
) -> None:
    data, method = speech(("en", "fr")), DANN(over=over)
    head = begun(method, data).helpers["domain"]
    assert head.classes == names
    assert head.layers[-1].out_features == len(names)
    batch = mixed(data, 2, 2)
    _, classes = method._targets(batch, head.classes)
    by = {
        "domain": ["source", "source", "target", "target"],
        "accent": batch.domains,
        "speaker": batch.speakers,
        "language": batch.languages,
    }
    assert [names[number] for number in classes.tolist()] == list(by[over])
    trained(method, data, tmp_path, replace(SHORT, steps=2))
    assert all(line["domain_chance"] == pytest.approx(1 / len(names), abs=1e-6) for line in logged(tmp_path))


def test_beside_a_method_that_does_nothing_it_is_as_alone(tmp_path: Path) -> None:
    data = speech()
    alone = trained(DANN(), data, tmp_path / "alone")
    assert equal(trained(Composed(methods=(FineTuning(), DANN())), data, tmp_path / "both"), alone)


def test_it_joins_methods_that_hold_on_to_the_source_or_draw_domains_together(tmp_path: Path) -> None:
    source, data = a_source("en", "fr"), speech()
    method = Composed(methods=(DANN(), KLRegularised(), MMD(blocks=("encoder.0",))))
    assert method.taps == ("norm", "encoder.0")
    assert method.hears_unlabelled
    trained(method, data, tmp_path, source=source)
    assert {"ctc", "kl", "domain", "mmd", "domain_accuracy", "reversal"} <= logged(tmp_path)[-1].keys()
    replayed, _, _ = examples(8, ("en", "fr"), seed=5)
    known = replace(replayed, is_target=False, domains=["old"] * 8)
    three = DANN(over="accent").classes(replace(data, source=known))
    assert three == ("old", "uk", "us")
    both = Composed(methods=(DANN(over="accent"), SourceReplay()))
    trained(both, replace(data, source=known), tmp_path / "replay", source=source)
    assert logged(tmp_path / "replay")[-1]["domain_chance"] == pytest.approx(1 / 3, abs=1e-6)


def test_an_input_of_the_unlabelled_domain_s_own_is_trained() -> None:
    source, data = a_source("en"), speech()
    source.inputs.add(DomainInput("uk", FeatureSettings(mels=40, f_max=4000.0)), seed=0)
    for method, is_frozen in ((Transfer(), True), (DANN(), False), (MixedBatches(), False)):
        model = adapted(method, source, data)
        assert {fate.frozen for fate in model.fates.values() if fate.block == "input.uk"} == {is_frozen}


def test_what_it_takes_is_measured_with_its_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechtl.doctor.cost.MEASURED", 1)
    target, _, tokenizers = examples(12)
    clips = Clips(target.seconds, np.full(12, 2), ["en"] * 12, {"en": len(tokenizers["en"].units)})
    for method in WAYS:
        toy = Experiment(
            "toy",
            corpus("x"),
            unlabelled=(corpus("y"),),
            tests=(corpus("z"),),
            model=TINY,
            train=QUICK,
            method=method,
        )
        assert estimate(toy, clips).minutes > 0


def experiment(folder: Path, method: Transfer, texts: int = 0) -> Experiment:
    """From scratch on a labelled domain; the other has speech, in texts of its own."""
    manifest = folder / "us.jsonl"
    for split, count in (("train", 16), ("dev", 4), ("test", 4)):
        write_manifest(manifest, count, split, seed=count, domain="us")
    other = write_manifest(folder / "uk.jsonl", 12, "train", seed=7, domain="uk")
    rows = [json.loads(line) for line in other.read_text().splitlines()]
    if texts:
        rows = [row | {"text": "oo" * texts} for row in rows]
    other.write_text("".join(json.dumps(row) + "\n" for row in rows))
    train = replace(QUICK, steps=6)
    return toy_experiment(manifest, method=method, unlabelled=(corpus(str(other)),), train=train)


@pytest.fixture
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("_own_cache")
def test_a_run_from_scratch_never_reads_a_text_of_the_unlabelled_speech(tmp_path: Path) -> None:
    """Nor keeps anything of the head: the model loads, and hears, as any other."""
    weights = []
    for name, texts in (("one", 0), ("two", 2)):
        (tmp_path / name).mkdir()
        run(experiment(tmp_path / name, DANN(over="accent"), texts), tmp_path / name / "runs")
        folder = tmp_path / name / "runs" / "toy" / "seed-0"
        weights.append(load_model(folder / "model").model)
        lines = logged(folder)
        assert lines[0]["reversal"] == 0 < lines[-1]["reversal"]
        assert {"ctc", "domain", "domain_accuracy", "domain_chance"} <= lines[-1].keys()
    assert equal(*weights)
    assert not any(name.startswith("helpers") for name in weights[0].state_dict())
    assert (folder / "report.json").is_file()


def test_a_recipe_comes_back_from_json_and_its_settings_are_flags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = experiment(tmp_path, DANN(over="accent", level="frame", hidden=(64, 32)))
    assert Experiment.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps({"experiment": recipe.to_dict()}))
    flags = ["--method.weight", "0.1", "--method.hidden", "20", "30", "--method.no-is-conditional"]
    chosen = parse_recipe(str(path), flags[:-1])
    assert chosen.method == replace(recipe.method, weight=0.1, hidden=(20, 30))
    assert "method.weight=0.1" in chosen.name
    with pytest.raises(SystemExit):
        parse_recipe(str(path), [*flags[:2], "--help"])
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for sentence in (
        "The highest λ.",
        "How soon λ rises",
        "Widths of the head's hidden layers",
        "λ is `weight`",
    ):
        assert sentence in printed
    with pytest.raises(ValueError, match="DANN learns from speech without labels; name it by unlabelled"):
        replace(recipe, unlabelled=())
