"""Putting inserted modules into a source: in which blocks, and for whose utterances."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from speechtl.faults import counted, listed
from speechtl.models.inserted import Insertion
from speechtl.transfer.rules import SOURCE, Rule

if TYPE_CHECKING:
    from speechtl.batches import Examples
    from speechtl.models.acoustic import AcousticModel
    from speechtl.models.inserted import By

logger = logging.getLogger(__name__)

SOURCE_FROZEN = (Rule(SOURCE, frozen=True),)
"""Only what the source lacks is trained: inserted modules, and the heads of new languages."""


def put(
    model: AcousticModel,
    kind: str,
    blocks: Iterable[str],
    target: Examples,
    by: By | None,
    options: Mapping[str, Any],
) -> None:
    """Put a module of a kind into each of these blocks, as the identity.

    A source that has some already keeps them, frozen, and gets others on top: those of earlier speakers stay.

    Raises:
        ValueError: nothing is known of the target that parameters could go by.
    """
    keys = keys_of(target, by)
    for block in blocks:
        present = [one for one in model.inserted.insertions if (one.kind, one.block) == (kind, block)]
        model.insert(Insertion(kind, block, by, keys, options, number=len(present) + 1))


def keys_of(target: Examples, by: By | None) -> tuple[str, ...]:
    """The target's speakers, languages or domains, sorted; none where all utterances share parameters.

    Raises:
        ValueError: no utterance tells its own.
    """
    if by is None:
        return ()
    told = {"speaker": target.speakers, "language": target.languages, "domain": target.domains}[by]
    utterances = Counter(key for key in told if key is not None)
    if not utterances:
        raise ValueError(
            f'by="{by}" gives each {by} parameters of its own, but no utterance of the target says what its '
            f"{by} is. Fill the corpus's column `{by}`, or let all utterances share them: --method.by None"
        )
    single = sorted(key for key, count in utterances.items() if count == 1)
    if single:
        logger.warning(
            "%s with one utterance: %s. One utterance says more about its words than about its %s; record "
            "some more with other words, or let all utterances share the parameters (--method.by None)",
            counted(len(single), by),
            listed(single),
            by,
        )
    silent = len(told) - utterances.total()
    if silent:
        logger.warning(
            "%s no %s: nothing is learnt from what says none",
            f"{counted(silent, 'utterance')} of the target {'has' if silent == 1 else 'have'}",
            by,
        )
    return tuple(sorted(utterances))


def chosen(globs: Iterable[str], blocks: Iterable[str]) -> list[str]:
    """The blocks that any of the globs matches, in their order.

    Raises:
        ValueError: a glob matches none of them.
    """
    names, patterns = list(blocks), list(globs)
    missed = [glob for glob in patterns if not any(fnmatchcase(name, glob) for name in names)]
    if missed or not patterns:
        raise ValueError(
            f"method.blocks={tuple(patterns)}: {', '.join(missed) or 'nothing'} matches no block that could "
            f"be chosen; these are {', '.join(names)}"
        )
    return [name for name in names if any(fnmatchcase(name, glob) for glob in patterns)]


def encoder_blocks(model: AcousticModel) -> list[str]:
    """The names of the encoder's blocks."""
    return [name for name in model.blocks() if name.startswith("encoder.")]


def refuse_head_only(trains: str, method: str) -> None:
    """Refuse `trains=head` for a method that trains what it inserts.

    Raises:
        ValueError: it was asked for.
    """
    if trains == "head":
        raise ValueError(
            f"{method} trains what it inserts, and new heads; trains=head would leave only these: use "
            "Transfer(trains='head') for that, or leave trains out"
        )
