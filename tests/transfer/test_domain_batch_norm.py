"""DomainBatchNorm: two domains in one pass, each normalised by its own, and a model that needs no method."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conservative import SHORT, adapted, equal
from domain_norms import WAYS, in_domain, of_target, source_of, states
from torch import nn
from toy_speech import QUICK, TINY, examples, toy_experiment, write_manifest
from two_domains import begun, logged, mixed, silent, speech, trained

from speechtl.checkpoint import load_model
from speechtl.corpus_spec import corpus
from speechtl.models.acoustic import AcousticModel
from speechtl.run import run
from speechtl.transfer import DANN, MMD, Composed, DomainBatchNorm
from speechtl.transfer.base import TransferData
from speechtl.transfer.receipt import Beginning, require_sound

every_way = pytest.mark.parametrize("method", WAYS, ids=lambda method: method.affine)


@every_way
@pytest.mark.parametrize("has_source", [False, True])
def test_a_training_is_sound_and_blind_to_labels(
    tmp_path: Path, method: DomainBatchNorm, has_source: bool
) -> None:
    data, source = speech(), source_of() if has_source else None
    told = replace(data, unlabelled=replace(data.unlabelled, labels=[[1, 2, 3]] * 12))
    start = begun(method, data) if source is None else adapted(method, source, data)
    beginning = Beginning.of(start, source)
    models = [trained(method, one, tmp_path / n, source=source) for n, one in (("no", data), ("yes", told))]
    assert equal(*models)
    receipt = beginning.receipt(models[0], "DomainBatchNorm", "source" if has_source else None)
    require_sound(receipt, tmp_path)
    inserted = [one for one in receipt.tensors if one.block.startswith("batch_norm.")]
    assert {one.block for one in inserted} == {
        "batch_norm.input",
        "batch_norm.encoder.0",
        "batch_norm.encoder.1",
    }
    assert {one.fate for one in inserted} == {"inserted"}
    assert all(one.drift > 0 for one in inserted if "running" in one.name)
    theirs = "inputs.default.layers.first_norm.running_mean"
    mine = of_target(models[0])["inserted.batch_norm_input.norms.first_norm.0.running_mean"]
    assert not torch.allclose(models[0].state_dict()[theirs], mine, atol=1e-2)


@every_way
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path: Path, method: DomainBatchNorm) -> None:
    data = speech()
    whole = trained(method, data, tmp_path / "whole")
    trained(method, data, tmp_path / "stopped", last=4)
    assert len(logged(tmp_path / "stopped")) == 4
    assert equal(trained(method, data, tmp_path / "stopped"), whole)


@every_way
def test_frozen_blocks_keep_their_norms_and_a_frozen_model_all(
    method: DomainBatchNorm, tmp_path: Path
) -> None:
    data, source = speech(), source_of()
    frozen = replace(method, plan=("encoder.*=freeze", "batch_norm.encoder.*=freeze"))
    if method.affine == "shared":  # which has nothing to freeze: it follows the block
        frozen = replace(method, plan=("encoder.*=freeze",))
    start = adapted(frozen, source, data)
    beginning = Beginning.of(start, source)
    model = trained(frozen, data, tmp_path, replace(SHORT, dropout=0.3), source)
    receipt = beginning.receipt(model, "DomainBatchNorm", "source")
    require_sound(receipt, tmp_path)
    still = [one for one in receipt.tensors if "encoder" in one.block]
    assert len(still) > 10
    assert all(one.drift == 0 and one.frozen for one in still)
    assert not all(one.drift == 0 for one in receipt.tensors if one.block == "batch_norm.input")
    whole = copy.deepcopy(model).requires_grad_(False).train()
    before = copy.deepcopy(whole.state_dict())
    whole.encode(mixed(data))
    assert all(torch.equal(value, before[name]) for name, value in whole.state_dict().items())


def test_a_source_that_has_norms_for_a_domain_goes_on_with_them(tmp_path: Path) -> None:
    data = speech()
    first = trained(DomainBatchNorm(affine="own"), data, tmp_path, source=source_of())
    again = adapted(DomainBatchNorm(affine="own"), first, data)
    assert again.inserted.insertions == first.inserted.insertions
    assert equal(again, first)
    more = replace(data, unlabelled=silent(domains=["uk", "ie"] * 6))
    both = adapted(DomainBatchNorm(affine="own"), first, more)
    assert [one.keys for one in both.inserted.insertions if one.block == "input"] == [("uk",), ("ie",)]
    batch = mixed(data)
    assert torch.equal(states(both, batch), states(first, batch))
    newcomer = in_domain(batch, ["ie"] * 10)
    assert torch.equal(states(both, newcomer), states(first, in_domain(batch, [None] * 10)))
    with pytest.raises(ValueError, match=r"whose affine is own; set --method\.affine own"):
        adapted(WAYS[1], first, data)


def test_beside_a_term_both_work(tmp_path: Path) -> None:
    data, source = speech(), source_of()
    for number, term in enumerate((DANN(), MMD())):
        method = Composed(methods=(term, DomainBatchNorm(affine="own")))
        model = trained(method, data, tmp_path / str(number), source=source)
        assert {"domain", "mmd"} & logged(tmp_path / str(number))[-1].keys()
        start = of_target(adapted(method, source, data))
        moved = {name for name, value in of_target(model).items() if not torch.equal(value, start[name])}
        assert any(name.endswith(".weight") for name in moved), "the term trains the target's own affine"
    with pytest.raises(ValueError, match="DomainBatchNorm trains what it inserts"):
        DomainBatchNorm(trains="head")


def test_alone_the_target_s_own_affine_stays_where_it_began(tmp_path: Path) -> None:
    data, source = speech(), source_of()
    start = of_target(adapted(DomainBatchNorm(affine="own"), source, data))
    model = trained(DomainBatchNorm(affine="own"), data, tmp_path, source=source)
    for name, value in of_target(model).items():
        if name.endswith((".weight", ".bias")):
            assert torch.equal(value, start[name])


def without_norms() -> AcousticModel:
    bare = source_of("bilstm")
    layers = bare.inputs.of(None).layers
    layers.first_norm = layers.second_norm = nn.LayerNorm(TINY.dim)
    return bare


@pytest.mark.parametrize(
    ("source", "data", "message"),
    [
        (
            source_of,
            replace(speech(), unlabelled=silent(domains=[None] * 12)),
            "12 utterances of 12",
        ),
        (source_of, replace(speech(), unlabelled=silent(domains=["uk"] * 11 + [None])), "1 utterance of 12"),
        (source_of, speech(domains=["uk"] * 12), "all labelled speech is of the domain uk"),
        (without_norms, speech(), "the model has none"),
    ],
    ids=["no-domain", "one-without", "one-domain", "no-norms"],
)
def test_what_tells_no_domains_apart_is_refused(source: object, data: TransferData, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        adapted(DomainBatchNorm(affine="own"), source(), data)  # type: ignore[operator]


@pytest.fixture
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("_own_cache")
def test_what_a_run_saves_hears_each_domain_by_its_norms(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Dev of the labelled domain chooses nothing, so that nobody advises to look for other dev speech."""
    here, elsewhere = tmp_path / "us.jsonl", tmp_path / "uk.jsonl"
    for split, count in (("train", 16), ("dev", 4), ("test", 4)):
        write_manifest(here, count, split, seed=count, domain="us")
    for split, count in (("train", 12), ("test", 4)):
        write_manifest(elsewhere, count, split, seed=7 + count, domain="uk")
    toy = toy_experiment(
        here,
        method=DomainBatchNorm(affine="shared"),
        unlabelled=(corpus(str(elsewhere), split="train"),),
        train=replace(QUICK, steps=6),
    )
    run(toy, tmp_path / "runs")
    model = load_model(tmp_path / "runs" / "toy" / "seed-0").model
    assert {one.keys for one in model.inserted.insertions} == {("uk",)}
    labelled, _, _ = examples(4)
    batch = labelled.batch(range(4))
    one, other = (states(model, in_domain(batch, [domain] * 4)) for domain in ("us", "uk"))
    assert not torch.allclose(one, other, atol=1e-3)
    assert not any("no dev utterance is of a domain" in record.message for record in caplog.records)
