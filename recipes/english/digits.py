"""English digits from scratch: ten words, speakers never heard in training."""

from dataclasses import replace

from recipes.arabic.commands import experiment as commands
from speechtl.corpus_spec import corpus

experiment = replace(
    commands,
    name="english-digits",
    target=corpus("english_fsdd", split="train"),
    dev=(corpus("english_fsdd", split="dev"),),
    tests=(corpus("english_fsdd", split="test"),),
)
