"""Six trials for every method at ten minutes and seed 0: `speechtl study taiwanese/tuning`.

Three rates, and two strengths where a method has one, else two shares of dropped channels. Chosen by the
column *dev*, never by the test error beside it (`python benchmarks/chosen_settings.py taiwanese/tuning`).
Where the best lies at an edge the grid is extended by flags:
`--recipes 'taiwanese/kl --train.lr 8e-3'`. What is chosen goes into the recipe and serves all amounts.
"""

from collections.abc import Mapping

from recipes.taiwanese.methods import FINETUNE, SCRATCH
from speechtl.study import Study

RATES = (1e-3, 2e-3, 4e-3)
DROPPED = ("--train.dropout 0.15", "--train.dropout 0.3")
STRENGTHS: Mapping[str, tuple[str, str]] = {
    "discriminative": ("--method.decay 0.8", "--method.decay 0.9"),
    "unfreezing": ("--method.unfreeze 0.3", "--method.unfreeze 0.6"),
    "interpolated": ("--method.share 0.7", "--method.share 0.9"),
    "replay": ("--method.share 0.1", "--method.share 0.3"),
    "joint": ("--train.temperature 3", "--train.temperature 8"),
    "kl": ("--method.rho 0.1", "--method.rho 0.4"),
    "l2_sp": ("--method.alpha 0.01", "--method.alpha 0.1"),
    "ewc": ("--method.strength 100", "--method.strength 10000"),
    "layer_two_stage": ("--method.then-all 0.3", "--method.then-all 0.6"),
    "adapters": ("--method.bottleneck 32", "--method.bottleneck 64"),
    "lora": ("--method.rank 8", "--method.rank 32"),
}
PLAIN = ("layer_input", "layer_input_random", "upper", "lhuc", "input_affine", "norm_affines")

study = Study(
    name="taiwanese-tuning",
    recipes=(
        *(
            f"{recipe} --train.lr {lr:g} {more}"
            for recipe in (SCRATCH, FINETUNE)
            for lr in RATES
            for more in DROPPED
        ),
        *(
            f"taiwanese/{name} --train.lr {lr:g} {strength}"
            for name, strengths in STRENGTHS.items()
            for lr in RATES
            for strength in strengths
        ),
        *(f"taiwanese/{name} --train.lr {lr:g} {more}" for name in PLAIN for lr in RATES for more in DROPPED),
    ),
    control=f"{FINETUNE} --train.lr 0.002 --train.dropout 0.3",
    seeds=(0,),
)
