"""`english/to_commands` with one decision for an utterance in place of its letters."""

from recipes.english._shift import shift
from recipes.english.to_commands import study as to_commands

study = shift("english-to-commands-classifier", "digits", to_commands.rows, "classifier")
