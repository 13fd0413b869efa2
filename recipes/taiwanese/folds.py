"""What a dev set of the target is worth: `speechtl study taiwanese/folds`.

The dictionary's dev split is nine minutes of labelled speech beside three or ten that are trained on, which
somebody with ten minutes has not. `--dev fold` chooses the steps by folds of these alone, and then trains on
all of them.
"""

from recipes.taiwanese.methods import FINETUNE, SCRATCH
from speechtl.study import Study

study = Study(
    name="taiwanese-folds",
    recipes=(SCRATCH, f"{SCRATCH} --dev fold", FINETUNE, f"{FINETUNE} --dev fold"),
    control=FINETUNE,
    minutes=(3, 10),
    seeds=(0, 1, 2, 3, 4),
)
