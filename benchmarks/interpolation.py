"""Between source and fine-tuned weights: `python benchmarks/interpolation.py SOURCE RUN ...`.

Prints the errors of target and source at w = (1 - a) * w_source + a * w_tuned for a from 0 to 1, for runs
that are finished, and draws them. Nothing is trained. The speech is the dev split, so that a may be chosen by
it; `--split test` shows what was chosen. SOURCE is the run or model that the runs, seeds of one recipe, were
trained from. A new language's head is the trained one at every a.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechtl.checkpoint import LoadedModel, load_model
from speechtl.corpus import Corpus
from speechtl.corpus_spec import CorpusSpec
from speechtl.corpus_spec import corpus as corpus_of
from speechtl.decode import DecodeSettings
from speechtl.evaluate import evaluate
from speechtl.experiment import Experiment, read_experiment
from speechtl.report import Report, SetReport
from speechtl.sets import named_sets
from speechtl.transfer.interpolation import move

METRICS = ("closed", "syllable", "cer")
"""The first that a set has is shown."""


def speech(names: Sequence[str], recipe: Iterable[CorpusSpec], split: str, most: int) -> dict[str, Corpus]:
    """A split of the named corpora, else of the recipe's; at most so many utterances per language."""
    specs = [corpus_of(name, split=split) for name in names] or [replace(one, split=split) for one in recipe]
    opened = named_sets(dict.fromkeys(specs), seed=0)
    return {name: corpus.first_per_language(most) for name, corpus in opened.items()}


def errors_between(
    source: LoadedModel,
    tuned: LoadedModel,
    sets: Mapping[str, Corpus],
    shares: Sequence[float],
    *,
    settings: DecodeSettings | None = None,
) -> dict[float, Report]:
    """Evaluate models along the line from a source to what was trained from it.

    Args:
        source: The end at share 0.
        tuned: The end at share 1; heads that the source lacks are its own all along.
        sets: Test sets of target and source, by name.
        shares: Where to evaluate.
        settings: How to decode.

    Returns:
        The report of each share.

    Raises:
        ValueError: the two do not belong together, or the sets were trained on.
    """
    found = {}
    for share in shares:
        model = copy.deepcopy(tuned.model)
        move(model, source.model, share)
        found[share] = evaluate(replace(tuned, model=model), sets, settings=settings)
    return found


def error_of(found: SetReport) -> float:
    """The main error on a set."""
    return next(found.metrics[name].value for name in METRICS if name in found.metrics)


def errors(reports: Sequence[Report], names: Mapping[str, Corpus]) -> NDArray[np.float64]:
    """(shares,) the mean error over some sets; a set of several languages counts as several."""
    of = [[name for name in report.sets if name.split(".")[0] in names] for report in reports]
    return np.array(
        [np.mean([error_of(one.sets[n]) for n in chosen]) for one, chosen in zip(reports, of, strict=True)]
    )


def draw(picture: Path, shares: Sequence[float], curves: Mapping[str, NDArray[np.float64]]) -> None:
    """Draw each curve (runs, shares): its runs thin, their mean thick."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for (name, found), colour in zip(curves.items(), ("#0072b2", "#d55e00"), strict=False):
        axes.plot(shares, 100 * found.T, color=colour, alpha=0.3, linewidth=0.8)
        axes.plot(
            shares, 100 * found.mean(0), color=colour, linewidth=1.8, marker="o", markersize=3.5, label=name
        )
    axes.set_xlabel("a: share of the fine-tuned weights")
    axes.set_ylabel("error, %")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(picture, dpi=120)


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", help="run or model folder of the source")
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, one for each seed")
    parser.add_argument("--corpus", nargs="+", default=[], help="target speech, in place of the run's tests")
    parser.add_argument("--source-corpus", nargs="+", default=[], help="in place of the run's source_tests")
    parser.add_argument("--split", default="dev", help="which part of them")
    parser.add_argument("--utterances", type=int, default=400, help="most of each language")
    parser.add_argument("--points", type=int, default=11, help="how many shares from 0 to 1")
    parser.add_argument("--out", type=Path, default=Path("interpolation.png"), help="where to draw")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the errors at every share, and draw them."""
    options = options_of(arguments)
    recipe: Experiment = read_experiment(options.runs[0] / "experiment.json")
    shares = [float(share) for share in np.linspace(0, 1, options.points).round(4)]
    target = speech(options.corpus, recipe.tests, options.split, options.utterances)
    sources = speech(options.source_corpus, recipe.source_tests or (), options.split, options.utterances)
    source = load_model(options.source)
    found: dict[str, list[NDArray[np.float64]]] = {"target": [], "source": []}
    for run in options.runs:
        line = errors_between(source, load_model(run), {**target, **sources}, shares, settings=recipe.decode)
        found["target"].append(errors(list(line.values()), target))
        if sources:
            found["source"].append(errors(list(line.values()), sources))
    curves = {name: np.stack(rows) for name, rows in found.items() if rows}
    print(f"means of {len(options.runs)} run(s); target: {', '.join(target)}; source: {', '.join(sources)}")
    print(f"{'a':>6}" + "".join(f"{name:>10}" for name in curves))
    for place, share in enumerate(shares):
        print(
            f"{share:>6.2f}" + "".join(f"{100 * rows[:, place].mean():>8.1f} %" for rows in curves.values())
        )
    best = shares[int(curves["target"].mean(0).argmin())]
    print(f"least target error at a = {best:.2f} on {options.split}; drawn in {options.out}")
    draw(options.out, shares, curves)


if __name__ == "__main__":
    main()
