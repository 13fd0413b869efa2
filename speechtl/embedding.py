"""Embedding: two domains' features in the plane, by t-SNE, before and after training."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speechtl.curves import colours
from speechtl.domain_shift import Pooled, one_thread
from speechtl.figures import save, titled
from speechtl.whole_files import explained, replaced, write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PERPLEXITY = 30.0
"""Neighbours that count; fewer where there are few utterances."""
ITERATIONS = 500
"""Half of scikit-learn's: a thousand points hardly move in the other half, which takes as long."""
FEWEST = 10
"""Utterances below which there is nothing to see."""
MOST_COLOURED = 12
"""With more classes than this, colours no longer tell them apart, and the domains alone are drawn."""
_MARKERS = ("o", "^", "s")
"""Of the first seven classes, of the next seven, and so on: each colour comes again with another one."""
_DOMAINS = (("#0072b2", "o"), ("#d55e00", "x"))
"""Colour and marker of the labelled domain and of the unlabelled one."""


@dataclass(frozen=True)
class Points:
    """The same utterances in the plane twice."""

    before: NDArray[np.float32]
    """(utterances, 2)."""
    after: NDArray[np.float32]
    """(utterances, 2)."""
    is_target: NDArray[np.bool_]
    """(utterances,) whether each is of the unlabelled domain."""
    classes: NDArray[np.str_]
    """(utterances,) what is said in each; empty texts where that is not known."""
    ids: NDArray[np.str_]
    """(utterances,)."""

    def save(self, path: Path) -> None:
        """Write the points as an npz of five arrays, with nothing pickled.

        Raises:
            OSError: the disk is full or not writable.
        """
        data = io.BytesIO()
        np.savez_compressed(data, **vars(self))
        with explained("the points of the picture", path), replaced(path) as beside:
            write_bytes(beside, data.getvalue())

    @classmethod
    def load(cls, path: Path) -> Points:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(**{name: stored[name] for name in cls.__dataclass_fields__})


def draw_tsne(
    before: tuple[Pooled, Pooled],
    after: tuple[Pooled, Pooled],
    picture: Path,
    title: str,
    *,
    start: str = "source",
    names: tuple[str, str] = ("labelled", "unlabelled"),
    seed: int = 0,
    most: int = 1000,
) -> Points | None:
    """Draw two domains' features as a PNG, and keep the points in an npz of the same name beside it.

    Above before training, below after it; on the left coloured by domain, on the right by class, where the
    classes are known and few. Each half of the picture is an embedding of its own: what lies beside what can
    be compared, places and distances cannot.
    Source: van der Maaten and Hinton 2008, Visualizing data using t-SNE.

    Args:
        before: the labelled and the unlabelled domain before training.
        after: the same utterances after it.
        picture: where to draw; an earlier picture is replaced.
        title: the line above.
        start: what the model is before training, such as `source` or `untrained`.
        names: of the two domains.
        seed: draws the utterances and the embedding.
        most: utterances that are drawn, half of them of each domain.

    Returns:
        The points; None where there are fewer than `FEWEST` utterances, and nothing is written.

    Raises:
        ValueError: before and after are not the same utterances.
        OSError: the disk is full or not writable.
    """
    if [side.ids for side in before] != [side.ids for side in after]:
        raise ValueError(
            "before and after training are not the same utterances; pool both with the same speech and seed"
        )
    random = np.random.default_rng([seed, 0x75])
    places = [np.sort(random.permutation(len(side))[: most // 2]) for side in before]
    earlier, later = (
        [side.some(chosen) for side, chosen in zip(pair, places, strict=True)] for pair in (before, after)
    )
    if sum(map(len, earlier)) < FEWEST:
        return None
    points = Points(
        embedded(np.concatenate([side.features for side in earlier]), seed),
        embedded(np.concatenate([side.features for side in later]), seed),
        np.repeat([False, True], [len(side) for side in earlier]),
        np.array([name for side in earlier for name in side.classes or [""] * len(side)]),
        np.array([one for side in earlier for one in side.ids]),
    )
    points.save(picture.with_suffix(".npz"))
    figure = _figure(points, title, start, names)
    save(figure, picture, "the picture of the features")
    return points


def embedded(features: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """The points (utterances, 2) of features (utterances, width), each of which is standardised first.

    Features that are the same for all utterances, as of a model that has collapsed, are one point.
    """
    from sklearn.manifold import TSNE
    from sklearn.preprocessing import StandardScaler

    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    embedding = TSNE(perplexity=perplexity, init="pca", random_state=seed, max_iter=ITERATIONS, n_jobs=1)
    with one_thread():
        scaled = StandardScaler().fit_transform(features.astype(np.float64))
        if not scaled.any():
            return np.zeros((len(features), 2), dtype=np.float32)
        return np.asarray(embedding.fit_transform(scaled), dtype=np.float32)


def _figure(points: Points, title: str, start: str, names: tuple[str, str]) -> Figure:
    classes = sorted(set(points.classes.tolist()) - {""})
    has_classes = 1 < len(classes) <= MOST_COLOURED
    columns = 2 if has_classes else 1
    figure = titled(5.2 * columns, 9.6, title)
    axes = figure.subplots(2, columns, squeeze=False)
    for row, (places, moment) in enumerate(
        ((points.before, f"before training ({start})"), (points.after, "after training"))
    ):
        _by_domain(axes[row, 0], places, points.is_target, names)
        axes[row, 0].set_title(f"{moment}: domains", loc="left", fontsize=10)
        if has_classes:
            _by_class(axes[row, 1], places, points, classes)
            axes[row, 1].set_title(f"{moment}: classes", loc="left", fontsize=10)
    _legend(axes[0, 0], 2)
    if has_classes:
        _legend(axes[0, 1], 4)
        note = f"filled: {names[0]}, hollow: {names[1]}"
        if (points.classes == "").any():
            note += "; grey: what is said is not known"
        axes[1, 1].set_xlabel(note, loc="left", fontsize=9)
    return figure


def _by_domain(
    axes: Axes, places: NDArray[np.float32], is_target: NDArray[np.bool_], names: tuple[str, str]
) -> None:
    for rows, name, (colour, marker) in zip((~is_target, is_target), names, _DOMAINS, strict=True):
        axes.scatter(
            places[rows, 0],
            places[rows, 1],
            s=14,
            c=colour,
            marker=marker,
            linewidths=0.8,
            alpha=0.7,
            label=name,
        )
    _bare(axes)


def _by_class(axes: Axes, places: NDArray[np.float32], points: Points, classes: Sequence[str]) -> None:
    """The labelled domain's points filled, the other's hollow; grey where nothing is known to be said."""
    unknown = points.classes == ""
    axes.scatter(
        places[unknown, 0], places[unknown, 1], s=16, facecolors="none", edgecolors="0.75", linewidths=0.8
    )
    for index, (name, colour) in enumerate(zip(classes, colours(len(classes)), strict=True)):
        marker = _MARKERS[index // 7]
        mine = points.classes == name
        for rows, fill, label in (
            (mine & ~points.is_target, colour, name),
            (mine & points.is_target, "none", None if (mine & ~points.is_target).any() else name),
        ):
            axes.scatter(
                places[rows, 0],
                places[rows, 1],
                s=16,
                facecolors=fill,
                edgecolors=colour,
                marker=marker,
                linewidths=0.8,
                alpha=0.7,
                label=label,
            )
    _bare(axes)


def _bare(axes: Axes) -> None:
    """The scales of an embedding mean nothing."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("0.8")


def _legend(axes: Axes, columns: int) -> None:
    axes.legend(
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0, 1.06),
        borderaxespad=0,
        ncols=columns,
        fontsize=9,
        handletextpad=0.1,
        columnspacing=1.0,
    )
