"""Six trials for every method at ten minutes and seed 0: `speechtl study taiwanese/tuning`.

The recipe's own settings, two other rates, and three other strengths of the method, or shares of dropped
channels where it has no strength: one setting is changed at a time, so that the rates of all methods can be
tried first. Chosen by the column *dev*, never by the test error beside it
(`python benchmarks/chosen_settings.py taiwanese/tuning`). Where the best lies at an edge the grid is extended
by flags: `--recipes taiwanese/kl 'taiwanese/kl --train.lr 8e-3'`. What is chosen goes into the recipe and
serves all amounts.
"""

from dataclasses import dataclass

from recipes.taiwanese.methods import FINETUNE, SCRATCH
from speechtl.study import Study


@dataclass(frozen=True)
class Trials:
    """What is tried of one recipe, whose own values come first."""

    rates: tuple[float, float, float] = (2e-3, 1e-3, 4e-3)
    setting: str = "train.dropout"
    values: tuple[float, ...] = (0.3, 0, 0.15, 0.45)

    def of(self, recipe: str) -> tuple[str, ...]:
        """Its rows."""
        own_rate, own_value = self.rates[0], self.values[0]
        tried = [(rate, own_value) for rate in self.rates] + [(own_rate, value) for value in self.values[1:]]
        return tuple(f"{recipe} --train.lr {rate:g} --{self.setting} {value:g}" for rate, value in tried)


FEW_WEIGHTS = (2e-3, 4e-3, 8e-3)
"""Rates where few weights are trained, which bear more."""
TRIALS = {
    SCRATCH: Trials((1e-3, 5e-4, 2e-3), values=(0.15, 0, 0.3, 0.45)),
    FINETUNE: Trials(),
    "taiwanese/discriminative": Trials(setting="method.decay", values=(0.8, 0.65, 0.9, 0.95)),
    "taiwanese/unfreezing": Trials(setting="method.unfreeze", values=(0.3, 0.15, 0.5, 0.7)),
    "taiwanese/interpolated": Trials(setting="method.share", values=(0.8, 0.6, 0.7, 0.9)),
    "taiwanese/replay": Trials(setting="method.share", values=(0.2, 0.05, 0.1, 0.4)),
    "taiwanese/joint": Trials(setting="train.temperature", values=(5, 2, 10, 20)),
    "taiwanese/kl": Trials(setting="method.rho", values=(0.5, 0.05, 0.1, 0.25)),
    "taiwanese/l2_sp": Trials(setting="method.alpha", values=(0.1, 0.001, 0.01, 0.03)),
    "taiwanese/ewc": Trials(setting="method.strength", values=(10, 1, 100, 1000)),
    "taiwanese/layer_two_stage": Trials(setting="method.then-all", values=(0.5, 0.25, 0.75, 0.9)),
    "taiwanese/layer_input": Trials(),
    "taiwanese/layer_input_random": Trials(),
    "taiwanese/upper": Trials(),
    "taiwanese/adapters": Trials(setting="method.bottleneck", values=(32, 16, 64, 128)),
    "taiwanese/lora": Trials(setting="method.rank", values=(8, 4, 16, 32)),
    "taiwanese/lhuc": Trials(FEW_WEIGHTS),
    "taiwanese/input_affine": Trials(FEW_WEIGHTS),
    "taiwanese/norm_affines": Trials(FEW_WEIGHTS),
}

study = Study(
    name="taiwanese-tuning",
    recipes=tuple(row for recipe, trials in TRIALS.items() for row in trials.of(recipe)),
    control=TRIALS[FINETUNE].of(FINETUNE)[0],
    seeds=(0,),
)
