"""A new speaker without transcripts: `speechtl study arabic/speakers_first_pass`.

Sixty utterances are adapted to by what the base model itself makes of them, as speaker adaptation was
published: LHUC and the input affine with `labels="first_pass"`, beside the batch norms' statistics, which ask
for no labels at all. Rates and steps are those that `speakers` chose with labels on the other six speakers;
with labels the same rows stand there.
"""

from dataclasses import replace

from recipes.arabic._speakers import FIRST_PASS, variants
from recipes.arabic.speakers import UNADAPTED
from recipes.arabic.speakers import study as speakers

ROWS = (
    UNADAPTED,
    "arabic/one_speaker/batch_norm_statistics",
    f"arabic/one_speaker/lhuc{FIRST_PASS}",
    f"arabic/one_speaker/input_affine{FIRST_PASS}",
)

study = replace(speakers, name="arabic-speakers-first-pass", recipes=ROWS, variants=variants(ROWS))
