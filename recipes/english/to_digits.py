"""From volunteers' commands to digits on the telephone, without labels: `speechtl study english/to_digits`.

The other direction of `english/to_commands`. Three men are heard and three tested: examples, no sample.
"""

from recipes.english._shift import shift
from recipes.english.to_commands import study as to_commands

study = shift("english-to-digits", "commands", to_commands.rows)
