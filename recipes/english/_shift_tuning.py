"""The settings that are tried of each method without labels."""

from recipes.english._shift import rows

TRIALS = (
    *rows("unadapted", "control"),
    *(row for weight in ("0.03", "0.1", "0.3", "1") for row in rows(f"dann --method.weight {weight}")),
    *(row for weight in ("0.1", "0.3", "1", "3") for row in rows(f"mmd --method.weight {weight}")),
    *(row for weight in ("1", "10", "100", "1000") for row in rows(f"coral --method.weight {weight}")),
    *(
        row
        for threshold in ("0.3", "0.5", "0.7", "0.9")
        for row in rows(f"pseudo_labels --method.threshold {threshold}")
    ),
)
SEEDS = (0,)
