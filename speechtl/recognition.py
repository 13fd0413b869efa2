"""recognise(): examples to text, which evaluation and transcription both use."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from speechtl import decode
from speechtl.batches import Examples, inference_batches
from speechtl.faults import listed
from speechtl.known_speakers import known_domains, known_keys, matched
from speechtl.terminal import progress_bar

if TYPE_CHECKING:
    from speechtl.decode import DecodeSettings
    from speechtl.models.acoustic import AcousticModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recognised:
    """What was recognised, one entry per example, in the examples' order."""

    texts: list[str]
    closed: list[str] | None
    """The best of the model's listed words; None where that is not asked for, or it lists none."""


def require_decodable(model: AcousticModel, languages: Iterable[str], settings: DecodeSettings) -> None:
    """Refuse to search for sequences where a head makes one decision.

    Raises:
        ValueError: a language's head is a classifier's, and the decoding one of sequences.
    """
    deciding = [tag for tag in languages if tag in model.tokenizers and model.tokenizers[tag].kind == "whole"]
    if deciding and settings.searches:
        raise ValueError(
            f"the head of {listed(sorted(set(deciding)))} is a classifier, which makes one decision for an "
            f"utterance, so there is nothing for decode.method={settings.method} to search; leave out "
            "--decode and the flags of a language model"
        )


def recognise(
    model: AcousticModel,
    examples: Examples,
    language: str,
    settings: DecodeSettings,
    *,
    progress: str | None = None,
) -> Recognised:
    """Decode examples of one language with its head, in eval mode; the model's mode is put back after.

    Args:
        model: on the device to encode on.
        examples: of one language.
        language: the orthography of the head.
        settings: how to decode.
        progress: what a progress bar says; none is shown without it.
    """
    words = model.words.get(language) if settings.closed else None
    texts: dict[int, str] = {}
    chosen: dict[int, str] = {}
    tokenizer = model.tokenizers[language]
    with progress_bar(progress or "", len(examples), progress is not None) as advance:
        for indices, log_probs, lengths in posteriors(model, examples, language):
            texts.update(zip(indices, decode.decode(log_probs, lengths, tokenizer, settings), strict=True))
            if words:
                best = decode.closed(log_probs, lengths, tokenizer, words)
                chosen.update(zip(indices, best, strict=True))
            advance(len(indices))
    order = range(len(examples))
    return Recognised([texts[i] for i in order], [chosen[i] for i in order] if words else None)


def advise_on_strangers(model: AcousticModel, speaker: str | None, domain: str | None) -> None:
    """Warn of a speaker or a domain that was named, and that the model has no parts for.

    Such speech is heard as that of any unknown one, so that a name that is misspelt has no other sign.
    """
    speakers = known_keys(model, "speaker")
    named_speaker = matched([speaker], speakers)[0]
    domains = known_domains(model)
    for by, key, known in (("speaker", named_speaker, speakers), ("domain", domain, domains)):
        if key is not None and key not in known:
            named = ", ".join(sorted(known)) or "none"
            logger.warning(
                "the model has no parts for the %s %s, and hears it as an unknown one; it has some for: %s",
                by,
                key,
                named,
            )


def advise_on_unnamed_domains(model: AcousticModel, domains: Sequence[str | None], speech: str) -> None:
    """Warn of speech that names no domain where a model has parts of its own for some.

    Args:
        model: what will hear it.
        domains: of each utterance.
        speech: what it is called.
    """
    known = known_domains(model)
    if known and (unnamed := sum(domain is None for domain in domains)):
        logger.warning(
            "%s: %d of %d name no domain, and are heard without the parts that the model has for %s; if they "
            "are of one, say it: --domain NAME",
            speech,
            unnamed,
            len(domains),
            listed(sorted(known)),
        )


def posteriors(
    model: AcousticModel, examples: Examples, language: str
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Encode examples of one language batch by batch, in eval mode; the model's mode is put back after.

    Yields:
        Places in the examples, log-probabilities (batch, time, 1 + units), and lengths (batch,) in frames, on
        the CPU.
    """
    encoded_on = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        for indices, batch in inference_batches(examples):
            with torch.inference_mode():
                encoded = model.encode(batch.to(encoded_on))
                log_probs = model.log_probs(encoded, language).cpu()
            yield indices.tolist(), log_probs, model.output_lengths(encoded, language).cpu()
    finally:
        model.train(was_training)
