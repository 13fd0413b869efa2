"""Taiwanese by the batch-norm statistics of its own speech; of the weights only the new head is trained."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import BatchNormStatistics

experiment = replace(
    finetune, name="taiwanese-batch-norm-statistics", method=BatchNormStatistics(trains="head")
)
