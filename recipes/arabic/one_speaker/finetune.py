"""One Arabic speaker by training everything on sixty words.

Its settings are a first guess. The base model chose none of them; of a study's speakers, those of one group
choose for the other (`arabic/speakers_tuning`). Nothing is changed at random: speed would be another voice.
The dev speakers choose nothing either: the last weights are kept.
"""

from dataclasses import replace

from recipes.arabic._speakers import DEV, FIRST, GROUPS, OTHERS, adapted_to, sets_of
from recipes.arabic.base import experiment as base
from speechtl.augment import AugmentSettings
from speechtl.train_settings import TrainSettings

SPEAKER = GROUPS["validation"][0]

experiment = replace(
    base,
    name="arabic-speaker-finetune",
    source="arabic/base",
    target=adapted_to(SPEAKER, FIRST),
    dev=DEV,
    tests=sets_of(SPEAKER, "first"),
    source_tests=(OTHERS,),
    augment=AugmentSettings.off(),
    train=TrainSettings(steps=40, lr=5e-4, average=0.9, evaluations=1, dev_utterances=20),
)
