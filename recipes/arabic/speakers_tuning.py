"""At least six trials for every method on the validation speakers: `speechtl study arabic/speakers_tuning`.

Rates × steps, one base model. What is least on *held-out* (`python benchmarks/chosen_settings.py
arabic/speakers_tuning --by held-out --same method.retrain`) goes into `_speakers.CHOSEN["validation"]` and
serves the test speakers; `speakers_tuning_swapped` does the same the other way round. Where the best of the
first three rates was the lowest for the validation speakers, both groups tried a fourth below it (`LOWER`).
Of the two halves of the words each speaker has one.
"""

from recipes.arabic._speakers import GROUPS, HALVES, variant
from recipes.arabic.speakers import ALL, BASES, LAYERS, RETRAINED, UNADAPTED
from speechtl.study import Study

STEPS = (20, 60)
RATES = {
    ALL: (1e-4, 3e-4, 1e-3),
    **{f"{LAYERS} {blocks}": (1e-4, 3e-4, 1e-3) for blocks in RETRAINED},
    "arabic/one_speaker/lhuc": (1e-2, 3e-2, 1e-1),
    "arabic/one_speaker/input_affine": (1e-3, 3e-3, 1e-2),
    "arabic/one_speaker/adapters": (5e-4, 2e-3, 5e-3),
    "arabic/one_speaker/lora": (5e-4, 2e-3, 5e-3),
    "arabic/one_speaker/l2_sp": (1e-4, 3e-4, 1e-3),
    "arabic/one_speaker/kl": (1e-4, 3e-4, 1e-3),
    "arabic/one_speaker/norm_affines": (5e-4, 2e-3, 5e-3),
}
LOWER = {
    **dict.fromkeys((ALL, f"{LAYERS} input:2", f"{LAYERS} input:4", "arabic/one_speaker/l2_sp"), (3e-5,)),
    **dict.fromkeys(("arabic/one_speaker/adapters", "arabic/one_speaker/lora"), (1.5e-4,)),
    "arabic/one_speaker/input_affine": (3e-4,),
}


def tuning(name: str, group: str) -> Study:
    """The trials on one group of speakers, whose halves take turns."""
    halves = tuple(HALVES)
    return Study(
        name=name,
        recipes=(
            UNADAPTED,
            *(
                f"{recipe} --train.lr {rate:g} --train.steps {steps}"
                for recipe, rates in RATES.items()
                for rate in (*LOWER.get(recipe, ()), *rates)
                for steps in STEPS
            ),
        ),
        control=UNADAPTED,
        seeds=(0,),
        sources=BASES[:1],
        variants=tuple(variant(speaker, halves[place % 2]) for place, speaker in enumerate(GROUPS[group])),
        metric="closed",
        keep="report",
    )


study = tuning("arabic-speakers-tuning", "validation")
