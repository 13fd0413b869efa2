"""Sources and short trainings for the tests of the methods that hold on to their source."""

import copy
from dataclasses import replace
from pathlib import Path

import torch
from toy_speech import PLAIN, SETTINGS, TINY, development, examples

from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel, ModelSettings
from speechtl.text import TextSettings, Tokenizer
from speechtl.train import FitResult, fit
from speechtl.train_settings import TrainSettings
from speechtl.transfer.base import Transfer, TransferData

SHORT = replace(SETTINGS, steps=6, weight_decay=0.5, evaluations=1, checkpoint_seconds=1000)
LETTERS = {"en": "aeio", "fr": "aeio", "de": "äéíö"}
WORDS = ("ao", "ie")


def a_source(*languages: str, seed: int = 7, settings: ModelSettings = TINY) -> AcousticModel:
    """An untrained source as it is loaded: frozen, in eval mode, its batch norms with statistics."""
    speech, _, tokenizers = examples(8, languages, seed=5)
    if settings.head == "classifier":
        tokenizers = {tag: Tokenizer.fit(WORDS, tag, TextSettings(units="whole")) for tag in languages}
    model = AcousticModel(settings, FeatureSettings(), tokenizers, seed=seed).train()
    model.encode(speech.batch(range(8)))
    return model.eval().requires_grad_(False)


def a_target(language: str, count: int = 12) -> TransferData:
    """Labelled toy speech in a language, with `en` and `fr` for the source's speech."""
    labelled, _, tokenizers = examples(count, (language,), letters=LETTERS[language])
    old, _, _ = examples(10, ("en", "fr"), seed=3)
    return TransferData(labelled, tokenizers, source=replace(old, is_target=False))


def adapted(method: Transfer, source: AcousticModel, data: TransferData, seed: int = 0) -> AcousticModel:
    """What a run begins to train."""
    model = copy.deepcopy(source).requires_grad_(True)
    return method.adapt(model, data, seed, source.state_dict().keys())


def trained(
    method: Transfer,
    source: AcousticModel,
    data: TransferData,
    folder: Path,
    settings: TrainSettings = SHORT,
    seed: int = 0,
) -> FitResult:
    """A training from the source."""
    (language,) = set(data.target.languages)
    return fit(
        adapted(method, source, data, seed),
        method,
        data,
        settings,
        folder / f"{type(method).__name__}-{seed}",
        evaluate_dev=development(4, (language,), LETTERS[language]),
        augment=PLAIN,
        seed=seed,
        source=source,
    )


def equal(one: AcousticModel, other: AcousticModel) -> bool:
    """Whether all tensors of two models are the same bits."""
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def loss_of(model: AcousticModel, count: int = 16) -> float:
    """The mean CTC loss of `en` speech that was never trained on."""
    speech, _, _ = examples(count, ("en",), seed=11)
    batch = speech.batch(range(count))
    with torch.no_grad():
        return float(model.eval().task_losses(model.encode(batch), batch)["ctc"].mean())
