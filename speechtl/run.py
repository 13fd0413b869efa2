"""run(): data, source, method, training and evaluation of one experiment, wired together."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from speechtl.checkpoint import LoadedModel, load_model, save_model
from speechtl.corpus import Corpus
from speechtl.curves import draw_curves
from speechtl.development import Development
from speechtl.evaluate import evaluate, write_report
from speechtl.experiment import Experiment
from speechtl.faults import counted
from speechtl.fold_training import fit_on_folds
from speechtl.label_faults import refuse_short, refuse_unknown_units, units_not_trained
from speechtl.leakage import Fingerprints
from speechtl.material import Material, Sets, Speech
from speechtl.report import Report, TrainSummary
from speechtl.run_folder import RunFolder, settings_hash
from speechtl.source import Source, find_source
from speechtl.start import (
    few_hearings,
    save_coverage,
    start,
    strangers_on_dev,
    syllable_table,
    tokenizers_of,
    unit_table,
    without_effect,
)
from speechtl.text import Tokenizer, orthography
from speechtl.tracking import require
from speechtl.train import FitResult, fit
from speechtl.transfer.base import TransferData
from speechtl.transfer.receipt import Beginning, require_sound
from speechtl.whole_files import explained
from speechtl.zero_shot import SyllableTable

logger = logging.getLogger(__name__)


def run(
    experiment: Experiment,
    runs: str | Path = Path("runs"),
    *,
    fresh: bool = False,
    sources: str | Path | None = None,
) -> Report:
    """Train and evaluate an experiment in its run folder; resume it if unfinished, read it if finished.

    Args:
        experiment: What is run.
        runs: Where runs are kept.
        fresh: Move an existing run aside and start anew.
        sources: Where the runs of sources are kept, if elsewhere.

    Raises:
        ValueError: other settings or another process hold the folder, or the data has faults.
        FileNotFoundError: a corpus, source or recipe is missing.
        OSError: the disk is full or not writable; the last good checkpoint stays.
        speechtl.train.Interrupted: the user asked to stop; the same call resumes.
    """
    experiment.refuse_template()
    require(experiment.track)
    runs = Path(runs)
    folder = RunFolder.of(experiment, runs)
    with folder.locked():
        if fresh:
            aside = folder.set_aside()
            if aside is not None:
                logger.info("moved the old run to %s", aside)
        folder.claim()
        if folder.report.exists():
            logger.info("%s is finished; --fresh runs it again", folder.path)
            return Report.load(folder.report)
        sources = runs if sources is None else Path(sources)
        found = find_source(experiment, sources)
        source, source_seconds = _load(found, sources)
        source = _with_other_models(experiment, source)
        zero_shot = syllable_table(experiment, source)
        sets = Sets.of(
            experiment, found.experiment if found else None, source.fingerprints if source else None
        )
        material = Material.of(sets, source, transductive=experiment.transductive)
        _tell(folder, material)
        fitted = _fit(experiment, folder, source, material)
        _draw(experiment, folder, fitted)
        _save(experiment, folder, source, material, fitted)
        summary = replace(_summary(fitted, source_seconds), dev=material.dev_account)
        return _report(experiment, folder, material, summary, zero_shot)


def _load(source: Source | None, runs: Path) -> tuple[LoadedModel | None, float | None]:
    """The source's model, trained first if its run is not finished, and its training time."""
    if source is None:
        return None, None
    if source.run is None:
        return load_model(source.model), None
    if not source.is_ready:
        logger.info("the source %s has no finished run under %s: training it first", source.name, runs)
    recipe = source.run.experiment
    report = run(recipe, runs)
    if not (source.model / "config.json").is_file():
        raise FileNotFoundError(
            f"the source's run {source.run.path} is finished, but its model was deleted. Restore "
            f"{source.model}, or train it again: speechtl run {source.name} --seed {recipe.seed} --fresh"
        )
    return load_model(source.model), report.train.wall_seconds if report.train else None


def _with_other_models(experiment: Experiment, source: LoadedModel | None) -> LoadedModel | None:
    """The source, also remembering what the other models that weights are taken from were trained on."""
    if source is None:
        return None
    for path in experiment.method.other_models:
        other = load_model(path)
        known = Fingerprints.union([source.fingerprints, other.fingerprints])
        source = replace(source, fingerprints=known, ancestry=(*source.ancestry, *other.ancestry))
    return source


def _fit(
    experiment: Experiment, folder: RunFolder, source: LoadedModel | None, material: Material
) -> FitResult:
    """Train, with folds where dev is carved out of the target."""

    def train(folder: RunFolder, material: Material, last: int | None = None) -> FitResult:
        return _train(experiment, folder, source, material, last)

    return fit_on_folds(folder, material, train) if material.folds else train(folder, material)


def _train(
    experiment: Experiment,
    folder: RunFolder,
    source: LoadedModel | None,
    material: Material,
    last: int | None = None,
) -> FitResult:
    target = material.target
    tokenizers = tokenizers_of(target.corpus, experiment, source)
    refuse_unknown_units(target.corpus, tokenizers)
    for warning in units_not_trained(material.held_out, tokenizers):
        logger.warning("%s", warning)
    data = TransferData(target.examples(tokenizers), tokenizers, *unit_table(experiment))
    if material.source is not None and source is not None:
        heads = source.model.tokenizers
        data = replace(data, source=replace(material.source.examples(heads), is_target=False))
    if material.unlabelled is not None and experiment.method.hears_unlabelled:
        data = replace(data, unlabelled=material.unlabelled.examples(None))
    if source is not None:
        data = experiment.method.relabelled(data, source.model, folder.path)
    model, coverage = start(experiment, source, data)
    refuse_short(model, data.target, experiment.augment)
    if coverage:
        save_coverage(folder.path / "coverage.json", coverage)
    for advice in (
        few_hearings(experiment, target.corpus),
        without_effect(experiment, source),
        strangers_on_dev(model, material.dev.corpus if material.dev else None),
    ):
        if advice:
            logger.warning("%s", advice)
    logger.info("%s", _start_line(experiment, target.corpus, material, last))
    begun = Beginning.of(model, source.model if source else None)
    fitted = fit(
        model,
        experiment.method,
        data,
        experiment.train,
        folder.path,
        evaluate_dev=_development(experiment, material.dev.corpus, tokenizers) if material.dev else None,
        augment=experiment.augment,
        seed=experiment.seed,
        source=source.model if source else None,
        track=experiment.track,
        last=last,
    )
    receipt = begun.receipt(fitted.model, type(experiment.method).__name__, experiment.source)
    receipt.write(folder.path)
    require_sound(receipt, folder.path)
    return fitted


def _tell(folder: RunFolder, material: Material) -> None:
    """Log and store where dev and tests come from that the recipe does not name."""
    for line in material.account:
        logger.info("%s", line)
    if material.account:
        folder.note({"held_out": list(material.account)})


def _start_line(experiment: Experiment, target: Corpus, material: Material, last: int | None) -> str:
    """What is trained on what, in one line."""
    end = "" if last is None else f", up to step {last}"
    dev = "no dev" if material.dev is None else f"dev has {_amount(material.dev.corpus)}"
    return (
        f"{experiment.name}, seed {experiment.seed}: {counted(experiment.train.steps, 'step')}{end} "
        f"on {target.name} ({', '.join(target.languages)}), {_amount(target)}; "
        f"{'from ' + experiment.source if experiment.source else 'from scratch'}; {dev}"
    )


def _amount(corpus: Corpus) -> str:
    return f"{corpus.minutes:.1f} minutes in {counted(len(corpus), 'utterance')}"


def _draw(experiment: Experiment, folder: RunFolder, fitted: FitResult) -> None:
    metrics = folder.path / "metrics.jsonl"
    if metrics.is_file():
        title = f"{experiment.name}, seed {experiment.seed}"
        draw_curves(metrics, folder.path / "curves.png", title, fitted.best)


def _development(experiment: Experiment, corpus: Corpus, tokenizers: Mapping[str, Tokenizer]) -> Development:
    """The dev speech, at most so many utterances per language."""
    chosen = corpus.first_per_language(experiment.train.dev_utterances)
    texts, languages = chosen.column("text"), chosen.column("language")
    units = sum(tokenizers[tag].count(text) for tag, text in zip(languages, texts, strict=True))
    settings = replace(experiment.decode, closed=False, words=())
    return Development(Speech.of(chosen).examples(None), texts, units, settings)


def _save(
    experiment: Experiment,
    folder: RunFolder,
    source: LoadedModel | None,
    material: Material,
    fitted: FitResult,
) -> None:
    if experiment.decode.closed:
        fitted.model.words |= _words(material.target.corpus, experiment.decode.words)
    ancestor = {"run": experiment.name, "seed": experiment.seed, "settings": settings_hash(experiment)}
    save_model(
        fitted.model,
        folder.model,
        fingerprints=material.known,
        ancestry=(*(source.ancestry if source else ()), ancestor),
        card=_card(experiment, material.target.corpus, fitted),
    )


def _words(corpus: Corpus, listed: Sequence[str] = ()) -> Mapping[str, tuple[str, ...]]:
    """The list for closed decisions of each language: what is listed, else its distinct training texts."""
    words: dict[str, set[str]] = {}
    trained = zip(corpus.column("language"), corpus.column("text"), strict=True)
    for language, text in product(corpus.languages, listed) if listed else trained:
        words.setdefault(language, set()).add(orthography(language).normalise(text))
    return {language: tuple(sorted(texts)) for language, texts in words.items()}


def _report(
    experiment: Experiment,
    folder: RunFolder,
    material: Material,
    summary: TrainSummary,
    zero_shot: SyllableTable | None,
) -> Report:
    """Score the saved model, as a user would load it, and write the report."""
    trained = load_model(folder.model)
    report = evaluate(
        trained, material.tests, settings=experiment.decode, zero_shot=zero_shot, show_progress=True
    )
    if material.source_tests:
        cost = evaluate(trained, material.source_tests, settings=experiment.decode, show_progress=True)
        report = replace(report, source_sets=cost.sets, hypotheses={**report.hypotheses, **cost.hypotheses})
    report = replace(report, train=summary)
    with explained("the report", folder.path):
        write_report(report, folder.path)
    return report


def _summary(fitted: FitResult, source_seconds: float | None) -> TrainSummary:
    return TrainSummary(
        steps=fitted.steps,
        audio_seconds=fitted.audio_seconds,
        wall_seconds=fitted.wall_seconds,
        audio_seconds_per_second=fitted.audio_seconds / max(fitted.wall_seconds, 1e-9),
        source_wall_seconds=source_seconds,
        best=fitted.best,
    )


def _card(experiment: Experiment, corpus: Corpus, fitted: FitResult) -> str:
    """The model card."""
    rows = "\n".join(
        f"- {row.language}, {row.split}: {row.utterances} utterances, {row.minutes:.1f} minutes"
        for row in corpus.summary()
    )
    return (
        f"# {experiment.name}\n\nA speechtl acoustic model, trained with seed {experiment.seed} for "
        f"{fitted.steps} steps; {'from ' + experiment.source if experiment.source else 'from scratch'}.\n\n"
        f"Trained on\n{rows}\n\nLoad it with `speechtl.checkpoint.load_model`; see `report.json` of its run "
        "for its errors. The licences of the training corpora stand in their data cards.\n"
    )
