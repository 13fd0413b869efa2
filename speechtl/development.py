"""Scoring a model on development speech while it trains, and the signs of collapse."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from speechtl.batches import Examples, inference_batches
from speechtl.decode import DecodeSettings, decode
from speechtl.metrics import pool, score_utterances
from speechtl.text import orthography

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

MAIN_METRICS = ("syllable", "cer")
LONGER = "Train longer (--train.steps), or raise or lower --train.lr by a factor of 2."


@dataclass(frozen=True)
class DevScore:
    """Errors of a model on development speech."""

    error: float
    """Mean over the languages of the main error: syllable error, or character error without syllables; of a
    classifier, the share of wrong decisions."""
    errors: dict[str, float]
    """Main error by language."""
    blank_share: float
    """Share of frames whose best unit is the blank."""
    length_ratio: float
    """Units decoded greedily for each unit of the reference."""
    units: int | None = None
    """Units in the references; None: not told."""

    def to_dict(self) -> dict[str, Any]:
        """For metrics.jsonl."""
        return {name: value for name, value in asdict(self).items() if name != "units"}

    def __str__(self) -> str:
        languages = ", ".join(f"{tag} {100 * error:.1f} %" for tag, error in self.errors.items())
        return f"{languages} (blank {100 * self.blank_share:.0f} %, length {self.length_ratio:.2f})"


@dataclass(frozen=True)
class Development:
    """Development speech, ready to score; callable on a model."""

    examples: Examples
    texts: Sequence[str]
    units: int
    """Units in all the texts."""
    settings: DecodeSettings

    def __call__(self, model: AcousticModel) -> DevScore:
        """Decode all of it with a model in eval mode."""
        hypotheses: dict[int, str] = {}
        frames = blanks = emitted = 0
        device = next(model.parameters()).device
        with torch.inference_mode():
            for indices, batch in inference_batches(self.examples):
                encoded = model.encode(batch.to(device))
                tags = np.asarray(batch.languages)
                for language in dict.fromkeys(batch.languages):
                    rows = np.flatnonzero(tags == language)
                    places = torch.from_numpy(rows).to(device)
                    log_probs = model.log_probs(encoded, language, places).cpu()
                    lengths = model.output_lengths(encoded, language, places).cpu()
                    tokenizer = model.tokenizers[language]
                    best = log_probs.argmax(dim=2)
                    for path, length in zip(best, lengths.tolist(), strict=True):
                        units = torch.unique_consecutive(path[:length])
                        frames += length
                        blanks += int((path[:length] == 0).sum())
                        emitted += int((units != 0).sum())
                    texts = decode(log_probs, lengths, tokenizer, self.settings)
                    hypotheses.update(zip(indices[rows].tolist(), texts, strict=True))
        classes = {tag for tag, tokenizer in model.tokenizers.items() if tokenizer.kind == "whole"}
        errors = self._errors([hypotheses[i] for i in range(len(self.texts))], classes)
        return DevScore(
            error=float(np.mean(list(errors.values()))),
            errors=errors,
            blank_share=blanks / max(1, frames),
            length_ratio=emitted / max(1, self.units),
            units=self.units,
        )

    def _errors(self, hypotheses: Sequence[str], classes: Collection[str]) -> dict[str, float]:
        """The main error by language; of those that a classifier decides on, the share of wrong decisions."""
        errors = {}
        languages = np.asarray(self.examples.languages)
        for language in sorted(set(languages.tolist())):
            rows = np.flatnonzero(languages == language).tolist()
            if language in classes:
                readings = orthography(language).alternatives
                wrong = [hypotheses[i] not in readings(self.texts[i]) for i in rows]
                errors[language] = float(np.mean(wrong))
                continue
            scored = score_utterances(
                [self.texts[i] for i in rows], [hypotheses[i] for i in rows], language=language
            )
            counts = pool([entry.counts for entry in scored])
            metric = next(name for name in MAIN_METRICS if name in counts)
            errors[language] = counts[metric].rate
        return errors


def collapse_advice(score: DevScore, progress: float) -> str | None:
    """What to do when a model has collapsed to the blank, or babbles; None while all is well.

    Every CTC model starts on the blank plateau, so the first third of training raises no alarm.
    """
    if progress < 1 / 3:
        return None
    if score.blank_share > 0.98 or score.length_ratio < 0.1:
        return (
            f"the model emits almost only blanks ({100 * score.blank_share:.0f} % of frames, "
            f"{score.length_ratio:.2f} units for each in the references). {LONGER}"
        )
    if score.length_ratio > 3:
        return (
            f"the model emits {score.length_ratio:.1f} units for each in the references. Lower --train.lr, "
            "and check that the texts belong to the clips."
        )
    return None
