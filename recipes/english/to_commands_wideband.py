"""`english/to_commands` with both corpora as they are: up to 8 kHz, and the silence around the words."""

from recipes.english._shift import shift
from recipes.english.to_commands import study as to_commands

study = shift("english-to-commands-wideband", "digits", to_commands.rows, "wideband")
