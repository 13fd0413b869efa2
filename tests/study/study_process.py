"""A study in a process that kills itself while a cell is trained."""

import os
import signal
from pathlib import Path

import torch

from speechtl.study import Study


def run_and_die(study: Study, runs: Path, steps: int) -> None:
    """Run a study until so many steps were taken in all, then die at once."""
    from speechtl.study.study import run_study
    from speechtl.train import Loop

    torch.set_num_threads(1)
    left, after_step = [steps], Loop.after_step

    def counted(loop: Loop) -> None:
        after_step(loop)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    Loop.after_step = counted
    run_study(study, runs)
