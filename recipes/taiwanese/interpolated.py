"""Taiwanese by fine-tuning whose weights go back a part of the way to the source's.

`benchmarks/interpolation.py` gives the errors at all shares from a run of `taiwanese/finetune`.
"""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import Interpolated

experiment = replace(finetune, name="taiwanese-interpolated", method=Interpolated(share=0.9))
