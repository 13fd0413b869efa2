"""Base models that have not heard half of the words."""

from dataclasses import replace

from recipes.arabic._speakers import CORPUS, FEW, GROUPS, HALVES, OTHERS, SHARED, TRAINING, texts
from recipes.arabic.base import experiment as base
from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment


def base_of(half: str) -> Experiment:
    """The base model of a half of the words, and of those without which some letters would be unknown.

    Its dev has only words that it hears, so that the choice of weights hears no others either.
    """
    own, other = HALVES[half]
    heard = tuple(dict.fromkeys((*own, *SHARED)))
    speakers = tuple(speaker for group in GROUPS.values() for speaker in group)
    unheard = tuple(gloss for gloss in other if gloss not in SHARED)
    return replace(
        base,
        name=f"arabic-base-{half}",
        target=corpus(CORPUS, speakers=TRAINING, texts=texts(heard)),
        dev=(corpus(CORPUS, speakers=FEW, ids=("*_NO_01",), texts=texts(heard)),),
        tests=(
            corpus(CORPUS, speakers=speakers, texts=texts(heard), set_name="heard"),
            corpus(CORPUS, speakers=speakers, texts=texts(unheard), set_name="unheard"),
            OTHERS,
        ),
    )
