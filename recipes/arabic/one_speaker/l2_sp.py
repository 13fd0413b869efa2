"""One Arabic speaker by training everything, pulled towards the base model."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune
from speechtl.transfer import L2SP

experiment = replace(
    finetune,
    name="arabic-speaker-l2-sp",
    method=L2SP(alpha=0.1),
    train=replace(finetune.train, lr=5e-4),
)
