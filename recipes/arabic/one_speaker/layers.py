"""One Arabic speaker by training the input and the first block only; `--method.retrain upper:3`: the last."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune
from speechtl.transfer import LayerTransfer

experiment = replace(
    finetune,
    name="arabic-speaker-layers",
    method=LayerTransfer(retrain="input:2"),
    train=replace(finetune.train, lr=5e-4),
)
