"""A new speaker with a known accent, from speech without labels, beside `english/accents_unlabelled`.

The accent of the one who is left out is labelled in the other American, so here a voice is all that is new.
"""

from recipes.english._accents import without_labels

study = without_labels("english-americans-unlabelled", ("jackson", "theo"))
