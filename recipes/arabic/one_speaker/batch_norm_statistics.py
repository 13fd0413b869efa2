"""One Arabic speaker by the batch norms' statistics of this voice; no label is used."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune
from speechtl.transfer import BatchNormStatistics

experiment = replace(
    finetune,
    name="arabic-speaker-batch-norm-statistics",
    method=BatchNormStatistics(),
    train=replace(finetune.train, steps=0),
)
