"""Advice: what is to be minded about a training that is to begin, told before the first step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from speechtl.batches import Examples
from speechtl.checkpoint import LoadedModel
from speechtl.corpus import Corpus
from speechtl.experiment import Experiment
from speechtl.faults import counted, lasting, listed
from speechtl.features import FeatureSettings
from speechtl.known_speakers import known_domains, known_keys, matched
from speechtl.label_faults import units_not_trained
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inserted import By
from speechtl.models.settings import ModelSettings
from speechtl.settings_json import flatten, to_json
from speechtl.transfer.base import TransferData
from speechtl.transfer.dann import COLUMNS, hidden_classes, values_of
from speechtl.transfer.domain_batch_norm import DomainBatchNorm

FEW_VOICES = 4
"""With more speakers than this training hears how voices differ."""
FEW = 2
"""Times that training hears its speech, below which it is most likely too short."""
ENOUGH = 10
MANY, SAFE = 200, 70
"""Hearings of a source's adaptation: with more it did not help or did harm, with so many it helped."""


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
        unheard_heads(experiment, source, model, data),
        strange_inputs(model, source, filter(None, (data.target, data.source, data.unlabelled))),
        strangers_on_dev(model, dev) if experiment.method.chooses_on_dev else None,
        *strangers_in_tests(model, tests),
        *strange_domains_in_tests(model, tests, data),
        *labelled_target(experiment, data),
        *unsaid_classes(experiment, data),
        untrained_affine(experiment, data),
    )
    return [line for line in found if line]


def hearings(experiment: Experiment, source: LoadedModel | None, target: Corpus) -> str | None:
    """Advice where training ends before its speech has been heard a few times, or hears it very often; else
    None.

    Source of the latter: `speechtl study arabic/speakers_amounts`, in docs/results.md.
    """
    settings, share = experiment.train, experiment.method.target_share
    if share is None:
        return None
    heard = settings.steps * settings.batch_seconds * share / max(60 * target.minutes, 1e-9)
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
    enough = math.ceil(ENOUGH * 60 * target.minutes / (settings.batch_seconds * share) / 100) * 100
    return (
        f"{counted(settings.steps, 'step')} hear the {lasting(target.minutes)} of training speech "
        f"{heard:.1f} times; --train.steps {enough} hears them {ENOUGH} times"
    )


def unequal_source(experiment: Experiment, source: Experiment | None) -> str | None:
    """Advice where the source was trained on a drawn amount, and this run draws another one; else None.

    In two stages on the same minutes the first would have heard more, or less, than what stands beside both.
    """
    if source is None:
        return None
    amounts = [
        {(spec.minutes, spec.utterances) for spec in one.targets if spec.is_drawn}
        for one in (source, experiment)
    ]
    if not all(amounts) or amounts[0] == amounts[1]:
        return None
    before, now = (
        ", ".join(
            f"{minutes:g} minutes" if minutes != "all" else counted(int(utterances), "utterance")
            for minutes, utterances in sorted(one, key=str)
        )
        for one in amounts
    )
    return (
        f"the source {source.name} was trained on {before}, and this run on {now}: a run that it is compared "
        "with has not heard as much. Give it a source of as many"
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


def strange_domains_in_tests(
    model: AcousticModel, tests: Mapping[str, Corpus], data: TransferData
) -> list[str]:
    """Which tests are of no known domain, where a model has parts of their own for some, in sentences."""
    keys = known_domains(model)
    labelled = {domain for one in (data.target, data.source) if one is not None for domain in one.domains}
    told = []
    for name, corpus in tests.items() if keys else ():
        domains = corpus.column("domain")
        unknown = [domain for domain in domains if domain is None or domain not in {*keys, *labelled}]
        if unknown:
            named = listed(sorted({domain or "not named" for domain in unknown}))
            told.append(
                f"{name}: {len(unknown)} of {counted(len(corpus), 'utterance')} are of no domain that has "
                f"parts of its own ({listed(keys)}), and are heard without them: {named}. If they are of "
                "one, say it: --tests.0.as-domain NAME"
            )
    return told


def labelled_target(experiment: Experiment, data: TransferData) -> list[str]:
    """Which corpora are both labelled and heard without labels, and do not say of which domain, in sentences.

    Labelled speech of the target domain is told from the other by the column `domain` alone.
    """
    specs = experiment.targets
    heard = {spec.corpus for spec in experiment.unlabelled}
    if (
        data.unlabelled is None
        or {spec.corpus for spec in specs} <= heard
        or _has_labelled_target(experiment, data)
    ):
        return []
    return [
        f"{spec.corpus} is heard with labels and without, and its labelled utterances count as speech of the "
        "other domain unless their `domain` is that of the unlabelled ones. If they are of the same: "
        f"--target.{number}.as-domain NAME --unlabelled.0.as-domain NAME"
        for number, spec in enumerate(specs)
        if spec.corpus in heard and spec.as_domain is None
    ]


def unsaid_classes(experiment: Experiment, data: TransferData) -> list[str]:
    """What part of the unlabelled speech a DANN over accents or speakers does not hear, in sentences."""
    told = []
    for over in hidden_classes(experiment.method):
        values = values_of(over, data.unlabelled_speech)
        if missing := sum(value is None for value in values):
            told.append(
                f"over={over}: {missing} of {counted(len(values), 'unlabelled utterance')} say no "
                f"{COLUMNS[over]}, and the head does not hear them"
            )
    return told


def untrained_affine(experiment: Experiment, data: TransferData) -> str | None:
    """Advice where the target's own scale and shift behind batch norms are trained by nothing; else None."""
    method = experiment.method
    if not isinstance(method, DomainBatchNorm) or method.affine == "shared":
        return None
    if _has_labelled_target(experiment, data):
        return None
    return (
        "affine=own: no term goes through the unlabelled speech, so the scales and shifts of its batch norms "
        "stay where they began, while the others move on. Take --method.affine shared, or a term beside "
        "it (Composed with DANN or MMD)"
    )


def _has_labelled_target(experiment: Experiment, data: TransferData) -> bool:
    told = data.with_domains(has_source=experiment.method.hears_source(data))
    return bool(np.any(told.target.is_target))


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


def unheard_heads(
    experiment: Experiment, source: LoadedModel | None, model: AcousticModel, data: TransferData
) -> str | None:
    """Advice where the plan trains heads that no training utterance goes through; None where it does not."""
    known = () if source is None else source.model.languages
    new = [tag for tag in model.languages if tag not in known]
    heard = experiment.method.trained_heads(data, new, known)
    idle = [
        tag
        for tag in known
        if tag not in heard and any(value.requires_grad for value in model.head(tag).parameters())
    ]
    if not idle:
        return None
    return (
        f"no training speech is of {listed(idle)}, whose head the plan trains all the same: it stays as it "
        "is. Leave the rule out, or train on such speech too, by SourceReplay or JointTraining"
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
