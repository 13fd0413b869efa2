"""The gradient of a step, kept from being too long."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from torch import Tensor


def clip_gradient(accelerator: Accelerator, optimiser: torch.optim.Optimizer, longest: float) -> Tensor:
    """Shorten the gradient of all parameters that an optimiser trains, and return its norm before that.

    That of groups which are not clipped neither counts nor is shortened.

    Source: Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks,
    algorithm 1.
    """
    groups = [group for group in optimiser.param_groups if group.get("is_clipped", True)]
    trained = [parameter for group in groups for parameter in group["params"]]
    if accelerator.scaler is not None:
        norm: Tensor = accelerator.clip_grad_norm_(trained, longest)
        return norm
    norm = torch.nn.utils.get_total_norm([value.grad for value in trained if value.grad is not None])
    if norm > longest:  # else there is nothing to multiply
        torch.nn.utils.clip_grads_with_norm_(trained, longest, norm)
    return norm
