"""The gradient of a step, kept from being too long."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor


def unwrapped(optimiser: AcceleratedOptimizer) -> torch.optim.Optimizer:
    """The optimiser inside accelerate's, unless it scales losses.

    accelerate's own does no more than the one inside it then, but looks for packages on disk at every step.
    """
    wrapped: torch.optim.Optimizer = optimiser if optimiser.scaler is not None else optimiser.optimizer
    return wrapped


def clip_gradient(accelerator: Accelerator, optimiser: torch.optim.Optimizer, longest: float) -> Tensor:
    """Shorten the gradient of all parameters that an optimiser trains, and return its norm before that.

    That of groups which are not clipped neither counts nor is shortened. A fused optimiser shortens it in its
    next step: it then reads each value once less.

    Source: Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks,
    algorithm 1.
    """
    groups = [group for group in optimiser.param_groups if group.get("is_clipped", True)]
    trained = [parameter for group in groups for parameter in group["params"]]
    if accelerator.scaler is not None:
        norm: Tensor = accelerator.clip_grad_norm_(trained, longest)
        return norm
    gradients = [gradient for parameter in trained if (gradient := parameter.grad) is not None]
    if not gradients:
        return torch.zeros(())
    norm = torch.stack(torch._foreach_norm(gradients)).norm()
    too_long = norm > longest
    if optimiser.defaults.get("fused") and len(groups) == len(optimiser.param_groups):
        optimiser.grad_scale = norm / longest if too_long else None  # type: ignore[attr-defined]
    elif too_long:
        torch._foreach_div_(gradients, norm / longest)  # the bits of a fused step, with helpers or without
    return norm
