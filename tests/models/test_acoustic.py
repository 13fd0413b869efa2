from dataclasses import replace

import pytest
import torch
from torch import nn
from toy_speech import examples

from speechtl.batches import Batch
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel, ModelSettings
from speechtl.models.heads import frames_needed
from speechtl.text import Tokenizer

SIZES = {"dim": 16, "blocks": 3}


def build(
    *languages: str, heads: str = "tagged", seed: int = 0, dilations: tuple[int, ...] = (1, 2)
) -> tuple[AcousticModel, Batch]:
    labelled, _, tokenizers = examples(6, languages)
    settings = ModelSettings(**SIZES, heads=heads, dilations=dilations)
    model = AcousticModel(settings, FeatureSettings(), tokenizers, seed=seed)
    return model, labelled.batch(range(6))


def losses_of(model: AcousticModel, batch: Batch) -> torch.Tensor:
    return model.task_losses(model.encode(batch), batch)["ctc"]


def padded(batch: Batch, samples: int) -> Batch:
    """The same batch behind an utterance that is much longer."""
    return replace(batch, waveforms=nn.functional.pad(batch.waveforms, (0, samples)))


@pytest.mark.parametrize("training", [True, False])
def test_padding_changes_neither_outputs_nor_loss_nor_statistics(training: bool) -> None:
    (one, batch), (other, _) = build("en"), build("en")
    one.train(training)
    other.train(training)
    first, second = one.encode(batch), other.encode(padded(batch, 7_777))
    assert torch.equal(first.lengths, second.lengths)
    for row, length in enumerate(first.lengths.tolist()):
        a, b = first.states["main"][row, :length], second.states["main"][row, :length]
        assert torch.allclose(a, b, atol=1e-5)
    a, b = one.task_losses(first, batch)["ctc"], other.task_losses(second, batch)["ctc"]
    assert torch.allclose(a, b, atol=1e-5)
    for (name, mine), theirs in zip(one.named_buffers(), other.buffers(), strict=True):
        assert torch.allclose(mine.float(), theirs.float(), atol=1e-5), name


@pytest.mark.parametrize(("dilations", "reach"), [((1,), 3), ((1, 4, 2), 7), ((1, 2), 4)])
def test_the_encoder_sees_as_far_as_its_dilations_say(dilations: tuple[int, ...], reach: int) -> None:
    model, _ = build("en", dilations=dilations)
    states, lengths = torch.zeros(2, 41, 16), torch.tensor([41, 41])
    states[1, 20] = 1.0
    for block in model.eval().encoder:
        states, lengths = block(states, lengths)
    changed = (states[0] - states[1]).abs().amax(dim=1).nonzero().flatten().tolist()
    assert (changed[0], changed[-1]) == (20 - reach, 20 + reach)


def test_neighbours_do_not_change_an_utterance_in_eval_mode() -> None:
    model, batch = build("en")
    model.eval()
    labelled, _, _ = examples(6, ("en",))
    together = losses_of(model, batch)
    alone = torch.cat([losses_of(model, labelled.batch([i])) for i in range(6)])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("heads", ["tagged", "separate"])
def test_the_loss_of_a_language_gives_no_gradient_to_the_others_rows(heads: str) -> None:
    model, batch = build("en", "de", heads=heads)
    rows = torch.tensor([tag == "en" for tag in batch.languages])
    losses_of(model, batch)[rows].sum().backward()
    # Zero, too, where the other language's utterances share the batch and their loss is not asked for.
    assert all((p.grad is None or (p.grad == 0).all()) for p in model.head("de").parameters())
    assert all(p.grad.abs().sum() > 0 for p in model.head("en").parameters())
    assert (model.shared_blank is not None) == (heads == "tagged")
    assert (model.head("en").blank is None) == (heads == "tagged")


@pytest.mark.parametrize("heads", ["tagged", "separate"])
def test_the_shared_gradient_is_the_sum_over_languages(heads: str) -> None:
    model, batch = build("en", "de", heads=heads)
    model.eval()
    weight = model.encoder[0].convolution.weight
    losses = losses_of(model, batch)
    rows = torch.tensor([tag == "en" for tag in batch.languages])
    (joint,) = torch.autograd.grad(losses.sum(), weight, retain_graph=True)
    (en,) = torch.autograd.grad(losses[rows].sum(), weight, retain_graph=True)
    (de,) = torch.autograd.grad(losses[~rows].sum(), weight)
    assert torch.allclose(joint, en + de, rtol=1e-4, atol=1e-5)


def test_with_one_language_both_layouts_are_the_same_model() -> None:
    (tagged, batch), (separate, _) = build("en", heads="tagged"), build("en", heads="separate")
    with torch.no_grad():
        separate.head("en").blank.weight.copy_(tagged.shared_blank.weight)
        separate.head("en").blank.bias.copy_(tagged.shared_blank.bias)
        separate.head("en").units.load_state_dict(tagged.head("en").units.state_dict())
    assert torch.equal(losses_of(tagged, batch), losses_of(separate, batch))


def test_another_language_shifts_no_start_of_the_rest() -> None:
    (alone, _), (together, _) = build("en"), build("en", "de")
    others = together.state_dict()
    assert all(torch.equal(tensor, others[name]) for name, tensor in alone.state_dict().items())
    other_seed, _ = build("en", seed=1)
    assert not torch.equal(alone.encoder[0].convolution.weight, other_seed.encoder[0].convolution.weight)


def test_a_new_language_gets_a_head_and_a_blank_of_its_own() -> None:
    model, _ = build("en")
    head = model.add_head(Tokenizer.fit(["äé"], "de"), seed=0)
    assert head.blank is not None
    assert model.languages == ["en", "de"]
    with pytest.raises(ValueError, match="already has a head for de"):
        model.add_head(Tokenizer.fit(["ö"], "de"), seed=0)
    with pytest.raises(ValueError, match="no head for fr; it knows en, de"):
        model.head("fr")


def test_a_tag_may_be_the_name_of_a_method() -> None:
    """Tongan is `to`."""
    model, _ = build("en")
    model.add_head(Tokenizer.fit(["malo"], "to"), seed=0)
    assert "head.to" in model.blocks()
    assert model.to("cpu").head("to").units.out_features == 4


def test_blocks_are_named_from_input_to_output_and_can_be_tapped() -> None:
    model, batch = build("en")
    assert list(model.blocks()) == ["input", "encoder.0", "encoder.1", "encoder.2", "norm", "head.en"]
    encoded = model.eval().encode(batch, taps=["input", "norm"])
    assert set(encoded.taps) == {"input", "norm"}
    assert torch.equal(encoded.taps["norm"], encoded.states["main"])
    with pytest.raises(ValueError, match=r"no block named \['encoder.9'\]"):
        model.encode(batch, taps=["encoder.9"])


def test_frames_are_known_without_running_the_encoder() -> None:
    model, batch = build("en")
    assert torch.equal(model.encoded_frames(batch.lengths), model.eval().encode(batch).lengths)


def test_no_clip_is_too_short_for_four_units_at_any_speed() -> None:
    """The margin gives even an empty clip frames, so that the shortest words of the corpora fit."""
    model, _ = build("en")
    frames = model.encoded_frames(torch.tensor([1, round(0.15 * 16_000 / 1.1)]))
    needed = frames_needed(torch.tensor([[1, 2, 3, 4]]), torch.tensor([4]))
    assert (frames >= needed).all()


@pytest.mark.parametrize(("wrong", "message"), [({"dim": 0}, "dim=0"), ({"kernel": 4}, "odd")])
def test_impossible_sizes_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelSettings(**wrong)
