"""A classifier from texts to report: one decision for an utterance, among the texts of training."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_speech import PLAIN, SETTINGS, TINY, tones

from speechtl import cli
from speechtl.audio import write_audio
from speechtl.augment import AugmentSettings
from speechtl.checkpoint import load_model
from speechtl.corpus_spec import corpus
from speechtl.decode import DecodeSettings, closed, decode
from speechtl.evaluate import evaluate
from speechtl.experiment import Experiment
from speechtl.run import run
from speechtl.text import TextSettings, Tokenizer
from speechtl.transcribe import transcribe

WORDS = ("a", "oi", "e a", "io")
WHOLE = TextSettings(units="whole")
CLASSIFIER = replace(TINY, head="classifier")


def write_words(folder: Path, texts: dict[str, tuple[str, ...]]) -> Path:
    """A manifest of toy words, one clip for each text of each split."""
    random, rows = np.random.default_rng(0), []
    for split, said in texts.items():
        for number, text in enumerate(said):
            clip = folder / f"{split}-{number}.wav"
            write_audio(clip, tones(text.replace(" ", ""), random), 16_000)
            row = {"id": clip.stem, "audio": str(clip), "text": text, "language": "en", "split": split}
            rows.append(row)
    path = folder / "words.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words of which dev and test have one, `ao`, that training has not."""
    folder = tmp_path_factory.mktemp("words")
    return write_words(folder, {"train": WORDS * 6, "dev": (*WORDS, "ao"), "test": (*WORDS, *WORDS, "ao")})


@pytest.fixture(autouse=True)
def _own_places(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path_factory.getbasetemp() / "classifier-cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(tmp_path / "data"))


def experiment(manifest: Path, **changes: object) -> Experiment:
    train, dev, test = (corpus(str(manifest), split) for split in ("train", "dev", "test"))
    built = Experiment(
        name="keywords",
        target=train,
        dev=(dev,),
        tests=(test,),
        text=WHOLE,
        model=CLASSIFIER,
        augment=PLAIN,
        train=replace(
            SETTINGS, steps=50, lr=8e-3, average=0.8, evaluations=2, checkpoint_seconds=1000, dropout=0.0
        ),
        decode=DecodeSettings(closed=True),
    )
    return replace(built, **changes)


def test_a_classifier_is_trained_scored_evaluated_and_used(
    manifest: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        report = run(experiment(manifest), tmp_path / "runs")
    assert "words: 1 of 9 utterances have units that no training text has" in caplog.text
    assert "blank" not in caplog.text, "a classifier has none to collapse to"
    metrics = report.sets["words"].metrics
    assert metrics["closed"].total == 9
    assert 1 <= metrics["closed"].errors <= 3, "the word that training lacks is wrong, others are right"

    folder = tmp_path / "runs" / "keywords" / "seed-0"
    logged = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert "classification" in logged[0]
    assert "ctc" not in logged[0]
    scores = [entry["dev"] for entry in logged if "dev" in entry]
    assert scores[-1]["blank_share"] == 0
    assert scores[-1]["length_ratio"] == 1
    assert scores[-1]["error"] in {share / 5 for share in range(1, 6)}, "a share of five decisions"

    loaded = load_model(folder)
    assert loaded.model.tokenizers["en"].units == tuple(sorted(WORDS))
    assert loaded.model.words["en"] == tuple(sorted(WORDS))
    again = evaluate(loaded, {"words": corpus(str(manifest), "test").open()}, settings=DecodeSettings())
    assert again.sets["words"].metrics["wer"].errors == metrics["wer"].errors
    clip = manifest.parent / "train-1.wav"
    for settings in (DecodeSettings(), DecodeSettings(method="greedy"), DecodeSettings(closed=True)):
        ((_, text),) = transcribe(loaded, [clip], "en", settings)
        assert text == "oi"


def test_a_decision_is_the_same_by_every_way_of_decoding() -> None:
    tokenizer = Tokenizer.fit(WORDS, "en", WHOLE)
    torch.manual_seed(0)
    scores = torch.randn(7, 4).log_softmax(1)
    log_probs = torch.nn.functional.pad(scores, (1, 0), value=-torch.inf).unsqueeze(1)
    lengths = torch.ones(7, dtype=torch.int64)
    expected = [tokenizer.units[best] for best in scores.argmax(1).tolist()]
    assert decode(log_probs, lengths, tokenizer, DecodeSettings()) == expected
    assert decode(log_probs, lengths, tokenizer, DecodeSettings(method="greedy")) == expected
    assert closed(log_probs, lengths, tokenizer, tokenizer.units) == expected


def test_a_classifier_starts_from_a_source_that_reads_units(manifest: Path, tmp_path: Path) -> None:
    """Another language's CTC model gives the encoder, and its heads stay as they are."""
    rows = manifest.read_text(encoding="utf-8").replace('"en"', '"de"')
    (tmp_path / "german.jsonl").write_text(rows, encoding="utf-8")
    quick = replace(SETTINGS, steps=3, evaluations=1, checkpoint_seconds=1000)
    source = experiment(
        tmp_path / "german.jsonl", name="source", text=TextSettings(), model=TINY, train=quick
    )
    run(source, tmp_path)
    before = load_model(tmp_path / "source" / "seed-0").model
    run(experiment(manifest, source=str(tmp_path / "source" / "seed-0"), train=quick), tmp_path)
    after = load_model(tmp_path / "keywords" / "seed-0").model
    assert after.languages == ["de", "en"]
    assert torch.equal(after.head("de").units.weight, before.head("de").units.weight)
    assert torch.equal(after.shared_blank.weight, before.shared_blank.weight)
    assert not torch.equal(after.encoder[0].convolution.weight, before.encoder[0].convolution.weight)
    assert after.head("en").blank is None


def test_a_text_of_many_letters_is_not_too_short_for_its_one_class(tmp_path: Path) -> None:
    long = "aeioaeioaeioaeioaeio"
    path = write_words(tmp_path, {"train": ("a", "e"), "dev": ("a", "e"), "test": ("a", "e")})
    path.write_text(path.read_text().replace('"a"', f'"{long}"'), encoding="utf-8")
    quick = replace(SETTINGS, steps=1, evaluations=1, checkpoint_seconds=1000)
    run(experiment(path, train=quick), tmp_path / "runs")
    with pytest.raises(ValueError, match="too short for the labels"):
        run(experiment(path, train=quick, name="ctc", text=TextSettings(), model=TINY), tmp_path / "runs")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": TINY}, r"model\.head=ctc with text\.units=whole; a classifier decides among whole texts"),
        ({"text": TextSettings()}, r"model\.head=classifier with text\.units=default"),
        ({"augment": AugmentSettings(chain=0.5)}, r"one decision for an utterance, so augment\.chain=0\.5"),
        ({"decode": DecodeSettings(method="beam")}, r"decode\.method=beam must be"),
    ],
)
def test_what_makes_no_sense_for_a_classifier_is_refused(manifest: Path, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        experiment(manifest, **changes)


def test_the_doctor_knows_classes(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "words.py"
    recipe.write_text(
        "from dataclasses import replace\nfrom recipes.arabic.keywords import experiment as keywords\n"
        "experiment = replace(keywords, name='words', train=replace(keywords.train, threads=1))\n"
    )
    cli.main(["doctor", str(manifest), "--recipe", str(recipe)])
    printed = capsys.readouterr()
    assert "'ao'" in printed.out, "the class that training lacks"
    assert "too short" not in printed.out
    assert "Traceback" not in printed.err
