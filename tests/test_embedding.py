"""The picture of two domains: what is drawn, what is kept, and what both must have in common."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechtl import embedding
from speechtl.domain_shift import Pooled
from speechtl.embedding import FEWEST, MOST_COLOURED, Points, draw_tsne, embedded


@pytest.fixture(autouse=True)
def _few_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "ITERATIONS", 250)


def side(name: str, count: int, shift: float = 0.0, classes: int = 3) -> Pooled:
    """Vectors (count, 8), far from zero by a shift."""
    random = np.random.default_rng(len(name) + count)
    features = random.normal(0, 1, (count, 8)).astype(np.float32) + np.float32(shift)
    said = tuple(f"word {i % classes}" for i in range(count)) if classes else ()
    return Pooled(features, tuple(f"{name}{i}" for i in range(count)), (None,) * count, said)


def pair(classes: int = 3) -> tuple[Pooled, Pooled]:
    return side("a", 40, classes=classes), side("b", 30, 5.0, classes)


def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], list[list[str]]]]:
    """Of every picture that is saved, its panels' titles and legends."""
    from matplotlib.figure import Figure

    seen: list[tuple[list[str], list[list[str]]]] = []
    savefig = Figure.savefig

    def note(figure: Figure, *arguments: object, **options: object) -> None:
        legends = [axes.get_legend() for axes in figure.axes]
        texts = [[text.get_text() for text in legend.get_texts()] for legend in legends if legend]
        seen.append(([axes.get_title(loc="left") for axes in figure.axes], texts))
        savefig(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", note)
    return seen


def test_both_moments_are_drawn_by_domain_and_by_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = drawn(monkeypatch)
    before, after = pair(), pair()
    found = draw_tsne(before, after, tmp_path / "tsne.png", "toy", start="untrained", names=("clean", "far"))
    titles, legends = seen[0]
    assert titles == [
        "before training (untrained): domains",
        "before training (untrained): classes",
        "after training: domains",
        "after training: classes",
    ]
    assert legends == [["clean", "far"], ["word 0", "word 1", "word 2"]]
    assert found is not None
    stored = Points.load(tmp_path / "tsne.npz")
    for name, values in vars(found).items():
        assert np.array_equal(getattr(stored, name), values)
    assert stored.ids.tolist() == [*before[0].ids, *before[1].ids]
    assert stored.is_target.tolist() == [False] * 40 + [True] * 30
    assert {path.name for path in tmp_path.iterdir()} == {"tsne.png", "tsne.npz"}


@pytest.mark.parametrize("classes", [0, 1, MOST_COLOURED + 1])
def test_unknown_or_many_classes_are_not_coloured(
    classes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = drawn(monkeypatch)
    draw_tsne(pair(classes), pair(classes), tmp_path / "tsne.png", "toy")
    assert seen[0][0] == ["before training (source): domains", "after training: domains"]


def test_domains_that_are_apart_stay_apart() -> None:
    ours, theirs = pair()
    points = embedded(np.concatenate([ours.features, theirs.features]), seed=0)
    middles = points[:40].mean(0), points[40:].mean(0)
    own = np.linalg.norm(points[:40] - middles[0], axis=1) < np.linalg.norm(points[:40] - middles[1], axis=1)
    assert own.mean() > 0.95
    assert np.array_equal(points, embedded(np.concatenate([ours.features, theirs.features]), seed=0))


def test_half_of_the_utterances_are_of_each_domain(tmp_path: Path) -> None:
    found = draw_tsne(pair(), pair(), tmp_path / "tsne.png", "toy", most=20)
    assert found is not None
    assert found.is_target.tolist() == [False] * 10 + [True] * 10
    again = draw_tsne(pair(), pair(), tmp_path / "again.png", "toy", most=20)
    assert again is not None
    assert found.ids.tolist() == again.ids.tolist()


def test_of_too_few_there_is_no_picture(tmp_path: Path) -> None:
    few = side("a", FEWEST // 2), side("b", FEWEST // 2 - 1)
    assert draw_tsne(few, few, tmp_path / "tsne.png", "toy") is None
    assert list(tmp_path.iterdir()) == []


def test_before_and_after_must_be_the_same_speech(tmp_path: Path) -> None:
    ours, theirs = pair()
    other = replace(theirs, ids=theirs.ids[::-1])
    with pytest.raises(ValueError, match="not the same utterances; pool both with the same speech and seed"):
        draw_tsne((ours, theirs), (ours, other), tmp_path / "tsne.png", "toy")


def test_features_that_are_all_alike_are_one_point() -> None:
    """As of a model that has collapsed, on which t-SNE itself ends the process."""
    assert not embedded(np.full((40, 8), 0.5, dtype=np.float32), 0).any()


def test_classes_of_the_labelled_speech_are_coloured_where_the_other_s_are_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = drawn(monkeypatch)
    ours, theirs = pair()
    untold = (ours, replace(theirs, classes=("",) * len(theirs)))
    draw_tsne(untold, untold, tmp_path / "tsne.png", "toy")
    titles, legends = seen[0]
    assert titles[1::2] == ["before training (source): classes", "after training: classes"]
    assert legends[1] == ["word 0", "word 1", "word 2"]


def test_each_half_is_of_its_own_features(tmp_path: Path) -> None:
    before = pair()
    after = tuple(replace(one, features=one.features[::-1].copy()) for one in pair())
    found = draw_tsne(before, (after[0], after[1]), tmp_path / "tsne.png", "toy")
    assert found is not None
    for points, sides in ((found.before, before), (found.after, after)):
        assert np.array_equal(points, embedded(np.concatenate([one.features for one in sides]), seed=0))
    assert not np.array_equal(found.before, found.after)
