"""A corpus's texts in the orthography that is asked for."""

from __future__ import annotations

import logging
from dataclasses import replace

from speechtl.conversion import convert, converts
from speechtl.corpus import Corpus
from speechtl.corpus_table import dataset_of, with_column
from speechtl.faults import counted, listed

logger = logging.getLogger(__name__)


def in_orthography(corpus: Corpus, language: str) -> Corpus:
    """The utterances in a language; where there are none, those whose texts convert to it, converted.

    So a corpus in Pe̍h-ōe-jī trains and tests a model that writes Tâi-lô, and shares its texts when leakage
    is looked for.

    Raises:
        ValueError: The corpus has no such language and none that converts to it, or texts that are not in
            the orthography they are said to be in; all of these in one message.
    """
    others = [tag for tag in corpus.languages if converts(tag, language)]
    if language in corpus.languages or not others:
        return corpus.filter(language=language)
    chosen = corpus.filter(predicate=lambda utterance: utterance.language in others)
    texts, faults = [], []
    for utterance in chosen:
        try:
            texts.append(convert(utterance.text, source=utterance.language, target=language))
        except ValueError as error:
            faults.append(f"{utterance.id}: {error}")
    if faults:
        raise ValueError(
            f"corpus {corpus.name}: {counted(len(faults), 'text')} cannot be had in {language}:\n  "
            f"{listed(faults, separator=chr(10) + '  ')}"
        )
    logger.info(
        "corpus %s: its texts are converted from %s to %s", corpus.name, " and ".join(others), language
    )
    table = with_column(chosen.table(), "text", texts)
    table = with_column(table, "language", [language] * len(texts))
    return replace(chosen, dataset=dataset_of(table), is_checked=True)
