"""Start: the units, the dev speech and the model with which a training begins."""

from __future__ import annotations

import importlib
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from speechtl.batches import Examples
from speechtl.checkpoint import LoadedModel
from speechtl.corpus import Corpus
from speechtl.development import Development
from speechtl.experiment import Experiment
from speechtl.faults import counted, lasting, listed
from speechtl.features import FeatureSettings
from speechtl.known_speakers import as_known, known_keys, matched
from speechtl.label_faults import refuse_unknown_units, units_not_trained
from speechtl.material import Speech
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inserted import By
from speechtl.models.settings import ModelSettings
from speechtl.settings_json import flatten, to_json
from speechtl.text import Tokenizer, orthography
from speechtl.transfer.base import TransferData, UnitTable
from speechtl.transfer.first_pass import headless
from speechtl.transfer.head_rows import Coverage
from speechtl.whole_files import explained, write_json
from speechtl.zero_shot import SyllableTable

FEW_VOICES = 4
"""With more speakers than this training hears how voices differ."""
FEW = 2
"""Times that training hears its speech, below which it is most likely too short."""
ENOUGH = 10
MANY, SAFE = 200, 70
"""Hearings of a source's adaptation: with more it did not help or did harm, with so many it helped."""

logger = logging.getLogger(__name__)


def tokenizers_of(corpus: Corpus, experiment: Experiment, source: LoadedModel | None) -> dict[str, Tokenizer]:
    """The source's tokenizers for languages that it has, new ones fitted on the training text for others.

    Raises:
        ValueError: other units are asked for than those of the source's heads, or the texts do not have them;
            or texts are not read, and the source has no head.
    """
    settings, known = experiment.text, source.model.tokenizers if source is not None else {}
    tokenizers = {}
    others = []
    for language in corpus.languages:
        if language not in known:
            if not experiment.method.reads_texts:
                raise ValueError(headless([language], known))
            texts = _training_texts(corpus, language, has_phrases=experiment.augment.chain > 0)
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


def label_tokenizers(
    corpus: Corpus, experiment: Experiment, tokenizers: dict[str, Tokenizer]
) -> dict[str, Tokenizer] | None:
    """The tokenizers that the target's texts become labels by; None where its method does not read them.

    Raises:
        ValueError: texts have units that the source's heads lack.
    """
    if not experiment.method.reads_texts:
        return None
    refuse_unknown_units(corpus, tokenizers)
    return tokenizers


def _training_texts(corpus: Corpus, language: str, *, has_phrases: bool) -> list[str]:
    """The texts of a language; where training makes phrases, also one, for what stands between the words."""
    texts: list[str] = corpus.filter(language=language).column("text")
    if has_phrases:
        texts = [*texts, " ".join(map(orthography(language).normalise, texts[:2]))]
    return texts


def start_line(experiment: Experiment, target: Corpus, dev: Corpus | None, last: int | None) -> str:
    """What is trained on what, in one line."""
    end = "" if last is None else f", up to step {last}"
    return (
        f"{experiment.name}, seed {experiment.seed}: {counted(experiment.train.steps, 'step')}{end} "
        f"on {target.name} ({', '.join(target.languages)}), {_amount(target)}; "
        f"{'from ' + experiment.source if experiment.source else 'from scratch'}; "
        f"{'no dev' if dev is None else f'dev has {_amount(dev)}'}"
    )


def _amount(corpus: Corpus) -> str:
    return f"{lasting(corpus.minutes)} in {counted(len(corpus), 'utterance')}"


def development_of(
    experiment: Experiment, model: AcousticModel, corpus: Corpus, tokenizers: Mapping[str, Tokenizer]
) -> Development:
    """The dev speech, at most so many utterances per language, its speakers as the model knows them."""
    chosen = corpus.first_per_language(experiment.train.dev_utterances)
    texts, languages = chosen.column("text"), chosen.column("language")
    units = sum(tokenizers[tag].count(text) for tag, text in zip(languages, texts, strict=True))
    settings = replace(experiment.decode, closed=False, words=())
    examples = Speech.of(chosen).examples(None)
    examples = replace(examples, speakers=as_known(model, examples.speakers, "dev"))
    return Development(examples, texts, units, settings)


def advice(
    experiment: Experiment,
    source: LoadedModel | None,
    model: AcousticModel,
    data: TransferData,
    target: Corpus,
    dev: Corpus | None,
    tests: Mapping[str, Corpus],
) -> list[str]:
    """All that is to be minded about a training that is to begin, in sentences.

    Args:
        experiment: The experiment.
        source: The model that it starts from.
        model: What is trained.
        data: What it is trained on.
        target: The labelled target.
        dev: What chooses weights, where it is not carved out of the target.
        tests: By name.
    """
    held_out = {**({} if dev is None else {"dev": dev}), **tests}
    fitted = {tag: model.tokenizers[tag] for tag in target.languages}
    found = (
        *units_not_trained(held_out, fitted),
        hearings(experiment, source, target),
        few_voices(experiment, target, tests),
        without_effect(experiment, source),
        steps_after(experiment),
        strange_inputs(model, source, filter(None, (data.target, data.source, data.unlabelled))),
        strangers_on_dev(model, dev) if experiment.method.chooses_on_dev else None,
        *strangers_in_tests(model, tests),
    )
    return [line for line in found if line]


def hearings(experiment: Experiment, source: LoadedModel | None, target: Corpus) -> str | None:
    """Advice where training ends before its speech has been heard a few times, or hears it very often; else
    None.

    Source of the latter: `speechtl study arabic/speakers_amounts`, in docs/results.md.
    """
    settings = experiment.train
    heard = settings.steps * settings.batch_seconds / max(60 * target.minutes, 1e-9)
    is_known = source is not None and set(target.languages) <= set(source.model.languages)
    if heard > MANY and is_known:
        fewer = max(1, round(settings.steps * SAFE / heard))
        return (
            f"{counted(settings.steps, 'step')} hear the {lasting(target.minutes)} of training speech "
            f"{heard:.0f} times: with so little of a speaker, errors on other words doubled, or did not "
            f"fall. --train.steps {fewer} hears it {heard * fewer / settings.steps:.0f} times"
        )
    if not 0 < heard < FEW:
        return None
    enough = math.ceil(ENOUGH * 60 * target.minutes / settings.batch_seconds / 100) * 100
    return (
        f"{counted(settings.steps, 'step')} hear the {lasting(target.minutes)} of training speech "
        f"{heard:.1f} times; --train.steps {enough} hears them {ENOUGH} times"
    )


def few_voices(experiment: Experiment, target: Corpus, tests: Mapping[str, Corpus]) -> str | None:
    """Advice where few speakers are trained on for the sake of others; None where many are, or no others.

    Source: `speechtl study arabic/few_voices`, in docs/augmentation.md.
    """
    voices, augment = set(target.qualified_speakers), experiment.augment
    if None in voices or len(voices) > FEW_VOICES or augment.vocal_tract or augment.pitch:
        return None
    others = {speaker for corpus in tests.values() for speaker in corpus.qualified_speakers} - {None, *voices}
    if not others:
        return None
    return (
        f"{counted(len(voices), 'speaker')} to train on, and {len(others)} unheard in the tests: those are "
        "read better if voices are changed at random (docs/augmentation.md): --augment.vocal-tract 0.16 "
        "--augment.pitch 3 --augment.tempo 0.16"
    )


def without_effect(experiment: Experiment, source: LoadedModel | None) -> str | None:
    """The settings of model and features that were asked for and the source's own replace; None without any.

    The kind of a head is no such setting: a new one may be of another kind than the source's. Nor are
    defaults, for which nobody asked.
    """
    if source is None:
        return None
    model = replace(source.model.settings, head=experiment.model.head)
    asked = flatten({"model": to_json(experiment.model), "features": to_json(experiment.features)})
    kept = flatten({"model": to_json(model), "features": to_json(source.model.features)})
    defaults = flatten({"model": to_json(ModelSettings()), "features": to_json(FeatureSettings())})
    others = [
        f"{name}={value} (it has {kept[name]})"
        for name, value in asked.items()
        if value not in (kept[name], defaults[name])
    ]
    if not others:
        return None
    return f"the source brings its own model and features; without effect: {', '.join(others)}"


def strangers_on_dev(model: AcousticModel, dev: Corpus | None) -> str | None:
    """Advice where dev has nobody of those that a model has parameters for; None where it has.

    All weights do equally well there, and the first of them, hardly trained, would be kept.
    """
    if dev is None:
        return None
    told: dict[By, list[str | None]] = {
        "speaker": matched(dev.qualified_speakers, known_keys(model, "speaker")),
        "language": dev.column("language"),
        "domain": dev.column("domain"),
    }
    for by, values in told.items():
        keys = known_keys(model, by)
        if keys and not set(keys) & set(values):
            return (
                f"no dev utterance is of a {by} that is adapted to ({listed(keys)}), so dev cannot "
                f"tell which weights are best. Name dev speech of the same {by}s, take it out of the target "
                "by --dev fold, or keep the last ones by --dev none"
            )
    return None


def strangers_in_tests(model: AcousticModel, tests: Mapping[str, Corpus]) -> list[str]:
    """Which of the tests have speakers for whom a model that has some has no parameters, in sentences."""
    keys = known_keys(model, "speaker")
    told = []
    for name, corpus in tests.items() if keys else ():
        speakers = matched(corpus.qualified_speakers, keys)
        unknown = [speaker for speaker in speakers if speaker not in keys]
        if unknown:
            named = listed(sorted({speaker or "not named" for speaker in unknown}))
            told.append(
                f"{name}: {len(unknown)} of {counted(len(corpus), 'utterance')} are of speakers without "
                f"parameters of their own, and are heard as the source hears them: {named}"
            )
    return told


def strange_inputs(
    model: AcousticModel, source: LoadedModel | None, speech: Iterable[Examples]
) -> str | None:
    """Advice where no training speech is of a domain for which an input was added; None where some is."""
    heard = {domain for examples in speech for domain in examples.domains}
    before = source.model.inputs.domains if source is not None else ()
    missing = [domain for domain in model.inputs.domains if domain not in {*heard, *before}]
    if not missing:
        return None
    known = listed(sorted(domain or "none" for domain in heard))
    return (
        f"no training speech is of the domain {listed(missing)}, whose input of its own is therefore not "
        f"trained; the speech is of {known}. Correct `inputs`, or the column `domain` (`as_domain`)"
    )


def steps_after(experiment: Experiment) -> str | None:
    """Advice where a method that is done before the first step is trained on; None for all others."""
    method = experiment.method
    if not method.is_for_no_step or not experiment.train.steps:
        return None
    return (
        f"{method.label} is done before the first step: {counted(experiment.train.steps, 'step')} "
        "of training follow, and end elsewhere. --train.steps 0 is the method alone"
    )


def unit_table(experiment: Experiment) -> tuple[UnitTable | None, tuple[str, ...] | None]:
    """The table of head rows and the languages that it is for.

    Raises:
        ValueError: the module is not there, or has no table.
    """
    if experiment.unit_table is None:
        return None, None
    try:
        module = importlib.import_module(experiment.unit_table)
        table: UnitTable = module.UNITS
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(
            f"unit_table={experiment.unit_table!r} cannot be used ({error}); expected a module with `UNITS`, "
            "such as recipes.taiwanese.units"
        ) from error
    return table, getattr(module, "LANGUAGES", None)


def syllable_table(experiment: Experiment, source: LoadedModel | None) -> SyllableTable | None:
    """The table by which tests are decoded through the source's heads; None without one.

    Raises:
        ValueError: the module is not there or has no table, or the source lacks a head of it.
    """
    if experiment.syllable_table is None or source is None:
        return None
    table = SyllableTable.load(experiment.syllable_table)
    table.require_heads(source.model.languages)
    return table


def start(
    experiment: Experiment, source: LoadedModel | None, data: TransferData
) -> tuple[AcousticModel, list[Coverage]]:
    """The model at step 0, and where its head rows come from."""
    if source is None:
        model = AcousticModel(
            experiment.model,
            experiment.features,
            data.tokenizers,
            inputs=experiment.inputs,
            seed=experiment.seed,
        )
        return _trained(experiment, experiment.method.begin(model, data, experiment.seed)), []
    coverage = experiment.method.coverage(source.model, data)
    model = source.copy()
    for entry in experiment.inputs:
        if entry not in model.inputs.added:
            model.inputs.add(entry, seed=experiment.seed)
    known = source.model.state_dict().keys()
    return _trained(experiment, experiment.method.adapt(model, data, experiment.seed, known)), coverage


def _trained(experiment: Experiment, model: AcousticModel) -> AcousticModel:
    """The model, of which something is trained if there are steps.

    Raises:
        ValueError: all of it is frozen.
    """
    if experiment.train.steps and not any(value.requires_grad for value in model.parameters()):
        raise ValueError(
            f"{counted(experiment.train.steps, 'step')} of training are asked for, but every parameter is "
            "frozen by the plan. Train some of them ('head.*=train' as the last rule), or, if nothing is to "
            "be trained, say --train.steps 0"
        )
    return model


def save_coverage(path: Path, coverage: list[Coverage]) -> None:
    """Write where the head rows come from, and log it.

    Raises:
        OSError: the disk is full or not writable.
    """
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
        if entry.rows and not entry.mapped:
            logger.warning(
                "no unit of %s corresponds to one of the source's heads, so its head starts at random but "
                "for the blank; a unit_table says which sound alike",
                entry.language,
            )
        for unit, sources in entry.rows.items():
            if sources:
                logger.info("  %-6s from %s", unit, ", ".join(f"{tag} {name}" for tag, name in sources))
    with explained("the coverage of the head", path):
        write_json(path, [entry.to_dict() for entry in coverage])
