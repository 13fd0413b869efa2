"""From volunteers' commands to digits on the telephone, without labels: `speechtl study english/to_digits`.

The other direction of `english/to_commands`. Three men are heard and three tested: examples, no sample.
Settings were chosen without labels, by `english/to_digits_tuning`, on each half for itself.
"""

from recipes.english._shift import WITHOUT_LABELS, shift
from recipes.english.to_commands import study as to_commands

study = shift("english-to-digits", "commands", to_commands.rows, chosen=WITHOUT_LABELS["commands"])
