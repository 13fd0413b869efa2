"""Taiwanese and the four languages of the source in one training: multi-task, not one after the other.

At temperature 1 ten minutes are hardly heard among hours; `--train.temperature` 2, 5 and 20 bring them closer
to a fifth. `--method.start random` takes nothing from the source; it needs the source's own number of steps.
"""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import JointTraining

experiment = replace(
    finetune,
    name="taiwanese-joint",
    method=JointTraining(),
    train=replace(finetune.train, temperature=5.0),
)
