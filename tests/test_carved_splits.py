"""What a run carves out of a corpus, others find again: evaluate, lm, folds, controls and the next run."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from toy_speech import QUICK, toy_experiment, write_manifest, write_unsplit

from speechtl.carved_splits import FILE, carved_by
from speechtl.cli import main
from speechtl.corpus_spec import CorpusSpec, corpus
from speechtl.experiment import Experiment
from speechtl.report import Report, load_hypotheses
from speechtl.run import run
from speechtl.sets import Sets
from speechtl.source import find_source
from speechtl.transfer import LHUC, SourceReplay

BRIEF = replace(QUICK, steps=3, evaluations=1)


@pytest.fixture
def speech(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Manifests of two languages without splits, of three speakers who say as much."""
    for language in ("en", "de"):
        write_unsplit(own_folders / f"{language}.jsonl", language)
    monkeypatch.chdir(own_folders)
    return own_folders


def carving(speech: Path, **changes: object) -> Experiment:
    """A run that leaves dev and test to its corpus."""
    target = corpus(str(speech / "en.jsonl"), split_by="text")
    values = {"name": "mine", "target": target, "dev": (), "tests": (), "train": BRIEF, **changes}
    return replace(toy_experiment(speech / "en.jsonl"), **values)


def test_a_run_s_tests_are_scored_again_and_no_others(
    speech: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    report = run(carving(speech), speech / "runs")
    folder = speech / "runs" / "mine" / "seed-0"
    with caplog.at_level(logging.INFO):
        for model, out in ((folder, "first"), (folder / "model", "second")):
            assert main(["evaluate", str(model), "en.jsonl", "--out", out]) == 0
    assert f"en: its splits are those that {folder} carved out of it" in caplog.text
    again = Report.load(speech / "first" / "report.json")
    assert again.sets["en"].metrics["cer"] == report.sets["en"].metrics["cer"]
    assert again.sets["en"].references == report.sets["en"].references
    own = {entry.id for entry in load_hypotheses(folder / "hyp" / "en.jsonl")}
    assert {entry.id for entry in load_hypotheses(speech / "second" / "hyp" / "en.jsonl")} == own
    assert main(["evaluate", str(folder), "en.jsonl", "--split", "dev"]) == 0
    assert main(["evaluate", str(folder), "de.jsonl"]) == 2
    assert "the model has heads for en" in capsys.readouterr().err
    assert main(["evaluate", str(folder), "en.jsonl", "--split", "all"]) == 2, "most of it was trained on"


def test_a_corpus_of_the_same_name_with_other_utterances_is_scored_whole(speech: Path) -> None:
    run(carving(speech), speech / "runs")
    elsewhere = speech / "elsewhere"
    elsewhere.mkdir()
    write_manifest(elsewhere / "en.jsonl", 7, "train", seed=5)
    rows = [json.loads(line) for line in (elsewhere / "en.jsonl").read_text().splitlines()]
    path = elsewhere / "en.jsonl"
    path.write_text("".join(json.dumps(row | {"id": f"x{n}"}) + "\n" for n, row in enumerate(rows)))
    assert main(["evaluate", "runs/mine/seed-0", str(path), "--out", "out"]) == 0
    assert Report.load(speech / "out" / "report.json").sets["en"].utterances == 7


def test_folds_do_not_move_the_test(speech: Path) -> None:
    plain, folded = Sets.of(carving(speech)), Sets.of(carving(speech, dev="fold"))
    assert plain.dev is not None
    assert folded.tests["en"].column("id") == plain.tests["en"].column("id")
    assert set(plain.dev.column("id")) < set(folded.target.column("id"))
    assert [set(one.ids) for one in folded.carved] == [{"test"}]


def test_another_run_holds_out_the_same_whatever_its_method(speech: Path) -> None:
    by_speaker = carving(speech, target=corpus(str(speech / "en.jsonl")))
    run(by_speaker, speech / "runs")
    folder = speech / "runs" / "mine" / "seed-0"
    first = Sets.of(by_speaker)
    (carved,) = carved_by(folder)
    assert carved.split_by == "speaker"
    spec = replace(by_speaker.target, split_as=str(folder))
    other = Sets.of(carving(speech, target=spec, method=LHUC(by="speaker"), source="anything"))
    assert other.tests["en"].column("id") == first.tests["en"].column("id")
    assert other.tests["en"].split_by == "speaker", "so that its interval is over speakers there too"
    again = run(carving(speech, name="again", target=spec), speech / "runs")
    assert carved_by(speech / "runs" / "again" / "seed-0") == [carved], "it can be scored again as well"
    assert again.sets["en"].utterances == len(first.tests["en"])


def test_a_source_s_own_splits_are_those_of_its_run(speech: Path) -> None:
    """Even if it would carve otherwise now, such as without what its own source knew."""
    run(carving(speech, name="source"), speech / "runs")
    path = speech / "runs" / "source" / "seed-0" / FILE
    (entry,) = json.loads(path.read_text())["corpora"]
    moved = {**entry, "test": dict([*entry["test"].items()][1:])}
    path.write_text(json.dumps({"corpora": [moved]}))
    adapted = carving(
        speech, source=str(path.parent), source_tests=None, target=corpus(str(speech / "de.jsonl"))
    )
    source = find_source(adapted, speech / "runs")
    assert source is not None
    assert source.recipe is not None
    assert source.recipe.targets[0].split_as is None, "its settings are what they were"
    found = Sets.of(adapted, source.experiment)
    assert sorted(found.source_tests["en"].column("id")) == sorted(moved["test"])


def test_a_language_model_does_not_read_what_a_run_holds_out(
    speech: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(carving(speech), speech / "runs")
    found = Sets.of(carving(speech))
    assert main(["lm", "en.jsonl", "--out", "run.arpa", "--split-as", "runs/mine/seed-0"]) == 0
    told = capsys.readouterr().out
    assert f"train of en.jsonl (en): {len(found.target)} texts" in told
    assert found.dev is not None
    assert f"dev of en.jsonl: {len(found.dev)} texts" in told
    assert "among the training texts" not in told
    assert main(["lm", "en.jsonl", "--out", "own.arpa"]) == 0
    told = capsys.readouterr().out
    assert "dev and test: carved out of 60 utterances by speaker" in told
    assert "--split-as RUN leaves out what that run holds out" in told
    Path("more.txt").write_text("one two\nthree\n")
    assert (
        main(["lm", "more.txt", "--language", "en", "--out", "x.arpa", "--split-as", "runs/mine/seed-0"]) == 2
    )
    assert "--split-as is for a corpus" in capsys.readouterr().err


def test_what_cannot_be_split_so_is_told(speech: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(carving(speech), speech / "runs")
    folder = "runs/mine/seed-0"
    with pytest.raises(FileNotFoundError, match="split_as=nowhere: there is no such folder"):
        CorpusSpec("en.jsonl", split_as="nowhere").open()
    with pytest.raises(ValueError, match="carved dev or test out only of en, not of de"):
        CorpusSpec("de.jsonl", split_as=folder).open()
    with pytest.raises(FileNotFoundError, match=r"split_as=runs/mine is no run; .* runs/mine/seed-0"):
        CorpusSpec("en.jsonl", split_as="runs/mine").open()
    Path("elsewhere").mkdir()
    Path("elsewhere/experiment.json").write_text("{}")
    with pytest.raises(ValueError, match="out of none, not of en"):
        CorpusSpec("en.jsonl", split_as="elsewhere").open()
    held = list(carved_by(folder)[0].ids["test"])
    rows = [json.loads(line) for line in Path("en.jsonl").read_text().splitlines()]
    ids = CorpusSpec("en.jsonl").open().column("id")
    left = [row for row, id_ in zip(rows, ids, strict=True) if id_ != held[0]]
    Path("en.jsonl").write_text("".join(json.dumps(row) + "\n" for row in left))
    with pytest.raises(ValueError, match="1 utterance that the run held out of en are not in it"):
        CorpusSpec("en.jsonl", split_as=folder).open()
    with caplog.at_level(logging.INFO):
        assert main(["evaluate", folder, "en.jsonl"]) == 2
    assert "en is scored as another corpus than that of runs/mine/seed-0: " in caplog.text
    assert "1 utterance that the run held out" in caplog.text


def test_a_run_of_a_corpus_with_its_own_splits_keeps_no_list(speech: Path) -> None:
    for split, count in (("train", 12), ("dev", 3), ("test", 4)):
        write_manifest(speech / "split.jsonl", count, split)
    run(carving(speech, target=corpus(str(speech / "split.jsonl"))), speech / "runs")
    assert carved_by(speech / "runs" / "mine" / "seed-0") == []


def test_two_targets_of_one_corpus_are_scored_again_together(speech: Path) -> None:
    rows = [
        json.loads(line) for name in ("en", "de") for line in Path(f"{name}.jsonl").read_text().splitlines()
    ]
    Path("both.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    two = tuple(corpus(str(speech / "both.jsonl"), language=tag, split_by="text") for tag in ("en", "de"))
    report = run(carving(speech, target=two), speech / "runs")
    assert [one.given for one in carved_by("runs/mine/seed-0")] == [str(speech / "both.jsonl")] * 2
    assert main(["evaluate", "runs/mine/seed-0", "both.jsonl", "--out", "out"]) == 0
    again = Report.load(speech / "out" / "report.json")
    assert sum(one.utterances for one in again.sets.values()) == sum(
        one.utterances for one in report.sets.values()
    )
    assert main(["evaluate", "runs/mine/seed-0", "both.jsonl", "--language", "de", "--out", "de"]) == 0
    assert {entry.id for entry in load_hypotheses(speech / "de" / "hyp" / "both.jsonl")} < set(
        carved_ids("test")
    )


def carved_ids(split: str) -> list[str]:
    """What the run holds out of all its targets."""
    return [id_ for one in carved_by("runs/mine/seed-0") for id_ in one.ids[split]]


def test_a_run_that_is_split_as_one_on_another_split_trains_on_what_that_left(speech: Path) -> None:
    rows = [json.loads(line) | {"split": "test"} for line in Path("en.jsonl").read_text().splitlines()]
    Path("only.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    target = corpus(str(speech / "only.jsonl"), "test", split_by="text")
    run(carving(speech, target=target), speech / "runs")
    first = Sets.of(carving(speech, target=target))
    again = Sets.of(carving(speech, target=replace(target, split_as="runs/mine/seed-0")))
    assert again.target.column("id") == first.target.column("id")
    assert again.tests["only"].column("id") == first.tests["only"].column("id")


def test_a_corpus_of_the_same_name_and_ids_with_other_recordings_is_scored_whole(speech: Path) -> None:
    run(carving(speech), speech / "runs")
    elsewhere = speech / "elsewhere"
    elsewhere.mkdir()
    write_manifest(elsewhere / "en.jsonl", 60, "train", seed=9)
    ids = CorpusSpec(str(elsewhere / "en.jsonl")).open().column("id")
    assert ids == CorpusSpec("en.jsonl").open().column("id")
    assert main(["evaluate", "runs/mine/seed-0", "elsewhere/en.jsonl", "--out", "out"]) == 0
    assert Report.load(speech / "out" / "report.json").sets["en"].utterances == 60
    both = (corpus(str(speech / "en.jsonl"), split_by="text"), corpus("elsewhere/en.jsonl", split_by="text"))
    rows = [json.loads(line) for line in (elsewhere / "en.jsonl").read_text().splitlines()]
    (elsewhere / "en.jsonl").write_text(
        "".join(json.dumps(row | {"id": f"x{row['id']}"}) + "\n" for row in rows)
    )
    run(carving(speech, name="both", target=both), speech / "runs")
    for path in ("en.jsonl", "elsewhere/en.jsonl"):
        assert "test" in CorpusSpec(path, split_as="runs/both/seed-0").open().splits


def test_replay_from_a_source_that_is_trained_first_hears_no_test_of_it(speech: Path) -> None:
    """What the source carves without what its own source knows differs from what it carved in its run."""
    run(
        carving(speech, name="first", target=corpus("en.jsonl", split_by="text", texts=first_texts())),
        speech / "runs",
    )
    second = carving(speech, name="second", source="runs/first/seed-0")
    Path("second.json").write_text(json.dumps({"experiment": second.to_dict()}))
    third = carving(
        speech,
        name="third",
        source="second.json",
        method=SourceReplay(),
        target=corpus("de.jsonl", split_by="text"),
        source_tests=None,
    )
    run(third, speech / "runs")
    source = find_source(third, speech / "runs")
    assert source is not None
    (held,) = carved_by("runs/second/seed-0")
    replayed = Sets.of(third, source.experiment).source
    assert replayed is not None
    assert not set(replayed.column("id")) & set(held.ids["test"])
    told = json.loads((speech / "runs" / "third" / "seed-0" / "report.json").read_text())
    assert told["source_sets"]["en"]["utterances"] == len(held.ids["test"])


def first_texts() -> tuple[str, ...]:
    """Half of the texts of a manifest."""
    texts = sorted({json.loads(line)["text"] for line in Path("en.jsonl").read_text().splitlines()})
    return tuple(texts[::2])
