"""One of the source's languages on its own."""

from dataclasses import replace

from recipes.multilingual import experiment as multilingual
from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment


def alone(language: str, name: str) -> Experiment:
    """The multilingual recipe with one of its corpora only: the control of what the others bring or cost."""
    train, dev, test = (corpus(name, split=split) for split in ("train", "dev", "test"))
    return replace(multilingual, name=f"monolingual-{language}", target=train, dev=(dev,), tests=(test,))
