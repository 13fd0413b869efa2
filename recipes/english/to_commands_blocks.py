"""Where the reversal sits, and what the domain head hears: DANN from digits to commands.

At the input, in the middle or at the end of the encoder; on means over an utterance or frame by frame; and
conditional on what is read, for a shift that lies inside the words. The last three have a head that learns
ten times as fast, since the others are outrun: at the end they are right at chance, and a fresh probe is not.
"""

from recipes.english._shift import rows, shift

FAST = "--method.plan helper.*=lr*10"

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
        "dann --method.is-conditional --method.level frame",
        f"dann {FAST}",
        f"dann {FAST} --method.is-conditional",
        f"dann {FAST} --method.is-conditional --method.level frame",
    ),
)
