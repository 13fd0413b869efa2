"""What rows are called: short where they share a folder, whole where they do not."""

import pytest

from speechtl.study.labels import folder, labels


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
