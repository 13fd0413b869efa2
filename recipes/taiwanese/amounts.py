"""Error against data: `speechtl study taiwanese/amounts`.

Scratch and fine-tuning, with the head's rows from the source and without, at 3, 10 and 30 minutes. What is
best in `taiwanese/methods` joins by a flag, and the control stays: `--recipes taiwanese/kl taiwanese/lora`
"""

from recipes.taiwanese.methods import FINETUNE, SCRATCH
from speechtl.study import Study

study = Study(
    name="taiwanese-amounts",
    recipes=(SCRATCH, FINETUNE, f"{FINETUNE} --method.head-rows random"),
    control=SCRATCH,
    minutes=(3, 10, 30),
    seeds=(0, 1, 2, 3, 4),
)
