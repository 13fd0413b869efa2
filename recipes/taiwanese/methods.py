"""Every method on ten minutes of Taiwanese, five seeds: `speechtl study taiwanese/methods`.

Scratch and the source as it is are the controls; all methods start from the same source, hear the same
minutes and have the same steps. `taiwanese/tuning` chooses their settings on dev, `taiwanese/amounts` goes on
with a few of them. `two_stage` and `han` write other units and are compared with each other only.
"""

from speechtl.study import Study

SCRATCH, FINETUNE = "taiwanese/scratch", "taiwanese/finetune"
METHODS = (
    *("discriminative", "unfreezing", "interpolated", "replay", "joint", "kl", "l2_sp", "ewc"),
    *("layer_input", "layer_input_random", "upper", "layer_two_stage", "layer_l2_sp"),
    *("lhuc", "input_affine", "affine_replay", "adapters", "lora", "norm_affines", "batch_norm_statistics"),
    "speaker_moments",
)

study = Study(
    name="taiwanese-methods",
    recipes=(
        SCRATCH,
        "taiwanese/unadapted",
        FINETUNE,
        f"{FINETUNE} --method.head-rows random",
        f"{FINETUNE} --method.trains head",
        *(f"taiwanese/{method}" for method in METHODS),
    ),
    control=SCRATCH,
    seeds=(0, 1, 2, 3, 4),
)
