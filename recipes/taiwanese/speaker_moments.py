"""Taiwanese by the mean and variance of its speech's features; of the weights only the new head is trained.

Who speaks in the dictionary is not told, so all of the target has one mean and one variance. VTLN, the other
control of this kind, chooses by the source's own head and has none for a new language.
"""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import SpeakerMoments

experiment = replace(
    finetune, name="taiwanese-speaker-moments", method=SpeakerMoments(by=None, trains="head")
)
