"""Taiwanese written in Han characters, by fine-tuning the multilingual source on ten minutes.

No source has Han characters, so the head is new. Its Tâi-lô counterpart is `taiwanese/finetune`, on the same
minutes: a seed draws the same recordings in both orthographies.
"""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.corpus_spec import corpus

experiment = replace(
    finetune,
    name="taiwanese-han",
    target=corpus("taiwanese_moe_hant", split="train", minutes=10),
    dev=(corpus("taiwanese_moe_hant", split="dev"),),
    tests=(corpus("taiwanese_moe_hant", split="test"),),
    unit_table=None,
)
