"""What each augmentation costs on one core: `python -m benchmarks.augmentation`, or this file by its path.

Prints a table: milliseconds of one core's time for each second of audio that a batch holds, more than the
same batch takes without any change. The speech is made up, 400 clips of 0.4 to 2 s; a batch has 24 s.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from speechtl.augment import AugmentSettings, SpecAugment
from speechtl.batches import Examples, Stream
from speechtl.features import SAMPLE_RATE, FeatureSettings, LogMel

OFF = AugmentSettings.off()
ROWS = {
    "speeds": replace(OFF, speeds=(0.9, 1.0, 1.1)),
    "pitch": replace(OFF, pitch=2.0),
    "tempo": replace(OFF, tempo=0.1),
    "vocal_tract": replace(OFF, vocal_tract=0.1),
    "reverb": replace(OFF, reverb=1.0),
    "noise, white": replace(OFF, noise=1.0, noise_kinds=("white",)),
    "noise, pink": replace(OFF, noise=1.0, noise_kinds=("pink",)),
    "noise, babble": replace(OFF, noise=1.0, noise_kinds=("babble",)),
    "chain": replace(OFF, chain=1.0),
    "mel_masks, time_masks": replace(OFF, mel_masks=2, time_masks=2),
}
"""Each for every utterance, where it is a share."""
ROUNDS = 12
BATCHES = 10


def examples() -> Examples:
    """Noise in the place of speech; nothing that is measured depends on what is said."""
    random = np.random.default_rng(0)
    seconds = random.uniform(0.4, 2, 400)
    waves = [random.normal(0, 2000, round(s * SAMPLE_RATE)).astype(np.int16) for s in seconds]
    count = len(waves)
    return Examples(
        waveforms=waves,
        seconds=np.array([len(wave) / SAMPLE_RATE for wave in waves]),
        labels=[[1, 2, 3]] * count,
        languages=["en"] * count,
        ids=[str(index) for index in range(count)],
        speakers=[None] * count,
        domains=[None] * count,
    )


def seconds_per_second(stream: Stream, featurizer: LogMel | None) -> float:
    """Time of this process for a second of audio, over some batches."""
    started, heard = time.process_time(), 0.0
    for step in range(BATCHES):
        batch = stream.batch(step)
        heard += float(batch.lengths.sum()) / SAMPLE_RATE
        if featurizer is not None:
            features, lengths = featurizer(batch.waveforms, batch.lengths, batch.warps)
            SpecAugment(stream.augment, step, featurizer.settings.mels)(features, lengths)
    return (time.process_time() - started) / heard


def main() -> None:
    """Measure every row against the same batches unchanged, turn by turn, and print the medians."""
    torch.set_num_threads(1)
    speech, featurizer = examples(), LogMel(FeatureSettings())
    print(f"{'changed':24}{'ms for each second of audio':>28}")
    for name, settings in ROWS.items():
        heard = featurizer if name in ("vocal_tract", "mel_masks, time_masks") else None
        changed, plain = (Stream(speech, 24.0, 0, one) for one in (settings, OFF))
        costs = [
            seconds_per_second(changed, heard) - seconds_per_second(plain, heard) for _ in range(ROUNDS + 1)
        ]
        print(f"{name:24}{1000 * float(np.median(costs[1:])):28.2f}")


if __name__ == "__main__":
    main()
