"""Probes: what a linear classifier reads off every block of a frozen model, the speaker and the unit.

Alain and Bengio 2017, "Understanding intermediate layers using linear classifier probes" (arXiv:1610.01644):
a multinomial logistic regression on the standardised outputs of each block, which are never trained for it.
Where the voice can be read but not the units, adaptation to a voice belongs; where it is the other way round,
the labels are learned.

Neither probe may succeed by what it should not know: the speakers are told on words that the probe has not
trained on, the units on speakers that it has not trained on (on utterances, if there is only one speaker).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from speechtl.batches import Examples, inference_batches
from speechtl.decode.alignment import align
from speechtl.faults import counted
from speechtl.figures import save, titled
from speechtl.partition import hash_fraction

if TYPE_CHECKING:
    from speechtl.models.acoustic import AcousticModel

TRAINED = 0.7
"""Share of the words (speakers) that a probe of speakers (units) trains on."""
MOST = 20_000
"""Most vectors that a probe trains on; more are drawn from."""


@dataclass(frozen=True)
class Accuracy:
    """How often a probe is right."""

    value: float
    """Share of right answers."""
    chance: float
    """Share of the commonest answer in what it trained on, among those that are asked for."""
    trained: int
    """Vectors that it trained on."""
    tested: int
    """Vectors that it was asked about."""


@dataclass(frozen=True)
class Probes:
    """The accuracies by block, from input to norm; a probe that the speech does not allow is empty."""

    speaker: Mapping[str, Accuracy]
    unit: Mapping[str, Accuracy]


@dataclass(frozen=True)
class Vectors:
    """What a probe sees."""

    outputs: Mapping[str, NDArray[np.float32]]
    """(vectors, dim) by block."""
    answers: NDArray[np.str_]
    """(vectors,) speakers or units."""
    groups: NDArray[np.str_]
    """(vectors,) words or speakers: none is trained on and tested."""


def probe(model: AcousticModel, examples: Examples) -> Probes:
    """Probe every block for speaker and unit.

    Args:
        model: with a CTC head for the language of the examples; it is put into eval mode meanwhile.
        examples: labelled, of one language.

    Raises:
        ValueError: They are of several languages or have no labels, or there is neither a second speaker nor
            a second utterance to tell apart.
    """
    if len(set(examples.languages)) != 1 or not all(len(ids) for ids in examples.labels):
        raise ValueError(
            "probes need labelled speech of one language; this is in "
            f"{', '.join(sorted(set(examples.languages)))}, or lacks labels: choose one language, and a "
            "model with a head for it"
        )
    speakers, units = _vectors(model, examples)
    found = {}
    for name, vectors in (("speaker", speakers), ("unit", units)):
        can = len(set(vectors.groups)) > 1 and len(set(vectors.answers)) > 1
        found[name] = accuracies(vectors) if can else {}
    if not any(found.values()):
        raise ValueError(
            f"{counted(len(examples), 'utterance')} of {counted(len(set(examples.speakers)), 'speaker')}: "
            "too few for a probe; two speakers with two words each, or two utterances with two units, are "
            "needed"
        )
    return Probes(**found)


def accuracies(vectors: Vectors) -> dict[str, Accuracy]:
    """A probe of each block, trained on some of the groups and tested on the others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    is_trained = _is_trained(vectors.groups)
    chosen = np.flatnonzero(is_trained)
    if len(chosen) > MOST:
        chosen = np.sort(np.random.default_rng(0).permutation(chosen)[:MOST])
    answers, asked = vectors.answers[chosen], vectors.answers[~is_trained]
    if len(set(answers)) < 2:
        return {}
    common = Counter(answers.tolist()).most_common(1)[0][0]
    found = {}
    for block, outputs in vectors.outputs.items():
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500, tol=1e-3))
        classifier.fit(outputs[chosen], answers)
        right = classifier.predict(outputs[~is_trained]) == asked
        found[block] = Accuracy(
            float(right.mean()), float((asked == common).mean()), len(chosen), int((~is_trained).sum())
        )
    return found


def _is_trained(groups: NDArray[np.str_]) -> NDArray[np.bool_]:
    """(vectors,) whether each belongs to a group that is trained on: the first ones by their hash."""
    order = sorted(set(groups.tolist()), key=lambda group: (hash_fraction(group), group))
    count = min(max(1, round(TRAINED * len(order))), len(order) - 1)
    return np.isin(groups, order[:count])


def _vectors(model: AcousticModel, examples: Examples) -> tuple[Vectors, Vectors]:
    """Means over utterances with their speakers, and over the frames of units with these."""
    means: defaultdict[str, list[NDArray[np.float32]]] = defaultdict(list)
    spans: defaultdict[str, list[NDArray[np.float32]]] = defaultdict(list)
    speakers: list[tuple[str, str]] = []
    units: list[tuple[str, str]] = []
    names = model.tokenizers[examples.languages[0]].units
    alone = len(set(examples.speakers)) == 1
    for index, states, frames in _outputs(model, examples):
        ids, speaker = examples.labels[index], examples.speakers[index]
        word, who = " ".join(str(i) for i in ids), speaker if speaker and not alone else examples.ids[index]
        if speaker is not None:
            speakers.append((speaker, word))
        units += [(names[i - 1], who) for i, _ in zip(ids, frames, strict=False)]
        for block, values in states.items():
            if speaker is not None:
                means[block].append(values.mean(0))
            spans[block] += [values[start:end].mean(0) for start, end in frames]
    return _gathered(means, speakers), _gathered(spans, units)


def _outputs(
    model: AcousticModel, examples: Examples
) -> Iterator[tuple[int, dict[str, NDArray[np.float32]], list[tuple[int, int]]]]:
    """Of every utterance: its place, the output (time, dim) of each block, and the frames of its units.

    Units are where the model's own head writes them, on the best path that spells the text.
    """
    language = examples.languages[0]
    blocks = [name for name in model.blocks() if not name.startswith("head.")]
    was_training, place = model.training, next(model.parameters()).device
    model.eval()
    try:
        for indices, batch in inference_batches(examples):
            with torch.inference_mode():
                encoded = model.encode(batch.to(place), blocks)
                posteriors = model.log_probs(encoded, language).float().cpu()
            lengths = encoded.lengths.tolist()
            taps = {name: encoded.taps[name].float().cpu().numpy() for name in blocks}
            for row, index in enumerate(indices.tolist()):
                frames = align(posteriors[row, : lengths[row]], examples.labels[index]) or []
                yield index, {name: taps[name][row, : lengths[row]] for name in blocks}, frames
    finally:
        model.train(was_training)


def _gathered(
    outputs: Mapping[str, Sequence[NDArray[np.float32]]], labels: Sequence[tuple[str, str]]
) -> Vectors:
    return Vectors(
        {block: np.stack(values) for block, values in outputs.items() if values},
        np.array([answer for answer, _ in labels]),
        np.array([group for _, group in labels]),
    )


def draw_probes(probes: Probes, picture: Path, title: str) -> None:
    """Draw the accuracies against the blocks as a PNG, chance as dotted lines.

    Raises:
        OSError: the disk is full or not writable.
    """
    figure = titled(7, 3.6, title)
    axes = figure.subplots()
    for name, colour in (("speaker", "#0072b2"), ("unit", "#d55e00")):
        found: Mapping[str, Accuracy] = getattr(probes, name)
        if not found:
            continue
        values = [100 * entry.value for entry in found.values()]
        axes.plot(list(found), values, color=colour, marker="o", markersize=3.5, label=name)
        chance = 100 * next(iter(found.values())).chance
        axes.axhline(chance, color=colour, linewidth=0.8, linestyle=":")
    axes.set_ylabel("right, %")
    axes.set_ylim(0, 102)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", labelrotation=30)
    axes.legend(frameon=False)
    save(figure, picture, "the picture of the probes")
