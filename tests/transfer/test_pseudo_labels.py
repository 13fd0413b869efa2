"""Pseudo-labels: whose they are, which are kept, and where they are written."""

import copy
import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import DEVICES
from elsewhere import DRAWS, WORDS, bilingual, material, moved, spoken, streams
from speaking import recogniser
from toy_speech import PLAIN, TINY, examples, toy_experiment

from speechtl.corpus_spec import corpus
from speechtl.decode import DecodeSettings
from speechtl.doctor.cost import Clips, estimate
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.recognition import posteriors, recognise
from speechtl.text import TextSettings, Tokenizer
from speechtl.transfer import JointTraining, PseudoLabels, pseudo_labels
from speechtl.transfer.confidence import confidences
from speechtl.transfer.data import TransferData
from speechtl.transfer.labelling import Guess
from speechtl.transfer.pseudo_labels import FOLDER

UNLABELLED = {"unlabelled": (corpus("elsewhere.jsonl"),)}


def rows_of(folder: Path, number: int = 1) -> list[dict]:
    lines = (folder / FOLDER / f"round-{number}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def guessing(monkeypatch: pytest.MonkeyPatch, guessed: list[Guess]) -> None:
    monkeypatch.setattr(pseudo_labels, "guesses", lambda *_: guessed)


@pytest.fixture(name="data")
def _data() -> TransferData:
    return material()


def test_labels_are_what_the_model_recognises_with_its_confidence(data: TransferData, tmp_path: Path) -> None:
    method = PseudoLabels(threshold=0.5)
    before = streams(method, data)
    after = method.streams_at(0, before, recogniser(), tmp_path)
    speech = data.unlabelled_speech
    rows = rows_of(tmp_path)
    assert [row["id"] for row in rows] == list(speech.ids)
    assert [row["text"] for row in rows] == recognise(recogniser(), speech, "en", DecodeSettings()).texts
    for places, log_probs, lengths in posteriors(recogniser(), speech, "en"):
        sure = confidences(log_probs, lengths, [rows[place]["units"] for place in places])
        assert [rows[place]["confidence"] for place in places] == pytest.approx(sure.tolist(), abs=1e-6)
    kept = [row["id"] for row in rows if row["confidence"] > 0.5]
    assert kept == [row["id"] for row in rows if row["is_kept"]]
    assert len(kept) > 2
    heard = after["unlabelled"].examples
    assert list(heard.ids) == kept
    assert [list(units) for units in heard.labels] == [row["units"] for row in rows if row["is_kept"]]
    assert after["target"] is before["target"]


def test_half_of_a_batch_is_labelled_and_half_is_what_was_kept(
    data: TransferData, monkeypatch: pytest.MonkeyPatch
) -> None:
    guessing(monkeypatch, [Guess([1, 2], 0.95 if row % 3 == 0 else 0.2) for row in range(12)])
    method = PseudoLabels()
    after = method.streams_at(0, streams(method, data), recogniser(), None)
    batches = [after["unlabelled"].batch(step) for step in range(8)]
    assert {id_ for batch in batches for id_ in batch.ids} == {f"moved-u{row}" for row in (0, 3, 6, 9)}
    assert all(batch.is_labelled.all() and batch.is_target.all() for batch in batches)
    assert {tuple(labels) for batch in batches for labels in batch.labels.tolist()} == {(1, 2)}
    assert after["unlabelled"].batch_seconds == DRAWS.batch_seconds / 2 == after["target"].batch_seconds
    assert not any(after["target"].batch(step).is_target.any() for step in range(4))


def test_only_labels_above_the_threshold_that_say_something_and_fit_are_kept(
    data: TransferData, monkeypatch: pytest.MonkeyPatch
) -> None:
    sure = [Guess([1], 0.9), Guess([], 1.0), Guess([1, 2], 0.91), Guess([2] * 40, 0.99), Guess([3], 0.0)]
    guessing(monkeypatch, sure + [Guess([1], 0.1)] * 7)

    def kept(method: PseudoLabels, **augment: object) -> list[str]:
        draws = replace(DRAWS, augment=replace(PLAIN, **augment))
        found = method.streams_at(0, method.mixed_streams(data, draws), recogniser(), None)
        return [id_.removeprefix("moved-") for id_ in found["unlabelled"].examples.ids]

    assert kept(PseudoLabels()) == ["u2"]
    assert kept(PseudoLabels(threshold=0.0)) == ["u0", "u2", *(f"u{row}" for row in range(5, 12))]
    frames = int(recogniser().encoded_frames(torch.tensor([len(data.unlabelled_speech.waveforms[0])]))[0])
    full = [Guess([1, 2] * (frames // 2), 0.99), *([Guess([3], 0.99)] * 11)]
    guessing(monkeypatch, full)
    assert "u0" in kept(PseudoLabels())
    assert "u0" not in kept(PseudoLabels(), speeds=(1.0, 1.3)), "it does not fit at the higher speed"
    assert "u0" in kept(PseudoLabels(is_noisy=False), speeds=(1.0, 1.3)), "which is not used then"


def test_a_closed_decision_takes_one_of_the_labelled_texts(tmp_path: Path) -> None:
    labelled, _ = spoken(12, seed=3)
    silent, texts = spoken(12, seed=4)
    _, _, tokenizers = examples(2)
    data = TransferData(labelled, tokenizers, unlabelled=moved(silent))
    method = PseudoLabels(among="texts", threshold=0.0)
    method.streams_at(0, streams(method, data), recogniser(), tmp_path)
    found = [row["text"] for row in rows_of(tmp_path)]
    assert set(found) <= set(WORDS)
    heard = recognise(recogniser(), data.unlabelled_speech, "en", DecodeSettings()).texts
    right = [sum(one == text for one, text in zip(said, texts, strict=True)) for said in (found, heard)]
    assert right[0] > right[1], "a better label than what is heard unit by unit"


def test_texts_are_those_of_the_language_of_all_labelled_streams(tmp_path: Path) -> None:
    """Of several languages each has its own, also where one stream holds them all."""
    source, data = bilingual(tmp_path / "source"), material(12, ("en", "fr"))
    method = PseudoLabels(among="texts", threshold=0.0)
    joint = JointTraining().streams(replace(data, source=data.target), DRAWS)
    both = {**joint, "unlabelled": streams(method, data)["unlabelled"]}
    for name, given in (("alone", streams(method, data)), ("joint", both)):
        method.streams_at(0, given, source, tmp_path / name)
        for tag in ("en", "fr"):
            labelled = zip(data.target.labels, data.target.languages, strict=True)
            own = [list(units) for units, language in labelled if language == tag]
            assert all(row["units"] in own for row in rows_of(tmp_path / name) if row["language"] == tag)


def test_true_labels_of_the_unlabelled_speech_are_never_looked_at(tmp_path: Path) -> None:
    data = material()
    told, _, _ = examples(12, seed=2)
    knowing = replace(data, unlabelled=replace(data.unlabelled_speech, labels=told.labels))
    found = []
    for name, one in (("one", data), ("other", knowing)):
        method = PseudoLabels(threshold=0.4)
        after = method.streams_at(0, streams(method, one), recogniser(), tmp_path / name)
        found.append([after["unlabelled"].batch(step).labels.tolist() for step in range(4)])
    assert found[0] == found[1]
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "other")


@pytest.mark.parametrize("device", DEVICES)
def test_the_model_that_labels_stays_where_and_as_it_was(device: str, data: TransferData) -> None:
    model = copy.deepcopy(recogniser()).to(device)
    for mode in (True, False):
        model.train(mode)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        modes = [part.training for part in model.modules()]
        PseudoLabels().streams_at(0, streams(PseudoLabels(), data), model, None)
        assert [part.training for part in model.modules()] == modes
        assert {value.device.type for value in model.parameters()} == {device}
        assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_phrases_of_pseudo_labels_are_written_as_the_head_s_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a space between, where it is a unit; the unlabelled speech itself has none."""
    tokenizer = Tokenizer.fit(["a e", "i o"], "en")
    model = AcousticModel(TINY, FeatureSettings(), {"en": tokenizer})
    data = material()
    guessing(monkeypatch, [Guess([tokenizer.encode("a")[0]], 0.99)] * 12)
    method, draws = PseudoLabels(), replace(DRAWS, augment=replace(PLAIN, chain=1.0, chain_longest=2))
    after = method.streams_at(0, method.mixed_streams(data, draws), model, None)
    labels = {tuple(filter(None, row)) for row in after["unlabelled"].batch(0).labels.tolist()}
    assert tuple(tokenizer.encode("a a")) in labels
    assert labels <= {tuple(tokenizer.encode("a")), tuple(tokenizer.encode("a a"))}


@pytest.mark.parametrize(
    ("sure", "message"),
    [
        ([0.1] * 40, "none of 40 utterances is kept, so it hears them without labels"),
        ([0.99] + [0.1] * 39, "half of every batch is the 1 of 40 utterances that are kept"),
        ([0.99] * 6 + [0.1] * 34, "4 of the 6 labels that are kept are 'a'"),
    ],
)
def test_a_round_that_keeps_too_little_or_one_text_is_warned_of(
    sure: list[float], message: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    guessing(monkeypatch, [Guess([1 if row < 4 else 2], value) for row, value in enumerate(sure)])
    method, data = PseudoLabels(rounds=4), material(40)
    with caplog.at_level(logging.INFO):
        method.streams_at(1, streams(method, data), recogniser(), None)
    kept = sum(value > 0.9 for value in sure)
    assert f"pseudo-labels, round 2 of 4: {kept} of 40 utterances kept, confidence above 0.9" in caplog.text
    warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1
    assert message in warned[0]


@pytest.mark.parametrize(
    ("guess", "reason"),
    [
        (Guess([1], 0.1), "of 40 it is not sure enough: lower --method.threshold"),
        (Guess([], 0.99), "in 40 it hears nothing: take a source that reads more of them"),
        (Guess([1] * 200, 0.99), "the others are too short for their labels: slow the fastest speed"),
    ],
)
def test_the_reason_why_nothing_is_kept_is_told(
    guess: Guess, reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    guessing(monkeypatch, [guess] * 40)
    PseudoLabels().streams_at(0, streams(PseudoLabels(), material(40)), recogniser(), None)
    (warned,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warned.partition("without labels; ")[2].startswith(reason)
    assert ";" not in warned.partition("without labels; ")[2]


def test_a_healthy_round_is_not_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    guessing(monkeypatch, [Guess([1 + row % 4], 0.99) for row in range(12)])
    PseudoLabels().streams_at(0, streams(PseudoLabels(), material()), recogniser(), None)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_their_control_is_not_told_to_change(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is sure enough where the threshold is 1, and that is meant."""
    guessing(monkeypatch, [Guess([1], 0.99)] * 12)
    method = PseudoLabels(threshold=1)
    method.streams_at(0, streams(method, material()), recogniser(), None)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_speech_that_nobody_can_label_is_refused(data: TransferData) -> None:
    strange, _, _ = examples(4, ("de",), letters="äéíö")
    with pytest.raises(ValueError, match="is in de, for which there is no head to label it; there are heads"):
        PseudoLabels().check(recogniser(), replace(data, unlabelled=strange))
    headed = AcousticModel(TINY, FeatureSettings(), {tag: Tokenizer(tag, ("a", "e")) for tag in ("en", "fr")})
    other = replace(data, unlabelled=replace(data.unlabelled_speech, languages=["fr"] * 12))
    PseudoLabels().check(headed, other)
    with pytest.raises(ValueError, match=r"among=texts chooses .* which has none in fr"):
        PseudoLabels(among="texts").check(headed, other)
    with pytest.raises(ValueError, match="Name it by unlabelled"):
        PseudoLabels().check(headed, replace(data, unlabelled=None))


def test_a_head_that_only_unlabelled_speech_goes_through_is_trained(tmp_path: Path) -> None:
    source, data = bilingual(tmp_path), material()
    other = replace(data, unlabelled=replace(data.unlabelled_speech, languages=["fr"] * 12))
    model = PseudoLabels().adapt(source.requires_grad_(True), other, 0)
    assert not model.fates["heads.fr.units.weight"].frozen


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": -0.1}, "threshold=-0.1; expected a confidence"),
        ({"threshold": float("nan")}, "threshold=nan"),
        ({"rounds": 0}, "rounds=0; expected 1 or more"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PseudoLabels(**settings)


def test_a_file_of_other_speech_or_half_a_file_is_refused_and_nothing_is_labelled_anew(
    data: TransferData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = PseudoLabels(threshold=0.3)
    first = method.streams_at(0, streams(method, data), recogniser(), tmp_path)["unlabelled"].examples
    monkeypatch.delattr(pseudo_labels, "guesses")
    again = method.streams_at(0, streams(method, data), recogniser(), tmp_path)["unlabelled"].examples
    assert (list(again.ids), list(map(list, again.labels))) == (
        list(first.ids),
        list(map(list, first.labels)),
    )
    with pytest.raises(ValueError, match=r"round-1.jsonl has labels of 12 utterances, .* --fresh"):
        method.streams_at(0, streams(method, material(8)), recogniser(), tmp_path)
    path = tmp_path / FOLDER / "round-1.jsonl"
    path.write_text(path.read_text()[:100])
    with pytest.raises(ValueError, match=r"round-1.jsonl is damaged .* Restore it .* --fresh"):
        method.streams_at(0, streams(method, data), recogniser(), tmp_path)


def test_labels_that_cannot_be_written_are_told_with_the_place(data: TransferData, tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with pytest.raises(OSError, match=r"the model's own labels could not be written to .*round-1.jsonl"):
        PseudoLabels().streams_at(0, streams(PseudoLabels(), data), recogniser(), tmp_path)
    (tmp_path / FOLDER).unlink()
    PseudoLabels().streams_at(0, streams(PseudoLabels(), data), recogniser(), tmp_path)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["round-1.jsonl"]


def test_the_doctor_labels_no_noise_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(pseudo_labels, "guesses")
    experiment = toy_experiment(tmp_path / "toy.jsonl", source="toy", method=PseudoLabels(), **UNLABELLED)
    clips = Clips(np.full(20, 1.0), np.full(20, 3), ["en"] * 20, {"en": 4})
    assert estimate(experiment, clips).minutes > 0
    assert not list(tmp_path.iterdir())


def test_a_classifier_s_confidence_is_the_posterior_of_its_class(tmp_path: Path) -> None:
    labelled, texts = spoken(12, seed=3)
    tokenizer = Tokenizer.fit(texts, "en", TextSettings(units="whole"))
    model = AcousticModel(replace(TINY, head="classifier"), FeatureSettings(), {"en": tokenizer}).eval()
    known = [number for number, text in enumerate(texts) if text != WORDS[0]]
    fewer = labelled.some(known, [tokenizer.encode(texts[row]) for row in known])
    data = TransferData(fewer, {"en": tokenizer}, unlabelled=moved(labelled))
    for among in ("units", "texts"):
        method = PseudoLabels(among=among, threshold=0.0)
        method.streams_at(0, streams(method, data), model, tmp_path / among)
        rows = rows_of(tmp_path / among)
        for places, log_probs, _ in posteriors(model, data.unlabelled_speech, "en"):
            allowed = sorted({label[0] for label in fewer.labels}) if among == "texts" else range(1, 7)
            best = log_probs[:, 0, list(allowed)].exp().amax(dim=1).tolist()
            assert [rows[place]["confidence"] for place in places] == pytest.approx(best, abs=1e-6)
