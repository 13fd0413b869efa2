"""run(): from manifests to reports; what it refuses before training, and what it says."""

import hashlib
import json
import logging
import re
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_speech import HERTZ, QUICK, TINY, toy_experiment, write_manifest

from speechtl import cli
from speechtl.checkpoint import load_model
from speechtl.corpus_spec import corpus
from speechtl.dry_run import dry_run
from speechtl.evaluate import evaluate
from speechtl.experiment import Experiment
from speechtl.formats import read_corpus
from speechtl.run import run
from speechtl.sets import named_sets
from speechtl.start import save_coverage
from speechtl.train import Interrupted
from speechtl.transfer.base import Transfer
from speechtl.transfer.head_rows import Coverage


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifests of toy speech: `en`, and `de` with the same tones under other letters."""
    folder = tmp_path_factory.mktemp("speech")
    for language, counts in (("en", (24, 6, 6)), ("de", (12, 6, 6))):
        for split, count in zip(("train", "dev", "test"), counts, strict=True):
            write_manifest(folder / f"{language}.jsonl", count, split, language, seed=len(language) + count)
    return folder


@pytest.fixture(autouse=True)
def _own_places(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(tmp_path / "data"))


def experiment(speech: Path, language: str = "en", **changes: object) -> Experiment:
    return toy_experiment(speech / f"{language}.jsonl", **{"name": f"toy-{language}", **changes})


@pytest.fixture(scope="module")
def source(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run on `en`."""
    runs = tmp_path_factory.mktemp("source")
    run(experiment(speech), runs)
    return runs / "toy-en" / "seed-0"


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest()


def test_a_source_is_adapted_and_both_reports_are_written(
    speech: Path,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = types.ModuleType("toy_units")
    table.UNITS = {new: tuple(("en", old) for old in "aeio" if HERTZ[old] == HERTZ[new]) for new in "äéíö"}
    monkeypatch.setitem(sys.modules, "toy_units", table)
    adapted = experiment(
        speech,
        "de",
        name="toy-finetune",
        source=str(source),
        source_tests=(corpus(str(speech / "en.jsonl"), split="test"),),
        unit_table="toy_units",
        train=replace(QUICK, steps=10),
    )
    with caplog.at_level("INFO"):
        report = run(adapted, tmp_path)
    folder = tmp_path / "toy-finetune" / "seed-0"
    assert set(report.sets) == {"de"}
    assert set(report.source_sets) == {"en"}
    assert report.sets["de"].metrics["cer"].value < 0.3, (
        "the sounds are the source's, only their names are new"
    )
    stored = json.loads((folder / "report.json").read_text())
    assert set(stored) >= {"sets", "train", "source_sets"}
    assert stored["train"]["steps"] == 10
    assert {path.name for path in (folder / "hyp").iterdir()} == {"de.jsonl", "en.jsonl"}
    coverage = json.loads((folder / "coverage.json").read_text())
    assert [(entry["language"], entry["mapped"], entry["units"]) for entry in coverage] == [("de", 4, 4)]
    assert "head of de: 4 of 4 units start from the source's rows" in caplog.text
    assert len([line for line in caplog.messages if line.startswith("  ") and " from " in line]) == 4
    loaded = load_model(folder)
    assert loaded.model.languages == ["en", "de"]
    card = (folder / "model" / "README.md").read_text(encoding="utf-8")
    assert f"10 steps; from {source}, by Transfer.\n\n" in card
    step, error = (stored["train"]["best"][key] for key in ("step", "error"))
    assert f"weights after step {step} of 10, kept by their dev error: {100 * error:.1f} % (de)." in card
    assert [entry["run"] for entry in loaded.ancestry] == ["toy-en", "toy-finetune"]
    assert loaded.fingerprints.audio > load_model(source).fingerprints.audio


def test_of_many_head_rows_a_few_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = {f"unit{number}": (("en", "a"),) for number in range(40)} | {"new": ()}
    with caplog.at_level("INFO"):
        save_coverage(tmp_path / "coverage.json", [Coverage("de", rows)])
    assert "head of de: 40 of 41 units" in caplog.messages[0]
    assert caplog.messages[1].endswith("unit0  from en a")
    assert caplog.messages[-1] == "  and 28 more"
    assert len(caplog.messages) == 14
    assert len(json.loads((tmp_path / "coverage.json").read_text())[0]["rows"]) == 41


def test_without_steps_the_source_comes_back(speech: Path, source: Path, tmp_path: Path) -> None:
    run(experiment(speech, name="same", source=str(source), train=replace(QUICK, steps=0)), tmp_path)
    assert digest(tmp_path / "same" / "seed-0") == digest(source)


def test_mapped_rows_start_better_than_random_ones(speech: Path, source: Path, tmp_path: Path) -> None:
    errors = {}
    for rows in ("source", "random"):
        sys.modules["toy_units"] = types.ModuleType("toy_units")
        sys.modules["toy_units"].UNITS = {
            new: tuple(("en", old) for old in "aeio" if HERTZ[old] == HERTZ[new]) for new in "äéíö"
        }
        adapted = experiment(
            speech,
            "de",
            name=rows,
            source=str(source),
            unit_table="toy_units",
            method=Transfer(head_rows=rows),
            train=replace(QUICK, steps=2),
        )
        errors[rows] = run(adapted, tmp_path).sets["de"].metrics["cer"].value
    assert errors["source"] < errors["random"]


def test_a_finished_run_prints_its_report_and_fresh_runs_it_again(speech: Path, tmp_path: Path) -> None:
    short = experiment(speech, train=replace(QUICK, steps=4, evaluations=1))
    first = run(short, tmp_path)
    folder = tmp_path / "toy-en" / "seed-0"
    weights, written = digest(folder), (folder / "report.json").stat().st_mtime_ns
    assert run(short, tmp_path).sets == first.sets
    assert (folder / "report.json").stat().st_mtime_ns == written
    replayed = cli._parse_recipe(str(folder / "experiment.json"), [])
    assert run(replayed, tmp_path).sets == first.sets
    run(short, tmp_path, fresh=True)
    assert digest(folder) == weights, "the same seed gives the same bits"
    assert len(list((tmp_path / "toy-en").glob("seed-0.*"))) == 1
    run(replace(short, seed=1), tmp_path)
    assert digest(tmp_path / "toy-en" / "seed-1") != weights


def test_a_run_that_died_after_training_is_finished_by_the_same_call(speech: Path, tmp_path: Path) -> None:
    short = experiment(speech, train=replace(QUICK, steps=4, evaluations=1))
    first = run(short, tmp_path)
    folder = tmp_path / "toy-en" / "seed-0"
    weights = digest(folder)
    (folder / "report.json").unlink()
    for path in (folder / "model").iterdir():
        path.unlink()
    (folder / ".model.1.new").mkdir()
    assert run(short, tmp_path).sets == first.sets
    assert digest(folder) == weights
    assert not list(folder.glob(".*"))


def test_a_run_says_on_stderr_what_it_does_and_on_stdout_what_came_out(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)
    recipe = tmp_path / "recipe.json"
    short = experiment(speech, train=replace(QUICK, steps=4, evaluations=2))
    recipe.write_text(json.dumps({"experiment": short.to_dict()}))
    command = ["run", str(recipe), "--runs", str(tmp_path / "runs")]
    assert cli.main(command) == 0
    captured = capsys.readouterr()
    folder = tmp_path / "runs" / "toy-en" / "seed-0"
    said = captured.err.splitlines()
    passing = ("decoding", "the model emits", "the training knows")
    said = [line for line in said if not any(words in line for words in passing)]
    assert re.fullmatch(
        r"toy-en, seed 0: 4 steps on en \(en\), \d+ seconds in 24 utterances; from scratch; "
        r"dev has \d+ seconds in 6 utterances",
        said[0],
    )
    assert [line[:13] for line in said[1:3]] == ["step 2/4: dev", "step 4/4: dev"]
    assert said[3:] == ["scoring 6 utterances of en", f"the report, hypotheses and model are in {folder}"]
    assert "%WER" in captured.out
    assert "step" not in captured.out
    assert cli.main(command) == 0
    again = capsys.readouterr()
    assert again.out == captured.out
    assert again.err.splitlines()[0] == f"{folder} is finished; --fresh runs it again"


def test_a_source_whose_model_was_deleted_says_how_to_mend_it(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = experiment(speech, train=replace(QUICK, steps=2, evaluations=1))
    monkeypatch.setattr("speechtl.source.load_recipe", lambda name: recipe)
    adapted = experiment(speech, "de", source="toy@0", train=replace(QUICK, steps=2, evaluations=1))
    report = run(adapted, tmp_path)
    assert report.train.source_wall_seconds > 0, "the source is trained first"
    (tmp_path / "toy-en" / "seed-0" / "model" / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"its model was deleted.*speechtl run toy --seed 0 --fresh"):
        run(replace(adapted, name="again"), tmp_path)
    with pytest.raises(ValueError, match="expected a seed after the @, such as toy@2"):
        run(replace(adapted, name="wrong", source="toy@first"), tmp_path)


def append(speech: Path, target: Path, rows: list[dict]) -> Path:
    """A copy of `en`, with further rows."""
    lines = (speech / "en.jsonl").read_text() + "".join(json.dumps(row) + "\n" for row in rows)
    target.write_text(lines)
    return target


def rows_of(speech: Path, split: str) -> list[dict]:
    entries = [json.loads(line) for line in (speech / "en.jsonl").read_text().splitlines()]
    return [entry for entry in entries if entry["split"] == split]


def refused(path: Path, tmp_path: Path, match: str, **changes: object) -> str:
    """What is said of a manifest before training."""
    faulty = experiment(path.parent, name="faulty", **changes)
    spec = {part: corpus(str(path), split=part) for part in ("train", "dev", "test")}
    faulty = replace(faulty, target=spec["train"], dev=(spec["dev"],), tests=(spec["test"],))
    with pytest.raises((ValueError, FileNotFoundError), match=match) as caught:
        run(faulty, tmp_path / "runs")
    assert not list((tmp_path / "runs").rglob("metrics.jsonl")), "it was found too late"
    return str(caught.value)


@pytest.mark.parametrize("split", ["test", "dev"])
def test_a_clip_that_is_trained_on_is_not_tested_on(speech: Path, tmp_path: Path, split: str) -> None:
    leak = rows_of(speech, "train")[3] | {"id": "leak", "split": split}
    path = append(speech, tmp_path / "leaky.jsonl", [leak])
    message = refused(path, tmp_path, "identical audio in 1 utterance: leak")
    assert ("dev" if split == "dev" else "leaky") in message


def test_a_clip_of_dev_is_not_tested_on(speech: Path, tmp_path: Path) -> None:
    leak = rows_of(speech, "dev")[1] | {"id": "leak", "split": "test"}
    path = append(speech, tmp_path / "leaky.jsonl", [leak])
    refused(path, tmp_path, "leaky: identical audio in dev in 1 utterance: leak")


def test_dev_that_chose_the_weights_is_told_where_it_is_scored(
    speech: Path, source: Path, tmp_path: Path
) -> None:
    dev = corpus(str(speech / "en.jsonl"), split="dev")
    told = evaluate(load_model(source), {"dev": dev.open()}).sets["dev"]
    assert told.shared_dev == told.utterances == 6
    last = experiment(speech, name="last", train=replace(QUICK, steps=2, evaluations=1))
    run(last, tmp_path)
    assert not load_model(tmp_path / "last" / "seed-0").fingerprints.dev, "it chose nothing"
    run(experiment(speech, name="same", source=str(source), train=replace(QUICK, steps=0)), tmp_path)
    same = load_model(tmp_path / "same" / "seed-0")
    assert same.fingerprints == load_model(source).fingerprints, "an ancestor's dev is known too"


def test_an_ancestors_speech_is_not_tested_on(speech: Path, source: Path, tmp_path: Path) -> None:
    leak = rows_of(speech, "train")[5] | {"id": "leak", "split": "test", "text": "äé", "language": "de"}
    lines = (speech / "de.jsonl").read_text() + json.dumps(leak) + "\n"
    (tmp_path / "de.jsonl").write_text(lines)
    leaky = experiment(tmp_path, "de", name="leaky", source=str(source))
    with pytest.raises(ValueError, match="identical audio in 1 utterance: leak"):
        run(leaky, tmp_path / "runs")


def test_short_utterances_are_listed_together_before_training(speech: Path, tmp_path: Path) -> None:
    clips = rows_of(speech, "train")
    short = [clips[i] | {"id": f"short{i}", "text": "aeio" * 20} for i in range(2)]
    path = append(speech, tmp_path / "short.jsonl", short)
    message = refused(path, tmp_path, "too short for the labels: 2 utterances")
    assert "short0: " in message
    assert "its 80 units need 80" in message


def test_a_faster_speed_needs_more_frames(speech: Path, tmp_path: Path) -> None:
    from toy_speech import examples

    from speechtl.augment import AugmentSettings
    from speechtl.features import FeatureSettings
    from speechtl.label_faults import refuse_short
    from speechtl.models.acoustic import AcousticModel

    labelled, _, tokenizers = examples(1)
    model = AcousticModel(TINY, FeatureSettings(), tokenizers)
    frames = int(model.encoded_frames(torch.tensor([len(labelled.waveforms[0])])))
    full = replace(labelled, labels=[[1 + i % 2 for i in range(frames)]])
    refuse_short(model, full, AugmentSettings.off())
    with pytest.raises(ValueError, match=r"at speed 1\.1[\s\S]*--augment.speeds 1\.0"):
        refuse_short(model, full, AugmentSettings(speeds=(0.9, 1.1)))


def test_a_missing_corpus_and_an_ambiguous_language_are_one_message(speech: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        run(experiment(speech, target=corpus("nowhere", split="train")), tmp_path)
    path = append(
        speech, tmp_path / "ambiguous.jsonl", [rows_of(speech, "train")[0] | {"id": "x", "language": "nan"}]
    )
    refused(path, tmp_path, "nan-Latn-tailo")


def test_faulty_texts_of_a_prepared_corpus_are_listed_with_their_roles(speech: Path) -> None:
    from speechtl.corpus import Corpus
    from speechtl.label_faults import refuse_faulty_texts

    rows = list(read_corpus(speech / "en.jsonl"))[:3]
    faulty = Corpus.from_utterances("faulty", [replace(rows[0], text="?!"), replace(rows[1], language="nan")])
    with pytest.raises(ValueError, match="2 faults in the texts") as caught:
        refuse_faulty_texts({"target": faulty, "dev": Corpus.from_utterances("fine", rows[2:])})
    assert f"target: {rows[0].id} (en): '?!': nothing in it is spoken" in str(caught.value)
    assert "target: 'nan' does not say how the text is written" in str(caught.value)


def test_dev_and_tests_in_other_languages_are_refused_together(speech: Path, tmp_path: Path) -> None:
    german = corpus(str(speech / "de.jsonl"), split="test")
    with pytest.raises(ValueError, match="dev is in de, the target in en") as caught:
        run(experiment(speech, dev=(german,), tests=(german,)), tmp_path)
    assert "the test set de is in de; the model will have heads for en" in str(caught.value)


def test_units_that_a_source_lacks_are_refused_in_training_and_a_warning_in_tests(
    speech: Path, source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips = rows_of(speech, "test")
    novel = [clips[0] | {"id": "novel", "text": "aq"}]
    warned = append(speech, tmp_path / "warned.jsonl", novel)
    specs = {part: corpus(str(warned), split=part) for part in ("train", "dev", "test")}
    short = experiment(speech, name="short", train=replace(QUICK, steps=1, evaluations=1))
    # The original clip is left out: ids and audio of one corpus stand for one utterance each.
    lines = [line for line in warned.read_text().splitlines() if json.loads(line)["id"] != clips[0]["id"]]
    warned.write_text("\n".join(lines) + "\n")
    with caplog.at_level("WARNING"):
        run(replace(short, tests=(specs["test"],)), tmp_path / "warned-runs")
    assert "1 of 6 utterances have units that no training text has" in caplog.text
    trained = append(
        speech, tmp_path / "trained.jsonl", [rows_of(speech, "train")[0] | {"id": "new", "text": "aq"}]
    )
    message = refused(
        trained, tmp_path, "units that the source's heads lack, in 1 training utterance", source=str(source)
    )
    assert "new: 'q'" in message
    assert "a private tag in the corpus, such as en-x-own" in message
    trained.write_text(trained.read_text().replace('"language": "en"', '"language": "en-x-own"'))
    parts = {part: corpus(str(trained), split=part) for part in ("train", "dev", "test")}
    owned = experiment(
        speech,
        target=parts["train"],
        dev=(parts["dev"],),
        tests=(parts["test"],),
        source=str(source),
        source_tests=(),
    )
    assert not dry_run(owned).model.tokenizers["en-x-own"].unknown("aq")


def test_a_unit_table_that_is_none_is_refused(speech: Path, source: Path, tmp_path: Path) -> None:
    for table in ("no.such.module", "json"):
        wrong = experiment(speech, "de", name=table, source=str(source), unit_table=table)
        with pytest.raises(ValueError, match=f"unit_table='{table}' cannot be used.*expected a module with"):
            run(wrong, tmp_path)


def test_test_sets_have_names_of_their_own(speech: Path) -> None:
    path = str(speech / "en.jsonl")
    specs = [corpus(path, split="test"), corpus(path, split="dev"), corpus(path, split="test", language="en")]
    assert list(named_sets(specs, 0)) == ["en", "en-dev", "en-2"]
    whole = [corpus(path), corpus(path, split="test")]
    assert list(named_sets(whole, 0)) == ["en-all", "en"], "a whole corpus is not its test split"


def test_closed_decisions_choose_among_the_trained_words(speech: Path, tmp_path: Path) -> None:
    base = experiment(speech, train=replace(QUICK, steps=2, evaluations=1))
    report = run(replace(base, decode=replace(base.decode, closed=True)), tmp_path)
    assert "closed" in report.sets["en"].metrics
    words = load_model(tmp_path / "toy-en" / "seed-0").model.words["en"]
    assert set(words) == {row["text"] for row in rows_of(speech, "train")}


def test_words_that_are_listed_are_chosen_among_whatever_is_trained_on(
    speech: Path, source: Path, tmp_path: Path
) -> None:
    """Adapting to one recording must not leave one word to choose from."""
    listed = ("ae", "AO", "io")
    few = corpus(str(speech / "en.jsonl"), split="train", utterances=1)
    adapted = experiment(speech, target=few, source=str(source), train=replace(QUICK, steps=0))
    run(replace(adapted, decode=replace(adapted.decode, closed=True, words=listed)), tmp_path)
    assert load_model(tmp_path / "toy-en" / "seed-0").model.words["en"] == ("ae", "ao", "io")


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_list_outlives_training_only_on_words_that_it_has(
    speech: Path, tmp_path: Path, is_complete: bool
) -> None:
    """Choosing among the source's words makes no sense for what speaks others."""
    train = replace(QUICK, steps=1, evaluations=1)
    trained = sorted({row["text"] for row in rows_of(speech, "train")})
    base = experiment(speech, train=train, name="base")
    listed = tuple(trained if is_complete else trained[1:])
    run(replace(base, decode=replace(base.decode, closed=True, words=listed)), tmp_path)
    source = str(tmp_path / "base" / "seed-0")
    run(experiment(speech, source=source, train=train), tmp_path)
    words = load_model(tmp_path / "toy-en" / "seed-0").model.words
    assert words == ({"en": listed} if is_complete else {})


def test_listed_words_that_a_head_cannot_write_are_told_before_training(speech: Path, tmp_path: Path) -> None:
    base = experiment(speech)
    wrong = replace(base, decode=replace(base.decode, closed=True, words=("ae", "zoo")))
    for begin in (lambda: run(wrong, tmp_path), lambda: dry_run(wrong, tmp_path)):
        with pytest.raises(
            ValueError, match=r"1 of 2 listed words cannot be written .* en head: 'zoo'\nLeave"
        ):
            begin()
    assert not list(tmp_path.rglob("metrics.jsonl"))
    listed = replace(base.decode, closed=True, words=("ae", "io"))
    report = run(replace(base, decode=listed), tmp_path)
    assert "closed" in report.sets["en"].metrics, "refused before it began, it may be asked again"


def test_an_interruption_and_a_full_disk_are_messages_of_the_command_line(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"experiment": experiment(speech).to_dict()}))

    def interrupted(*_: object, **__: object) -> None:
        raise Interrupted("stopped by SIGINT at step 3 of 9; saved. The same command goes on from here.")

    monkeypatch.setattr("speechtl.run.fit", interrupted)
    assert cli.main(["run", str(recipe), "--runs", str(tmp_path / "runs")]) == 130
    assert "saved. The same command goes on from here." in capsys.readouterr().err

    def full(*_: object, **__: object) -> None:
        raise OSError("the training checkpoint could not be written to X: No space left on device.")

    monkeypatch.setattr("speechtl.run.fit", full)
    assert cli.main(["run", str(recipe), "--runs", str(tmp_path / "runs")]) == 2
    assert "speechtl: the training checkpoint could not be written" in capsys.readouterr().err
