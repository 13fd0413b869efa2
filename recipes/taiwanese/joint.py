"""Taiwanese and the four languages of the source in one training: multi-task, not one after the other.

At temperature 1 ten minutes are hardly heard among hours; at 20 they are nearly a fifth of what is heard, and
even so in as many steps as fine-tuning has too little of it. `--method.start random` takes nothing from the
source; it needs the source's own number of steps.
"""

from dataclasses import replace

from recipes.taiwanese.finetune import experiment as finetune
from speechtl.transfer import JointTraining

experiment = replace(
    finetune,
    name="taiwanese-joint",
    method=JointTraining(),
    train=replace(finetune.train, temperature=20.0, lr=4e-3),
)
