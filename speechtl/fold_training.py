"""Training with dev="fold": folds choose a number of steps, for which all of the target is then trained."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any, Protocol

from speechtl.counters import FitResult
from speechtl.json_lines import written_lines
from speechtl.material import Material, Speech
from speechtl.run_folder import RunFolder
from speechtl.training_state import saved_step
from speechtl.whole_files import explained, read_json, write_json

logger = logging.getLogger(__name__)

SCORES = "scores.json"
"""What a fold that is finished has found, in its folder."""


class Train(Protocol):
    """Trains one model in a folder."""

    def __call__(self, folder: RunFolder, material: Material, last: int | None = None) -> FitResult:
        """Train on the material; with `last`, only the schedule's steps up to that one, without dev."""
        ...


@dataclass(frozen=True)
class FoldScores:
    """What the training without one fold's dev took, and how well it read that."""

    evaluations: Sequence[Mapping[str, Any]]
    """Step, error and errors by language, of each evaluation."""
    audio_seconds: float
    wall_seconds: float


def fit_on_folds(folder: RunFolder, material: Material, train: Train) -> FitResult:
    """Train once without each fold's dev, then on all of the target for the steps that were best.

    Each fold is trained in `folds/<number>` of the run's folder and keeps its metrics.jsonl there; it is
    resumed there, and one that has its `scores.json` is not trained again. The last training has the
    schedule of the others, for all the recipe's steps, and stops where they were best.

    Raises:
        speechtl.train.Interrupted: the user asked to stop; the same call resumes.
        OSError: the disk is full or not writable.
    """
    scores = [_scores(folder, number, material, train) for number in range(len(material.folds))]
    best = best_step([one.evaluations for one in scores])
    if best:
        logger.info(
            "best on dev after step %d: %.1f %%, mean of %d; now all of the target is trained on so long",
            best["step"],
            100 * best["error"],
            len(scores),
        )
    fitted = train(folder, replace(material, folds=()), last=best.get("step"))
    return replace(
        fitted,
        best=best,
        audio_seconds=fitted.audio_seconds + sum(one.audio_seconds for one in scores),
        wall_seconds=fitted.wall_seconds + sum(one.wall_seconds for one in scores),
    )


def steps_left(run: Path, folds: int, steps: int, fresh: bool = False) -> int:
    """Steps of training that a run has still to take, those of its folds among them.

    Args:
        run: Its folder.
        folds: How many it trains for; 0 without any.
        steps: Of each training.
        fresh: Whether what is there is moved aside first.
    """
    done = 0 if fresh else sum((fold_folder(run, one) / SCORES).is_file() for one in range(folds))
    begun = run if done == folds else fold_folder(run, done)
    taken = None if fresh else saved_step(begun / "checkpoints")
    return max(0, (1 + folds - done) * steps - (taken or 0))


def best_step(folds: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """The step with the lowest mean dev error over the folds, the first of equals; empty without steps.

    Where all steps have the same error, dev tells nothing: then it is the last one, and a warning says so.

    >>> best_step([[{"step": 5, "error": 0.4, "errors": {"en": 0.4}}]])
    {'step': 5, 'error': 0.4, 'errors': {'en': 0.4}, 'folds': [0.4]}
    """
    means = [
        {
            "step": evaluations[0]["step"],
            "error": mean(one["error"] for one in evaluations),
            "errors": {
                tag: mean(one["errors"][tag] for one in evaluations) for tag in evaluations[0]["errors"]
            },
            "folds": [one["error"] for one in evaluations],
        }
        for evaluations in zip(*folds, strict=True)
    ]
    if len(means) > 1 and len({one["error"] for one in means}) == 1:
        logger.warning(
            "dev tells nothing about the number of steps: its error is %.1f %% at each of %d evaluations, so "
            "all %d steps are taken. Train longer, or name a dev of speech that the model can read",
            100 * means[-1]["error"],
            len(means),
            means[-1]["step"],
        )
        return means[-1]
    return min(means, key=lambda one: (one["error"], one["step"]), default={})


def fold_folder(run: Path, number: int) -> Path:
    """Where a run keeps one of its folds."""
    return run / "folds" / str(number)


def _scores(folder: RunFolder, number: int, material: Material, train: Train) -> FoldScores:
    place = RunFolder(fold_folder(folder.path, number), folder.experiment)
    document = place.path / SCORES
    if document.is_file():
        return FoldScores(**read_json(document))
    logger.info("fold %d of %d", number + 1, len(material.folds))
    fold = material.folds[number]
    place.path.mkdir(parents=True, exist_ok=True)
    fitted = train(place, replace(material, target=Speech.of(fold.train), dev=Speech.of(fold.dev), folds=()))
    log = place.path / "metrics.jsonl"
    lines = [json.loads(line) for line in written_lines(log)] if log.is_file() else []
    scores = FoldScores(
        [
            {"step": line["step"], "error": line["dev"]["error"], "errors": line["dev"]["errors"]}
            for line in lines
            if "dev" in line
        ],
        fitted.audio_seconds,
        fitted.wall_seconds,
    )
    with explained("the scores of a fold", document):
        write_json(document, vars(scores))
    shutil.rmtree(place.path / "checkpoints", ignore_errors=True)
    return scores
