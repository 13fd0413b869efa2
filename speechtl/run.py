"""run(): data, source, method, training and evaluation of one experiment, wired together."""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from speechtl import leakage
from speechtl.batches import Examples
from speechtl.cache import Waveforms, load_waveforms
from speechtl.checkpoint import LoadedModel, load_model, save_model, write_bytes
from speechtl.corpus import Corpus
from speechtl.corpus_spec import CorpusSpec
from speechtl.development import Development
from speechtl.evaluate import evaluate, write_report
from speechtl.experiment import Experiment, load_recipe
from speechtl.features import SAMPLE_RATE
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel
from speechtl.models.heads import frames_needed
from speechtl.report import Report, TrainSummary
from speechtl.run_folder import RunFolder, settings_hash
from speechtl.text import Tokenizer, orthography
from speechtl.train import FitResult, fit
from speechtl.transfer.base import TransferData, UnitTable
from speechtl.transfer.head_rows import Coverage

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Speech:
    """A corpus with its decoded audio."""

    corpus: Corpus
    waveforms: Waveforms

    @classmethod
    def of(cls, specs: Iterable[CorpusSpec], seed: int) -> Speech:
        """Open several corpora as one."""
        corpora = [spec.open(seed) for spec in specs]
        corpus = corpora[0] if len(corpora) == 1 else Corpus.concatenate(corpora)
        return cls(corpus, load_waveforms(corpus, show_progress=True))

    def examples(self, tokenizers: dict[str, Tokenizer] | None) -> Examples:
        """The speech ready for batching, with labels if there are tokenizers."""
        return Examples.of(self.corpus, self.waveforms, self.waveforms.durations, tokenizers)


def run(experiment: Experiment, runs: Path = Path("runs"), *, fresh: bool = False) -> Report:
    """Train and evaluate an experiment in its run folder; resume it if unfinished, read it if finished.

    Raises:
        ValueError: other settings or another process hold the folder, or the data has faults.
        FileNotFoundError: a corpus, source or recipe is missing.
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
        return _train_and_evaluate(experiment, folder, source, source_seconds)


def _train_and_evaluate(
    experiment: Experiment, folder: RunFolder, source: LoadedModel | None, source_seconds: float | None
) -> Report:
    target = Speech.of(experiment.targets, experiment.seed)
    fingerprints = leakage.fingerprint(target.corpus, target.waveforms.digests)
    tests = {name: corpus for name, corpus in named_sets(experiment.tests, experiment.seed)}
    source_tests = {name: corpus for name, corpus in named_sets(experiment.source_tests, experiment.seed)}
    known = Fingerprints.union([fingerprints, source.fingerprints]) if source else fingerprints
    _refuse_leaks(known, tests | source_tests)
    tokenizers = _tokenizers(target.corpus, source)
    data = TransferData(target.examples(tokenizers), tokenizers, _unit_table(experiment))
    model, coverage = _start(experiment, source, data)
    _check_lengths(model, data.target, experiment.augment.speeds)
    if coverage:
        _save_coverage(folder.path / "coverage.json", coverage)
    dev = _development(experiment, target, fingerprints)
    fitted = fit(
        model,
        experiment.method,
        data,
        experiment.train,
        folder.path,
        evaluate_dev=dev,
        augment=experiment.augment,
        seed=experiment.seed,
        source=source.model if source else None,
    )
    if experiment.decode.closed:
        fitted.model.words |= _words(target.corpus)
    ancestor = {"run": experiment.name, "seed": experiment.seed, "settings": settings_hash(experiment)}
    save_model(
        fitted.model,
        folder.model,
        fingerprints=known,
        ancestry=(*(source.ancestry if source else ()), ancestor),
        card=_card(experiment, target.corpus, fitted),
    )
    trained = load_model(folder.model)
    report = evaluate(trained, tests, settings=experiment.decode, show_progress=True)
    if source_tests:
        cost = evaluate(trained, source_tests, settings=experiment.decode, show_progress=True)
        report = replace(report, source_sets=cost.sets, hypotheses=report.hypotheses | cost.hypotheses)
    report = replace(report, train=_summary(fitted, source_seconds))
    write_report(report, folder.path)
    return report


def _source(experiment: Experiment, runs: Path) -> tuple[LoadedModel | None, float | None]:
    """The source model, trained first if it is a recipe without a finished run, and its training time."""
    if experiment.source is None:
        return None, None
    if Path(experiment.source).is_dir():
        return load_model(experiment.source), None
    name, _, seed = experiment.source.partition("@")
    recipe = replace(load_recipe(name), seed=int(seed or 0))
    if not RunFolder.of(recipe, runs).report.exists():
        logger.info("the source %s has no finished run under %s: training it first", name, runs)
    report = run(recipe, runs)
    seconds = report.train.wall_seconds if report.train else None
    return load_model(RunFolder.of(recipe, runs).model), seconds


def named_sets(specs: Iterable[CorpusSpec], seed: int) -> list[tuple[str, Corpus]]:
    """Open test corpora under the names that reports use: the corpus, and its split unless it is `test`."""
    sets = []
    for spec in specs:
        name = Path(spec.name).stem.replace("-", "_")
        sets.append((name if spec.split in (None, "test") else f"{name}-{spec.split}", spec.open(seed)))
    return sets


def _refuse_leaks(trained: Fingerprints, tests: dict[str, Corpus]) -> None:
    """Refuse before training what `evaluate` would refuse after it."""
    for name, corpus in tests.items():
        leakage.check(trained, corpus, load_waveforms(corpus, show_progress=True).digests, where=name)


def _tokenizers(corpus: Corpus, source: LoadedModel | None) -> dict[str, Tokenizer]:
    """The source's tokenizers for languages that it has, new ones fitted on the training text for others."""
    tokenizers = {}
    for language in corpus.languages:
        if source is not None and language in source.model.tokenizers:
            tokenizers[language] = source.model.tokenizers[language]
        else:
            tokenizers[language] = Tokenizer.fit(corpus.filter(language=language).column("text"), language)
    return tokenizers


def _unit_table(experiment: Experiment) -> UnitTable | None:
    if experiment.unit_table is None:
        return None
    try:
        module = importlib.import_module(experiment.unit_table)
    except ModuleNotFoundError as error:
        raise FileNotFoundError(
            f"unit_table={experiment.unit_table!r}: there is no such module ({error}); expected one with "
            "`UNITS`, such as recipes.taiwanese.units"
        ) from error
    table: UnitTable = module.UNITS
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
        logger.info(
            "head of %s: %d of %d units start from the source's rows (%s)",
            entry.language,
            entry.mapped,
            len(entry.rows),
            path,
        )
    document = json.dumps([entry.to_dict() for entry in coverage], ensure_ascii=False, indent=1)
    write_bytes(path, document.encode())


def _check_lengths(model: AcousticModel, examples: Examples, speeds: tuple[float, ...]) -> None:
    """Refuse utterances with fewer encoder frames, at the fastest speed, than their labels need for CTC."""
    shortest = torch.from_numpy((examples.seconds / max(speeds) * SAMPLE_RATE).astype(np.int64))
    frames = model.encoded_frames(shortest).tolist()
    faults = []
    for index, labels in enumerate(examples.labels):
        needed = int(frames_needed(torch.tensor([labels]), torch.tensor([len(labels)])))
        if frames[index] < needed:
            faults.append(
                f"  {examples.ids[index]}: {examples.seconds[index]:.2f} s give {frames[index]} frames at speed "
                f"{max(speeds)}, its {len(labels)} units need {needed}"
            )
    if faults:
        raise ValueError(
            f"{len(faults)} utterances are too short for their labels (CTC needs a frame per unit, and one "
            "between equal ones):\n"
            + "\n".join(faults[:20])
            + "\nCorrect their texts or audio, leave them out, or set --augment.speeds 1.0."
        )


def _development(experiment: Experiment, target: Speech, trained: Fingerprints) -> Development:
    """The dev speech, at most so many utterances per language, none of it in the training speech."""
    dev = Speech.of(experiment.dev, experiment.seed)
    if not set(dev.corpus.languages) <= set(target.corpus.languages):
        raise ValueError(
            f"dev has the languages {dev.corpus.languages}, the target {target.corpus.languages}: "
            "dev must have no others"
        )
    leakage.check(trained, dev.corpus, dev.waveforms.digests, where="dev")
    chosen = dev.corpus.first_per_language(experiment.train.dev_utterances)
    waveforms = load_waveforms(chosen)
    texts, languages = chosen.column("text"), chosen.column("language")
    units = sum(len(orthography(tag).units(text)) for tag, text in zip(languages, texts, strict=True))
    return Development(
        Speech(chosen, waveforms).examples(None), texts, units, replace(experiment.decode, closed=False)
    )


def _words(corpus: Corpus) -> dict[str, tuple[str, ...]]:
    """The distinct training texts of each language: the list for closed decisions."""
    words: dict[str, set[str]] = {}
    for language, text in zip(corpus.column("language"), corpus.column("text"), strict=True):
        words.setdefault(language, set()).add(orthography(language).normalise(text))
    return {language: tuple(sorted(texts)) for language, texts in words.items()}


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
