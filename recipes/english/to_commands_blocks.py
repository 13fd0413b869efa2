"""Where the reversal sits, and what the domain head hears: DANN from digits to commands.

At the input, in the middle or at the end of the encoder; on means over an utterance or frame by frame; and
conditional on what is read, for a shift that lies inside the words.
"""

from recipes.english._shift import rows, shift

study = shift(
    "english-to-commands-blocks",
    "digits",
    rows(
        "control",
        "dann --method.block input",
        "dann --method.block encoder.1",
        "dann",
        "dann --method.level frame",
        "dann --method.is-conditional",
    ),
)
