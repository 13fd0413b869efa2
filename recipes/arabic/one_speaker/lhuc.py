"""One Arabic speaker by a scale for every hidden unit, for this voice alone."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune
from speechtl.transfer import LHUC

experiment = replace(
    finetune,
    name="arabic-speaker-lhuc",
    method=LHUC(by="speaker"),
    train=replace(finetune.train, lr=2e-2),
)
