"""A folder of recordings alone is speech without transcripts, and no corpus to train on."""

from pathlib import Path

import numpy as np
import pytest

from speechtl.audio import write_audio
from speechtl.corpus_spec import corpus


@pytest.fixture
def folder(own_folders: Path) -> Path:
    place = own_folders / "clips"
    for number, name in enumerate(("b/one.wav", "a.flac", "b/two.ogg")):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_audio(path, np.random.default_rng(number).uniform(-0.3, 0.3, 8000), 16_000)
    (place / "notes.txt").write_text("nothing to hear")
    return place


def test_every_recording_in_it_and_below_is_heard(folder: Path) -> None:
    opened = corpus(str(folder), language="en").open(needs_text=False)
    assert opened.column("id") == ["a", "b/one", "b/two"]
    assert opened.column("text") == ["", "", ""]
    assert set(opened.column("duration")) == {0.5}
    assert opened.languages == ["en"]


def test_recordings_that_only_their_ending_tells_apart_keep_it(folder: Path) -> None:
    write_audio(folder / "b" / "one.flac", np.random.default_rng(5).uniform(-0.3, 0.3, 8000), 16_000)
    opened = corpus(str(folder), language="en").open(needs_text=False)
    assert opened.column("id") == ["a", "b/one.flac", "b/one.wav", "b/two"]


def test_without_its_language_or_to_be_trained_on_it_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"no language; .*--unlabelled\.0\.language"):
        corpus(str(folder)).open(needs_text=False)
    with pytest.raises(
        ValueError, match=r"holds recordings and no transcripts; .*--without-texts.*expected a man"
    ):
        corpus(str(folder), language="en").open()


def test_an_empty_folder_is_refused(own_folders: Path) -> None:
    (own_folders / "nothing").mkdir()
    with pytest.raises(ValueError, match="no sound files"):
        corpus(str(own_folders / "nothing"), language="en").open(needs_text=False)
