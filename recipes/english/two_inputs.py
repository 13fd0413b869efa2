"""Telephone and wideband speech in one model, with input layers of their own: `english/one_input` beside it.

Digits at 8 kHz are heard up to 4 kHz, commands at 16 kHz up to 8 kHz, each by filters and input layers of its
own; encoder and head are shared. Closed decisions are among all words of both.
"""

from data_prep.english_fsdd import DIGITS
from speechtl.corpus_spec import CorpusSpec, corpus
from speechtl.decode import DecodeSettings
from speechtl.experiment import Experiment
from speechtl.features import FeatureSettings
from speechtl.models.inputs import DomainInput
from speechtl.models.settings import ModelSettings
from speechtl.train_settings import TrainSettings

WORDS = (*DIGITS, "down", "go", "left", "right", "up")


def speech(split: str) -> tuple[CorpusSpec, CorpusSpec]:
    """A split of both corpora; no speaker is in two splits."""
    return (
        corpus("english_fsdd", split, as_domain="telephone"),
        corpus("english_speech_commands", split, as_domain="wideband"),
    )


experiment = Experiment(
    name="english-two-inputs",
    target=speech("train"),
    dev=speech("dev"),
    tests=speech("test"),
    model=ModelSettings(dim=128, blocks=4, dilations=(1, 1, 2, 2)),
    inputs=(DomainInput("telephone", FeatureSettings(mels=40, f_max=4000.0)),),
    train=TrainSettings(steps=600, dropout=0.1),
    decode=DecodeSettings(closed=True, words=WORDS),
)
