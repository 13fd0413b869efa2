"""One Arabic speaker by a low-rank change of every weight."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune
from speechtl.transfer import LoRA

experiment = replace(
    finetune,
    name="arabic-speaker-lora",
    method=LoRA(),
    train=replace(finetune.train, lr=2e-3),
)
