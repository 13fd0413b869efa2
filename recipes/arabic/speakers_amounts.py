"""How much of a new speaker is enough: 1, 5, 20 and 60 utterances, `speechtl study arabic/speakers_amounts`.

The fewer lie inside the more. Twenty are twenty words, as a draw takes no word twice before all have come;
sixty are all three rounds. With fewer than twenty, *seen* are words of the half that is drawn from.
"""

from dataclasses import replace

from recipes.arabic._speakers import variants
from recipes.arabic.speakers import ALL, LAYERS, UNADAPTED
from recipes.arabic.speakers import study as speakers

ROWS = (
    UNADAPTED,
    ALL,
    f"{LAYERS} input:2",
    "arabic/one_speaker/lhuc",
    "arabic/one_speaker/input_affine",
    "arabic/one_speaker/kl",
)

study = replace(
    speakers,
    name="arabic-speakers-amounts",
    recipes=ROWS,
    variants=variants(ROWS),
    utterances=(1, 5, 20, 60),
)
