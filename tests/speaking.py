"""Toy speech of known speakers, and what methods that insert modules make of a source."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor
from toy_speech import PLAIN, QUICK, SETTINGS, TINY, development, examples, train

from speechtl.batches import Batch, Examples
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.models.layers import MaskedBatchNorm
from speechtl.train import FitResult, fit
from speechtl.transfer import LHUC, Adapters, InputAffine, LoRA, Transfer
from speechtl.transfer.data import TransferData

ENCODERS = ("tdnn", "bilstm", "conformer")
METHODS: dict[str, Transfer] = {
    "lhuc": LHUC(),
    "lhuc-speaker": LHUC(by="speaker", form="sigmoid"),
    "affine-diagonal-speaker": InputAffine(by="speaker", form="diagonal"),
    "affine-full": InputAffine(),
    "adapters-speaker": Adapters(by="speaker", bottleneck=4),
    "adapters-language": Adapters(by="language", bottleneck=4),
    "lora": LoRA(rank=2),
}
ROUGH = replace(SETTINGS, steps=5, dropout=0.3, weight_decay=0.5, evaluations=1, checkpoint_seconds=1000)
"""Training in which what is not frozen well moves: momentum, weight decay, dropout, batch norm."""


def source(encoder: str = "tdnn", languages: Sequence[str] = ("en",)) -> AcousticModel:
    """An untrained model in eval mode, whose batch norms have heard something."""
    labelled, _, tokenizers = examples(6, languages, seed=3)
    model = AcousticModel(replace(TINY, encoder=encoder), FeatureSettings(), tokenizers, seed=7)
    model.train().encode(labelled.batch(range(6)))
    assert any(
        float(m.running_mean.abs().sum()) > 0 for m in model.modules() if isinstance(m, MaskedBatchNorm)
    )
    return model.eval()


@lru_cache
def recogniser() -> AcousticModel:
    """A source that has learnt to read toy speech; not to be changed."""
    _, _, tokenizers = examples(2)
    model = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=0)
    with TemporaryDirectory() as folder:
        return train(Path(folder), settings=QUICK, model=model).model


def target(
    count: int = 8, speakers: Sequence[str | None] = ("ann", "bob"), **changes: object
) -> TransferData:
    """Labelled speech whose speakers take turns."""
    labelled, _, tokenizers = examples(count, **{"seed": 1, **changes})
    spoken = replace(labelled, speakers=[speakers[i % len(speakers)] for i in range(count)])
    return TransferData(spoken, tokenizers)


def tuned(
    method: Transfer,
    model: AcousticModel,
    data: TransferData,
    folder: Path,
    *,
    last: int | None = None,
    **changes: object,
) -> FitResult:
    """Train an adapted model, up to a step if one is given."""
    languages = tuple(dict.fromkeys(data.target.languages))
    letters = "äéíö" if languages == ("de",) else "aeio"
    return fit(
        model,
        method,
        data,
        replace(ROUGH, **changes),
        folder,
        evaluate_dev=development(4, languages, letters),
        augment=PLAIN,
        seed=0,
        last=last,
    )


def outputs(model: AcousticModel, batch: Batch, language: str = "en") -> Tensor:
    """Log-probabilities (batch, time, 1 + units) in eval mode."""
    model.eval()
    with torch.no_grad():
        return model.log_probs(model.encode(batch), language)


def disturb(model: AcousticModel) -> None:
    """Give all that was inserted, low-rank changes too, values as if it had been trained."""
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.startswith("inserted.") or name.endswith((".up", ".down")):
                value.add_(0.1 * torch.randn(value.shape, generator=random))


def of(speech: Examples, speaker: str | None) -> Examples:
    """The same speech from the mouth of a speaker."""
    return replace(speech, speakers=[speaker] * len(speech))
