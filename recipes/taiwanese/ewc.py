"""Taiwanese by fine-tuning with those weights held that the source's own speech depends on."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import EWC

experiment = replace(finetune, name="taiwanese-ewc", method=EWC(strength=100))
