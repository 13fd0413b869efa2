"""A new accent from speech without labels: `speechtl study english/accents_unlabelled`.

As in `english/accents`, one accent is left out at a time. Ten takes of each digit are heard of each who has
it, without labels; DANN hides who is left out and all labelled accents. `english/americans_unlabelled` tells
what of it a new voice is.
"""

from recipes.english._accents import without_labels

study = without_labels("english-accents-unlabelled", ("french", "german", "greek"))
