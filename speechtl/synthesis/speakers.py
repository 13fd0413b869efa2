"""Who speaks: variants of espeak-ng's voices, each with a pitch, a rate and a liveliness of its own.

A variant (formants, breath, roughness) is what makes a voice of espeak-ng sound like somebody else. No
variant is in two splits, whatever the language, so that speakers of dev and test are never heard in training.
Left out are whispers, robots, variants that clip, and variants whose spectrum lies beside that of another
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from speechtl.synthesis.engine import Delivery

_TRAIN = (
    "f1 m1 f2 m3 Annie m4 Andrea m5 belinda m6 steph m8 zac Andy anika Diogo f5 john Mario Michael mike2",
    "pablo quincy rob sandro david max Gene",
)
VARIANTS: Mapping[str, tuple[str, ...]] = {
    "train": tuple(" ".join(_TRAIN).split()),
    "dev": ("f4", "m2", "Alicia", "Denis", "shelby", "victor"),
    "test": ("f3", "m7", "linda", "Hugo", "miguel", "boris", "paul", "adam", "Storm", "iven3"),
}
"""By split; a high and a low voice make a pair, as long as there are high ones."""


@dataclass(frozen=True)
class Speaker:
    """One voice, the same in every language."""

    variant: str
    """espeak-ng's name, and the speaker's."""
    delivery: Delivery
    """From which single utterances differ a little."""


def speakers(split: str, seed: int) -> list[Speaker]:
    """The speakers of a split, who have the same variants with every seed but speak otherwise."""
    return [_speaker(variant, seed) for variant in VARIANTS[split]]


def varied(delivery: Delivery, random: Random) -> Delivery:
    """How a speaker says one utterance: up to 8 % faster or slower, and slightly higher or lower."""
    return Delivery(
        rate=round(delivery.rate * random.uniform(0.92, 1.08)),
        pitch=delivery.pitch + random.randint(-3, 3),
        range=delivery.range + random.randint(-5, 5),
    )


def _speaker(variant: str, seed: int) -> Speaker:
    random = Random(f"speaker {seed} {variant}")
    # A narrow range would leave the tones of tone languages too close to each other.
    delivery = Delivery(random.randint(140, 190), random.randint(38, 62), random.randint(65, 90))
    return Speaker(variant, delivery)
