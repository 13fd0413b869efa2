"""One Arabic speaker by a narrow layer after every block, for this voice alone."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune
from speechtl.transfer import Adapters

experiment = replace(
    finetune,
    name="arabic-speaker-adapters",
    method=Adapters(by="speaker"),
    train=replace(finetune.train, lr=2e-3),
)
