"""What changed voices, rooms and noise cost on voices that are known: `speechtl study taiwanese/voices`.

The dictionary's test words are spoken by those who speak its training words, so nothing is to be gained there
but robustness; what strangers gain is `arabic/few_voices`. Ten minutes, scratch and fine-tuned.
"""

from recipes.arabic.few_voices import ROOMS, VOICE
from recipes.taiwanese.methods import FINETUNE, SCRATCH
from speechtl.study import Study

study = Study(
    name="taiwanese-voices",
    recipes=tuple(
        f"{recipe}{changes}"
        for recipe in (FINETUNE, SCRATCH)
        for changes in ("", f" --augment.speeds {VOICE}", f" --augment.speeds {VOICE} {ROOMS}")
    ),
    control=FINETUNE,
)
