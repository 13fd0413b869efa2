"""What was tried of every method at ten minutes and seed 0: `speechtl study taiwanese/tuning`.

Learning rates first, for among new speakers these did more than the choice of a method; then, at the rate
that dev chose, other strengths of the method, or other shares of dropped channels where it has none. Six
trials each, and for some a higher rate. Chosen by the column *dev*, never by the test error beside it
(`python benchmarks/chosen_settings.py taiwanese/tuning`). What is chosen goes into the recipe and serves all
amounts; docs/results.md says which of these trials were run.
"""

from dataclasses import dataclass

from recipes.taiwanese.methods import FINETUNE, SCRATCH
from speechtl.study import Study


@dataclass(frozen=True)
class Trials:
    """What is tried of one recipe."""

    rates: tuple[float, ...] = (2e-3, 1e-3, 4e-3)
    """The first is the one that dev chose, at which strengths are tried."""
    setting: str = "train.dropout"
    values: tuple[float, ...] = (0.3, 0, 0.15, 0.45)
    """The first is the one with which the rates were tried."""

    def of(self, recipe: str) -> tuple[str, ...]:
        """Its rows."""
        rate, value = self.rates[0], self.values[0]
        tried = [(other, value) for other in self.rates] + [(rate, other) for other in self.values[1:]]
        return tuple(f"{recipe} --train.lr {one:g} --{self.setting} {two:g}" for one, two in tried)


TRIALS = {
    SCRATCH: Trials((1e-3, 5e-4, 2e-3), values=(0.15, 0, 0.3, 0.45)),
    FINETUNE: Trials((2e-3, 1e-3, 4e-3, 8e-3), values=(0.3, 0.15, 0.45)),
    "taiwanese/discriminative": Trials((8e-3, 2e-3, 4e-3, 16e-3), "method.decay", (0.8, 0.65, 0.9, 0.95)),
    "taiwanese/unfreezing": Trials((1e-3, 5e-4, 2e-3, 4e-3, 8e-3), "method.unfreeze", (0.3, 0.15, 0.5, 0.7)),
    "taiwanese/interpolated": Trials((2e-3, 1e-3, 4e-3, 8e-3), "method.share", (0.8, 0.6, 0.7, 0.9)),
    "taiwanese/replay": Trials((4e-3, 1e-3, 2e-3, 8e-3), "method.share", (0.2, 0.05, 0.1, 0.4)),
    "taiwanese/joint": Trials((4e-3, 1e-3, 2e-3), "train.temperature", (20, 5, 10, 50)),
    "taiwanese/kl": Trials((4e-3, 1e-3, 2e-3, 8e-3), "method.rho", (0.5, 0.05, 0.1, 0.25)),
    "taiwanese/l2_sp": Trials((8e-3, 2e-3, 4e-3, 16e-3), "method.alpha", (0.1, 0.0003, 0.001, 0.01, 0.03)),
    "taiwanese/ewc": Trials((2e-3, 1e-3, 4e-3, 8e-3), "method.strength", (10, 1, 100, 1000)),
    "taiwanese/layer_two_stage": Trials((2e-3, 5e-4, 1e-3), "method.then-all", (0.5, 0.25, 0.75, 0.9)),
    "taiwanese/layer_input": Trials((8e-3, 2e-3, 4e-3, 16e-3), values=(0.3, 0.15, 0.45)),
    "taiwanese/layer_input_random": Trials(),
    "taiwanese/upper": Trials(),
    "taiwanese/adapters": Trials((4e-3, 1e-3, 2e-3, 8e-3), "method.bottleneck", (32, 16, 64, 128)),
    "taiwanese/lora": Trials((8e-3, 1e-3, 2e-3, 4e-3, 16e-3), "method.rank", (8, 4, 16, 32)),
    "taiwanese/lhuc": Trials((2e-3, 1e-3, 4e-3, 8e-3)),
    "taiwanese/input_affine": Trials((4e-3, 2e-3, 8e-3)),
    "taiwanese/norm_affines": Trials((16e-3, 2e-3, 4e-3, 8e-3)),
}
"""Not tried at other settings: the two combinations, `layer_l2_sp` and `affine_replay`, which have
fine-tuning's rate, batch-norm statistics, a new head alone and random head rows."""

study = Study(
    name="taiwanese-tuning",
    recipes=tuple(row for recipe, trials in TRIALS.items() for row in trials.of(recipe)),
    control=TRIALS[FINETUNE].of(FINETUNE)[0],
    seeds=(0,),
)
