"""Han characters by way of Tâi-lô, against directly: `speechtl study taiwanese/two_stages`.

The first stage is `taiwanese/finetune` at the same seed, so the second has had twice the steps. The third row
gives them to the direct way too.
"""

from recipes.taiwanese.han import experiment as han
from speechtl.study import Study

DIRECT = "taiwanese/han"

study = Study(
    name="taiwanese-two-stages",
    recipes=(DIRECT, "taiwanese/two_stage", f"{DIRECT} --train.steps {2 * han.train.steps}"),
    control=DIRECT,
    seeds=(0, 1, 2, 3, 4),
)
