"""Whom a model knows: the speakers of any speech, matched to those that it has parameters for."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from speechtl.faults import listed

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel
    from speechtl.models.inserted import By

logger = logging.getLogger(__name__)


def known_keys(model: AcousticModel, by: By) -> list[str]:
    """The speakers, languages or domains that inserted modules have parameters for, in their order."""
    keys = (key for one in model.inserted.insertions if one.by == by for key in one.keys)
    return list(dict.fromkeys(keys))


def known_domains(model: AcousticModel) -> list[str]:
    """The domains that inserted modules, norms or inputs of their own are for."""
    return list(dict.fromkeys([*known_keys(model, "domain"), *model.inputs.domains]))


def matched(speakers: Sequence[str | None], keys: Collection[str]) -> list[str | None]:
    """Speakers by the names that a model has for them.

    A speaker is known by name and corpus; else as the only known one of this name, since one person's speech
    may come in several files; else not.

    >>> matched(["test/ann", "test/bob", "day1/bob", None], ["train/ann", "day1/bob", "day2/bob"])
    ['train/ann', 'test/bob', 'day1/bob', None]

    Args:
        speakers: Under their corpora's names, or bare.
        keys: Those that a model has parameters for.
    """
    named: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        named[_bare(key)].append(key)
    found = []
    for speaker in speakers:
        same = [] if speaker is None else named[_bare(speaker)]
        found.append(same[0] if speaker not in keys and len(same) == 1 else speaker)
    return found


def as_known(model: AcousticModel, speakers: Sequence[str | None], where: str) -> Sequence[str | None]:
    """The same for a model's keys; whom it takes for someone of another corpus is told.

    Args:
        model: The model.
        speakers: Under their corpora's names.
        where: What a message calls their speech.
    """
    keys = known_keys(model, "speaker")
    if not keys:
        return speakers
    found = matched(speakers, keys)
    pairs = dict.fromkeys(zip(speakers, found, strict=True))
    if taken := [f"{speaker} as {key}" for speaker, key in pairs if speaker != key]:
        logger.info("%s: heard by their names: %s", where, listed(taken))
    return found


def _bare(speaker: str) -> str:
    """A speaker's name without the corpus's."""
    return speaker.partition("/")[2] or speaker
