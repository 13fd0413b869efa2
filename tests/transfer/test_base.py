from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from toy_speech import PLAIN, SETTINGS, TINY, development, examples

from speechtl.descent import adamw
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.train import FitResult, fit
from speechtl.transfer.base import StreamSettings, Transfer, TransferData

DECAYING = replace(SETTINGS, steps=6, weight_decay=0.5, evaluations=1, checkpoint_seconds=1000)


def source(*languages: str, heads: str = "tagged") -> AcousticModel:
    _, _, tokenizers = examples(2, languages)
    return AcousticModel(replace(TINY, heads=heads), FeatureSettings(), tokenizers, seed=7)


def target(*languages: str) -> TransferData:
    labelled, _, tokenizers = examples(12, languages, letters="äéíö" if languages == ("de",) else "aeio")
    return TransferData(labelled, tokenizers)


def copied(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def tuned(model: AcousticModel, data: TransferData, folder: Path, *, steps: int = 6) -> FitResult:
    letters = "äéíö" if set(data.target.languages) == {"de"} else "aeio"
    languages = tuple(dict.fromkeys(data.target.languages))
    return fit(
        model,
        Transfer(),
        data,
        replace(DECAYING, steps=steps),
        folder,
        evaluate_dev=development(4, languages, letters),
        augment=PLAIN,
        seed=0,
    )


def test_without_a_step_the_model_equals_the_source(tmp_path: Path) -> None:
    start, data = source("en"), target("en")
    before = copied(start)
    result = tuned(Transfer().adapt(start, data, seed=5), data, tmp_path, steps=0)
    after = result.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


@pytest.mark.parametrize("heads", ["tagged", "separate"])
def test_heads_of_other_languages_do_not_move(tmp_path: Path, heads: str) -> None:
    """With weight decay and momentum: they are not in the optimiser, so nothing moves them."""
    data = target("de")
    model = Transfer().adapt(source("en", "fr", heads=heads), data, seed=0)
    before = copied(model)
    after = tuned(model, data, tmp_path).model.state_dict()
    frozen = [n for n in before if n.startswith(("heads.en.", "heads.fr.", "shared_blank."))]
    assert len(frozen) == (6 if heads == "tagged" else 8)
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    moved = [n for n in before if n.startswith("heads.de.") or n.endswith("convolution.weight")]
    assert all(not torch.equal(before[name], after[name]) for name in moved)


def test_a_known_language_keeps_its_head_and_shares_the_blank() -> None:
    data = target("en")
    start = source("en", "fr")
    before = copied(start)
    model = Transfer().adapt(start, data, seed=0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.shared_blank.weight.requires_grad
    assert model.head("en").units.weight.requires_grad
    assert not model.head("fr").units.weight.requires_grad
    assert Transfer().coverage(start, data) == []


def test_a_new_head_has_its_own_blank_and_starts_from_the_table() -> None:
    data = replace(target("de"), unit_table={"ä": (("en", "a"),), "ö": (("en", "o"), ("fr", "o"))})
    start = source("en", "fr")
    (coverage,) = Transfer().coverage(start, data)
    assert coverage.rows == {"ä": (("en", "a"),), "é": (), "í": (), "ö": (("en", "o"), ("fr", "o"))}
    model = Transfer().adapt(start, data, seed=0)
    head = model.head("de")
    row = {unit: index for index, unit in enumerate(data.tokenizers["de"].units)}
    assert torch.equal(head.units.weight[row["ä"]], model.head("en").units.weight[0])
    assert torch.equal(head.blank.weight, model.shared_blank.weight)


def test_random_head_rows_are_the_rows_of_a_new_head() -> None:
    data = replace(target("de"), unit_table={"ä": (("en", "a"),)})
    random = Transfer(head_rows="random")
    assert random.coverage(source("en"), data)[0].mapped == 0
    model = random.adapt(source("en"), data, seed=3)
    fresh = source("en")
    fresh.add_head(data.tokenizers["de"], seed=3)
    assert all(
        torch.equal(mine, theirs)
        for mine, theirs in zip(model.head("de").parameters(), fresh.head("de").parameters(), strict=True)
    )


def test_only_weight_matrices_decay_and_frozen_ones_are_left_out() -> None:
    model = Transfer().adapt(source("en"), target("de"), seed=0)
    decaying, other = Transfer().groups(model, weight_decay=0.1)
    assert (decaying.weight_decay, other.weight_decay) == (0.1, 0.0)
    assert all(value.ndim > 1 for value in decaying.parameters)
    assert all("norm" in name or name.endswith("bias") for name in other.names)
    names = {*decaying.names, *other.names}
    assert names == {name for name, value in model.named_parameters() if value.requires_grad}
    assert not any(name.startswith(("heads.en", "shared_blank")) for name in names)


def test_the_optimiser_scales_the_rate_of_each_group() -> None:
    model = source("en")
    groups = [replace(group, lr_scale=0.5) for group in Transfer().groups(model, 0.1)]
    optimiser = adamw(groups, lr=0.2)
    assert [group["lr"] for group in optimiser.param_groups] == [0.1, 0.1]
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.1, 0.0]


def test_the_target_alone_fills_the_batches() -> None:
    data = target("en")
    streams = Transfer().streams(data, StreamSettings(batch_seconds=3, seed=0))
    assert list(streams) == ["target"]
    seen = {id_ for step in range(20) for id_ in streams["target"].batch(step).ids}
    assert seen == set(data.target.ids)


def test_finish_leaves_everything_trainable_again() -> None:
    model = Transfer().finish(Transfer().adapt(source("en"), target("de"), seed=0))
    assert all(value.requires_grad for value in model.parameters())
