"""Model card: what a model is, what it was trained on, and what to mind about it."""

from __future__ import annotations

from speechtl.corpus import Corpus
from speechtl.counters import FitResult
from speechtl.experiment import Experiment
from speechtl.faults import lasting
from speechtl.report import headed


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
    begun = "from scratch"
    if experiment.source is not None:
        begun = f"from {experiment.source}, by {experiment.method.label}"
    return (
        f"# {experiment.name}\n\nA speechtl acoustic model, trained with seed {experiment.seed} for "
        f"{fitted.steps} steps; {begun}.\n\n{_kept(experiment, fitted, step)}"
        f"Trained on\n{rows}\n\n{_unlabelled(experiment, fitted)}"
        "Load it with `speechtl.checkpoint.load_model`; see `report.json` of its run "
        "for its errors. The licences of the training corpora stand in their data cards.\n"
    )


def _kept(experiment: Experiment, fitted: FitResult, step: int) -> str:
    """Which weights these are, and by what they were chosen."""
    found = f"These are the weights after step {step} of {fitted.steps}"
    best = fitted.best
    if not best or step != best["step"]:
        return f"{found}.\n\n"
    errors = ", ".join(f"{100 * error:.1f} % ({language})" for language, error in best["errors"].items())
    return f"{found}, {'kept by' if experiment.is_chosen_on_dev else 'with'} their dev error: {errors}.\n\n"


def _unlabelled(experiment: Experiment, fitted: FitResult) -> str:
    """What speech without labels had to do with it; empty where there was none."""
    if not experiment.unlabelled:
        return ""
    names = ", ".join(spec.corpus for spec in experiment.unlabelled)
    heard = experiment.method.hears_unlabelled
    use = "heard without its labels" if heard else "only measured, not trained on"
    lines = [f"Speech of the target domain, {use}: {names}."]
    if experiment.transductive:
        lines.append("Transductive: tests may hold the unlabelled speech itself.")
    if fitted.diverged:
        lines.append(f"**{headed(fitted.diverged)}.**")
    return "\n\n".join(lines) + "\n\n"
