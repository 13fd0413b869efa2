"""Choice: the weights that a training keeps, by dev or as the last ones, and others without any labels."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from speechtl.counters import Counters
from speechtl.development import LONGER, DevScore, collapse_advice
from speechtl.divergence import divergence, remedy
from speechtl.label_free import SILENT, Decisions
from speechtl.mixing import shares
from speechtl.progress import Log
from speechtl.report import UNLEARNED
from speechtl.training_state import state_tensors, without_prefix

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel
    from speechtl.transfer.base import Transfer

EvaluateDev = Callable[["AcousticModel"], DevScore]
Decide = Callable[["AcousticModel"], Decisions]

logger = logging.getLogger(__name__)


class Choice:
    """Evaluates the weights of a training while it goes on, and remembers those that are chosen.

    Args:
        evaluate_dev: the error on dev speech; None where there is none.
        label_free: the decisions on unlabelled speech; None where there is none.
        method: says whether the best weights on dev are kept, or the last ones. It is told when the training
            diverges if the method, or anybody, hears unlabelled speech.
        steps: of the whole training.
        source: the model that the training started from.
    """

    def __init__(
        self,
        evaluate_dev: EvaluateDev | None,
        label_free: Decide | None,
        method: Transfer,
        steps: int,
        source: AcousticModel | None = None,
    ) -> None:
        self._evaluate_dev, self._label_free = evaluate_dev, label_free
        self._method, self._steps, self._source = method, steps, source
        self.best: dict[str, Tensor] = {}
        """The weights that are kept; empty until the first evaluation on dev."""
        self.label_free: dict[str, Tensor] = {}
        """Those whose decisions on the unlabelled speech had the most information."""

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to evaluate by."""
        return self._evaluate_dev is None and self._label_free is None

    @property
    def _is_watching(self) -> bool:
        return self._label_free is not None or self._method.hears_unlabelled

    def begin(self, model: AcousticModel, counters: Counters) -> None:
        """Note what an adaptation starts from, before its first step: a training may destroy it at once.

        Args:
            model: the averaged weights, in eval mode.
            counters: of the training; what it starts from is noted in them, and chosen by nobody.
        """
        if counters.step or self._source is None or not self._is_watching:
            return
        kept = self._method.as_kept(model, self._source)
        if self._evaluate_dev is not None:
            score = self._evaluate_dev(kept)
            counters.lowest = score.error
            logger.info("before training: dev %s", score)
        if self._label_free is not None:
            _note(counters, self._label_free(kept))

    def evaluate(self, model: AcousticModel, counters: Counters, log: Log, seconds: float) -> DevScore | None:
        """Evaluate the averaged weights after a step, log it, and remember them if they are chosen.

        Args:
            model: the averaged weights, in eval mode.
            counters: of the training; what is chosen is noted in them.
            log: of the training.
            seconds: that it has taken so far.

        Returns:
            The score on dev, if there is any.
        """
        kept = self._method.as_kept(model, self._source)
        score = None if self._evaluate_dev is None else self._evaluate_dev(kept)
        decisions = None if self._label_free is None else self._label_free(kept)
        log.evaluation(counters.step, seconds, shares(counters.drawn), score, decisions)
        if score is not None:
            self._take_score(model, counters, score)
        if decisions is not None:
            self._take_decisions(model, counters, decisions)
        if self._is_watching:
            self._watch(counters, score, decisions)
        return score

    def _take_score(self, model: AcousticModel, counters: Counters, score: DevScore) -> None:
        best, step = counters.best, counters.step
        counters.lowest = score.error if counters.lowest is None else min(counters.lowest, score.error)
        if not best or score.error < best["error"] or not self._method.chooses_on_dev:
            counters.best = {"step": step, "error": score.error, "errors": score.errors}
            self.best = _copied(model)
        logger.info("step %d/%d: dev %s", step, self._steps, score)
        advice = collapse_advice(score, step / self._steps)
        if advice:
            logger.warning("step %d: %s", step, advice)

    def _take_decisions(self, model: AcousticModel, counters: Counters, decisions: Decisions) -> None:
        best, step = counters.label_free, counters.step
        information = decisions.information
        _note(counters, decisions)
        is_better = not best or information > best["information"]
        if math.isfinite(information) and is_better and not decisions.is_silent:
            counters.label_free = {"step": step, **decisions.to_dict()}
            self.label_free = _copied(model)
        logger.info(
            "step %d/%d: unlabelled speech: information %.3f of at most %.3f nats",
            step,
            self._steps,
            information,
            decisions.most,
        )

    def _watch(self, counters: Counters, score: DevScore | None, decisions: Decisions | None) -> None:
        step, before = counters.step, counters.diverged
        counters.diverged = divergence(
            score, counters.lowest, decisions, counters.most, counters.non_finite, step, self._steps
        )
        if counters.diverged.startswith(UNLEARNED):
            logger.warning("step %d: %s. %s", step, counters.diverged, LONGER)
        elif counters.diverged:
            counters.alarmed.append(step)
            advice = "" if before else f" {remedy(self._method.control)}"  # once is enough
            logger.warning("step %d: the training diverges: %s.%s", step, counters.diverged, advice)
        elif before:
            logger.warning(
                "step %d: the training no longer diverges; whether it has recovered a test tells", step
            )

    def state(self) -> dict[str, Tensor]:
        """What an exact resume needs of it."""
        return state_tensors("best", self.best) | state_tensors("label_free", self.label_free)

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `state` gave, from among other tensors."""
        self.best = without_prefix("best", tensors)
        self.label_free = without_prefix("label_free", tensors)


def _note(counters: Counters, decisions: Decisions) -> None:
    """Keep the most information so far, unless it is that of silence, or hardly more than silence."""
    if math.isfinite(decisions.information) and decisions.emitted >= 2 * SILENT:
        counters.most = max(decisions.information, counters.most or 0.0)


def _copied(model: AcousticModel) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
