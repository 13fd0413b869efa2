"""run(): data, source, method, training and evaluation of one experiment, wired together."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

from speechtl.advice import advice, unequal_source
from speechtl.begun_with import note_beginning
from speechtl.carved_splits import save_carved
from speechtl.checkpoint import LoadedModel, load_model, save_model
from speechtl.corpus import Corpus
from speechtl.curves import draw_curves
from speechtl.decode import require_files
from speechtl.domains import Domains
from speechtl.evaluate import evaluate, write_report
from speechtl.experiment import Experiment
from speechtl.fold_training import fit_on_folds
from speechtl.label_faults import refuse_short
from speechtl.leakage import Fingerprints
from speechtl.material import Material
from speechtl.model_card import model_card
from speechtl.report import LABEL_FREE, Report, TrainSummary
from speechtl.run_folder import RunFolder, settings_hash
from speechtl.sets import Sets
from speechtl.source import Source, find_source, trained_first
from speechtl.staged_training import trained_by_stage
from speechtl.start import (
    development_of,
    label_tokenizers,
    require_writable_words,
    save_coverage,
    start,
    start_line,
    syllable_table,
    tokenizers_of,
    unit_table,
)
from speechtl.text import orthography
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
    if not fresh and (report := _finished(folder)) is not None:
        return report  # without the lock: several processes may start from one source
    require_files(experiment.decode)
    with folder.locked():
        if fresh:
            aside = folder.set_aside()
            if aside is not None:
                logger.info("moved the old run to %s", aside)
        folder.claim()
        if (report := _finished(folder)) is not None:
            return report
        sources = runs if sources is None else Path(sources)
        found = find_source(experiment, sources)
        if found is not None and not found.is_ready:
            Sets.of(experiment, found.experiment)  # what is missing is told before the source takes hours
        source, source_seconds = _load(found, sources)
        source = _with_other_models(experiment, source)
        zero_shot = syllable_table(experiment, source)
        sets = Sets.of(
            experiment, found.experiment if found else None, source.fingerprints if source else None
        )
        material = Material.of(sets, source, transductive=experiment.transductive)
        require_writable_words(material.target.corpus, experiment, source)
        note_beginning(folder, experiment, material, source)
        save_carved(folder.path, sets.carved)
        _tell(folder, material)
        if line := unequal_source(experiment, found.recipe if found else None):
            logger.warning("%s", line)
        fitted = _fit(experiment, folder, source, material)
        _draw(experiment, folder, fitted)
        _save(experiment, folder, source, material, fitted)
        summary = _summary(experiment, material, fitted, source_seconds)
        return _report(experiment, folder, material, summary, zero_shot)


def _finished(folder: RunFolder) -> Report | None:
    """The report of a run that is finished; None of others.

    Raises:
        ValueError: it has other settings.
    """
    if not folder.report.exists():
        return None
    folder.check()
    logger.info("%s is finished; --fresh runs it again", folder.path)
    return Report.load(folder.report)


def _load(source: Source | None, runs: Path) -> tuple[LoadedModel | None, float | None]:
    """The source's model, trained first if its run is not finished, and its training time."""
    if source is None:
        return None, None
    if source.run is None:
        return load_model(source.model), None
    recipe = source.run.experiment
    if source.is_ready:
        report = run(recipe, runs)
    else:
        logger.info("the source %s has no finished run under %s: training it first", source.name, runs)
        with trained_first(source):
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

    whole = folder

    def train(folder: RunFolder, material: Material, last: int | None = None) -> FitResult:
        # In a fold, which only chooses a number of steps, nothing else is measured.
        domains = Domains.of(experiment, material) if folder.path == whole.path else None
        return _train(experiment, folder, source, material, last, domains)

    return fit_on_folds(folder, material, train) if material.folds else train(folder, material)


def _train(
    experiment: Experiment,
    folder: RunFolder,
    source: LoadedModel | None,
    material: Material,
    last: int | None = None,
    domains: Domains | None = None,
) -> FitResult:
    """Train one model, and measure how far the domains are apart before and after it."""
    target, dev = material.target, None if material.dev is None else material.dev.corpus
    tokenizers = tokenizers_of(target.corpus, experiment, source)
    labels = label_tokenizers(target.corpus, experiment, tokenizers)
    data = TransferData(target.examples(labels), tokenizers, *unit_table(experiment))
    if material.source is not None and source is not None:
        heads = source.model.tokenizers
        data = replace(data, source=replace(material.source.examples(heads), is_target=False))
    if material.unlabelled is not None and experiment.method.hears_unlabelled:
        data = replace(data, unlabelled=material.unlabelled.examples(None))
    if source is not None:
        data = experiment.method.relabelled(data, source.model, folder.path)
    model, coverage = start(experiment, source, data)
    for heard in experiment.method.heard(data):
        refuse_short(model, heard, experiment.augment)
    if coverage:
        save_coverage(folder.path / "coverage.json", coverage)
    for line in advice(experiment, source, model, data, target.corpus, dev, material.tests):
        logger.warning("%s", line)
    logger.info("%s", start_line(experiment, target.corpus, dev, last))
    diagnosis = domains and domains.begin(experiment.method, model, source.model if source else None)
    stages = trained_by_stage(model, experiment.method, experiment.train.steps)
    begun = Beginning.of(model, source.model if source else None, stages)
    fitted = fit(
        model,
        experiment.method,
        data,
        experiment.train,
        folder.path,
        evaluate_dev=development_of(experiment, model, dev, tokenizers) if dev is not None else None,
        augment=experiment.augment,
        seed=experiment.seed,
        source=source.model if source else None,
        track=experiment.track,
        last=last,
        label_free=diagnosis.label_free if diagnosis else None,
    )
    kept = fitted.best.get("step", fitted.steps)
    receipt = begun.receipt(fitted.model, experiment.method.label, experiment.source, kept)
    receipt.write(folder.path)
    require_sound(receipt, folder.path)
    return diagnosis.conclude(fitted, folder.path, _title(experiment)) if diagnosis else fitted


def _tell(folder: RunFolder, material: Material) -> None:
    """Log and store where dev and tests come from that the recipe does not name."""
    for line in material.account:
        logger.info("%s", line)
    if material.account:
        folder.note({"held_out": list(material.account)})


def _draw(experiment: Experiment, folder: RunFolder, fitted: FitResult) -> None:
    metrics = folder.path / "metrics.jsonl"
    if metrics.is_file():
        draw_curves(metrics, folder.path / "curves.png", _title(experiment), fitted.best)


def _title(experiment: Experiment) -> str:
    return f"{experiment.name}, seed {experiment.seed}"


def _save(
    experiment: Experiment,
    folder: RunFolder,
    source: LoadedModel | None,
    material: Material,
    fitted: FitResult,
) -> None:
    """Save the kept weights, and beside them those that are chosen without labels, if any are."""
    known = material.known
    if material.dev is not None and experiment.is_chosen_on_dev:
        chosen_by = Fingerprints(dev=frozenset(material.dev.waveforms.digests))
        known = Fingerprints.union([known, chosen_by])
    ancestor = {"run": experiment.name, "seed": experiment.seed, "settings": settings_hash(experiment)}
    corpus = material.target.corpus
    chosen = [(fitted.model, folder.model, fitted.best.get("step", fitted.steps))]
    if fitted.label_free_model is not None:
        chosen.append((fitted.label_free_model, folder.label_free_model, fitted.label_free["step"]))
    for model, place, step in chosen:
        if experiment.decode.closed:
            listed = experiment.decode.words
            model.words |= _words(corpus, listed) if listed or experiment.method.reads_texts else {}
        elif model.words and experiment.method.reads_texts:
            model.words = _still_listed(model.words, _words(corpus))
        model.trim_db = _trims(model.trim_db, corpus)
        save_model(
            model,
            place,
            fingerprints=known,
            ancestry=(*(source.ancestry if source else ()), ancestor),
            card=model_card(experiment, corpus, fitted, step),
        )


def _trims(before: Mapping[str, float], corpus: Corpus) -> dict[str, float]:
    """By language, how training speech is trimmed: as the target's is, in languages it has not as before."""
    others = {language: trim for language, trim in before.items() if language not in corpus.languages}
    return others | ({} if corpus.trim_db is None else dict.fromkeys(corpus.languages, corpus.trim_db))


def _still_listed(
    words: Mapping[str, tuple[str, ...]], trained: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """The source's lists without those that lack a text the model has been trained on since."""
    return {tag: listed for tag, listed in words.items() if set(trained.get(tag, ())) <= set(listed)}


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
    """Score the saved models, as a user would load them, and write the report."""
    trained, settings = load_model(folder.model), experiment.decode
    score = partial(evaluate, settings=settings, forbidden=material.forbidden, show_progress=True)
    report = score(trained, material.tests, zero_shot=zero_shot)
    if summary.label_free:
        other = report
        if summary.label_free["step"] != summary.best.get("step", summary.steps):
            other = score(load_model(folder.label_free_model), material.tests)
        report = report.joined(other.renamed(LABEL_FREE))
    if material.source_tests:
        cost = score(trained, material.source_tests, by_name=False)
        report = replace(report, source_sets=cost.sets, hypotheses={**report.hypotheses, **cost.hypotheses})
    report = replace(report, train=summary)
    with explained("the report", folder.path):
        write_report(report, folder.path)
    return report


def _summary(
    experiment: Experiment, material: Material, fitted: FitResult, source_seconds: float | None
) -> TrainSummary:
    return TrainSummary(
        steps=fitted.steps,
        audio_seconds=fitted.audio_seconds,
        wall_seconds=fitted.wall_seconds,
        audio_seconds_per_second=fitted.audio_seconds / max(fitted.wall_seconds, 1e-9),
        source_wall_seconds=source_seconds,
        best=fitted.best,
        dev=material.dev_account,
        label_free=fitted.label_free,
        is_transductive=experiment.transductive,
        diverged=fitted.diverged,
        left_out=fitted.left_out,
    )
