"""The device that models are used on: an accelerator where there is one, else the CPU."""

from __future__ import annotations

import torch


def device() -> torch.device:
    """The device that accelerate chooses for this process; `ACCELERATE_USE_CPU=true` keeps it off a GPU."""
    from accelerate import PartialState

    chosen: torch.device = PartialState().device
    return chosen
