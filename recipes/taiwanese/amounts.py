"""Error against data: `speechtl study taiwanese/amounts`.

Scratch, fine-tuning and the four other methods with the lowest dev errors in `taiwanese/tuning`, at 3, 10 and
30 minutes with the settings of ten. Others join by a flag, and the control stays: `--recipes taiwanese/kl
'taiwanese/finetune --method.head-rows random'`
"""

from recipes.taiwanese.methods import FINETUNE, SCRATCH
from speechtl.study import Study

BEST = ("interpolated", "replay", "ewc", "discriminative")

study = Study(
    name="taiwanese-amounts",
    recipes=(SCRATCH, FINETUNE, *(f"taiwanese/{method}" for method in BEST)),
    control=SCRATCH,
    minutes=(3, 10, 30),
    seeds=(0, 1, 2, 3, 4),
)
