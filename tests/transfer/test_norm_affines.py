"""Norm affines: scales and shifts behind norms move, and nothing else of the source."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import two_domains
from conservative import SHORT, a_source, a_target, adapted, trained
from toy_speech import TINY

from speechtl.experiment import Experiment, load_recipe
from speechtl.models.layers import MaskedBatchNorm
from speechtl.models.settings import ModelSettings
from speechtl.transfer import BatchNormStatistics, Composed, DomainBatchNorm, NormAffines
from speechtl.transfer.receipt import Beginning

HEAVY = replace(SHORT, dropout=0.3, weight_decay=0.5)
AFFINES = {
    "tdnn": {
        *(
            f"inputs.default.layers.{which}_norm.{part}"
            for which in ("first", "second")
            for part in ("weight", "bias")
        ),
        *(f"encoder.{index}.norm.{part}" for index in (0, 1) for part in ("weight", "bias")),
        "norm.weight",
        "norm.bias",
    },
    "bilstm": {
        *(
            f"inputs.default.layers.{which}_norm.{part}"
            for which in ("first", "second")
            for part in ("weight", "bias")
        ),
        *(f"encoder.{index}.norm.{part}" for index in (0, 1) for part in ("weight", "bias")),
        "norm.weight",
        "norm.bias",
    },
}


@pytest.mark.parametrize("encoder", AFFINES)
def test_only_affines_move_and_statistics_stay(encoder: str, tmp_path: Path) -> None:
    """With momentum, weight decay, batch norm and dropout under .train(); buffers too."""
    settings: ModelSettings = replace(TINY, encoder=encoder)
    source, data = a_source("en", "fr", settings=settings), a_target("de")
    begun = Beginning.of(adapted(NormAffines(), source, data), source)
    model = trained(NormAffines(), source, data, tmp_path, HEAVY).model
    before, after = source.state_dict(), model.state_dict()
    assert {name for name in before if not torch.equal(before[name], after[name])} == AFFINES[encoder]
    assert begun.receipt(model, "NormAffines", "source").faults() == []
    assert all(fate.frozen for name, fate in begun.fates.items() if "running" in name)


def test_a_known_head_stays_and_a_new_one_is_trained() -> None:
    for language, heads in (("en", set()), ("de", {"head.de"})):
        model = adapted(NormAffines(), a_source("en", "fr"), a_target(language))
        blocks = {fate.block for fate in model.fates.values() if not fate.frozen}
        assert blocks == {"input", "encoder.0", "encoder.1", "norm"} | heads


def test_afterwards_batch_norms_learn_their_statistics_again(tmp_path: Path) -> None:
    model = trained(NormAffines(), a_source("en"), a_target("en"), tmp_path, HEAVY).model
    model.train()
    norms = [module for module in model.modules() if isinstance(module, MaskedBatchNorm)]
    assert norms
    assert all(norm.training for norm in norms)


def test_with_the_target_s_statistics_these_are_taken_once_and_kept(tmp_path: Path) -> None:
    source, data = a_source("en"), a_target("en")
    method = Composed(methods=(BatchNormStatistics(), NormAffines()))
    start = adapted(method, source, data).state_dict()
    end = trained(method, source, data, tmp_path, HEAVY).model.state_dict()
    for name in (name for name in start if "running" in name):
        assert torch.equal(start[name], end[name])
        assert not torch.equal(start[name], source.state_dict()[name])


def test_the_head_alone_is_another_method() -> None:
    with pytest.raises(ValueError, match="NormAffines"):
        NormAffines(trains="head")


def test_the_recipe_comes_back_from_its_settings() -> None:
    recipe = load_recipe("taiwanese/norm_affines")
    assert recipe.method == NormAffines()
    assert recipe == Experiment.from_dict(json.loads(json.dumps(recipe.to_dict())))


def test_norms_of_a_domain_that_share_the_source_s_affines_have_none_to_train() -> None:
    source, data = a_source("en", "fr"), two_domains.speech()
    both = adapted(Composed(methods=(NormAffines(), DomainBatchNorm())), source, data)
    assert {one.keys for one in both.inserted.insertions} == {("uk",)}
    again = adapted(NormAffines(), both.eval().requires_grad_(False), a_target("en"))
    moving = {name for name, value in again.named_parameters() if value.requires_grad}
    assert moving == AFFINES["tdnn"]
