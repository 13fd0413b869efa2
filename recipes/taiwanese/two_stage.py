"""Taiwanese in Tâi-lô first, then in Han characters on the same encoder; its control is `taiwanese/han`.

The same ten minutes twice: the first stage is `taiwanese/finetune` at the same seed, with the labels that
spell the sounds; for other minutes it needs a source with as many. So do Sung et al. 2025, CLiFT-ASR
(arXiv:2511.06860), with a large model. Both test sets are reported, and those of the multilingual source.
"""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as tailo
from recipes.taiwanese.han import experiment as han

experiment = replace(
    han,
    name="taiwanese-two-stage",
    source="taiwanese/finetune@same",
    source_tests=(*tailo.tests, *(tailo.source_tests or ())),
)
