"""One Arabic speaker by one warp of the frequencies, chosen on the labels."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune
from speechtl.transfer import VTLN

experiment = replace(
    finetune,
    name="arabic-speaker-vtln",
    method=VTLN(),
    train=replace(finetune.train, steps=0),
)
