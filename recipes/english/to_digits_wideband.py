"""`english/to_digits` with both corpora as they are: up to 8 kHz, and the silence around the words."""

from recipes.english._shift import shift
from recipes.english.to_commands import study as to_commands

study = shift("english-to-digits-wideband", "commands", to_commands.rows, "wideband")
