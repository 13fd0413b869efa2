"""Training on pseudo-labels: rounds, resumes, its control, and what it is for."""

import json
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from elsewhere import (
    BRIEF,
    LONGER,
    adapted,
    bilingual,
    die_in_round_two,
    equal,
    material,
    moved,
    spoken,
    trained,
)
from speaking import recogniser
from toy_speech import PLAIN, QUICK, examples, toy_experiment, write_manifest

from speechtl.batches import Batch
from speechtl.checkpoint import save_model
from speechtl.corpus_spec import corpus
from speechtl.decode import DecodeSettings
from speechtl.feature_cache import Clip, FeatureCache
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.recognition import recognise
from speechtl.run import run
from speechtl.staged_training import StagedTraining
from speechtl.train import Loop
from speechtl.transfer import DANN, Composed, MixedBatches, PseudoLabels, Transfer, pseudo_labels
from speechtl.transfer.base import StreamSettings
from speechtl.transfer.data import TransferData
from speechtl.transfer.labelling import Guess
from speechtl.transfer.pseudo_labels import FOLDER
from speechtl.transfer.stages import Stage


@dataclass(frozen=True)
class InRounds(MixedBatches):
    """The control with the rounds' stages."""

    def stages(self, model: AcousticModel) -> tuple[Stage, ...]:
        return PseudoLabels().stages(model)


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((folder / FOLDER).iterdir())}


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def heard(method: Transfer, data: TransferData, model: AcousticModel, steps: int = 6) -> list[Batch]:
    """The batches of a training of which no step is taken."""
    training = StagedTraining(model, method, data, StreamSettings(12.0, 0, PLAIN), steps)
    found = []
    for step in range(steps):
        training.enter(step, model)
        found.append(training.batch(step))
    return found


def test_a_threshold_above_one_is_the_control(tmp_path: Path) -> None:
    data = material(factor=1.15)
    nothing = trained(PseudoLabels(threshold=1.01), data, tmp_path / "nothing")
    assert equal(nothing, trained(InRounds(), data, tmp_path / "control"))
    once = trained(PseudoLabels(threshold=1.01, rounds=1), data, tmp_path / "once")
    assert equal(once, trained(MixedBatches(), data, tmp_path / "mixed"))
    assert not equal(once, nothing)
    assert not equal(nothing, trained(PseudoLabels(threshold=0.3), data, tmp_path / "something"))


def test_each_round_has_its_labels_and_the_rate_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first round is labelled by the source, as it is; the later ones by the average so far."""
    data, seen = material(factor=1.15), []
    real = pseudo_labels.guesses

    def guesses(model: AcousticModel, *arguments: object) -> list[Guess]:
        assert not model.training
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return real(model, *arguments)

    monkeypatch.setattr(pseudo_labels, "guesses", guesses)
    settings = replace(BRIEF, steps=12, warmup=0.25)
    trained(PseudoLabels(threshold=0.3), data, tmp_path, settings=settings)
    assert list(files(tmp_path)) == ["round-1.jsonl", "round-2.jsonl", "round-3.jsonl"]
    source = adapted(PseudoLabels(), data).state_dict()
    assert all(torch.equal(seen[0][name], value) for name, value in source.items())
    assert len(seen) == 3
    for earlier, later in pairwise(seen):
        assert not all(torch.equal(later[name], value) for name, value in earlier.items())
    rates = [entry["lr"] for entry in logged(tmp_path)]
    assert rates[:4] == rates[4:8] == rates[8:]
    assert rates[0] == 0.0
    assert len(set(rates[:4])) > 2


def test_a_run_that_is_killed_within_a_round_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = PseudoLabels(threshold=0.3)
    whole = trained(method, material(), tmp_path / "whole", settings=LONGER)
    save_model(recogniser(), tmp_path / "source", fingerprints=Fingerprints())
    context = multiprocessing.get_context("forkserver")
    dying = context.Process(target=die_in_round_two, args=(tmp_path / "source", tmp_path / "killed"))
    dying.start()
    dying.join(120)
    assert dying.exitcode == -signal.SIGKILL
    before = files(tmp_path / "killed")
    assert list(before) == ["round-1.jsonl", "round-2.jsonl"]
    labelled = []
    real = pseudo_labels.guesses
    monkeypatch.setattr(pseudo_labels, "guesses", lambda *a: labelled.append(1) or real(*a))
    resumed = trained(method, material(), tmp_path / "killed", settings=LONGER)
    assert equal(resumed, whole)
    assert len(labelled) == 1, "only the third round is labelled; the second is read back"
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    assert files(tmp_path / "killed").items() >= before.items()


def test_labels_that_were_half_written_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their round has taken no step yet."""
    method, settings = PseudoLabels(threshold=0.3), replace(BRIEF, checkpoint_seconds=0)
    whole = trained(method, material(), tmp_path / "whole", settings=settings)
    rename = Path.rename

    def killed(path: Path, target: Path) -> Path:
        if Path(target).name == "round-2.jsonl":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        trained(method, material(), tmp_path / "killed", settings=settings)
    monkeypatch.setattr(Path, "rename", rename)
    assert "round-2.jsonl" not in files(tmp_path / "killed")
    assert equal(trained(method, material(), tmp_path / "killed", settings=settings), whole)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_features_are_kept_in_the_memory_of_all_the_speech(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A late round finds the same memory as after all before it, so that its features are the same bits."""
    data, model = material(), adapted(PseudoLabels(), material())
    speech, rounds = data.unlabelled_speech, [range(9), range(2, 12), range(0, 12, 2)]
    made: list[int] = []

    def featurize(clips: Sequence[Clip]) -> list[torch.Tensor]:
        made.append(len(clips))
        return model.featurize(clips)

    def training(kept: Iterator[range]) -> StagedTraining:
        """With memory for the labelled speech and a share of the other."""
        monkeypatch.setattr(pseudo_labels, "guesses", lambda *_: some(next(kept)))
        rate = model.inputs.feature_rate * 4
        seconds = data.target.seconds.sum() + share * speech.seconds.sum()
        cache = FeatureCache(featurize, 1.001e-9 * rate * seconds, rate)
        return StagedTraining(
            model, PseudoLabels(), data, StreamSettings(60.0, 0, PLAIN, cache=cache), steps=30
        )

    whole = training(iter(rounds))
    for step in range(30):
        whole.enter(step, model)
        late = whole.batch(step)
    assert (sum(made) == 24) == (share == 1), "with enough memory each is made once for all rounds"
    resumed = training(iter(rounds[2:]))
    resumed.enter(29, model)
    again = resumed.batch(29)
    assert again.ids == late.ids
    assert all(torch.equal(one, other) for one, other in zip(again.features, late.features, strict=True))
    for id_, features in zip(late.ids, late.features, strict=True):
        examples = speech if id_ in speech.ids else data.target
        (expected,) = model.featurize([examples.clip(list(examples.ids).index(id_))])
        assert torch.allclose(features, expected, atol=1e-4), id_


def some(kept: range) -> list[Guess]:
    return [Guess([1, 2], 0.99 if row in kept else 0.1) for row in range(12)]


def test_several_languages_and_an_adversary_beside_it(tmp_path: Path) -> None:
    """DANN hears pseudo-labelled speech as the target domain's; each language has labels of its own."""
    source, data = bilingual(tmp_path / "source"), material(12, ("en", "fr"))
    alone = PseudoLabels(threshold=0.3, among="texts")
    both = Composed(methods=(DANN(), alone))
    batches = heard(both, data, adapted(both, data, source).eval())
    for batch in batches:
        is_elsewhere = torch.tensor([id_.startswith("moved-") for id_ in batch.ids])
        assert torch.equal(batch.is_target, is_elsewhere)
        assert batch.is_labelled.all()
    assert {tag for batch in batches for tag in batch.languages} == {"en", "fr"}
    fitted = trained(both, data, tmp_path / "both", model=source)
    assert list(files(tmp_path / "both")) == ["round-1.jsonl", "round-2.jsonl", "round-3.jsonl"]
    assert {"ctc", "domain", "domain_accuracy"} <= logged(tmp_path / "both")[0].keys()
    assert not equal(fitted, trained(alone, data, tmp_path / "alone", model=source))


def test_the_strength_of_an_adversary_rises_with_all_steps_and_not_with_those_of_a_round(
    tmp_path: Path,
) -> None:
    """The rate begins anew with each round, the schedule of λ does not."""
    method = Composed(methods=(DANN(), PseudoLabels(threshold=0.3, rounds=3)))
    trained(method, material(factor=1.15), tmp_path, settings=replace(BRIEF, steps=12, warmup=0.25))
    lines = [line for line in logged(tmp_path) if "dev" not in line]
    assert [line["lr"] == 0 for line in lines] == [step % 4 == 0 for step in range(12)]
    found = [line["reversal"] for line in lines]
    assert found == pytest.approx([DANN().reversal(step / 12) for step in range(12)], abs=1e-6)


def test_a_student_without_noise_hears_the_waveforms_as_they_are() -> None:
    data, model = material(), recogniser()
    for is_noisy in (True, False):
        method = PseudoLabels(threshold=0.3, is_noisy=is_noisy)
        draws = StreamSettings(12.0, 0, replace(PLAIN, noise=1.0))
        stream = method.streams_at(0, method.mixed_streams(data, draws), model, None)["unlabelled"]
        batch, given = stream.batch(0), data.unlabelled_speech
        same = given.batch([list(given.ids).index(id_) for id_ in batch.ids])
        assert torch.equal(batch.waveforms, same.waveforms) != is_noisy


def test_the_loop_s_average_labels_and_stays_in_its_place(tmp_path: Path) -> None:
    method, data = PseudoLabels(threshold=0.3), material()
    loop = Loop(adapted(method, data), method, data, BRIEF, tmp_path, None, PLAIN, 0, None)
    before = {name: value.clone() for name, value in loop.average.state_dict().items()}
    loop.stages.enter(2, loop.average)
    assert all(torch.equal(before[name], value) for name, value in loop.average.state_dict().items())
    assert not any(part.training for part in loop.average.modules())
    assert not any(value.requires_grad for value in loop.average.parameters())
    assert next(loop.average.parameters()).device == loop.accelerator.device
    assert list(files(tmp_path)) == ["round-2.jsonl"]


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., float]:
    """Share of held-out words of the other domain that a method from the source gets wrong."""
    silent, texts = spoken(36, seed=50)
    held_out = moved(silent)

    def error(method: Transfer, seed: int) -> float:
        labelled, _ = spoken(12, seed=10 + seed)
        unlabelled, _ = spoken(24, seed=20 + seed)
        _, _, tokenizers = examples(2)
        data = TransferData(labelled, tokenizers, unlabelled=moved(unlabelled))
        folder = tmp_path_factory.mktemp("errors")
        settings = replace(QUICK, steps=30, lr=3e-3, evaluations=1)
        model = trained(method, data, folder, settings=settings, seed=seed).model
        found = recognise(model, held_out, "en", DecodeSettings()).texts
        return sum(one != text for one, text in zip(found, texts, strict=True)) / len(texts)

    return error


def test_it_beats_its_control_on_words_of_a_shifted_domain(errors: Callable[..., float]) -> None:
    """The source is mostly right there, which is what self-training needs."""
    method = PseudoLabels(among="texts", threshold=0.5)
    found = [(errors(method, seed), errors(replace(method, threshold=2.0), seed)) for seed in range(3)]
    assert all(own < control - 0.1 for own, control in found), found


def test_a_run_writes_the_source_s_labels_whatever_the_texts_say(tmp_path: Path, own_folders: Path) -> None:
    save_model(recogniser(), tmp_path / "source", fingerprints=Fingerprints())
    manifest, other = tmp_path / "en.jsonl", tmp_path / "other.jsonl"
    for split in ("train", "dev", "test"):
        write_manifest(manifest, 4, split, seed=11)
    write_manifest(other, 6, "train", seed=12)
    told = [json.loads(line) for line in other.read_text().splitlines()]
    other.write_text("".join(json.dumps(row | {"text": "aeiaeiaei"}) + "\n" for row in told))
    experiment = toy_experiment(
        manifest,
        source=str(tmp_path / "source"),
        unlabelled=(corpus(str(other)),),
        method=PseudoLabels(threshold=0.3),
        train=BRIEF,
    )
    run(experiment, tmp_path / "runs")
    rows = [json.loads(line) for line in files(tmp_path / "runs/toy/seed-0")["round-1.jsonl"].splitlines()]
    assert [row["id"] for row in rows] == [row["id"] for row in told]
    right = sum(row["text"] == one["text"] for row, one in zip(rows, told, strict=True))
    assert right > 3, "the source reads toy speech"
    assert any(row["is_kept"] for row in rows)
