"""Speaker moments: the source's mean and variance for each speaker, and nothing for others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conservative import SHORT, a_source, a_target, adapted, trained
from toy_speech import TINY, examples

from speechtl.batches import Batch
from speechtl.checkpoint import load_model, save_model
from speechtl.features import FeatureSettings, frame_mask
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inputs import DomainInput
from speechtl.transfer import InputAffine, SpeakerMoments
from speechtl.transfer.base import TransferData
from speechtl.transfer.passes import Sums
from speechtl.transfer.speaker_moments import matching


def two_speakers(count: int = 12) -> TransferData:
    """A loud and a quiet, noisy speaker of `en`, and the source's speech."""
    data = a_target("en", count)
    random = np.random.default_rng(0)
    waves = [
        wave if index % 2 else (wave // 4 + random.normal(0, 300, len(wave))).astype(np.int16)
        for index, wave in enumerate(data.target.waveforms)
    ]
    return replace(data, target=replace(data.target, waveforms=waves, speakers=["ben", "ana"] * (count // 2)))


def entering(model: AcousticModel, batch: Batch) -> torch.Tensor:
    """Real frames (frame, width) that enter the input's layers."""
    found = []
    layers = model.inputs.of(None).layers
    handle = layers.register_forward_pre_hook(lambda _, inputs: found.append(inputs))
    with torch.no_grad():
        model.encode(batch)
    handle.remove()
    values, lengths = found[0]
    assert (values[~frame_mask(lengths, values.shape[1])] == 0).all(), "padding stays zero"
    return values[frame_mask(lengths, values.shape[1])]


def of(data: TransferData, speaker: str) -> Batch:
    indices = [index for index, one in enumerate(data.target.speakers) if one == speaker]
    return data.target.batch(indices)


def test_each_speaker_has_the_source_s_moments_then() -> None:
    source, data = a_source("en", "fr"), two_speakers()
    model = adapted(SpeakerMoments(), source, data).eval()
    goal = entering(source, data.source_speech.batch(range(len(data.source_speech))))
    moving = goal.std(dim=0) > 0.01
    for speaker in ("ana", "ben"):
        before, after = entering(source, of(data, speaker)), entering(model, of(data, speaker))
        assert torch.allclose(after.mean(dim=0), goal.mean(dim=0), atol=1e-3)
        assert torch.allclose(after.std(dim=0)[moving], goal.std(dim=0)[moving], rtol=1e-2, atol=1e-3)
        assert not torch.allclose(before.mean(dim=0), goal.mean(dim=0), atol=0.05)


def test_by_hand() -> None:
    own, goal = Sums(), Sums()
    own.add(torch.tensor([[[1.0, 5.0], [3.0, 5.0], [99.0, 99.0]]]), torch.tensor([2]))
    goal.add(torch.tensor([[[10.0, 0.0], [18.0, 2.0]]]), torch.tensor([2]))
    assert own.mean.tolist() == [2.0, 5.0]
    assert own.variance.tolist() == [1.0, 0.0]
    scale, shift = matching(own, goal)
    assert scale.tolist() == [4.0, 1.0], "what does not move is only shifted"
    assert shift.tolist() == [6.0, -4.0]


def test_it_survives_saving_and_unknown_speakers_are_bit_identical(tmp_path: Path) -> None:
    source, data = a_source("en", "fr"), two_speakers()
    model = trained(SpeakerMoments(), source, data, tmp_path, replace(SHORT, steps=0)).model
    save_model(model, tmp_path / "model", fingerprints=Fingerprints())
    loaded = load_model(tmp_path / "model").model
    batch = data.target.batch(range(12))
    states = [one.eval().encode(batch).states["main"] for one in (model, loaded, source)]
    assert torch.equal(states[0], states[1])
    assert not torch.allclose(states[0], states[2], atol=1e-2)
    unknown = replace(batch, speakers=("eva", None) * 6)
    assert torch.equal(loaded.encode(unknown).states["main"], source.encode(unknown).states["main"])
    mixed = replace(batch, speakers=("ana", None) * 6)
    both = loaded.encode(mixed).states["main"], source.encode(mixed).states["main"]
    assert torch.allclose(both[0][1::2], both[1][1::2], atol=1e-6)


def test_without_a_step_only_the_moments_are_new_and_labels_do_not_matter() -> None:
    source, data = a_source("en", "fr"), two_speakers()
    model = adapted(SpeakerMoments(), source, data)
    state = model.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in source.state_dict().items())
    assert {name for name in state if name not in source.state_dict()} == {
        "inserted.moments_input.scale",
        "inserted.moments_input.shift",
    }
    other = replace(data, target=replace(data.target, labels=[[1]] * 12))
    assert all(
        torch.equal(t, state[n]) for n, t in adapted(SpeakerMoments(), source, other).state_dict().items()
    )


def test_all_of_the_target_can_share_them_and_an_affine_goes_on_top() -> None:
    from speechtl.transfer import Composed

    source, data = a_source("en", "fr"), two_speakers()
    both = Composed(methods=(SpeakerMoments(by=None), InputAffine()))
    model = adapted(both, source, data).eval()
    assert [m.insertion.name for m in model.inserted.all()] == ["moments.input", "affine.input"]
    assert {f.start for f in model.fates.values() if f.block == "moments.input"} == {"estimated"}
    goal = entering(source, data.source_speech.batch(range(len(data.source_speech))))
    found = entering(model, data.target.batch(range(12)))
    assert torch.allclose(found.mean(dim=0), goal.mean(dim=0), atol=1e-3)
    assert {fate.block for fate in model.fates.values() if not fate.frozen} >= {"affine.input"}


def test_speakers_must_be_named_and_the_source_s_speech_must_fit() -> None:
    source, data = a_source("en", "fr"), two_speakers()
    nobody = replace(data, target=replace(data.target, speakers=[None] * 12))
    with pytest.raises(ValueError, match=r"--method\.by None"):
        adapted(SpeakerMoments(), source, nobody)
    with pytest.raises(ValueError, match="source_speech"):
        adapted(SpeakerMoments(), source, replace(data, source=None))
    narrow = DomainInput("telephone", FeatureSettings(mels=40, f_max=4000.0))
    _, _, tokenizers = examples(2, ("en", "fr"))
    split = AcousticModel(TINY, FeatureSettings(), tokenizers, inputs=(narrow,), seed=2).eval()
    called = replace(data, target=replace(data.target, domains=["telephone"] * 12))
    with pytest.raises(ValueError, match=r"through input\.telephone"):
        adapted(SpeakerMoments(), split, called)
    with pytest.raises(ValueError, match="minutes=0"):
        SpeakerMoments(minutes=0)


def test_before_anything_is_decoded_it_is_the_identity() -> None:
    source, data = a_source("en", "fr"), two_speakers()
    silent = replace(data, target=replace(data.target, waveforms=[]))
    model = adapted(SpeakerMoments(), source, silent)
    batch = data.target.batch(range(4))
    assert torch.equal(model.eval().encode(batch).states["main"], source.encode(batch).states["main"])
