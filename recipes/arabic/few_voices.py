"""What augmentation does for voices that were never heard: `speechtl study arabic/few_voices`.

Two speakers say the forty commands twice, and that is all there is to train on, as with a dictionary that one
or two people read. The twelve of the publishers' `dev` and `test` are strangers: six choose the weights, six
are tested. Three pairs of training speakers; the control changes nothing but the masks of SpecAugment. Equal
steps for all, fewer than `arabic/commands` has, since there is an eighth of its speech.
"""

from recipes.arabic._speakers import CORPUS, TRAINING
from speechtl.corpus_spec import corpus
from speechtl.study import Study, Variant

RECIPE = "arabic/commands --train.steps 500 --augment.speeds"
VOICE = "0.9 1.0 1.1 --augment.vocal-tract 0.16 --augment.pitch 3 --augment.tempo 0.16"
"""Other voices."""
ROOMS = "--augment.noise 0.3 --augment.reverb 0.3"
"""Other rooms."""
CHANGES = (
    "1.0",
    "0.9 1.0 1.1",
    "1.0 --augment.vocal-tract 0.16",
    "1.0 --augment.pitch 3",
    "1.0 --augment.tempo 0.16",
    VOICE,
    f"{VOICE} {ROOMS}",
)
PAIRS = (TRAINING[:2], TRAINING[6:8], TRAINING[12:14])

study = Study(
    name="arabic-few-voices",
    recipes=tuple(f"{RECIPE} {change}" for change in CHANGES),
    control=f"{RECIPE} {CHANGES[0]}",
    seeds=(0,),
    variants=tuple(
        Variant("-".join(pair), target=corpus(CORPUS, split="train", speakers=pair)) for pair in PAIRS
    ),
    metric="closed",
)
"""No seeds but 0: the pairs are the repetition."""
