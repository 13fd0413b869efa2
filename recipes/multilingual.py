"""A multilingual source: Mandarin, Cantonese, Arabic and English words, never Taiwanese."""

from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment
from speechtl.train_settings import TrainSettings

CORPORA = ("mandarin_audio_cmn", "cantonese_jyutnet", "arabic_commands", "english_speech_commands")

experiment = Experiment(
    name="multilingual",
    target=tuple(corpus(name, split="train") for name in CORPORA),
    dev=tuple(corpus(name, split="dev") for name in CORPORA),
    tests=tuple(corpus(name, split="test") for name in CORPORA),
    train=TrainSettings(steps=8000, dev_utterances=150),
)
