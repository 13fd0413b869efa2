"""Taiwanese by LHUC: a scale for each hidden unit of the frozen source, and a new head.

Scales near 1 need far larger steps than weights do, so they learn ten times as fast as the head.
"""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import LHUC

experiment = replace(finetune, name="taiwanese-lhuc", method=LHUC(plan=("lhuc.*=lr*10",)))
