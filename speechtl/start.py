"""Start: the units, the dev speech and the model with which a training begins."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from speechtl.checkpoint import LoadedModel
from speechtl.corpus import Corpus
from speechtl.development import Development
from speechtl.experiment import Experiment
from speechtl.faults import counted, lasting, listed
from speechtl.known_speakers import as_known
from speechtl.label_faults import refuse_unknown_units, refuse_unwritable_words
from speechtl.material import Speech
from speechtl.models.acoustic import AcousticModel
from speechtl.recipe_files import table_module
from speechtl.text import Tokenizer, orthography
from speechtl.transfer.base import TransferData, UnitTable
from speechtl.transfer.first_pass import headless
from speechtl.transfer.head_rows import Coverage
from speechtl.whole_files import explained, write_json
from speechtl.zero_shot import SyllableTable

logger = logging.getLogger(__name__)

ROWS_TOLD = 12
"""Head rows that are told one by one; the file has all."""


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


def require_writable_words(corpus: Corpus, experiment: Experiment, source: LoadedModel | None) -> None:
    """Refuse listed words for closed decisions that the heads of all of the target could not write.

    Raises:
        ValueError: there are some; or no head can be made at all.
    """
    if experiment.decode.closed and experiment.decode.words:
        tokenizers = tokenizers_of(corpus, experiment, source)
        trained = {language: tokenizers[language] for language in corpus.languages}
        refuse_unwritable_words(experiment.decode.words, trained)


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


def unit_table(experiment: Experiment) -> tuple[UnitTable | None, tuple[str, ...] | None]:
    """The table of head rows and the languages that it is for.

    Raises:
        ValueError: the module is not there, or has no table.
    """
    if experiment.unit_table is None:
        return None, None
    named = experiment.unit_table
    module = table_module("unit_table", named, ["UNITS"], "recipes.taiwanese.units")
    return module.UNITS, getattr(module, "LANGUAGES", None)


def syllable_table(experiment: Experiment, source: LoadedModel | None) -> SyllableTable | None:
    """The table by which tests are decoded through the source's heads; None without one.

    Raises:
        ValueError: the module is not there or has no table, or the source lacks a head of it.
    """
    if experiment.syllable_table is None or source is None:
        return None
    named, values = experiment.syllable_table, ["LANGUAGE", "SYLLABLES"]
    module = table_module("syllable_table", named, values, "recipes.taiwanese.syllables")
    table = SyllableTable(module.LANGUAGE, module.SYLLABLES)
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
    model = source.copy().cpu()  # where the speech is; an earlier training may have moved the source
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


def unmapped(coverage: Iterable[Coverage]) -> list[str]:
    """Advice for each new head of which no row starts from the source's."""
    return [
        f"no unit of {entry.language} corresponds to one of the source's heads, so its head starts at random "
        "but for the blank; a unit_table says which sound alike"
        for entry in coverage
        if entry.rows and not entry.mapped
    ]


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
        for line in unmapped([entry]):
            logger.warning("%s", line)
        mapped = [(unit, sources) for unit, sources in entry.rows.items() if sources]
        for unit, sources in mapped[:ROWS_TOLD]:
            logger.info("  %-6s from %s", unit, ", ".join(f"{tag} {name}" for tag, name in sources))
        if len(mapped) > ROWS_TOLD:
            logger.info("  and %d more", len(mapped) - ROWS_TOLD)
    with explained("the coverage of the head", path):
        write_json(path, [entry.to_dict() for entry in coverage])
