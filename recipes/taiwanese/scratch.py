"""Taiwanese from scratch on ten minutes: the control of every transfer to Taiwanese."""

from speechtl.augment import AugmentSettings
from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment
from speechtl.train_settings import TrainSettings

experiment = Experiment(
    name="taiwanese-scratch",
    target=corpus("taiwanese_moe", split="train", minutes=10),
    dev=(corpus("taiwanese_moe", split="dev"),),
    tests=(corpus("taiwanese_moe", split="test"),),
    augment=AugmentSettings(mel_masks=0, time_masks=0),
    train=TrainSettings(lr=1e-3, dropout=0.15),
)
