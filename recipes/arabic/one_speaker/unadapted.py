"""One Arabic speaker as the base model hears anybody: the control."""

from dataclasses import replace

from recipes.arabic.one_speaker.finetune import experiment as finetune

experiment = replace(finetune, name="arabic-speaker-unadapted", train=replace(finetune.train, steps=0))
