"""Sources with batch norms of a domain's own, as if they had been trained."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from conservative import a_source
from torch import Tensor
from toy_speech import TINY

from speechtl.batches import Batch
from speechtl.models.acoustic import AcousticModel
from speechtl.transfer import DomainBatchNorm

ENCODERS = ("tdnn", "bilstm", "conformer")
WAYS = (DomainBatchNorm(affine="own"), DomainBatchNorm())


def source_of(encoder: str = "tdnn") -> AcousticModel:
    return a_source("en", "fr", settings=replace(TINY, encoder=encoder))


def states(model: AcousticModel, batch: Batch) -> Tensor:
    with torch.no_grad():
        return model.eval().encode(batch).states["main"]


def of_target(model: AcousticModel) -> dict[str, Tensor]:
    return {
        name: value for name, value in model.state_dict().items() if name.startswith("inserted.batch_norm")
    }


def disturb(model: AcousticModel) -> None:
    """Give the target's norms values as if they had been trained."""
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in of_target(model).items():
            if value.is_floating_point():
                value.add_(0.2 * torch.rand(value.shape, generator=random))
                assert not name.endswith("var") or bool((value > 0).all())


def in_domain(batch: Batch, domains: Sequence[str | None]) -> Batch:
    return replace(batch, domains=tuple(domains))
