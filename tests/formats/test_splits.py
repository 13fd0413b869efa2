import doctest

import pytest

from speechtl.formats import reading, splits
from speechtl.formats.splits import split_name, usual_split


def test_the_examples_in_the_docstrings_hold() -> None:
    for module in (splits, reading):
        tried = doctest.testmod(module)
        assert tried.attempted
        assert not tried.failed


@pytest.mark.parametrize(
    ("names", "split"),
    [
        (["train-00000-of-00002.parquet"], "train"),
        (["data-00000-of-00001.arrow", "validation"], "dev"),
        (["Test.tsv"], "test"),
        (["valid"], "dev"),
        (["validation-00003.parquet"], "dev"),
        (["test_0.parquet"], "test"),
        (["train1.arrow"], "train"),
        (["0001.parquet", "clips"], None),
        (["latest", "testament"], None),
        (["0000.parquet", "en", "train"], "train"),
        ([], None),
    ],
)
def test_the_first_name_that_is_usual_for_a_split_tells_it(names: list[str], split: str | None) -> None:
    assert usual_split(names) == split


def test_other_names_of_splits_stay() -> None:
    assert [split_name(name) for name in ("val", "Train", "dev_clean", "other")] == [
        "dev",
        "train",
        "dev_clean",
        "other",
    ]
