"""Arabic commands of sixteen speakers: the base model of `arabic/speakers`.

Twelve other speakers are its tests, and some words of two more (`others`), who also choose its weights, by
other recordings.
"""

from dataclasses import replace

from data_prep.arabic_commands import WORDS
from recipes.arabic._speakers import CORPUS, DEV, OTHERS, TRAINING
from recipes.arabic.commands import experiment as commands
from speechtl.corpus_spec import corpus
from speechtl.decode import DecodeSettings

experiment = replace(
    commands,
    name="arabic-base",
    target=corpus(CORPUS, speakers=TRAINING),
    dev=DEV,
    tests=(corpus(CORPUS, split="dev"), corpus(CORPUS, split="test"), OTHERS),
    decode=DecodeSettings(closed=True, words=tuple(WORDS.values())),
)
