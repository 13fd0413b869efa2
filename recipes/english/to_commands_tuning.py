"""Settings of the methods of `english/to_commands`, four each.

`python benchmarks/tuned.py english/to_commands_tuning` says which are chosen without
labels, by the information in the decisions on the unlabelled speech, and which by the labelled dev of the
target that this study has.
"""

from recipes.english._shift import shift
from recipes.english._shift_tuning import SEEDS, TRIALS

study = shift("english-to-commands-tuning", "digits", TRIALS, seeds=SEEDS, by_target=True)
