"""One Arabic speaker by an affine map of the features, for this voice alone."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune
from speechtl.transfer import InputAffine

experiment = replace(
    finetune,
    name="arabic-speaker-input-affine",
    method=InputAffine(by="speaker"),
    train=replace(finetune.train, lr=5e-3),
)
