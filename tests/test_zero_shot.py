"""Zero-shot: tests decoded through another language's head, its syllables respelled by a table."""

import doctest
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_speech import HERTZ, QUICK, toy_experiment, write_manifest

from speechtl import zero_shot
from speechtl.checkpoint import load_model
from speechtl.evaluate import evaluate
from speechtl.formats import read_corpus
from speechtl.recipe_files import table_module
from speechtl.report import Report
from speechtl.run import run
from speechtl.zero_shot import SyllableTable

SAME = {new: old for new, old in zip("äéíö", "aeio", strict=True) if HERTZ[new] == HERTZ[old]}


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(tmp_path / "data"))


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that respells every word of two and three letters from `en` to `de`."""
    turned = str.maketrans({old: new for new, old in SAME.items()})
    texts = [a + b + c for a in "aeio" for b in "aeio" for c in ("", *"aeio")]
    module = types.ModuleType("toy_syllables")
    module.LANGUAGE = "de"
    module.SYLLABLES = {"en": {text: text.translate(turned) for text in texts}}
    monkeypatch.setitem(sys.modules, "toy_syllables", module)
    return "toy_syllables"


def test_the_example_in_the_docstring() -> None:
    assert doctest.testmod(zero_shot).failed == 0


def test_what_the_table_lacks_stays_as_it_is() -> None:
    table = SyllableTable("de", {"en": {"ae": "äé"}})
    assert table.respelled("en", "ae oi ae") == "äé oi äé"
    assert table.respelled("en", "") == ""


def test_tests_are_decoded_through_every_head_of_the_table(tmp_path: Path, table: str) -> None:
    for language in ("en", "de"):
        for split, count in (("train", 24), ("dev", 6), ("test", 6)):
            write_manifest(tmp_path / f"{language}.jsonl", count, split, language, seed=3)
    run(toy_experiment(tmp_path / "en.jsonl", name="source"), tmp_path / "runs")
    source = tmp_path / "runs" / "source" / "seed-0"
    unadapted = toy_experiment(
        tmp_path / "de.jsonl",
        name="unadapted",
        source=str(source),
        syllable_table=table,
        train=replace(QUICK, steps=0),
    )
    report = run(unadapted, tmp_path / "runs")
    assert set(report.sets) == {"de", "de.en"}
    own, through = report.sets["de"], report.sets["de.en"]
    assert through.language == own.language == "de"
    assert through.references == own.references
    assert through.decoding == "greedy, through en"
    assert through.metrics["cer"].value < 0.3, "the sounds are the source's, only their names are new"
    stored = Report.load(tmp_path / "runs" / "unadapted" / "seed-0" / "report.json")
    assert set(stored.sets) == {"de", "de.en"}
    assert (tmp_path / "runs" / "unadapted" / "seed-0" / "hyp" / "de.en.jsonl").is_file()
    trained, adapted = load_model(source).model, load_model(tmp_path / "runs" / "unadapted" / "seed-0").model
    for name, value in trained.state_dict().items():
        assert torch.equal(adapted.state_dict()[name], value), "without a step the model is the source"


def test_a_table_for_other_languages_adds_nothing_and_one_without_heads_is_refused(
    tmp_path: Path, make_model: object
) -> None:
    model = load_model(make_model(tmp_path / "model", "en"))
    corpus = read_corpus(str(write_manifest(tmp_path / "en.jsonl", 3, "test")))
    assert set(evaluate(model, {"x": corpus}, zero_shot=SyllableTable("ar", {"en": {}})).sets) == {"x"}
    with pytest.raises(ValueError, match="the model has none for yue; it has heads for en"):
        evaluate(model, {"x": corpus}, zero_shot=SyllableTable("ar", {"yue": {}}))


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    values = ["LANGUAGE", "SYLLABLES"]
    for name, found in (("no.such", "No module"), ("json", "LANGUAGE"), ("mine.py", "does not exist")):
        with pytest.raises(
            ValueError, match=f"syllable_table='{name}' cannot be used .*{found}.*; expected a m"
        ):
            table_module("syllable_table", name, values, "recipes.taiwanese.syllables")
    mine = tmp_path / "mine.py"
    mine.write_text("LANGUAGE = 'ar'\nSYLLABLES = {'en': {'a': 'e'}}\n")
    assert table_module("syllable_table", str(mine), values, "").SYLLABLES == {"en": {"a": "e"}}
    with pytest.raises(ValueError, match="syllable_table without a source"):
        toy_experiment(tmp_path / "en.jsonl", syllable_table="recipes.taiwanese.syllables")
