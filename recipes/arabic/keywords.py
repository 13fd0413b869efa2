"""Arabic commands as classes: one decision for a whole utterance, in place of its letters."""

from dataclasses import replace

from recipes.arabic.commands import experiment as commands
from speechtl.models.settings import ModelSettings
from speechtl.text import TextSettings

experiment = replace(
    commands,
    name="arabic-keywords",
    text=TextSettings(units="whole"),
    model=ModelSettings(head="classifier"),
)
