"""Who speaks digits with which accent: what the studies of accents have in common.

Six men, of whom two are American, two German, one French and one Greek: a new accent is always a new speaker.
So beside each accent that is left out stands an American who is left out, with as many training speakers:
four, among them the other American.
"""

from dataclasses import replace

from data_prep.english_fsdd import DIGITS
from recipes.english._shift import UNLEARNED
from recipes.english.digits import experiment as digits
from speechtl.corpus_spec import CorpusSpec, corpus
from speechtl.decode import DecodeSettings
from speechtl.experiment import Experiment
from speechtl.features import FeatureSettings
from speechtl.study import Study, Variant

CORPUS = "english_fsdd"
LEFT_OUT = {
    "french": (("nicolas",), ("george", "jackson", "theo", "lucas")),
    "german": (("lucas", "yweweler"), ("george", "jackson", "theo", "nicolas")),
    "greek": (("george",), ("jackson", "theo", "nicolas", "lucas")),
    "jackson": (("jackson",), ("theo", "george", "nicolas", "lucas")),
    "theo": (("theo",), ("jackson", "george", "nicolas", "lucas")),
}
"""By name: who is left out, and the four whom the base model is trained on."""
TRAINED, CHOSEN_BY = ("?", "[1-3]?"), ("4?",)
"""Of fifty takes of each digit, those that a base model is trained on, and those that choose its weights."""
ADAPTED, TESTED = ("?",), ("[1-4]?",)
"""Those that adaptation may hear, and those that are tested."""
UNHEARD = (
    *("unadapted", "control", "dann", "mmd", "coral", "adabn", "domain_batch_norm", "pseudo_labels"),
    *(UNLEARNED, "target"),
)
"""Rows without labels of those who are left out, and the last, which has them."""


def takes(speakers: tuple[str, ...], numbers: tuple[str, ...]) -> tuple[str, ...]:
    """Patterns for the ids of some takes of some speakers."""
    return tuple(f"*_{speaker}_{number}" for speaker in speakers for number in numbers)


def adapted_to(name: str) -> CorpusSpec:
    """What adaptation may hear of those who are left out."""
    speakers = LEFT_OUT[name][0]
    return corpus(CORPUS, speakers=speakers, ids=takes(speakers, ADAPTED), split_by="none")


def chosen_by(name: str) -> CorpusSpec:
    """Other takes of the base model's speakers."""
    speakers = LEFT_OUT[name][1]
    return corpus(CORPUS, speakers=speakers, ids=takes(speakers, CHOSEN_BY), split_by="none")


def unheard(name: str) -> tuple[CorpusSpec, CorpusSpec]:
    """What is heard without labels of those who are left out, and their tests.

    Their domain is that they are left out and not their accent, which a labelled speaker may share.
    """
    return (
        replace(adapted_to(name), as_domain="left out"),
        replace(tested_on(name), as_domain="left out"),
    )


def labelled_as_well(name: str) -> CorpusSpec:
    """What the base model is trained on, and with it what adaptation hears of those who are left out."""
    left_out, training = LEFT_OUT[name]
    ids = takes(training, TRAINED) + takes(left_out, ADAPTED)
    return corpus(CORPUS, speakers=training + left_out, ids=ids, split_by="none")


def tested_on(name: str) -> CorpusSpec:
    """The tests of those who are left out."""
    speakers = LEFT_OUT[name][0]
    return corpus(CORPUS, speakers=speakers, ids=takes(speakers, TESTED), split_by="none", set_name="digits")


def base_without(name: str) -> Experiment:
    """Digits of four speakers, tested on those who are left out.

    Fewer steps than `english/digits` has, which read strangers as well in a fifth of the time, and nothing
    above the telephone's 4 kHz.
    """
    training = LEFT_OUT[name][1]
    return replace(
        digits,
        name=f"english-without-{name}",
        target=corpus(CORPUS, speakers=training, ids=takes(training, TRAINED)),
        dev=(chosen_by(name),),
        tests=(tested_on(name),),
        features=FeatureSettings(mels=40, f_max=4000.0),
        train=replace(digits.train, steps=600),
        decode=DecodeSettings(closed=True, words=DIGITS),
    )


def left_out(study: str, names: tuple[str, ...]) -> Study:
    """Adaptation to each of those who are left out, from none to fifty utterances."""
    seeds = (0, 1, 2, 3, 4)
    return Study(
        name=study,
        recipes=tuple(
            f"english/one_accent/{method}"
            for method in ("unadapted", "finetune", "layers", "input_affine", "lhuc")
        ),
        seeds=seeds,
        utterances=(5, 10, 20, 50),
        variants=tuple(
            Variant(
                name=name,
                target=adapted_to(name),
                dev=(chosen_by(name),),
                tests=(tested_on(name),),
                sources=tuple(f"english/without/{name}@{seed}" for seed in seeds),
            )
            for name in names
        ),
        metric="closed",
    )


def without_labels(study: str, names: tuple[str, ...]) -> Study:
    """Each of those who are left out, heard without labels.

    Rows that train keep their last weights; the base models are those of the studies with labels, kept at
    their best of ten evaluations on their own speakers. Strengths are what `english/to_commands_tuning` chose
    without labels for a half of another shift, DANN's between those of its halves: six men leave nobody to
    choose by.
    """
    seeds = (0, 1, 2, 3, 4)
    recipes = tuple(f"english/unheard/{method}" for method in UNHEARD)

    def variant(name: str) -> Variant:
        base = base_without(name)
        assert isinstance(base.target, CorpusSpec)
        unlabelled, test = unheard(name)
        return Variant(
            name=name,
            target=base.target,
            dev=(chosen_by(name),),
            tests=(test,),
            sources=tuple(f"english/without/{name}@{seed}" for seed in seeds),
            unlabelled=(unlabelled,),
            others=(("english/unheard/target", labelled_as_well(name)),),
        )

    return Study(
        name=study,
        recipes=recipes,
        seeds=seeds,
        variants=tuple(variant(name) for name in names),
        metric="closed",
    )
