"""Speech that CTC cannot be trained or scored on, found before training, all of it at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from speechtl.augment import AugmentSettings
from speechtl.batches import Examples
from speechtl.corpus import Corpus
from speechtl.faults import counted, listed
from speechtl.features import SAMPLE_RATE
from speechtl.models.acoustic import AcousticModel
from speechtl.models.heads import frames_needed
from speechtl.text import Tokenizer, orthography
from speechtl.text_faults import text_fault

LONGEST = 60.0
"""Seconds of the longest utterance that is trained on."""

logger = logging.getLogger(__name__)


def refuse_faulty_texts(corpora: Mapping[str, Corpus]) -> None:
    """Refuse languages that do not choose an orthography, and texts without units in theirs.

    Args:
        corpora: by the role that the message names.

    Raises:
        ValueError: all such languages and utterances in one message.
    """
    faults = [fault for role, corpus in corpora.items() for fault in _text_faults(role, corpus)]
    if faults:
        raise ValueError(
            f"{counted(len(faults), 'fault')} in the texts:\n  {listed(faults, separator=chr(10) + '  ')}\n"
            "Correct them in the corpus, or leave these utterances out."
        )


def _text_faults(role: str, corpus: Corpus) -> Iterator[str]:
    sound = set()
    for tag in corpus.languages:
        try:
            canonical = orthography(tag).tag
        except ValueError as error:
            yield f"{role}: {error}"
            continue
        if canonical == tag:
            sound.add(tag)
        else:
            yield f"{role}: the language {tag!r} is written {canonical!r}"
    ids, languages, texts = (corpus.column(name) for name in ("id", "language", "text"))
    for where, fault in _found(languages, texts, sound, _message):
        yield f"{role}: {ids[where]} ({languages[where]}): {fault}"


def _message(tag: str, text: str) -> str | None:
    fault = text_fault(tag, text)
    return None if fault is None else fault.message


def refuse_unknown_units(corpus: Corpus, tokenizers: Mapping[str, Tokenizer]) -> None:
    """Refuse training texts with units that the source's head for their language lacks.

    Raises:
        ValueError: all such utterances in one message.
    """
    faults = _unknown_units(corpus, tokenizers)
    if faults:
        raise ValueError(
            f"units that the source's heads lack, in {counted(len(faults), 'training utterance')}:\n  "
            f"{listed(faults, separator=chr(10) + '  ')}\nLeave these out, or start from a source that was "
            "trained on these units, or give the language a private tag in the corpus, such as en-x-own for "
            "en: it gets a new head, which starts from the source's rows."
        )


def units_not_trained(corpora: Mapping[str, Corpus], tokenizers: Mapping[str, Tokenizer]) -> list[str]:
    """A warning for each of dev and tests whose texts have units that no training text has.

    These can only be errors.
    """
    found = ((role, corpus, _unknown_units(corpus, tokenizers)) for role, corpus in corpora.items())
    return [
        f"{role}: {len(faults)} of {len(corpus)} utterances have units that no training text has, and will "
        f"be wrong there: {listed(faults[:5])}"
        for role, corpus, faults in found
        if faults
    ]


def _unknown_units(corpus: Corpus, tokenizers: Mapping[str, Tokenizer]) -> list[str]:
    def unknown(tag: str, text: str) -> str | None:
        return ", ".join(map(repr, tokenizers[tag].unknown(text))) or None

    ids, languages, texts = (corpus.column(name) for name in ("id", "language", "text"))
    return [f"{ids[where]}: {fault}" for where, fault in _found(languages, texts, set(tokenizers), unknown)]


def _found(
    languages: Sequence[str],
    texts: Sequence[str],
    chosen: set[str],
    fault_of: Callable[[str, str], str | None],
) -> Iterator[tuple[int, str]]:
    """The utterances of the chosen languages with a fault; each distinct text is looked at once."""
    known: dict[tuple[str, str], str | None] = {}
    for where, entry in enumerate(zip(languages, texts, strict=True)):
        if entry[0] not in chosen:
            continue
        if entry not in known:
            known[entry] = fault_of(*entry)
        fault = known[entry]
        if fault is not None:
            yield where, fault


def refuse_long(corpus: Corpus) -> None:
    """Refuse utterances too long to be trained on whole: a batch holds at least one of them.

    Raises:
        ValueError: all such utterances in one message.
    """
    ids, durations = corpus.column("id"), corpus.column("duration")
    faults = [
        f"{id_}: {seconds:.0f} s" for id_, seconds in zip(ids, durations, strict=True) if seconds > LONGEST
    ]
    if faults:
        raise ValueError(
            f"too long to be trained on: {counted(len(faults), 'utterance')} of over {LONGEST:.0f} s\n  "
            f"{listed(faults, separator=chr(10) + '  ')}\nSplit them at sentences, each with its own text "
            "(a Kaldi `segments` file or `start` and `end` columns say where), or leave these out "
            f"by `longest` of the corpus (--target.longest {LONGEST:.0f})"
        )


def refuse_unwritable_words(words: Sequence[str], tokenizers: Mapping[str, Tokenizer]) -> None:
    """Refuse words for closed decisions that a head which is trained cannot write.

    Raises:
        ValueError: there are some; all in one message.
    """
    faults = []
    for language, tokenizer in tokenizers.items():
        unwritable = []
        for word in words:
            try:
                tokenizer.encode(orthography(language).normalise(word))
            except ValueError:
                unwritable.append(repr(word))
        if unwritable:
            faults.append(
                f"{len(unwritable)} of {counted(len(words), 'listed word')} cannot be written in the units "
                f"of the {language} head: {listed(unwritable)}"
            )
    if faults:
        raise ValueError(
            "\n".join(faults) + "\nLeave them out of decode.words, or train on texts that have their units"
        )


def refuse_short(model: AcousticModel, examples: Examples, augment: AugmentSettings) -> None:
    """Refuse utterances with fewer encoder frames, as short as they get, than CTC needs for their labels.

    Raises:
        ValueError: all such utterances in one message.
    """
    faults = []
    available = encoder_frames(model, examples.seconds, augment, examples.domains)
    for index, frames in enumerate(available.tolist()):
        labels = examples.labels[index]
        if not labels:  # speech whose labels nobody knows yet
            continue
        needed = int(frames_needed(torch.tensor([labels]), torch.tensor([len(labels)])))
        if frames < needed:
            faults.append(
                f"{examples.ids[index]}: {examples.seconds[index]:.2f} s give {frames} frames "
                f"{fastest_way(augment)}, its {len(labels)} units need {needed}"
            )
    if faults:
        raise ValueError(
            f"too short for the labels: {counted(len(faults), 'utterance')} (CTC needs a frame per unit, and "
            f"one between equal ones)\n  {listed(faults, separator=chr(10) + '  ')}\n"
            f"Correct the text or the audio, or leave these out{slower_way(augment)}."
        )


def encoder_frames(
    model: AcousticModel,
    seconds: NDArray[np.float64],
    augment: AugmentSettings,
    domains: Sequence[str | None] = (),
) -> NDArray[np.int64]:
    """Fewest frames (clips,) that an encoder makes in training of clips that last so long.

    In a phrase several share one margin, and a space and a blank may stand between their labels. What a
    phrase of equal clips leaves to each of them is what every phrase leaves to its clips on average.
    """
    frames = _frames(model, seconds / augment.fastest, domains)
    if augment.chain:
        count = augment.chain_longest
        phrase = count * seconds + (count - 1) * augment.chain_pause[0]
        share = (_frames(model, phrase / augment.fastest, domains) - 2 * (count - 1)) // count
        frames = np.minimum(frames, share)
    return frames


def _frames(
    model: AcousticModel, seconds: NDArray[np.float64], domains: Sequence[str | None]
) -> NDArray[np.int64]:
    samples = torch.from_numpy((seconds * SAMPLE_RATE).astype(np.int64))
    frames: NDArray[np.int64] = model.encoded_frames(samples, domains).numpy()
    return frames


def fastest_way(augment: AugmentSettings) -> str:
    """How utterances become as short as they get, for messages."""
    chained = f" in a phrase of {augment.chain_longest}" if augment.chain else ""
    return f"at speed {augment.fastest:g}{chained}"


def slower_way(augment: AugmentSettings) -> str:
    """The ending of a sentence that says how to train on short utterances, where anything can be done."""
    ways = []
    if max(augment.speeds) > 1:
        ways.append("at no faster speed with --augment.speeds 1.0")
    if augment.tempo:
        ways.append("at their own tempo with --augment.tempo 0")
    if augment.chain:
        ways.append("without phrases with --augment.chain 0")
    return ", or train " + " and ".join(ways) if ways else ""
