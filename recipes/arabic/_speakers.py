"""Who speaks and which words: what the studies of Arabic speakers have in common.

The publishers' 18 speakers of `train` make the base model, two of them its dev and what adaptation may cost
others. The 12 of `dev` and `test` are adapted to. The 40 words are halved: adaptation hears one half of the
words, so that the other is *held out*, and the halves swap. Four letters occur in one word each (`SHARED`);
without these words no model could write them, so they are never among the words that a base model has not
heard.
"""

from collections.abc import Mapping
from typing import Literal

from data_prep.arabic_commands import WORDS
from speechtl.corpus_spec import CorpusSpec, corpus
from speechtl.study import Variant

CORPUS = "arabic_commands"
FEW = ("00000029", "00000030")
"""Of the training speakers, those whom the base model is not trained on."""
TRAINING = tuple(f"{number:08}" for number in (1, 5, 6, 9, 11, 13, 15, 16, 17, 18, 19, 20, 22, 23, 24, 27))
GROUPS = {
    "validation": tuple(f"{number:08}" for number in (2, 7, 8, 12, 21, 25)),
    "test": tuple(f"{number:08}" for number in (3, 4, 10, 14, 26, 28)),
}
"""The publishers' two groups: the settings for either are chosen on the other."""
OTHER = {"validation": "test", "test": "validation"}

FIRST = (
    *("zero", "one", "three", "five", "seven", "eight", "right", "up", "forward", "backward"),
    *("start", "enable", "disable", "open", "close", "zoom in", "receive", "rotate", "digit", "undo"),
)
"""Half of the words, drawn at random among the halves that leave every letter in both, `SHARED` aside."""
SECOND = tuple(gloss for gloss in WORDS if gloss not in FIRST)
SHARED = ("up", "disable", "cancel", "direction")
HALVES = {"first": (FIRST, SECOND), "second": (SECOND, FIRST)}
"""By name: the words that are adapted to, and those that are held out."""

FIRST_PASS = " --method.labels first_pass"
"""Behind a row: adapted to what the base model makes of the speech, with the settings of the row itself."""

Flags = Mapping[str, str]


def _settings(chosen: Mapping[str, tuple[float, int]]) -> Flags:
    """Flags by row, from a rate and steps by what follows `arabic/one_speaker/` in it."""
    return {
        f"arabic/one_speaker/{row}": f"--train.lr {rate:g} --train.steps {steps}"
        for row, (rate, steps) in chosen.items()
    }


CHOSEN: Mapping[str, Flags] = {
    "validation": _settings(
        {
            "finetune": (1e-4, 20),
            "layers --method.retrain input:1": (3e-4, 20),
            "layers --method.retrain input:2": (1e-4, 60),
            "layers --method.retrain input:4": (1e-4, 20),
            "layers --method.retrain upper:4": (3e-4, 20),
            "layers --method.retrain upper:1": (3e-4, 60),
            "lhuc": (3e-2, 20),
            "input_affine": (3e-4, 20),
            "adapters": (5e-4, 20),
            "lora": (5e-4, 20),
            "l2_sp": (1e-4, 20),
            "kl": (3e-4, 60),
            "norm_affines": (2e-3, 60),
        }
    ),
    "test": _settings(
        {
            "finetune": (3e-4, 20),
            "layers --method.retrain input:1": (1e-4, 60),
            "layers --method.retrain input:2": (3e-4, 60),
            "layers --method.retrain input:4": (3e-4, 60),
            "layers --method.retrain upper:4": (1e-4, 60),
            "layers --method.retrain upper:1": (3e-4, 60),
            "lhuc": (3e-2, 20),
            "input_affine": (3e-4, 60),
            "adapters": (5e-4, 60),
            "lora": (2e-3, 60),
            "l2_sp": (3e-4, 20),
            "kl": (1e-4, 20),
            "norm_affines": (5e-3, 60),
        }
    ),
}
"""By the group that they were chosen on, as `speakers_tuning` and `speakers_tuning_swapped` say: flags by
row."""

CHOSEN_BY_SEEN: Mapping[str, Flags] = {
    "validation": _settings(
        {
            "finetune": (1e-3, 60),
            "layers --method.retrain input:2": (3e-5, 60),
            "input_affine": (3e-4, 60),
        }
    ),
    "test": _settings(
        {
            "finetune": (1e-3, 20),
            "layers --method.retrain input:2": (1e-3, 60),
            "input_affine": (3e-3, 60),
        }
    ),
}
"""The same by the words that were adapted to, in their other rounds."""

DEV = (corpus(CORPUS, speakers=FEW, ids=("*_NO_01",)),)
OTHERS = corpus(CORPUS, speakers=FEW, ids=("*_NO_02",), set_name="others")


def texts(glosses: tuple[str, ...]) -> tuple[str, ...]:
    """The Arabic words of English glosses."""
    return tuple(WORDS[gloss] for gloss in glosses)


def adapted_to(speaker: str, glosses: tuple[str, ...], rounds: str = "123") -> CorpusSpec:
    """Some rounds of a speaker's words; the same speaker is tested."""
    return corpus(
        CORPUS, speakers=(speaker,), texts=texts(glosses), ids=(f"*_NO_0[{rounds}]",), split_by="none"
    )


def tested_on(
    speaker: str, glosses: tuple[str, ...], rounds: str, name: Literal["seen", "held-out"]
) -> CorpusSpec:
    """A speaker's words as a test set."""
    return corpus(
        CORPUS,
        speakers=(speaker,),
        texts=texts(glosses),
        ids=(f"*_NO_0[{rounds}]",),
        split_by="none",
        set_name=name,
    )


def sets_of(speaker: str, half: str, unheard: bool = False) -> tuple[CorpusSpec, CorpusSpec]:
    """*Seen*: the words adapted to in their other rounds. *Held out*: the other words in all rounds.

    Args:
        speaker: Who is adapted to.
        half: The half of the words that is adapted to.
        unheard: Leave out words that every base model hears.
    """
    own, other = HALVES[half]
    held_out = tuple(gloss for gloss in other if not (unheard and gloss in SHARED))
    return tested_on(speaker, own, "45", "seen"), tested_on(speaker, held_out, "12345", "held-out")


def variant(speaker: str, half: str, rows: tuple[str, ...] = (), by_seen: bool = False) -> Variant:
    """A speaker on a half of the words, with the settings of a study's rows that the other group chose.

    Args:
        speaker: Who is adapted to.
        half: The half of the words that is adapted to.
        rows: The study's.
        by_seen: Whether the settings are those that were chosen on words that were adapted to.
    """
    group = next(name for name, speakers in GROUPS.items() if speaker in speakers)
    chosen = (CHOSEN_BY_SEEN if by_seen else CHOSEN)[OTHER[group]]
    return Variant(
        name=f"{speaker}-{half}",
        target=adapted_to(speaker, HALVES[half][0]),
        tests=sets_of(speaker, half),
        group=speaker,
        flags=tuple((row, chosen[own]) for row in rows if (own := row.removesuffix(FIRST_PASS)) in chosen),
    )


def variants(rows: tuple[str, ...], by_seen: bool = False) -> tuple[Variant, ...]:
    """All twelve speakers on both halves."""
    speakers = (speaker for group in GROUPS.values() for speaker in group)
    return tuple(variant(speaker, half, rows, by_seen) for speaker in speakers for half in HALVES)
