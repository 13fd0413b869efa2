"""Model card: what a model is, what it was trained on, and what to mind about it."""

from __future__ import annotations

from speechtl.corpus import Corpus
from speechtl.counters import FitResult
from speechtl.experiment import Experiment
from speechtl.faults import lasting


def model_card(experiment: Experiment, corpus: Corpus, fitted: FitResult, step: int) -> str:
    """The README.md of a model's folder, in Markdown.

    Args:
        experiment: the run that it comes from.
        corpus: the labelled speech that it was trained on.
        fitted: the training.
        step: after which its weights were taken.
    """
    rows = "\n".join(
        f"- {row.language}, {row.split}: {row.utterances} utterances, {lasting(row.minutes)}"
        for row in corpus.summary()
    )
    return (
        f"# {experiment.name}\n\nA speechtl acoustic model, trained with seed {experiment.seed} for "
        f"{fitted.steps} steps; {'from ' + experiment.source if experiment.source else 'from scratch'}.\n\n"
        f"Trained on\n{rows}\n\n{_unlabelled(experiment, fitted, step)}"
        "Load it with `speechtl.checkpoint.load_model`; see `report.json` of its run "
        "for its errors. The licences of the training corpora stand in their data cards.\n"
    )


def _unlabelled(experiment: Experiment, fitted: FitResult, step: int) -> str:
    """What speech without labels had to do with it; empty where there was none."""
    if not experiment.unlabelled:
        return ""
    names = ", ".join(spec.corpus for spec in experiment.unlabelled)
    heard = experiment.method.hears_unlabelled
    use = "heard without its labels" if heard else "only measured, not trained on"
    lines = [f"Speech of the target domain, {use}: {names}. These are the weights after step {step}."]
    if experiment.transductive:
        lines.append("Transductive: tests may hold the unlabelled speech itself.")
    if fitted.diverged:
        lines.append(f"**The training diverged**: {fitted.diverged}.")
    return "\n\n".join(lines) + "\n\n"
