"""Multi-task training (Huang et al. 2013): gradients, shares of the languages, new heads."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor
from toy_speech import PLAIN, SETTINGS, TINY, development, examples, train

from speechtl.batches import Batch, Examples
from speechtl.features import FeatureSettings
from speechtl.mixing import count_drawn, shares
from speechtl.models.acoustic import AcousticModel
from speechtl.models.layers import set_dropout
from speechtl.train import fit
from speechtl.transfer.base import ForwardPass, StreamSettings, Transfer, TransferData

FORMS = ("tagged", "separate")
SHORT = replace(SETTINGS, steps=6, weight_decay=0.5, dropout=0.3, evaluations=1, checkpoint_seconds=1000)


def several(heads: str, *languages: str, count: int = 12) -> tuple[AcousticModel, Examples]:
    labelled, _, tokenizers = examples(count, languages)
    model = AcousticModel(replace(TINY, heads=heads), FeatureSettings(), tokenizers, seed=1)
    return model.eval(), labelled


def batch_of(labelled: Examples, *languages: str) -> Batch:
    """All utterances of some languages."""
    return labelled.batch([i for i, tag in enumerate(labelled.languages) if tag in languages])


def gradients(
    model: AcousticModel, batch: Batch, weights: dict[str, float] | None = None
) -> dict[str, torch.Tensor]:
    """The gradient of the weighted sum of the losses by parameter; parameters without one are left out."""
    model.zero_grad(set_to_none=True)
    losses = model.task_losses(model.encode(batch), batch)["ctc"]
    scale = torch.tensor([(weights or {}).get(tag, 1.0) for tag in batch.languages], dtype=losses.dtype)
    (losses * scale).sum().backward()
    return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


def is_of_head(name: str, language: str) -> bool:
    return name.startswith(f"heads.{language}.")


@pytest.mark.parametrize("heads", FORMS)
def test_a_language_s_loss_does_not_reach_the_other_heads(heads: str) -> None:
    model, labelled = several(heads, "en", "fr", "it")
    found = gradients(model, batch_of(labelled, "en"))
    assert not any(is_of_head(name, other) for name in found for other in ("fr", "it"))
    assert all(float(found[f"heads.en.units.{part}"].abs().sum()) > 0 for part in ("weight", "bias"))
    shared = [name for name in found if name.startswith("shared_blank")]
    if heads == "tagged":
        assert len(shared) == 2, "the blank is the one row of the softmax that the languages share"
    else:
        assert not shared
        assert "heads.en.blank.weight" in found


def test_in_the_tagged_softmax_other_languages_units_are_masked_and_the_blank_is_not() -> None:
    """A softmax over all rows, with the other languages' at minus infinity, is what the model computes."""
    model, labelled = several("tagged", "en", "fr")
    encoded = model.encode(batch_of(labelled, "en"))
    states = encoded.states["main"].float()
    assert model.shared_blank is not None
    layers = [model.shared_blank, model.head("en").units, model.head("fr").units]
    logits = torch.cat([states @ layer.weight.float().T + layer.bias.float() for layer in layers], dim=2)
    logits[:, :, 1 + len(model.tokenizers["en"].units) :] = -torch.inf
    masked = logits.log_softmax(2)[:, :, : 1 + len(model.tokenizers["en"].units)]
    torch.testing.assert_close(model.log_probs(encoded, "en").float(), masked, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("heads", FORMS)
def test_the_shared_gradient_is_the_weighted_sum_of_the_languages(heads: str) -> None:
    model, labelled = several(heads, "en", "fr")
    weights = {"en": 0.25, "fr": 0.75}
    together = gradients(model, batch_of(labelled, "en", "fr"), weights)
    alone = {tag: gradients(model, batch_of(labelled, tag)) for tag in weights}
    shared = [name for name in together if not name.startswith("heads.")]
    assert shared
    for name in shared:
        expected = sum(weight * alone[tag][name] for tag, weight in weights.items())
        torch.testing.assert_close(together[name], expected, rtol=1e-3, atol=1e-4)
    for tag in weights:
        for name in (name for name in together if is_of_head(name, tag)):
            torch.testing.assert_close(together[name], weights[tag] * alone[tag][name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("heads", FORMS)
def test_one_language_is_the_monolingual_model_bit_for_bit(tmp_path: Path, heads: str) -> None:
    """Heads that no utterance goes through change nothing: neither starts, nor steps, nor draws."""
    labelled, _, tokenizers = examples(24, ("en",))
    others = examples(2, ("fr", "it"))[2]
    results = {}
    for name, known in {"mono": tokenizers, "multi": {**others, **tokenizers}}.items():
        model = AcousticModel(replace(TINY, heads=heads), FeatureSettings(), known, seed=0)
        data = TransferData(labelled, known)
        fitted = fit(
            model,
            Transfer(),
            data,
            SHORT,
            tmp_path / name,
            evaluate_dev=development(4),
            augment=PLAIN,
            seed=0,
        )
        results[name] = fitted.model.state_dict()
    assert all(torch.equal(value, results["multi"][name]) for name, value in results["mono"].items())
    assert set(results["multi"]) > set(results["mono"])


@pytest.mark.parametrize("heads", FORMS)
def test_a_new_language_by_its_head_alone_leaves_the_rest_bit_identical(tmp_path: Path, heads: str) -> None:
    """Under .train(), with momentum, weight decay, dropout and batch norm."""
    labelled, _, tokenizers = examples(12, ("de",), letters="äéíö")
    _, _, known = examples(2, ("en", "fr"))
    source = AcousticModel(replace(TINY, heads=heads), FeatureSettings(), known, seed=3)
    clip = labelled.batch([0, 1])
    method, data = Transfer(trains="head"), TransferData(labelled, tokenizers)
    model = method.adapt(copy.deepcopy(source), data, seed=0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    source.eval()
    states = source.encode(clip).states["main"]
    fitted = fit(
        model,
        method,
        data,
        SHORT,
        tmp_path,
        evaluate_dev=development(4, ("de",), "äéíö"),
        augment=PLAIN,
        seed=0,
    )
    after = fitted.model.state_dict()
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved == {
        f"heads.de.{part}" for part in ("units.weight", "units.bias", "blank.weight", "blank.bias")
    }
    assert torch.equal(fitted.model.encode(clip).states["main"], states)
    assert any(name.endswith("running_mean") for name in before), "there is batch norm to be left alone"


def test_frozen_blocks_stay_in_eval_mode_and_out_of_the_optimiser() -> None:
    model, labelled = several("tagged", "en", "fr")
    method = Transfer(trains="head")
    tokenizers = {"en": model.tokenizers["en"]}
    adapted = method.adapt(
        copy.deepcopy(model), TransferData(replace(labelled, languages=["en"] * 12), tokenizers), 0
    )
    set_dropout(adapted, 0.5)
    adapted.train()
    frozen = [block for name, block in adapted.blocks().items() if not name.startswith("head.en")]
    assert all(not module.training for block in frozen for module in block.modules())
    assert adapted.head("en").training
    names = {name for group in method.groups(adapted, 0.1) for name in group.names}
    assert names == {
        "heads.en.units.weight",
        "heads.en.units.bias",
        "shared_blank.weight",
        "shared_blank.bias",
    }
    adapted.requires_grad_(True).train()
    assert all(module.training for block in adapted.blocks().values() for module in block.modules())


def test_a_head_alone_needs_a_source() -> None:
    from speechtl.experiment import load_recipe

    with pytest.raises(ValueError, match=r"method\.trains=head without a source"):
        replace(load_recipe("taiwanese/scratch"), method=Transfer(trains="head"))


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("is_mixed", [True, False])
def test_what_is_drawn_of_each_language_follows_the_temperature(temperature: float, is_mixed: bool) -> None:
    """P ∝ hours^(1/T), over whole epochs, within what rounding to whole clips leaves."""
    random = np.random.default_rng(0)
    counts = {"en": 800, "fr": 200, "it": 50}
    languages = [tag for tag, count in counts.items() for _ in range(count)]
    seconds = random.uniform(0.5, 2.0, len(languages))
    many = Examples(
        waveforms=[np.zeros(round(16_000 * s), dtype=np.int16) for s in seconds],
        seconds=seconds,
        labels=[[1]] * len(languages),
        languages=languages,
        ids=[str(i) for i in range(len(languages))],
        speakers=[None] * len(languages),
        domains=[None] * len(languages),
    )
    draws = StreamSettings(24.0, 0, temperature=temperature, is_mixed=is_mixed)
    stream = Transfer().streams(TransferData(many, {}), draws)["target"]
    tags, drawn = np.asarray(languages), {}
    for step in range(250):
        count_drawn(drawn, stream.batch(step))
    hours = {tag: float(seconds[tags == tag].sum()) for tag in counts}
    wanted = {tag: value ** (1 / temperature) for tag, value in hours.items()}
    for tag in counts:
        assert shares(drawn)[tag] == pytest.approx(wanted[tag] / sum(wanted.values()), abs=0.03)


def test_the_shares_of_the_languages_are_logged(tmp_path: Path) -> None:
    """Languages take turns among the toy utterances, so that each has half of what is drawn."""
    train(tmp_path, languages=("en", "fr"), settings=replace(SETTINGS, steps=30, evaluations=2))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    found = [line["shares"] for line in lines if "dev" in line]
    assert len(found) == 2
    labelled, _, _ = examples(24, ("en", "fr"))
    tags = np.asarray(labelled.languages)
    hours = {tag: float(labelled.seconds[tags == tag].sum()) for tag in ("en", "fr")}
    assert set(found[-1]) == {"en", "fr"}
    assert sum(found[-1].values()) == pytest.approx(1)
    assert found[-1]["en"] == pytest.approx(hours["en"] / sum(hours.values()), abs=0.05)


@dataclass(frozen=True)
class Watched(Transfer):
    """Fine-tuning that remembers the heads before every step, and whose speech the step heard."""

    seen: ClassVar[list[tuple[set[str], dict[str, Tensor]]]] = []

    def terms(self, losses: Mapping[str, Tensor], forward: ForwardPass) -> dict[str, Tensor]:
        """The losses as they are."""
        heads = {
            tag: torch.cat([value.detach().flatten() for value in forward.model.head(tag).parameters()])
            for tag in ("en", "de")
        }
        self.seen.append((set(forward.batch.languages), heads))
        return dict(losses)


@pytest.mark.parametrize("heads", FORMS)
def test_a_head_whose_language_a_batch_lacks_is_not_moved_by_decay_or_momentum(
    tmp_path: Path, heads: str
) -> None:
    Watched.seen.clear()
    tokenizers = examples(2, ("en", "de"))[2]
    model = AcousticModel(replace(TINY, heads=heads), FeatureSettings(), tokenizers, seed=0)
    settings = replace(SETTINGS, steps=12, weight_decay=0.5, is_mixed=False, batch_seconds=2, evaluations=1)
    train(tmp_path, settings=settings, method=Watched(), languages=("en", "de"), model=model)
    moved = {True: 0, False: 0}
    for (heard, before), (_, after) in pairwise(Watched.seen):
        for tag in before:
            if not torch.equal(before[tag], after[tag]):
                moved[tag in heard] += 1
    assert moved[True] >= 8
    assert moved[False] == 0
