"""One Arabic speaker by the scales and shifts of the norms."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune
from speechtl.transfer import NormAffines

experiment = replace(
    finetune,
    name="arabic-speaker-norm-affines",
    method=NormAffines(),
    train=replace(finetune.train, lr=2e-3),
)
