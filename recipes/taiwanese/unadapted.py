"""Taiwanese without any training: what the multilingual source knows of a language that it never heard.

The test set is decoded three times: `taiwanese_moe.cmn-Latn-pinyin` and `taiwanese_moe.yue-Latn-jyutping`
through the Mandarin and the Cantonese head, their syllables respelled by `syllables.py`; `taiwanese_moe`
through a head whose rows are those of the sounds in `units.py`, as fine-tuning starts with. No Taiwanese
speech is used; of the training texts, which units there are.
"""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune

experiment = replace(
    finetune,
    name="taiwanese-unadapted",
    syllable_table="recipes.taiwanese.syllables",
    train=replace(finetune.train, steps=0),
)
