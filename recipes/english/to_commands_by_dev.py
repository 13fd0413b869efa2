"""`english/to_commands` with settings that a small labelled dev of the target chose.

`speechtl study english/to_commands_by_dev`. The dev is of those who are heard, and none of it is tested.
"""

from recipes.english._shift import BY_DEV, TUNED, rows, shift

study = shift(
    "english-to-commands-by-dev",
    "digits",
    rows("unadapted", *TUNED, "target"),
    chosen=BY_DEV["digits"],
)
