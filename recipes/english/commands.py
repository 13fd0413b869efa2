"""English commands from scratch: nine words, speakers never heard in training."""

from dataclasses import replace

from recipes.arabic.commands import experiment as commands
from speechtl.corpus_spec import corpus

experiment = replace(
    commands,
    name="english-commands",
    target=corpus("english_speech_commands", split="train"),
    dev=(corpus("english_speech_commands", split="dev"),),
    tests=(corpus("english_speech_commands", split="test"),),
)
