"""Adapting without labels: on what the source itself makes of the target's speech."""

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from speaking import recogniser, source, target, tuned
from toy_speech import PLAIN, QUICK, TINY, examples, toy_experiment, write_manifest

from speechtl.batches import Examples, Stream
from speechtl.checkpoint import load_model
from speechtl.corpus_spec import CorpusSpec, corpus
from speechtl.decode import DecodeSettings
from speechtl.dry_run import dry_run
from speechtl.experiment import Experiment
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.recognition import recognise
from speechtl.run import run
from speechtl.sets import NO_DEV
from speechtl.text import Tokenizer
from speechtl.transfer import L2SP, LHUC, Composed, InputAffine, SourceReplay, Transfer, first_pass
from speechtl.transfer.data import TransferData
from speechtl.transfer.first_pass import FILE, labelled
from speechtl.transfer.labelling import Guess

BOTH = [LHUC(labels="first_pass"), InputAffine(labels="first_pass", form="diagonal")]


@pytest.fixture(name="recogniser")
def _recogniser() -> AcousticModel:
    return recogniser()


def with_labels(data: TransferData, labels: Sequence[Sequence[int]]) -> TransferData:
    return replace(data, target=replace(data.target, labels=list(labels)))


def shuffled(examples: Examples) -> list[Sequence[int]]:
    """Everybody's labels are somebody else's."""
    return [*examples.labels[3:], *examples.labels[:3]]


def test_the_labels_are_what_the_source_recognises(recogniser: AcousticModel) -> None:
    data = target()
    found = labelled(data, recogniser, None).target
    texts = recognise(recogniser, data.target, "en", DecodeSettings()).texts
    heard = [place for place, text in enumerate(texts) if text]
    assert len(heard) >= 6
    tokenizer = data.tokenizers["en"]
    assert [tokenizer.decode(list(units)) for units in found.labels] == [texts[place] for place in heard]
    assert list(found.ids) == [data.target.ids[place] for place in heard]
    assert list(found.speakers) == [data.target.speakers[place] for place in heard]
    batch, same = found.batch([0]), data.target.batch([heard[0]])
    assert torch.equal(batch.waveforms, same.waveforms)


def test_words_of_phrases_are_told_apart_as_the_head_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The target, whose texts are not read, knows no separator itself."""
    tokenizer = Tokenizer.fit(["a e", "i o"], "en")
    model = AcousticModel(TINY, FeatureSettings(), {"en": tokenizer})
    guessed = [Guess([tokenizer.encode("a")[0]], 0.9), Guess([tokenizer.encode("e")[0]], 0.9)]
    monkeypatch.setattr(first_pass, "guesses", lambda *_: guessed)
    two, _, _ = examples(2)
    data = TransferData(replace(two, separators={}), {"en": tokenizer})
    found = labelled(data, model, None).target
    stream = Stream(found, 24.0, 0, replace(PLAIN, chain=1.0, chain_longest=2))
    written = {tuple(filter(None, row)) for row in stream.batch(0).labels.tolist()}
    assert {tuple(tokenizer.encode(text)) for text in ("a e", "e a", "a a", "e e")} & written
    assert tuple(tokenizer.encode("ae")) not in written


@pytest.mark.parametrize("method", BOTH)
def test_the_given_labels_do_not_matter(method: Transfer, recogniser: AcousticModel, tmp_path: Path) -> None:
    """Bit for bit, over data and training; with given labels they do."""
    data = target()
    others = with_labels(data, shuffled(data.target))
    assert list(others.target.labels) != list(data.target.labels)

    def trained(method: Transfer, data: TransferData, name: str) -> dict[str, torch.Tensor]:
        heard = method.relabelled(data, recogniser, None)
        model = method.adapt(copy.deepcopy(recogniser).requires_grad_(True), heard, seed=0)
        return tuned(method, model, heard, tmp_path / name).model.state_dict()

    one, other = trained(method, data, "one"), trained(method, others, "other")
    assert all(torch.equal(other[name], value) for name, value in one.items())
    given = replace(method, labels="given")
    one, other = trained(given, data, "given"), trained(given, others, "others")
    assert not all(torch.equal(other[name], value) for name, value in one.items())


@pytest.mark.parametrize("method", BOTH)
def test_the_last_weights_are_kept_and_dev_chooses_none(method: Transfer, tmp_path: Path) -> None:
    assert not method.chooses_on_dev
    assert replace(method, labels="given").chooses_on_dev
    data = target()
    model = method.adapt(source(), data, seed=0)
    fitted = tuned(method, model, data, tmp_path, steps=6, evaluations=3)
    assert fitted.best["step"] == 6


def test_silent_utterances_are_left_out_and_a_silent_source_is_refused(
    recogniser: AcousticModel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = target()
    with monkeypatch.context() as patch:
        made = [Guess(units, 0.5) for units in ([], [1], [2, 3], [], [1], [1], [1], [4])]
        patch.setattr(first_pass, "guesses", lambda *_: made)
        found = labelled(data, recogniser, None).target
    assert list(found.ids) == ["u1", "u2", "u4", "u5", "u6", "u7"]
    assert list(found.labels) == [[1], [2, 3], [1], [1], [1], [4]]
    assert "hears nothing in 2 utterances of the target: left out" in caplog.text
    deaf = copy.deepcopy(recogniser)
    with torch.no_grad():
        deaf.shared_blank.bias.fill_(1000.0)
    with pytest.raises(ValueError, match="the source hears nothing in any utterance"):
        labelled(data, deaf, None)


def test_a_language_without_a_head_is_refused(recogniser: AcousticModel) -> None:
    data = target(languages=("de",), letters="äéíö")
    with pytest.raises(ValueError, match="the source has no head for de; it has heads for en"):
        LHUC(labels="first_pass").relabelled(data, recogniser, None)


def test_transcripts_are_a_file_that_a_resumed_run_goes_on_with(
    recogniser: AcousticModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = target()
    first = labelled(data, recogniser, tmp_path).target
    lines = [json.loads(line) for line in (tmp_path / FILE).read_text().splitlines()]
    assert [line["id"] for line in lines] == list(data.target.ids)
    assert [line["units"] for line in lines if line["units"]] == [list(units) for units in first.labels]
    assert lines[0]["text"] == data.tokenizers["en"].decode(lines[0]["units"])
    assert [line["is_kept"] for line in lines] == [bool(line["units"]) for line in lines]
    assert all(0 <= line["confidence"] <= 1 for line in lines)
    another = source()
    assert list(labelled(data, another, tmp_path).target.labels) == list(first.labels)
    (tmp_path / FILE).write_text("{")
    assert list(labelled(data, recogniser, tmp_path).target.labels) == list(first.labels)
    assert "is damaged" in caplog.text


def test_dev_cannot_be_carved_out_of_what_has_no_labels(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dev=fold chooses the number of steps by the target's labels"):
        toy_experiment(tmp_path / "en.jsonl", source="x", method=LHUC(labels="first_pass"), dev="fold")


@pytest.fixture(name="silent")
def _silent(tmp_path: Path, own_folders: Path, recogniser: AcousticModel) -> Path:
    """A source, test speech with transcripts, and a folder of sound files without any."""
    from speechtl.checkpoint import save_model
    from speechtl.leakage import Fingerprints

    save_model(recogniser, tmp_path / "source", fingerprints=Fingerprints())
    write_manifest(tmp_path / "test.jsonl", 6, "test", seed=12)
    write_manifest(tmp_path / "train.jsonl", 6, "train", seed=11)
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    (tmp_path / "sounds").mkdir()
    for number, row in enumerate(rows):
        (tmp_path / row["audio"]).rename(tmp_path / "sounds" / f"{number}.wav")
    lines = [{"audio": f"sounds/{number}.wav", "language": "en"} for number in range(len(rows))]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def first_pass_run(folder: Path, target: CorpusSpec, **changes: object) -> Experiment:
    return toy_experiment(
        folder / "unused.jsonl",
        **{
            "name": "silent",
            "target": target,
            "dev": "none",
            "tests": (corpus(str(folder / "test.jsonl")),),
            "source": str(folder / "source"),
            "method": LHUC(labels="first_pass"),
            "train": replace(QUICK, steps=4),
            **changes,
        },
    )


def test_speech_without_transcripts_is_adapted_to(silent: Path) -> None:
    """From a manifest without texts and from a folder of sound files, with the same result."""
    states = []
    for name, place in (("manifest", "train.jsonl"), ("folder", "sounds")):
        spec = corpus(str(silent / place), language="en")
        experiment = first_pass_run(silent, spec, name=name)
        assert "4 steps" in dry_run(experiment, silent / "runs").takes
        report = run(experiment, silent / "runs")
        assert report.train is not None
        assert (report.train.dev, report.train.best) == (NO_DEV, {})
        assert set(report.sets) == {"test"}
        folder = silent / "runs" / name / "seed-0"
        assert len((folder / FILE).read_text().splitlines()) == 6
        assert not any(
            "dev" in json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()
        )
        states.append(load_model(folder).model.state_dict())
    assert all(torch.equal(states[1][name], value) for name, value in states[0].items())
    assert any("lhuc" in name for name in states[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dev": ()}, r"dev cannot be carved .*since 6 utterances of 6 have no text; keep .* by --dev none"),
        ({"tests": ()}, r"test cannot be carved .* name test speech with transcripts by --tests\.0\.corpus"),
        ({"method": LHUC()}, "empty text"),
        ({"method": Composed(methods=(LHUC(), L2SP(alpha=0)))}, "empty text"),
    ],
)
def test_what_cannot_be_had_without_transcripts_is_told(
    silent: Path, changes: dict[str, object], message: str
) -> None:
    target = corpus(str(silent / "train.jsonl"), language="en")
    with pytest.raises(ValueError, match=message):
        run(first_pass_run(silent, target, **changes), silent / "runs")


def test_what_was_adapted_without_transcripts_has_none_to_replay(silent: Path) -> None:
    adapted = first_pass_run(silent, corpus(str(silent / "sounds"), language="en"))
    run(adapted, silent / "runs")
    spoken = corpus(str(silent / "test.jsonl"))
    again = first_pass_run(
        silent, spoken, name="again", source=str(silent / "runs/silent/seed-0"), method=SourceReplay()
    )
    again = replace(again, tests=(), target=replace(spoken, split_by="none"))
    with pytest.raises(ValueError, match="silent was adapted without any; name speech with transcripts by"):
        run(again, silent / "runs")


def test_speech_without_transcripts_in_a_language_that_the_source_lacks_is_refused(silent: Path) -> None:
    strange = corpus(str(silent / "sounds"), language="fr")
    with pytest.raises(ValueError, match="the source has no head for fr; it has heads for en"):
        run(first_pass_run(silent, strange), silent / "runs")


def test_a_run_without_labels_ends_the_same_whatever_the_texts_say(
    tmp_path: Path, own_folders: Path, recogniser: AcousticModel
) -> None:
    from speechtl.checkpoint import save_model
    from speechtl.leakage import Fingerprints

    save_model(recogniser, tmp_path / "source", fingerprints=Fingerprints())
    manifest = tmp_path / "en.jsonl"
    for split in ("train", "dev", "test"):
        write_manifest(manifest, 6, split, seed=11)
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    texts = [row["text"] for row in rows if row["split"] == "train"]
    turned = iter([*texts[1:], texts[0]])
    changed = [row | {"text": next(turned)} if row["split"] == "train" else row for row in rows]
    states = []
    for number, wanted in enumerate((rows, changed)):
        manifest.write_text("".join(json.dumps(row) + "\n" for row in wanted))
        experiment = toy_experiment(
            manifest,
            name=f"toy-{number}",
            source=str(tmp_path / "source"),
            method=InputAffine(labels="first_pass", form="diagonal"),
            train=replace(QUICK, steps=4),
        )
        run(experiment, tmp_path / "runs")
        states.append(load_model(tmp_path / "runs" / f"toy-{number}" / "seed-0").model.state_dict())
    assert texts != [texts[-1], *texts[:-1]]
    assert all(torch.equal(states[1][name], value) for name, value in states[0].items())
    assert (tmp_path / "runs" / "toy-0" / "seed-0" / FILE).is_file()
