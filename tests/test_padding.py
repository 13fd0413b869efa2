import torch

from speechtl.padding import padded, padded_labels


def test_labels_are_padded_as_tensors_are() -> None:
    rows = [[1, 2, 3], [], [4]]
    labels = padded_labels(rows)
    assert labels.dtype == torch.int64
    assert torch.equal(labels, padded([torch.tensor(row, dtype=torch.int64) for row in rows]))


def test_labels_that_are_all_empty_have_no_columns() -> None:
    assert padded_labels([[], []]).shape == (2, 0)
