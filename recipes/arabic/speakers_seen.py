"""What adaptation brings on the words that it hears: `speechtl study arabic/speakers_seen`.

As `arabic/speakers`, with settings that were least wrong on the *seen* words of the other six speakers, which
ask for higher rates than words that were not adapted to (`python benchmarks/chosen_settings.py
arabic/speakers_tuning --by seen --same method.retrain`, and `speakers_tuning_swapped`).
"""

from dataclasses import replace

from recipes.arabic._speakers import CHOSEN_BY_SEEN, variants
from recipes.arabic.speakers import UNADAPTED
from recipes.arabic.speakers import study as speakers

ROWS = (UNADAPTED, *CHOSEN_BY_SEEN["test"])

study = replace(speakers, name="arabic-speakers-seen", recipes=ROWS, variants=variants(ROWS, by_seen=True))
