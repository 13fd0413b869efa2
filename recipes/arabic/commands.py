"""Arabic commands from scratch: forty words, speakers never heard in training."""

from speechtl.corpus_spec import corpus
from speechtl.decode import DecodeSettings
from speechtl.experiment import Experiment
from speechtl.train_settings import TrainSettings

experiment = Experiment(
    name="arabic-commands",
    target=corpus("arabic_commands", split="train"),
    dev=(corpus("arabic_commands", split="dev"),),
    tests=(corpus("arabic_commands", split="test"),),
    train=TrainSettings(steps=1500),
    decode=DecodeSettings(closed=True),
)
