"""Toy speech of two domains, one of them without labels, and short trainings on it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from conservative import SHORT, adapted
from toy_speech import PLAIN, TINY, development, examples

from speechtl.batches import Batch, Examples, concatenate
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.train import fit
from speechtl.train_settings import TrainSettings
from speechtl.transfer.base import Transfer, TransferData


def silent(count: int = 12, languages: Sequence[str] = ("en",), **columns: object) -> Examples:
    """Unlabelled speech of another domain: the same tones under loud noise."""
    found, _, _ = examples(count, languages, seed=8)
    random = torch.Generator().manual_seed(1)
    waves = [
        (w / 2 + 4000 * torch.randn(len(w), generator=random).numpy()).astype("int16")
        for w in found.waveforms
    ]
    known = {"speakers": ["cat", "dan"] * (count // 2), "domains": ["uk"] * count}
    return replace(found, waveforms=waves, labels=[[]] * count, **(known | columns))


def speech(languages: Sequence[str] = ("en",), **columns: object) -> TransferData:
    """Twelve labelled utterances of one domain, and as many unlabelled ones of another."""
    found, _, tokenizers = examples(12, languages)
    known = {"speakers": ["ann", "bob"] * 6, "domains": ["us"] * 12}
    return TransferData(
        replace(found, **(known | columns)), tokenizers, unlabelled=silent(languages=languages)
    )


def begun(method: Transfer, data: TransferData, seed: int = 0) -> AcousticModel:
    """An untrained model with the method's helpers."""
    model = AcousticModel(TINY, FeatureSettings(), data.tokenizers, seed=seed)
    return method.begin(model, data, seed)


def trained(
    method: Transfer,
    data: TransferData,
    folder: Path,
    settings: TrainSettings = SHORT,
    source: AcousticModel | None = None,
    last: int | None = None,
) -> AcousticModel:
    """A training from scratch, or from a source."""
    return fit(
        begun(method, data) if source is None else adapted(method, source, data),
        method,
        data,
        settings,
        folder,
        evaluate_dev=development(2, list(data.tokenizers)),
        augment=PLAIN,
        seed=0,
        source=source,
        last=last,
    ).model


def mixed(data: TransferData, labelled: int = 5, unlabelled: int = 5) -> Batch:
    """A batch of both domains, as the streams make it: the labelled utterances first."""
    told = data.with_domains()
    assert told.unlabelled is not None
    return concatenate([told.target.batch(range(labelled)), told.unlabelled.batch(range(unlabelled))])


def logged(folder: Path) -> list[dict[str, float]]:
    """The lines of the steps in metrics.jsonl."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "dev" not in line]
