"""Words that no model has heard, the base models neither: `speechtl study arabic/speakers_unheard`.

The base model hears one half of the words, adaptation too; *held-out* are the other half but for the four
words whose letters occur nowhere else. So the letters are known, and the words are not.
"""

from dataclasses import replace

from recipes.arabic._speakers import GROUPS, HALVES, sets_of, variant
from recipes.arabic.speakers_amounts import ROWS
from recipes.arabic.speakers_amounts import study as amounts

study = replace(
    amounts,
    name="arabic-speakers-unheard",
    utterances=(),
    sources=(),
    variants=tuple(
        replace(
            variant(speaker, half, ROWS),
            tests=sets_of(speaker, half, unheard=True),
            sources=tuple(f"arabic/base_{half}@{seed}" for seed in amounts.seeds),
        )
        for speakers in GROUPS.values()
        for speaker in speakers
        for half in HALVES
    ),
)
