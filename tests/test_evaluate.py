import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import DEVICES, MakeCorpus, MakeModel

from speechtl import evaluate as module
from speechtl import leakage
from speechtl.batches import Examples
from speechtl.cache import load_waveforms
from speechtl.checkpoint import load_model
from speechtl.corpus import Corpus
from speechtl.decode import DecodeSettings
from speechtl.evaluate import evaluate, open_set, set_name, write_report
from speechtl.leakage import Fingerprints
from speechtl.recognition import Recognised, recognise
from speechtl.refusals import refuse_run_folder, require_words
from speechtl.report import Report, load_hypotheses, render
from speechtl.stats import bootstrap_interval

GREEDY = DecodeSettings("greedy")


def pretend(
    monkeypatch: pytest.MonkeyPatch, texts: Sequence[str], closed: Sequence[str] | None = None
) -> None:
    """Let the model recognise these texts, in the corpus's order."""
    recognised = Recognised(list(texts), None if closed is None else list(closed))
    monkeypatch.setattr(module, "recognise", lambda *arguments, **options: recognised)


def test_a_silent_model_deletes_everything(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel
) -> None:
    model = load_model(make_model(tmp_path / "model", "en"))
    corpus = make_corpus(["Stop!", "go on", "left"], speakers=["ann", None, "bob"])
    report = evaluate(model, {"toy": corpus}, settings=GREEDY)
    wer = report.sets["toy"].metrics["wer"]
    assert (wer.value, wer.errors, wer.total, wer.del_) == (1, 4, 4, 4)
    assert (wer.low, wer.high) == (1, 1)
    assert report.sets["toy"].utterances == 3
    assert [(e.id, e.speaker, e.ref, e.hyp) for e in report.hypotheses["toy"]] == [
        ("toy/test/0", "ann", "stop", ""),
        ("toy/test/1", None, "go on", ""),
        ("toy/test/2", "bob", "left", ""),
    ]


def test_errors_and_intervals_are_of_the_texts(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(make_model(tmp_path / "model", "nan-Latn-tailo"))
    corpus = make_corpus(["khì", "lâi", "tsia̍h-pn̄g", "lâi/khì"], language="nan-Latn-tailo")
    pretend(monkeypatch, ["khí", "lâi", "tsia̍h", "khì"])
    entry = evaluate(model, {"toy": corpus}, settings=GREEDY).sets["toy"]
    syllable, toneless, tone = (entry.metrics[name] for name in ("syllable", "syllable_toneless", "tone"))
    assert (syllable.errors, syllable.total, syllable.sub, syllable.del_) == (2, 5, 1, 1)
    assert (toneless.errors, tone.errors, tone.total) == (1, 1, 4)
    expected = bootstrap_interval([1, 0, 1, 0], [1, 1, 2, 1])
    assert (syllable.value, syllable.low, syllable.high) == (expected.value, expected.low, expected.high)
    assert (entry.resampled, entry.decoding) == ("utterances", "greedy")


def test_a_set_in_the_other_romanisation_is_converted_where_that_is_asked_for(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(["chúi/tsúi", "khòaⁿ--lâi"], language="nan-Latn-pehoeji", split_by="text")
    corpus.save(tmp_path / "poj")
    model = load_model(make_model(tmp_path / "model", "nan-Latn-tailo"))
    with pytest.raises(ValueError, match=r"toy is in nan-Latn-pehoeji\. --language nan-Latn-tailo converts"):
        evaluate(model, {"toy": corpus}, settings=GREEDY)
    name, converted = open_set(str(tmp_path / "poj"), None, "nan-Latn-tailo")
    pretend(monkeypatch, ["tsuí", "khuànn --lāi"])
    report = evaluate(model, {name: converted}, settings=GREEDY)
    assert [entry.ref for entry in report.hypotheses["poj"]] == ["tsuí", "khuànn --lâi"]
    syllable = report.sets["poj"].metrics["syllable"]
    assert (report.sets["poj"].language, syllable.errors, syllable.total) == ("nan-Latn-tailo", 1, 3)


def test_a_text_that_was_trained_on_in_the_other_romanisation_is_refused(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel
) -> None:
    train = make_corpus(["tsuí", "bué"], name="train", language="nan-Latn-tailo")
    known = leakage.fingerprint(train, load_waveforms(train).digests)
    test = make_corpus(["chúi", "hé"], language="nan-Latn-pehoeji", split_by="text")
    with pytest.raises(ValueError, match=r"trained on in 1 utterance: toy/test/0 \(chúi\)"):
        leakage.check(known, test, load_waveforms(test).digests, "toy")
    test.save(tmp_path / "poj")
    model = load_model(make_model(tmp_path / "model", "nan-Latn-tailo", trained_on=known))
    name, converted = open_set(str(tmp_path / "poj"), None, "nan-Latn-tailo")
    with pytest.raises(ValueError, match="trained on in 1 utterance"):
        evaluate(model, {name: converted}, settings=GREEDY)


@pytest.mark.parametrize("split_by", ["speaker", "none"])
def test_whole_speakers_are_resampled_where_five_are_known_and_no_texts_are_held_out(
    tmp_path: Path,
    make_corpus: MakeCorpus,
    make_model: MakeModel,
    monkeypatch: pytest.MonkeyPatch,
    split_by: str,
) -> None:
    model = load_model(make_model(tmp_path / "model", "en"))
    speakers = [name for name in "abcde" for _ in range(4)]
    corpus = make_corpus(["go"] * 20, speakers=speakers, split_by=split_by)
    texts = ["go" if name in "ab" else "no" for name in speakers]
    pretend(monkeypatch, texts)
    entry = evaluate(model, {"toy": corpus}, settings=GREEDY).sets["toy"]
    errors = [int(text == "no") for text in texts]
    expected = bootstrap_interval(errors, [1] * 20, blocks=speakers)
    assert entry.resampled == "speakers"
    assert (entry.metrics["wer"].low, entry.metrics["wer"].high) == (expected.low, expected.high)
    four = corpus.filter(predicate=lambda utterance: utterance.speaker != "e")
    pretend(monkeypatch, texts[:16])
    assert evaluate(model, {"toy": four}, settings=GREEDY).sets["toy"].resampled == "utterances"
    pretend(monkeypatch, texts)
    texts_apart = replace(corpus, split_by="text", is_checked=True)
    assert evaluate(model, {"toy": texts_apart}, settings=GREEDY).sets["toy"].resampled == "utterances"


def test_one_utterance_has_no_interval(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel
) -> None:
    model = load_model(make_model(tmp_path / "model", "en"))
    report = evaluate(model, {"toy": make_corpus(["stop"])}, settings=GREEDY)
    assert report.sets["toy"].metrics["cer"].low is None
    write_report(report, tmp_path / "out")
    assert Report.load(tmp_path / "out" / "report.json").sets == report.sets


def test_a_set_of_several_languages_is_reported_by_language(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel
) -> None:
    model = load_model(make_model(tmp_path / "model", "en", "ar"))
    both = Corpus.concatenate([make_corpus(["go"], name="a"), make_corpus(["قف"], name="b", language="ar")])
    report = evaluate(model, {"words": both}, settings=GREEDY)
    assert {name: entry.language for name, entry in report.sets.items()} == {
        "words.ar": "ar",
        "words.en": "en",
    }
    english = load_model(make_model(tmp_path / "english", "en"))
    with pytest.raises(ValueError, match=r"the model has heads for en, but words.ar is in ar"):
        evaluate(english, {"words": both}, settings=GREEDY)


def test_training_speech_is_refused_in_all_sets_at_once(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel
) -> None:
    one, two = make_corpus(["go"], name="one"), make_corpus(["stop"], name="two")
    both = Corpus.concatenate([one, two])
    seen = leakage.fingerprint(both, load_waveforms(both).digests)
    model = load_model(make_model(tmp_path / "model", "en", trained_on=seen))
    with pytest.raises(ValueError, match=r"(?s)one holds .*identical audio.*two holds .*identical audio"):
        evaluate(model, {"one": one, "two": two}, settings=GREEDY)
    fresh = make_corpus(["go", "left"], name="fresh")
    entry = evaluate(model, {"fresh": fresh}, settings=GREEDY).sets["fresh"]
    assert (entry.shared_texts, entry.shared_speakers, entry.shared_dev) == (1, 0, 0)


def test_speech_that_chose_the_weights_is_scored_and_told(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel
) -> None:
    dev, test = make_corpus(["go", "stop"], name="dev"), make_corpus(["left"], name="test")
    chosen_by = Fingerprints(dev=frozenset(load_waveforms(dev).digests))
    model = load_model(make_model(tmp_path / "model", "en", trained_on=chosen_by))
    report = evaluate(model, {"dev": dev, "test": test}, settings=GREEDY)
    assert {name: entry.shared_dev for name, entry in report.sets.items()} == {"dev": 2, "test": 0}
    write_report(report, tmp_path / "out")
    told = " ".join(str(render(Report.load(tmp_path / "out" / "report.json")).caption).split())
    assert "dev: 2 utterances chose the model's weights, as dev" in told
    assert "test: an error of 1 utterance" in told
    assert told.count("chose the model's weights") == 1


def test_closed_decisions_are_counted_where_the_model_lists_words(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(make_model(tmp_path / "model", "en", "ar", words=["stop", "left", "go"]))
    closed = DecodeSettings(closed=True)
    corpus, other = make_corpus(["Stop!", "left"]), make_corpus(["قف"], name="b", language="ar")
    report = evaluate(model, {"toy": corpus, "b": other}, settings=closed)
    assert report.sets["toy"].metrics["closed"].total == 2
    assert "closed" not in report.sets["b"].metrics
    assert {entry.closed for entry in report.hypotheses["toy"]} <= {"stop", "left", "go"}
    assert "closed" not in evaluate(model, {"toy": corpus}, settings=GREEDY).sets["toy"].metrics
    pretend(monkeypatch, ["", ""], ["stop", "go"])
    found = evaluate(model, {"toy": corpus}, settings=closed).sets["toy"].metrics["closed"]
    assert (found.errors, found.total, found.sub) == (1, 2, 1)
    require_words(model, corpus)
    with pytest.raises(ValueError, match=r"lists words for en, the corpus is in ar: .* drop --closed"):
        require_words(model, other)


def test_recognition_depends_neither_on_the_batch_nor_on_the_order(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel
) -> None:
    model = load_model(make_model(tmp_path / "model", "en", silent=False)).model
    corpus = make_corpus(["go"] * 5)
    waveforms = load_waveforms(corpus)
    together = recognise(model, Examples.of(corpus, waveforms, waveforms.durations, None), "en", GREEDY).texts
    assert len(set(together)) > 1
    model.train()
    for index in range(5):
        own = waveforms.select([index])
        alone = Examples.of(corpus.select([index]), own, own.durations, None)
        assert recognise(model, alone, "en", GREEDY).texts == [together[index]]
    assert model.training


@pytest.mark.parametrize("name", DEVICES)
def test_sets_are_scored_on_the_device_there_is(
    tmp_path: Path,
    make_corpus: MakeCorpus,
    make_model: MakeModel,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    folder, corpus = make_model(tmp_path / "model", "en", silent=False, words=["go"]), make_corpus(["go"] * 5)
    settings = DecodeSettings("greedy", closed=True)
    expected = evaluate(load_model(folder), {"toy": corpus}, settings=settings)
    monkeypatch.setattr(module, "device", lambda: torch.device(name))
    model = load_model(folder)
    assert evaluate(model, {"toy": corpus}, settings=settings) == expected
    assert {value.device.type for value in model.model.state_dict().values()} == {name}


def test_texts_with_nothing_to_score_and_empty_sets_are_named(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel
) -> None:
    model = load_model(make_model(tmp_path / "model", "en"))
    corpus = make_corpus(["go", "!?"])
    with pytest.raises(ValueError, match=r"nothing to score in 1 reference: toy/test/1 \('!\?'\)"):
        evaluate(model, {"toy": corpus}, settings=GREEDY)
    with pytest.raises(ValueError, match="the test set toy holds no utterances"):
        evaluate(model, {"toy": corpus.select([])}, settings=GREEDY)


def test_ids_are_unique_over_the_sets_of_a_report(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel
) -> None:
    model = load_model(make_model(tmp_path / "model", "en"))
    whole = make_corpus(["go", "stop", "left"])
    write_report(
        evaluate(model, {"whole": whole, "part": whole.select([1])}, settings=GREEDY), tmp_path / "out"
    )
    rows = {name: load_hypotheses(tmp_path / "out" / "hyp" / f"{name}.jsonl") for name in ("whole", "part")}
    ids = [row.id for entries in rows.values() for row in entries]
    assert ids == ["toy/test/0", "whole/toy/test/1", "toy/test/2", "part/toy/test/1"]


def test_a_report_that_could_not_be_written_does_not_look_finished(
    tmp_path: Path, make_corpus: MakeCorpus, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(make_model(tmp_path / "model", "en"))
    report = evaluate(model, {"toy": make_corpus(["go", "stop"])}, settings=GREEDY)
    write_report(report, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["hyp", "report.json"]

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_hypotheses", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(report, tmp_path / "out")
    assert not (tmp_path / "out" / "report.json").exists()


def test_a_run_s_own_report_is_never_overwritten(tmp_path: Path) -> None:
    refuse_run_folder(tmp_path)
    (tmp_path / "experiment.json").write_text(json.dumps({}))
    with pytest.raises(ValueError, match="choose another --out"):
        refuse_run_folder(tmp_path)


def test_the_test_split_is_the_default_and_a_corpus_of_one_split_is_whole(
    make_corpus: MakeCorpus, own_folders: Path
) -> None:
    test, dev = make_corpus(["go", "stop"]), make_corpus(["left"], split="dev")
    Corpus.concatenate([test, dev]).save(own_folders / "data" / "my-words")
    assert [(name, len(part)) for name, part in (open_set("my-words", None, None),)] == [("my_words", 2)]
    name, part = open_set("my-words", "dev", None)
    assert (name, part.column("id")) == ("my_words-dev", ["toy/dev/0"])
    assert open_set("my-words", "all", None)[0] == "my_words-all"
    assert (part.trim_db, open_set("my-words", "dev", None, 30.0)[1].trim_db) == (None, 30.0)
    dev.save(own_folders / "single")
    name, part = open_set(str(own_folders / "single"), None, None)
    assert (name, len(part)) == ("single", 1)
    train = make_corpus(["no"], split="train")
    Corpus.concatenate([train, dev]).save(own_folders / "data" / "untested")
    with pytest.raises(ValueError, match="has no split test; choose --split dev, train or all"):
        open_set("untested", None, None)
    with pytest.raises(ValueError, match="has no split 'validation'"):
        open_set("untested", "validation", None)


def test_a_folder_without_a_name_of_its_own_is_called_after_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clips" / "far").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "clips" / "far")
    places = (".", "..", ".near.csv", "a-b.csv")
    assert [set_name(one, "test") for one in places] == ["far", "clips", "near", "a_b"]
