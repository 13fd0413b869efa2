"""run(): data, source, method, training and evaluation of one experiment, wired together."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from speechtl.checkpoint import LoadedModel, load_model, save_model
from speechtl.corpus import Corpus
from speechtl.development import Development
from speechtl.evaluate import evaluate, write_report
from speechtl.experiment import Experiment, load_recipe, recipe_names
from speechtl.faults import counted, listed
from speechtl.label_faults import refuse_short, refuse_unknown_units, warn_of_unknown_units
from speechtl.material import Material, Speech
from speechtl.models.acoustic import AcousticModel
from speechtl.report import Report, TrainSummary
from speechtl.run_folder import RunFolder, settings_hash
from speechtl.text import TextSettings, Tokenizer, orthography
from speechtl.train import FitResult, fit
from speechtl.transfer.base import TransferData, UnitTable
from speechtl.transfer.head_rows import Coverage
from speechtl.whole_files import explained, write_json

logger = logging.getLogger(__name__)


def run(experiment: Experiment, runs: Path = Path("runs"), *, fresh: bool = False) -> Report:
    """Train and evaluate an experiment in its run folder; resume it if unfinished, read it if finished.

    Raises:
        ValueError: other settings or another process hold the folder, or the data has faults.
        FileNotFoundError: a corpus, source or recipe is missing.
        OSError: the disk is full or not writable; the last good checkpoint stays.
        speechtl.train.Interrupted: the user asked to stop; the same call resumes.
    """
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
        source, source_seconds = _source(experiment, runs)
        material = Material.of(experiment, source)
        fitted = _train(experiment, folder, source, material)
        _save(experiment, folder, source, material, fitted)
        return _report(experiment, folder, material, _summary(fitted, source_seconds))


def _source(experiment: Experiment, runs: Path) -> tuple[LoadedModel | None, float | None]:
    """The source model, trained first if it is a recipe without a finished run, and its training time."""
    if experiment.source is None:
        return None, None
    name, _, seed = experiment.source.partition("@")
    if Path(experiment.source).is_dir() and name not in recipe_names():
        return load_model(experiment.source), None
    if seed and not seed.isdecimal():
        raise ValueError(f"source={experiment.source!r}: expected a seed after the @, such as {name}@2")
    try:
        recipe = load_recipe(name)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"source={experiment.source!r} is neither a model's folder nor a recipe: {error}"
        ) from error
    if seed:
        recipe = replace(recipe, seed=int(seed))
    folder = RunFolder.of(recipe, runs)
    if not folder.report.exists():
        logger.info("the source %s has no finished run under %s: training it first", name, runs)
    report = run(recipe, runs)
    if not (folder.model / "config.json").is_file():
        raise FileNotFoundError(
            f"the source's run {folder.path} is finished, but its model was deleted. Restore {folder.model}, "
            f"or train it again: speechtl run {name} --seed {recipe.seed} --fresh"
        )
    return load_model(folder.model), report.train.wall_seconds if report.train else None


def _train(
    experiment: Experiment, folder: RunFolder, source: LoadedModel | None, material: Material
) -> FitResult:
    target = material.target
    tokenizers = _tokenizers(target.corpus, experiment.text, source)
    refuse_unknown_units(target.corpus, tokenizers)
    warn_of_unknown_units({"dev": material.dev.corpus, **material.tests}, tokenizers)
    data = TransferData(target.examples(tokenizers), tokenizers, _unit_table(experiment))
    model, coverage = _start(experiment, source, data)
    refuse_short(model, data.target, experiment.augment.speeds)
    if coverage:
        _save_coverage(folder.path / "coverage.json", coverage)
    logger.info("%s", _start_line(experiment, target.corpus, material.dev.corpus))
    return fit(
        model,
        experiment.method,
        data,
        experiment.train,
        folder.path,
        evaluate_dev=_development(experiment, material.dev.corpus, tokenizers),
        augment=experiment.augment,
        seed=experiment.seed,
        source=source.model if source else None,
    )


def _start_line(experiment: Experiment, target: Corpus, dev: Corpus) -> str:
    """What is trained on what, in one line."""
    return (
        f"{experiment.name}, seed {experiment.seed}: {counted(experiment.train.steps, 'step')} "
        f"on {target.name} ({', '.join(target.languages)}), {_amount(target)}; "
        f"{'from ' + experiment.source if experiment.source else 'from scratch'}; dev has {_amount(dev)}"
    )


def _amount(corpus: Corpus) -> str:
    return f"{corpus.minutes:.1f} minutes in {counted(len(corpus), 'utterance')}"


def _tokenizers(corpus: Corpus, settings: TextSettings, source: LoadedModel | None) -> dict[str, Tokenizer]:
    """The source's tokenizers for languages that it has, new ones fitted on the training text for others.

    Raises:
        ValueError: other units are asked for than those of the source's heads, or the texts do not have them.
    """
    known = source.model.tokenizers if source is not None else {}
    tokenizers = {}
    others = []
    for language in corpus.languages:
        if language not in known:
            texts = corpus.filter(language=language).column("text")
            tokenizers[language] = Tokenizer.fit(texts, language, settings)
            continue
        tokenizers[language] = known[language]
        if settings.units not in ("default", known[language].kind):
            others.append(f"{language} has {known[language].kind}")
    if others:
        raise ValueError(
            f"text.units={settings.units} is asked for, but the source's head for {', '.join(others)}. Keep "
            "the source's units, or start from a source without a head for this language"
        )
    return tokenizers


def _unit_table(experiment: Experiment) -> UnitTable | None:
    if experiment.unit_table is None:
        return None
    try:
        table: UnitTable = importlib.import_module(experiment.unit_table).UNITS
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(
            f"unit_table={experiment.unit_table!r} cannot be used ({error}); expected a module with `UNITS`, "
            "such as recipes.taiwanese.units"
        ) from error
    return table


def _start(
    experiment: Experiment, source: LoadedModel | None, data: TransferData
) -> tuple[AcousticModel, list[Coverage]]:
    """The model at step 0, and where its head rows come from."""
    if source is None:
        model = AcousticModel(experiment.model, experiment.features, data.tokenizers, seed=experiment.seed)
        return model, []
    coverage = experiment.method.coverage(source.model, data)
    return experiment.method.adapt(source.copy(), data, experiment.seed), coverage


def _save_coverage(path: Path, coverage: list[Coverage]) -> None:
    for entry in coverage:
        new = [unit for unit, sources in entry.rows.items() if not sources]
        logger.info(
            "head of %s: %d of %d units start from the source's rows, listed in %s; new: %s",
            entry.language,
            entry.mapped,
            len(entry.rows),
            path,
            listed(new) or "none",
        )
        for unit, sources in entry.rows.items():
            if sources:
                logger.info("  %-6s from %s", unit, ", ".join(f"{tag} {name}" for tag, name in sources))
    with explained("the coverage of the head", path):
        write_json(path, [entry.to_dict() for entry in coverage])


def _development(experiment: Experiment, corpus: Corpus, tokenizers: Mapping[str, Tokenizer]) -> Development:
    """The dev speech, at most so many utterances per language."""
    chosen = corpus.first_per_language(experiment.train.dev_utterances)
    texts, languages = chosen.column("text"), chosen.column("language")
    units = sum(tokenizers[tag].count(text) for tag, text in zip(languages, texts, strict=True))
    settings = replace(experiment.decode, closed=False)
    return Development(Speech.of(chosen).examples(None), texts, units, settings)


def _save(
    experiment: Experiment,
    folder: RunFolder,
    source: LoadedModel | None,
    material: Material,
    fitted: FitResult,
) -> None:
    if experiment.decode.closed:
        fitted.model.words |= _words(material.target.corpus)
    ancestor = {"run": experiment.name, "seed": experiment.seed, "settings": settings_hash(experiment)}
    save_model(
        fitted.model,
        folder.model,
        fingerprints=material.known,
        ancestry=(*(source.ancestry if source else ()), ancestor),
        card=_card(experiment, material.target.corpus, fitted),
    )


def _words(corpus: Corpus) -> Mapping[str, tuple[str, ...]]:
    """The distinct training texts of each language: the list for closed decisions."""
    words: dict[str, set[str]] = {}
    for language, text in zip(corpus.column("language"), corpus.column("text"), strict=True):
        words.setdefault(language, set()).add(orthography(language).normalise(text))
    return {language: tuple(sorted(texts)) for language, texts in words.items()}


def _report(experiment: Experiment, folder: RunFolder, material: Material, summary: TrainSummary) -> Report:
    """Score the saved model, as a user would load it, and write the report."""
    trained = load_model(folder.model)
    report = evaluate(trained, material.tests, settings=experiment.decode, show_progress=True)
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
