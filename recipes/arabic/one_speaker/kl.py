"""One Arabic speaker by training everything towards labels and what the base model says itself."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune
from speechtl.transfer import KLRegularised

experiment = replace(
    finetune,
    name="arabic-speaker-kl",
    method=KLRegularised(rho=0.5),
    train=replace(finetune.train, lr=5e-4),
)
