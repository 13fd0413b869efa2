import subprocess
import sys

import torch

from speechtl.devices import device


def test_it_is_an_accelerator_where_there_is_one() -> None:
    if torch.cuda.is_available():
        assert device().type == "cuda"
    assert torch.ones(2, device=device()).sum() == 2


def test_a_user_can_keep_off_it() -> None:
    code = "from speechtl.devices import device; print(device().type)"
    environment = {"ACCELERATE_USE_CPU": "true", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout == "cpu\n", done.stderr
