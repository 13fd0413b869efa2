"""`english/to_digits` with settings that a small labelled dev of the target chose.

`speechtl study english/to_digits_by_dev`. The dev is of those who are heard, and none of it is tested.
"""

from recipes.english._shift import BY_DEV, shift
from recipes.english.to_commands_by_dev import study as to_commands

study = shift("english-to-digits-by-dev", "commands", to_commands.rows, chosen=BY_DEV["commands"])
