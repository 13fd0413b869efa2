"""Parameters by speaker, from a run to `evaluate` and `transcribe`."""

import copy
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import MakeCorpus
from speaking import of, outputs, recogniser, source, target, tuned
from toy_speech import QUICK, examples, toy_experiment, write_manifest

from speechtl.advice import strangers_on_dev
from speechtl.checkpoint import load_model, save_model
from speechtl.cli import main
from speechtl.corpus_spec import corpus
from speechtl.decode import DecodeSettings
from speechtl.evaluate import evaluate
from speechtl.known_speakers import matched
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inserted import Insertion
from speechtl.report import Hypothesis
from speechtl.run import run
from speechtl.transfer import LHUC, InputAffine, Transfer
from speechtl.transfer.data import TransferData


@pytest.fixture
def manifest(own_folders: Path) -> Path:
    """Toy speech whose speakers, ann and bob, take turns."""
    path = own_folders / "en.jsonl"
    for split, count in (("train", 7), ("dev", 4), ("test", 6)):
        write_manifest(path, count, split, seed=5)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [row | {"speaker": ("ann", "bob")[number % 2]} for number, row in enumerate(rows)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that babbles, in other words where ann's hidden units are silent."""
    babbling = source()
    with torch.no_grad():
        babbling.shared_blank.bias.fill_(0.0)
        for block in ("encoder.0", "encoder.1"):
            babbling.insert(Insertion("lhuc", block, "speaker", ("ann",))).r.fill_(-30.0)
    save_model(babbling, tmp_path / "model", fingerprints=Fingerprints())
    return tmp_path / "model"


def test_a_run_by_speaker_adapts_each_and_no_stranger(manifest: Path, tmp_path: Path) -> None:
    save_model(source(), tmp_path / "source", fingerprints=Fingerprints())
    experiment = toy_experiment(
        manifest,
        source=str(tmp_path / "source"),
        method=LHUC(by="speaker"),
        train=replace(QUICK, steps=3, evaluations=1),
    )
    report = run(experiment, tmp_path / "runs")
    assert report.sets["en"].utterances == 6
    trained = load_model(tmp_path / "runs" / "toy" / "seed-0").model
    assert {one.keys for one in trained.inserted.insertions} == {("en/ann", "en/bob")}
    r = trained.inserted["lhuc_encoder_0"].r
    assert (r[0] != r[1]).any()
    assert (r != 0).any(dim=1).all()
    speech = examples(4)[0]
    before, stranger = outputs(source(), speech.batch(range(4))), of(speech, "zoe").batch(range(4))
    assert torch.equal(outputs(trained, stranger), before)
    assert not torch.equal(outputs(trained, of(speech, "en/bob").batch(range(4))), before)


def test_dev_of_strangers_chooses_nothing_and_that_is_said(make_corpus: MakeCorpus) -> None:
    model = source()
    assert strangers_on_dev(model, make_corpus(["stop"], name="plain")) is None
    model.insert(Insertion("lhuc", "encoder.0", "speaker", ("ann", "bob")))
    known = make_corpus(["stop", "go"], name="known", speakers=["bob", "zoe"])
    assert strangers_on_dev(model, known) is None
    assert strangers_on_dev(model, None) is None
    strangers = make_corpus(["stop", "go"], name="strangers", speakers=["zoe", None])
    advice = strangers_on_dev(model, strangers)
    assert advice is not None
    assert "no dev utterance is of a speaker that is adapted to (ann, bob)" in advice
    assert "--dev none" in advice


def evaluated(model: Path, manifest: Path, out: Path, *flags: str) -> dict[str, tuple[str, str]]:
    """Speaker and text of each utterance by its id, as `evaluate` writes them."""
    assert main(["evaluate", str(model), str(manifest), *flags, "--decode", "greedy", "--out", str(out)]) == 0
    lines = (out / "hyp" / "en.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["id"]: (row["speaker"], row["hyp"]) for row in rows}


def test_evaluate_hears_the_corpuss_speakers_or_the_one_that_is_named(
    manifest: Path, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = evaluated(model, manifest, tmp_path / "own")
    ann = evaluated(model, manifest, tmp_path / "ann", "--speaker", "ann")
    assert "no parts" not in caplog.text
    zoe = evaluated(model, manifest, tmp_path / "zoe", "--speaker", "zoe")
    assert "the model has no parts for the speaker zoe" in caplog.text
    assert "it has some for: ann" in caplog.text
    assert any(ann[id_] != zoe[id_] for id_ in own)
    assert {speaker for speaker, _ in zoe.values()} == {"ann", "bob"}, "the report keeps who spoke"
    for id_, (speaker, text) in own.items():
        assert text == (ann if speaker == "ann" else zoe)[id_][1]


def test_evaluate_takes_a_domain(
    manifest: Path, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    evaluated(model, manifest, tmp_path / "out", "--domain", "telephone")
    assert "no parts for the domain telephone, and hears it as an unknown one; it has some for: none" in (
        caplog.text
    )


def test_transcribe_hears_the_speaker_that_is_named(
    manifest: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    clips = [row["audio"] for row in rows if row["split"] == "test"]

    def told(*flags: str) -> str:
        capsys.readouterr()
        assert main(["transcribe", str(model), *clips, "--decode", "greedy", *flags]) == 0
        return capsys.readouterr().out

    assert told("--speaker", "zoe") == told()
    assert told("--speaker", "ann") != told()


def of_another_corpus(manifest: Path, name: str, first: int) -> Path:
    """Other recordings, under the name of another corpus, of other people with the same names."""
    path = manifest.with_name(name)
    for number, (split, count) in enumerate((("train", 7), ("dev", 4), ("test", 6))):
        write_manifest(path, count, split, seed=first + number)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [row | {"speaker": ("ann", "bob")[number % 2]} for number, row in enumerate(rows)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_speakers_of_several_corpora_are_known_in_each_and_their_namesakes_are_not(
    manifest: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    babbling = source()
    with torch.no_grad():
        babbling.shared_blank.bias.fill_(0.0)
    save_model(babbling, tmp_path / "source", fingerprints=Fingerprints())
    other, third = (of_another_corpus(manifest, f"{name}.jsonl", ord(name)) for name in "ef")
    experiment = toy_experiment(
        manifest,
        source=str(tmp_path / "source"),
        target=tuple(corpus(str(path), split="train") for path in (manifest, other)),
        dev=tuple(corpus(str(path), split="dev") for path in (manifest, other)),
        tests=tuple(corpus(str(path), split="test") for path in (manifest, other)),
        source_tests=(corpus(str(third), split="test"),),
        method=LHUC(by="speaker"),
        train=replace(QUICK, steps=6, lr=3.0, evaluations=1),
        decode=DecodeSettings("greedy"),
    )
    report = run(experiment, tmp_path / "runs")
    folder = tmp_path / "runs" / "toy" / "seed-0"
    adapted, before = load_model(folder), load_model(tmp_path / "source")
    keys = ("e/ann", "e/bob", "en/ann", "en/bob")
    assert {one.keys for one in adapted.model.inserted.insertions} == {keys}
    assert "no dev utterance" not in caplog.text

    def texts(hypotheses: Sequence[Hypothesis]) -> list[str]:
        return [one.hyp for one in hypotheses]

    for name, path in (("en", manifest), ("e", other), ("f", third)):
        speech = {name: corpus(str(path), split="test").open()}
        unadapted = texts(evaluate(before, speech, settings=experiment.decode).hypotheses[name])
        assert (texts(report.hypotheses[name]) == unadapted) is (name == "f")


def test_one_person_in_two_files_is_known_by_name_and_that_is_told(
    manifest: Path, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert matched(["tests/ann", "tests/zoe"], ["train/ann"]) == ["train/ann", "tests/zoe"]
    assert matched(["tests/ann", "ann"], ["one/ann", "two/ann"]) == ["tests/ann", "ann"], "nobody knows which"
    evaluated(model, manifest, tmp_path / "own")
    assert "en: heard by their names: en/ann as ann" in caplog.text


def test_the_rules_of_an_unknown_speaker_are_told_before_training(manifest: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    manifest.write_text("".join(json.dumps(row | {"speaker": None}) + "\n" for row in rows))
    save_model(source(), tmp_path / "source", fingerprints=Fingerprints())
    experiment = toy_experiment(manifest, source=str(tmp_path / "source"), method=LHUC(by="speaker"))
    with pytest.raises(ValueError, match="Fill the corpus's column `speaker`"):
        run(experiment, tmp_path / "runs")


def voice(count: int, seed: int) -> TransferData:
    """Speech of ann, who says all tones higher than anybody whom the source has heard."""
    data = target(count, speakers=("ann",), seed=seed)
    higher = [resampled(wave, 1.3) for wave in data.target.waveforms]
    seconds = np.array([len(wave) / 16_000 for wave in higher])
    return replace(data, target=replace(data.target, waveforms=higher, seconds=seconds))


def resampled(wave: np.ndarray, factor: float) -> np.ndarray:
    """Samples as if they were played so much faster."""
    places = np.arange(0, len(wave) - 1, factor)
    return np.round(np.interp(places, np.arange(len(wave)), wave)).astype(np.int16)


@pytest.mark.parametrize(("method", "lr"), [(InputAffine(by="speaker"), 1e-2), (LHUC(by="speaker"), 0.1)])
def test_other_words_of_an_adapted_voice_are_heard_better_over_three_seeds(
    method: Transfer, lr: float, tmp_path: Path
) -> None:
    held_out = voice(20, seed=77).target.batch(range(20))

    def loss(model: AcousticModel) -> float:
        with torch.no_grad():
            return float(model.eval().task_losses(model.encode(held_out), held_out)["ctc"].mean())

    unadapted = loss(recogniser())
    for seed in range(3):
        data = voice(16, seed=seed)
        model = method.adapt(copy.deepcopy(recogniser()).requires_grad_(True), data, seed=seed)
        settings = {"steps": 20, "lr": lr, "average": 0.5, "weight_decay": 0.01}
        adapted = tuned(method, model, data, tmp_path / str(seed), **settings).model
        assert loss(adapted) < 0.8 * unadapted
