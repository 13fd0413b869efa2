"""How often ten minutes are heard beside the source's hours: `speechtl study taiwanese/temperatures`.

Joint training draws a language with P ∝ hours^(1/T). The same steps for all, and for fine-tuning, which hears
the ten minutes alone. Both errors count: the target's, and what the source's languages lose.
"""

from recipes.taiwanese.methods import FINETUNE, SCRATCH
from speechtl.study import Study

JOINT = "taiwanese/joint --train.lr 2e-3 --train.temperature"

study = Study(
    name="taiwanese-temperatures",
    recipes=(SCRATCH, FINETUNE, *(f"{JOINT} {temperature}" for temperature in (1, 2, 5, 20))),
    control=SCRATCH,
    seeds=(0, 1, 2, 3, 4),
)
