"""Which layers to retrain for a new speaker: `speechtl study arabic/speakers`.

Twelve speakers, whom the five base models never heard, each on either half of the words: 20 words in rounds 1
to 3. *seen* are these words in rounds 4 and 5, *held-out* the other 20 words in all rounds, which the base
models know. Closed word error among the 40 words, and letter error. The sign-flip test is over speakers.

`speakers_amounts` asks for 1, 5 and 20 utterances too, `speakers_unheard` tests words that the base models
never heard, `speakers_tuning` chooses the settings: the study runs with those of `_speakers.CHOSEN`, chosen
on the other six speakers. Where the voice sits: `python benchmarks/probes.py runs/arabic-base/seed-0`.
"""

from recipes.arabic._speakers import variants
from speechtl.study import Study

UNADAPTED = "arabic/one_speaker/unadapted"
ALL = "arabic/one_speaker/finetune"
LAYERS = "arabic/one_speaker/layers --method.retrain"
BASES = ("arabic/base", *(f"arabic/base@{seed}" for seed in range(1, 5)))
RETRAINED = ("input:1", "input:2", "input:4", "upper:4", "upper:1")
METHODS = ("lhuc", "input_affine", "adapters", "lora", "l2_sp", "kl", "norm_affines")
FREE = ("batch_norm_statistics", "speaker_moments", "vtln")

ROWS = (
    UNADAPTED,
    *(f"arabic/one_speaker/{name}" for name in FREE),
    *(f"{LAYERS} {blocks}" for blocks in RETRAINED),
    ALL,
    *(f"arabic/one_speaker/{name}" for name in METHODS),
)

study = Study(
    name="arabic-speakers",
    recipes=ROWS,
    control=UNADAPTED,
    seeds=(0, 1, 2, 3, 4),
    sources=BASES,
    variants=variants(ROWS),
    metric="closed",
    keep="report",
)
