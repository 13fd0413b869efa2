"""One Arabic speaker by the mean and variance of this voice's features; no label is used."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune
from speechtl.transfer import SpeakerMoments

experiment = replace(
    finetune,
    name="arabic-speaker-speaker-moments",
    method=SpeakerMoments(),
    train=replace(finetune.train, steps=0),
)
