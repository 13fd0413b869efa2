"""Taiwanese by an affine map of the features that also has to serve the source's speech."""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import Composed, InputAffine, SourceReplay

experiment = replace(
    finetune,
    name="taiwanese-affine-replay",
    method=Composed(methods=(InputAffine(), SourceReplay(share=0.2))),
)
