"""Settings of the methods of `english/to_digits`, six each.

Which are chosen by the labelled dev of the target, which this study has, is told by
`python benchmarks/chosen_settings.py english/to_digits_tuning --each-variant`, and with
`--by information` which are chosen without labels.
"""

from recipes.english._shift import shift
from recipes.english._shift_tuning import SEEDS, TRIALS

study = shift("english-to-digits-tuning", "commands", TRIALS, seeds=SEEDS, by_target=True)
