"""MNIST-M: the formula of the blending, photos that never cross from training to test, and clear refusals."""

import os
from pathlib import Path

import numpy as np
import pytest
from made_up_digits import write_digits, write_photos
from numpy.lib.stride_tricks import sliding_window_view

from recipes.mnist_m.data import (
    Digits,
    Split,
    blend,
    data_folder,
    load_domains,
    load_mnist,
    load_photos,
    tokenizer,
)


def digits(count: int = 20, seed: int = 0) -> Digits:
    random = np.random.default_rng(seed)
    grey = random.integers(0, 256, (count, 1, 28, 28), dtype=np.uint8)
    return Digits("mnist", np.repeat(grey, 3, axis=1), np.arange(count, dtype=np.uint8) % 10)


def photos(count: int = 3) -> list:
    random = np.random.default_rng(1)
    return [random.integers(0, 256, (3, 40 + 5 * i, 33), dtype=np.uint8) for i in range(count)]


def test_a_pixel_is_the_distance_of_digit_and_photo_channel_by_channel() -> None:
    grey = digits()
    colour = np.array([0, 100, 255], dtype=np.uint8)
    photo = np.broadcast_to(colour[:, None, None], (3, 30, 30))
    blended = blend(grey, [photo], seed=0)
    expected = [[[abs(int(value) - int(c)) for value in row] for row in grey.pixels[0, 0]] for c in colour]
    np.testing.assert_array_equal(blended.pixels[0], expected)
    assert blended.pixels.dtype == np.uint8
    assert blended.domain == "mnist-m"
    np.testing.assert_array_equal(blended.labels, grey.labels)


def test_behind_a_digit_is_a_whole_patch_of_one_photo() -> None:
    black = Digits("mnist", np.zeros((40, 3, 28, 28), np.uint8), np.zeros(40, np.uint8))
    known = photos()
    blended = blend(black, known, seed=3)
    patches = [sliding_window_view(photo, (3, 28, 28))[0].reshape(-1, 3, 28, 28) for photo in known]
    seen = set()
    for image in blended.pixels:
        found = [
            (number, int(place))
            for number, one in enumerate(patches)
            for place in np.flatnonzero((one == image).all(axis=(1, 2, 3)))
        ]
        assert len(found) == 1
        seen.add(found[0])
    assert {number for number, _ in seen} == {0, 1, 2}
    assert len(seen) > 20, "the patches are at random places"


def test_every_place_of_a_photo_can_be_drawn_its_edges_too() -> None:
    black = Digits("mnist", np.zeros((300, 3, 28, 28), np.uint8), np.zeros(300, np.uint8))
    tall = np.arange(30, dtype=np.uint8)[None, :, None] * np.ones((3, 1, 29), np.uint8)
    tops = blend(black, [tall], seed=0).pixels[:, 0, 0, 0]
    assert set(tops.tolist()) == {0, 1, 2}


def test_equal_seeds_blend_alike_and_others_do_not() -> None:
    first, again, other = (blend(digits(), photos(), seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert (first.pixels != other.pixels).any(axis=(1, 2, 3)).all()


def test_the_first_images_are_the_same_in_every_subset(tmp_path: Path) -> None:
    folder = write_digits(tmp_path)
    few, all_of_them = load_domains(folder, "train", 7), load_domains(folder, "train")
    assert len(few[0]) == len(few[1]) == 7
    np.testing.assert_array_equal(few[0].pixels, all_of_them[0].pixels[:7])
    np.testing.assert_array_equal(few[1].labels, all_of_them[1].labels[:7])


@pytest.mark.parametrize(("split", "channel"), [("train", 0), ("test", 2)])
def test_training_and_test_digits_stand_before_their_own_photos(
    tmp_path: Path, split: Split, channel: int
) -> None:
    grey, blended = load_domains(write_digits(tmp_path), split)
    background = blended.pixels[:, :, :, 0].mean(axis=(0, 2))
    assert background.argmax() == channel, "training photos are reddish, test photos bluish"
    assert (grey.pixels[:, 0] == grey.pixels[:, 1]).all()
    assert (grey.pixels[:, 0] == grey.pixels[:, 2]).all()


def test_utterances_hold_the_pixels_channel_by_channel() -> None:
    grey = digits()
    labelled = grey.examples()
    assert [samples.dtype for samples in labelled.waveforms[:1]] == [np.int16]
    np.testing.assert_array_equal(np.stack(labelled.waveforms), grey.pixels.reshape(20, 2352))
    assert labelled.labels[:3] == [[1], [2], [3]], "label ids begin behind the blank"
    assert [tokenizer().decode(ids) for ids in labelled.labels[:3]] == ["0", "1", "2"]
    assert set(labelled.domains) == {"mnist"}
    assert labelled.is_target is False
    unlabelled = blend(grey, photos(), 0).examples(is_labelled=False)
    assert unlabelled.labels == [[]] * 20
    assert unlabelled.is_target is True


def test_without_a_folder_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPEECHTL_CORPORA", raising=False)
    with pytest.raises(FileNotFoundError, match="--data, or set SPEECHTL_CORPORA to the folder that holds"):
        data_folder()


def test_the_folder_is_found_among_the_corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_digits(tmp_path / "mnist-m", 10, 10)
    monkeypatch.setenv("SPEECHTL_CORPORA", str(tmp_path))
    assert data_folder() == tmp_path / "mnist-m"
    assert data_folder(tmp_path / "mnist-m") == tmp_path / "mnist-m"


def test_a_folder_that_lacks_something_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "photos" / "train").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"lacks mnist\.npz, photos/test: expected mnist\.npz"):
        data_folder(tmp_path)


def test_arrays_of_another_kind_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros((3, 28, 28), np.uint8), y_train=np.zeros(4, np.uint8))
    with pytest.raises(ValueError, match=r"x_train is uint8 \(3, 28, 28\); expected uint8 \(4, 28, 28\)"):
        load_mnist(tmp_path, "train")
    with pytest.raises(ValueError, match=r"lacks x_test and y_test; it has x_train, y_train"):
        load_mnist(tmp_path, "test")


def test_photos_that_are_missing_or_too_small_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photos" / "train").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"no photo \(\*\.jpg\) in .*train"):
        load_photos(tmp_path, "train")
    write_photos(tmp_path, "train", {"low.jpg": np.zeros((20, 50, 3))})
    with pytest.raises(ValueError, match=r"low\.jpg is 50 by 20 pixels; a digit has 28 by 28"):
        load_photos(tmp_path, "train")


def test_the_real_photos_are_in_one_split_only() -> None:
    root = os.environ.get("SPEECHTL_CORPORA")
    if not root or not (Path(root) / "mnist-m").is_dir():
        pytest.skip("no real digits: set SPEECHTL_CORPORA to the absolute path of the folder with mnist-m")
    folder = data_folder()
    train, test = (load_photos(folder, split) for split in ("train", "test"))
    assert len(train) == len(test) == 80
    assert not {photo.tobytes() for photo in train} & {photo.tobytes() for photo in test}
