"""What rows are called: short where they share a folder, whole where they do not."""

import pytest

from speechtl.study.labels import folder, labels, shared_flags


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (["a/b/one", "a/b/two --x 1"], "a/b/"),
        (["a/b/one", "a/c/two"], "a/"),
        (["a/one", "finetune"], ""),
        (["one.py", "two.py"], ""),
        (["/tmp/x/one.py", "/tmp/x/two.py"], "/tmp/x/"),
        (["/tmp/one.py", "a/two"], ""),
        (["/one.py", "/two.py"], "/"),
        (["a/bc/one", "a/b/two"], "a/"),
    ],
)
def test_what_all_share_is_said_once(rows: list[str], place: str) -> None:
    assert folder(rows) == place
    assert {place + label for label in labels(rows).values()} == set(rows)
    assert len(set(labels(rows).values())) == len(rows)


def test_flags_that_all_rows_have_are_said_once() -> None:
    own = "--target.corpus 'my words.csv' --dev.0.ids a b"
    rows = [f"finetune {own}", f"finetune {own} --method LHUC", f"taiwanese/kl --train.lr 1e-3 {own}"]
    assert list(labels(rows).values()) == [
        "finetune",
        "finetune --method LHUC",
        "taiwanese/kl --train.lr 1e-3",
    ]
    assert shared_flags(rows) == ["--target.corpus 'my words.csv'", "--dev.0.ids a b"]
    assert shared_flags(rows[:1]) == [], "one row is called by its whole name"


def test_rows_that_would_be_called_the_same_keep_their_flags() -> None:
    rows = ["one --x 1 --y 2", "one --y 2 --x 1"]
    assert list(labels(rows).values()) == rows


def test_a_path_with_a_space_stays_whole() -> None:
    rows = ["'my dir/x.py' --y 2", "'my dir/x.py' --y 2 --z 3"]
    assert list(labels(rows).values()) == ["x.py", "x.py --z 3"]
