"""Training against the bare model step: `SPEECHTL_CORPORA=... python benchmarks/train_throughput.py`.

The multilingual recipe's model is trained by the loop of `fit` on an eighth of the recipe's speech for an
eighth of its steps, so that every clip comes as often as in the recipe: waveforms from the cache, resampling,
features, masks, averaging, logs and checkpoints. Evaluations on dev are left out. A second model of the same
size takes the same steps bare: forward, backward and optimiser on the same batches, whose masked features are
ready as padded tensors. The two take turns, block by block. The last line is bare time / loop's time.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, NoReturn

import torch
from torch import Tensor

from recipes.multilingual import experiment
from speechtl.allocation import keep_freed_memory
from speechtl.batches import Batch, speech_seconds
from speechtl.corpus import Corpus
from speechtl.descent import adamw
from speechtl.material import Speech
from speechtl.models.acoustic import AcousticModel, Encoded
from speechtl.start import start, tokenizers_of
from speechtl.train import Loop
from speechtl.transfer.base import TransferData

SHARE = 8
"""The speech and the steps are the recipe's divided by this."""
BLOCK = 25
"""Steps that one of the two takes before the other's turn."""


class Ready(NamedTuple):
    """A batch with its masked features (batch, time, width) and their lengths (batch,)."""

    batch: Batch
    features: Tensor
    lengths: Tensor


def main() -> None:
    """Print the table, and the ratio in the last line."""
    logging.disable(logging.INFO)
    keep_freed_memory()
    fitted, stepped, speech = [], [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        whole, bare = make_loop(Path(folder) / "whole"), make_loop(Path(folder) / "bare")
        optimiser = adamw(bare.method.groups(bare.model, bare.settings.weight_decay), 2e-3)
        with whole.log, whole.stop:
            for first in range(0, experiment.train.steps // SHARE, BLOCK):
                ready = [make_ready(bare, step) for step in range(first, first + BLOCK)]
                begun = time.perf_counter()
                for _ in ready:
                    whole.step()
                    whole.after_step()
                middle = time.perf_counter()
                for one in ready:
                    step_bare(bare, optimiser, one)
                stepped.append(time.perf_counter() - middle)
                fitted.append(middle - begun)
                speech += sum(speech_seconds(one.batch) for one in ready)
    ratios = [alone / both for alone, both in zip(stepped, fitted, strict=True)]
    tenths = statistics.quantiles(ratios, n=10)
    print(f"{len(ratios)} blocks of {BLOCK} steps, {torch.get_num_threads()} threads")
    print(f"bare step {speech / sum(stepped):6.0f} audio-seconds per second")
    print(f"fit       {speech / sum(fitted):6.0f}")
    print(f"the ratio of eight blocks in ten lies between {tenths[0]:.2f} and {tenths[-1]:.2f}")
    print(f"ratio {sum(stepped) / sum(fitted):.2f}")


def make_loop(folder: Path) -> Loop:
    """The recipe's training loop on a part of its speech, without dev."""
    corpora = [spec.open(experiment.seed) for spec in experiment.targets]
    parts = [corpus.subset(corpus.minutes / SHARE, experiment.seed) for corpus in corpora]
    speech = Speech.of(Corpus.concatenate(parts))
    tokenizers = tokenizers_of(speech.corpus, experiment, None)
    data = TransferData(speech.examples(tokenizers), tokenizers)
    model, _ = start(experiment, None, data)
    settings = replace(experiment.train, evaluations=1)  # after the recipe's last step, which is never taken
    return Loop(
        model, experiment.method, data, settings, folder, no_score, experiment.augment, experiment.seed, None
    )


def no_score(model: AcousticModel) -> NoReturn:
    """No dev speech is scored."""
    raise AssertionError("this benchmark evaluates nothing")


def make_ready(loop: Loop, step: int) -> Ready:
    """A step's batch with its features padded and masked."""
    batch = loop.batch(step)
    assert batch.features is not None
    assert batch.masking is not None
    lengths = torch.tensor([len(own) for own in batch.features])
    padded = torch.nn.utils.rnn.pad_sequence(list(batch.features), batch_first=True)
    return Ready(batch, batch.masking(padded, lengths), lengths)


def step_bare(loop: Loop, optimiser: torch.optim.Optimizer, ready: Ready) -> None:
    """Forward, backward and optimiser, and nothing else."""
    optimiser.zero_grad()
    with loop.accelerator.autocast():
        states, lengths = loop.model.inputs.of(None).layers(ready.features, ready.lengths)
        for block in loop.model.encoder:
            states, lengths = block(states, lengths)
        encoded = Encoded({"main": loop.model.norm(states)}, lengths)
        losses = loop.model.task_losses(encoded, ready.batch)["ctc"]
    losses.mean().backward()
    optimiser.step()


if __name__ == "__main__":
    main()
