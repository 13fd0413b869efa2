"""The settings that are tried of each method without labels: six strengths each, at one learning rate."""

from recipes.english._shift import rows

STRENGTHS = {
    "dann --method.weight": ("0.01", "0.03", "0.1", "0.3", "1", "3"),
    "mmd --method.weight": ("0.03", "0.1", "0.3", "1", "3", "10"),
    "coral --method.weight": ("0.1", "1", "10", "100", "1000", "10000"),
    "pseudo_labels --method.threshold": ("0.1", "0.3", "0.5", "0.7", "0.9", "0.95"),
}
TRIALS = (
    *rows("unadapted", "control"),
    *(row for setting, values in STRENGTHS.items() for row in rows(*(f"{setting} {one}" for one in values))),
)
SEEDS = (0,)
