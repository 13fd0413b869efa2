"""Whole runs that name unlabelled speech: what they measure, keep and say, whatever their method."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_speech import QUICK, tones, toy_experiment

from speechtl import domains, embedding
from speechtl.audio import write_audio
from speechtl.checkpoint import load_model
from speechtl.cli import main
from speechtl.corpus_spec import corpus
from speechtl.domain_shift import HiddenAccuracy, Pooled, domain_probe, pooled_features
from speechtl.domain_table import domain_table
from speechtl.domains import DOCUMENT, block_of, head_accuracies, read_domains
from speechtl.dry_run import dry_run
from speechtl.embedding import Points
from speechtl.evaluate import evaluate
from speechtl.experiment import Experiment
from speechtl.material import Speech
from speechtl.report import LABEL_FREE, Report, load_hypotheses
from speechtl.run import run
from speechtl.sets import Sets
from speechtl.transfer import DANN, MMD, Composed, MixedBatches, PseudoLabels, Transfer

TEXTS = ("ai", "eo", "oa")
BRIEF = replace(QUICK, steps=6, evaluations=2)


def speech(
    path: Path, counts: dict[str, int], domain: str, seed: int, texts: tuple[str, ...] = TEXTS
) -> Path:
    """A manifest of two speakers saying few texts; in the domain `far` behind a loud hum."""
    random = np.random.default_rng(seed)
    rows = []
    for split, count in counts.items():
        for number in range(count):
            said = TEXTS[number % len(TEXTS)]
            samples = tones(said, random)
            if domain == "far":
                samples = 0.5 * samples + 0.3 * np.sin(2 * np.pi * 120 * np.arange(len(samples)) / 16_000)
            clip = path.parent / f"{path.stem}-{split}-{number}.wav"
            write_audio(clip, samples, 16_000)
            values = {
                "id": clip.stem,
                "audio": str(clip),
                "text": said,
                "language": "en",
                "split": split,
                "domain": domain,
                "speaker": f"{path.stem}-{number % 2}",
            }
            rows.append(json.dumps(values) + "\n")
    path.write_text("".join(rows))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled speech `near`, and speech of another domain, `far`, whose test is among nothing else."""
    place = tmp_path_factory.mktemp("speech")
    speech(place / "near.jsonl", {"train": 66, "dev": 6, "test": 6}, "near", 1)
    speech(place / "far.jsonl", {"train": 66, "test": 6}, "far", 2)
    return place


@pytest.fixture(autouse=True)
def _own_places(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(embedding, "ITERATIONS", 250)  # the fewest that scikit-learn takes


def experiment(folder: Path, name: str, far: str = "far", **changes: object) -> Experiment:
    return toy_experiment(
        folder / "near.jsonl",
        **{
            "name": name,
            "tests": (corpus(str(folder / "far.jsonl"), split="test"),),
            "unlabelled": (corpus(str(folder / f"{far}.jsonl"), split="train"),),
            "train": BRIEF,
            **changes,
        },
    )


@pytest.fixture(scope="module")
def source(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from scratch on labelled speech alone, which only measures the other."""
    runs = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHTL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.setattr(embedding, "ITERATIONS", 250)
        run(experiment(folder, "source-only", train=replace(QUICK, steps=40, evaluations=2)), runs)
    return runs / "source-only" / "seed-0"


def weights(run_folder: Path) -> bytes:
    return (run_folder / "model" / "model.safetensors").read_bytes()


def test_source_only_is_measured_too(source: Path) -> None:
    found = json.loads((source / DOCUMENT).read_text())
    assert (found["labelled"], found["unlabelled"], found["block"]) == (66, 66, "norm")
    assert (found["before"]["model"], found["after"]["model"]) == ("untrained", "trained")
    for moment in ("before", "after"):
        probe, inside = found[moment]["probe"], found[moment]["within_classes"]
        assert (probe["chance"], probe["split_by"]) == (0.5, "speaker")
        assert probe["value"] > 0.9, "a hum is easily heard"
        assert set(inside["by_class"]) == set(TEXTS)
        assert inside["value"] > 0.9
    assert not found["is_diverged"], found["reason"]
    assert not found["is_transductive"]
    points = Points.load(source / "tsne.npz")
    assert points.before.shape == points.after.shape == (132, 2)
    assert points.is_target.sum() == 66
    assert set(points.classes) == set(TEXTS)
    assert (source / "tsne.png").read_bytes().startswith(b"\x89PNG")


def test_the_label_free_choice_is_tested_and_saved(source: Path) -> None:
    found, report = json.loads((source / DOCUMENT).read_text()), Report.load(source / "report.json")
    assert set(report.sets) == {"far", "far" + LABEL_FREE}
    assert report.train is not None
    assert report.train.label_free["step"] == found["label_free"]["step"] in (20, 40)
    lines = [json.loads(line) for line in (source / "metrics.jsonl").read_text().splitlines()]
    logged = {line["step"]: line["label_free"]["information"] for line in lines if "label_free" in line}
    assert found["label_free"]["information"] == pytest.approx(max(logged.values()))
    assert found["label_free"]["kept"]["information"] == pytest.approx(
        logged[found["label_free"]["kept"]["step"]], rel=1e-4
    )
    assert len(load_hypotheses(source / "hyp" / f"far{LABEL_FREE}.jsonl")) == 6
    assert load_model(source / "model-label-free").model.languages == ["en"]
    card = (source / "model-label-free" / "README.md").read_text()
    assert f"These are the weights after step {found['label_free']['step']}" in card
    assert "only measured, not trained on" in card


def test_a_transductive_run_from_a_source_says_so(
    folder: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The unlabelled speech is the test's own; the table is printed, and again for a finished run."""
    recipe = tmp_path / "recipe.json"
    chosen = experiment(
        folder,
        "transductive",
        source=str(source),
        method=MixedBatches(),
        unlabelled=(corpus(str(folder / "far.jsonl")),),
        transductive=True,
    )
    recipe.write_text(json.dumps({"experiment": chosen.to_dict()}))
    for _ in range(2):
        assert main(["run", str(recipe), "--runs", str(tmp_path / "runs")]) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert "by a fresh probe" in printed
        assert "by one within a class" in printed
        assert "before: the source model; features of norm" in printed
        assert "TRANSDUCTIVE: heard without labels: 6 of far" in printed
        assert "TRANSDUCTIVE: tests may hold the unlabelled speech itself" in printed
    place = tmp_path / "runs" / "transductive" / "seed-0"
    found = read_domains(place)
    assert found is not None
    assert (found["before"]["model"], found["transductive"]) == ("source", {"far": 6})
    earlier = json.loads((source / DOCUMENT).read_text())
    assert found["unlabelled"] == earlier["unlabelled"] + 6
    assert Report.load(place / "report.json").train.is_transductive
    assert "Transductive" in (place / "model" / "README.md").read_text()
    heard = {"far": corpus(str(folder / "far.jsonl"), "test").open()}
    with pytest.raises(ValueError, match="holds what the model is trained on"):
        evaluate(load_model(place), heard)
    with pytest.raises(ValueError, match=r"(?s)the speech that is heard without labels.*--transductive"):
        run(replace(chosen, name="not", transductive=False), tmp_path / "runs")
    beforehand = dry_run(replace(chosen, name="not", transductive=False), tmp_path / "runs")
    assert beforehand.is_refused
    assert "This is the speech that is heard without labels" in beforehand.fate
    assert not dry_run(replace(chosen, name="yes"), tmp_path / "runs").is_refused


def test_unlabelled_speech_needs_no_texts(folder: Path, tmp_path: Path) -> None:
    """Rows without a text, with an empty one and with one that is none: the same weights as with texts."""
    rows = [json.loads(line) for line in (folder / "far.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        if row["split"] == "train":
            row["text"] = ("", "...", None)[number % 3]
            if row["text"] is None:
                del row["text"]
    (folder / "silent.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for far in ("far", "silent"):
        changes = {"tests": experiment(folder, "x").tests, "method": MixedBatches()}
        run(experiment(folder, far, far, **changes), tmp_path)
    assert weights(tmp_path / "far" / "seed-0") == weights(tmp_path / "silent" / "seed-0")
    found = read_domains(tmp_path / "silent" / "seed-0")
    assert found is not None
    assert found["after"]["probe"] == (read_domains(tmp_path / "far" / "seed-0") or {})["after"]["probe"]
    assert found["after"]["within_classes"] is None
    with pytest.raises(ValueError, match="empty text"):
        corpus(str(folder / "silent.jsonl")).open()


def test_several_lists_without_texts_are_joined(folder: Path, tmp_path: Path) -> None:
    lists = []
    for number in range(2):
        row = {"id": f"s{number}", "audio": str(folder / f"far-train-{number}.wav"), "domain": "far"}
        path = tmp_path / f"list{number}.csv"
        path.write_text("\n".join(",".join(values) for values in (row.keys(), row.values())) + "\n")
        lists.append(corpus(str(path), language="en"))
    sets = Sets.of(experiment(folder, "joined", unlabelled=tuple(lists)))
    assert sets.unlabelled is not None
    assert sets.unlabelled.column("id") == ["s0", "s1"]
    assert sets.unlabelled.column("text") == ["", ""]


def test_a_run_whose_tests_would_be_of_the_labelled_speech_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="name test speech of that domain by tests"):
        experiment(folder, "untested", method=MixedBatches(), tests=())


@pytest.mark.parametrize(
    "method",
    [MixedBatches(), MMD(), PseudoLabels(threshold=0.1)],
    ids=lambda method: type(method).__name__,
)
def test_the_texts_of_unlabelled_speech_train_nothing(
    folder: Path, source: Path, tmp_path: Path, method: Transfer
) -> None:
    """Other texts for the same clips: the same weights, other classes in the picture."""
    rows = [json.loads(line) for line in (folder / "far.jsonl").read_text().splitlines()]
    for row in rows:
        row["text"] = "o"
    (folder / "told.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for far in ("far", "told"):
        start = str(source) if method.needs_source else None
        run(experiment(folder, far, far, method=method, source=start), tmp_path)
    one, other = (tmp_path / far / "seed-0" for far in ("far", "told"))
    assert weights(one) == weights(other)
    chosen = [place / "model-label-free" / "model.safetensors" for place in (one, other)]
    assert chosen[0].read_bytes() == chosen[1].read_bytes()
    ours, theirs = read_domains(one), read_domains(other)
    assert ours is not None
    assert theirs is not None
    assert ours["label_free"] == theirs["label_free"]
    assert ours["after"]["probe"] == theirs["after"]["probe"]
    assert ours["after"]["within_classes"] is not None
    assert theirs["after"]["within_classes"] is None


def test_a_run_without_steps_measures_what_it_starts_from(folder: Path, source: Path, tmp_path: Path) -> None:
    report = run(
        experiment(folder, "none", source=str(source), train=replace(BRIEF, steps=0)),
        tmp_path,
    )
    found = read_domains(tmp_path / "none" / "seed-0")
    assert found is not None
    assert found["before"]["probe"] == found["after"]["probe"]
    assert found["label_free"]["step"] == found["label_free"]["kept"]["step"] == 0
    assert set(report.sets) == {"far"}, "there was nothing to choose from"
    assert not (tmp_path / "none" / "seed-0" / "model-label-free").exists()


def test_a_run_that_did_not_learn_says_so(folder: Path, tmp_path: Path) -> None:
    report = run(experiment(folder, "brief", train=replace(BRIEF, steps=2)), tmp_path)
    found = read_domains(tmp_path / "brief" / "seed-0")
    assert found is not None
    assert found["is_diverged"]
    told = "the model has not learned yet: on dev the model emits blanks in 100 % of the frames"
    assert found["reason"].startswith(told)
    assert report.train is not None
    assert report.train.diverged == found["reason"]


def test_folds_choose_and_the_last_training_is_measured(folder: Path, tmp_path: Path) -> None:
    report = run(experiment(folder, "folds", dev="fold"), tmp_path)
    place = tmp_path / "folds" / "seed-0"
    found = read_domains(place)
    assert found is not None
    assert found["labelled"] == 66, "all of the target, and no fold's part of it"
    assert report.train is not None
    assert found["label_free"]["kept"]["step"] == report.train.best["step"]
    assert not list((place / "folds").rglob(DOCUMENT))


def test_without_unlabelled_speech_nothing_is_measured(folder: Path, tmp_path: Path) -> None:
    report = run(experiment(folder, "plain", unlabelled=(), train=replace(BRIEF, steps=2)), tmp_path)
    place = tmp_path / "plain" / "seed-0"
    assert read_domains(place) is None
    assert set(report.sets) == {"far"}
    written = {path.name for path in place.iterdir()}
    assert not written & {DOCUMENT, "tsne.png", "tsne.npz", "model-label-free"}


def test_a_collapse_is_written_wherever_one_looks(
    folder: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that decides on nearly always the same unit, and is not trained any more."""
    from speechtl.label_free import Decisions, LabelFree

    monkeypatch.setattr(LabelFree, "__call__", lambda self, model: Decisions(0.0, 0.01, 1.39))
    report = run(
        experiment(folder, "stuck", source=str(source), train=replace(BRIEF, steps=0)),
        tmp_path,
    )
    place = tmp_path / "stuck" / "seed-0"
    found = read_domains(place)
    assert found is not None
    assert found["is_diverged"]
    assert "nearly always the same" in found["reason"]
    assert report.train is not None
    assert report.train.diverged == found["reason"]
    assert "**DIVERGED: " in (place / "model" / "README.md").read_text()


def test_a_domain_head_s_last_steps_are_averaged(tmp_path: Path) -> None:
    accuracies = [0.9] * 18 + [0.69, 0.7]
    lines = [
        {"step": step, "domain_accuracy": accuracy, "domain_chance": 0.5}
        for step, accuracy in enumerate(accuracies, start=1)
    ]
    log = tmp_path / "metrics.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in [*lines, {"step": 20, "dev": {}}]))
    assert head_accuracies(log) == {"domain": {"accuracy": pytest.approx(0.695), "chance": 0.5}}
    log.write_text(json.dumps({"step": 1, "ctc": 2.0}) + "\n")
    assert head_accuracies(log) == {}
    assert head_accuracies(tmp_path / "none") == {}


def test_a_domain_head_that_was_outrun_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its own accuracy at chance looks like success, and a fresh probe says otherwise."""
    heads = {"domain": {"accuracy": 0.5, "chance": 0.5}}
    monkeypatch.setattr(domains, "head_accuracies", lambda metrics: heads)
    brief = replace(BRIEF, steps=1, evaluations=1)
    for weight, is_told in ((1.0, True), (0.0, False)):
        caplog.clear()
        method = DANN(weight=weight, hidden=(4,))
        run(experiment(folder, f"dann-{weight}", method=method, train=brief), tmp_path)
        found = read_domains(tmp_path / f"dann-{weight}" / "seed-0")
        assert found is not None
        assert found["after"]["probe"]["value"] > 0.8, "a loud hum is heard"
        assert ("outrun" in found["outrun"]) == is_told == (domains.OUTRUN in caplog.text)


def test_before_is_what_training_starts_from_and_after_what_it_kept(
    folder: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Probes and picture are of the source and of the trained model, and not both of one."""
    drawn: list[tuple[tuple[Pooled, Pooled], tuple[Pooled, Pooled]]] = []
    monkeypatch.setattr(domains, "draw_tsne", lambda before, after, *_, **__: drawn.append((before, after)))
    far = corpus(str(folder / "far.jsonl"), split="train")
    run(experiment(folder, "moved", source=str(source), method=MMD(weight=3.0)), tmp_path)
    place = tmp_path / "moved" / "seed-0"
    found = read_domains(place)
    assert found is not None
    ((before, after),) = drawn
    heard = Speech.of(far.open(0)).examples(None)
    for moment, sides, model in (("before", before, source), ("after", after, place)):
        expected = pooled_features(load_model(model).model, heard)
        assert sides[1].ids == expected.ids
        assert sides[1].features == pytest.approx(expected.features, abs=1e-4)
        probe = domain_probe(*sides)
        assert probe is not None
        assert found[moment]["probe"]["value"] == probe.value
    assert before[1].features != pytest.approx(after[1].features, abs=1e-3)


def test_what_a_method_hides_is_what_a_fresh_probe_is_asked_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Four speakers: chance is a quarter, and the method's own head is judged by a probe of the same."""
    heads = {"domain": {"accuracy": 0.25, "chance": 0.25}}
    monkeypatch.setattr(domains, "head_accuracies", lambda metrics: heads)
    monkeypatch.setattr(domains, "hidden_probe", lambda *_: HiddenAccuracy(0.9, 0.25, {}, "utterance"))
    brief = replace(BRIEF, steps=1, evaluations=1)
    method = DANN(over="speaker", hidden=(4,))
    run(experiment(folder, "speakers", method=method, train=brief), tmp_path)
    found = read_domains(tmp_path / "speakers" / "seed-0")
    assert found is not None
    assert found["hidden"] == "speaker"
    assert found["outrun"] == domains.OUTRUN
    assert domains.OUTRUN in caplog.text
    rows = {row[0]: row[1:] for row in domain_table(found).rows}
    assert rows["speakers, by a fresh probe"] == ("90.0 %", "90.0 %", "25.0 %")
    beside = Composed(methods=(replace(method, weight=0.0), MMD()))
    run(experiment(folder, "measured", method=beside, train=brief), tmp_path)
    found = read_domains(tmp_path / "measured" / "seed-0")
    assert found is not None
    assert (found["hidden"], found["outrun"]) == ("speaker", ""), "a head that nobody hears is not outrun"


def test_the_probe_of_what_is_hidden_hears_both_domains(folder: Path, tmp_path: Path) -> None:
    brief = replace(BRIEF, steps=1, evaluations=1)
    run(experiment(folder, "voices", method=DANN(over="speaker", hidden=(4,)), train=brief), tmp_path)
    found = read_domains(tmp_path / "voices" / "seed-0")
    assert found is not None
    for moment in ("before", "after"):
        hidden = found[moment]["hidden"]
        assert hidden["utterances"] == {f"{name}/{name}-{n}": 33 for name in ("far", "near") for n in (0, 1)}
        assert hidden["chance"] == 0.25


def test_the_block_is_one_that_both_models_have(source: Path) -> None:
    class Tapping(Transfer):
        taps = ("encoder.0", "encoder.1", "input.phone")

    model = load_model(source).model
    assert block_of(Transfer(), model) == "norm"
    assert block_of(Tapping(), model) == "encoder.1"
