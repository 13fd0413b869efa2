import unicodedata
from pathlib import Path

import pytest
from own_speech import kinds, message_of, sound

from speechtl.formats import read_corpus
from speechtl.formats.audio_paths import as_stored, is_file, resolve


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A corpus with a link out of it, beside other files."""
    for name in ("corpus/clips/a.wav", "elsewhere/deep/b.wav", "c.wav", "elsewhere/c.wav"):
        sound(tmp_path / name)
    (tmp_path / "corpus" / "link").symlink_to(tmp_path / "elsewhere" / "deep")
    return tmp_path / "corpus"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("clips/a.wav", "clips/a.wav"),
        ("./clips/../clips/a.wav", "clips/a.wav"),
        ("link/b.wav", "link/b.wav"),
        ("clips/it's (1) 一.wav", "clips/it's (1) 一.wav"),
    ],
)
def test_relative_paths_start_at_the_folder(root: Path, written: str, found: str) -> None:
    assert resolve(written, root) == root / found


@pytest.mark.parametrize(
    "written",
    ["../c.wav", "clips/../../c.wav", "link/../c.wav", "link/../../corpus-2/x.wav", "../corpus-2/x"],
)
def test_a_path_that_leaves_the_folder_is_refused(root: Path, written: str) -> None:
    with pytest.raises(ValueError, match=r"leads to .*, outside "):
        resolve(written, root)


def test_absolute_paths_are_as_they_are_written_where_they_are_taken(root: Path) -> None:
    written = str(root.parent / "c.wav")
    assert resolve(written, root) == Path(written)
    with pytest.raises(ValueError, match="is absolute"):
        resolve(written, root, takes_absolute=False)


def test_the_folder_may_be_a_relative_path_or_a_link(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    assert resolve("clips/a.wav", Path("corpus")) == root / "clips" / "a.wav"
    assert resolve("clips/../clips/a.wav", Path("corpus")) == root / "clips" / "a.wav"
    (root.parent / "alias").symlink_to(root)
    assert is_file(resolve("clips/../clips/a.wav", root.parent / "alias"))


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "clips", ""])
def test_what_no_file_can_be_called_is_none(root: Path, name: str) -> None:
    assert not is_file(root / name)


@pytest.mark.parametrize("header", ["audio,text", "wav_filename,transcript", "audio_filepath,text"])
def test_every_row_that_leaves_the_folder_is_named(root: Path, header: str) -> None:
    rows = ["clips/a.wav", "link/../c.wav", "../c.wav", str(root.parent / "c.wav"), "x\0.wav"]
    manifest = root / "m.csv"
    manifest.write_text("\n".join([header, *(f"{path},one" for path in rows)]))
    leaving = [f"{manifest}:{line}" for line in (3, 4, 6)]
    assert kinds(manifest, language="en") == {"audio path that leaves the corpus's folder": leaving}
    assert "outside" in message_of(manifest, language="en")
    manifest.write_text("\n".join([header, *(f"{path},one" for path in rows[:4])]))
    assert kinds(manifest, language="en", audio_root=root.parent) != {}
    found = read_corpus(manifest, language="en", skip_bad=True)
    assert found.column("audio") == [str(root / "clips" / "a.wav"), str(root.parent / "c.wav")]


def test_another_folder_is_where_relative_paths_start(root: Path) -> None:
    manifest = root / "m.tsv"
    manifest.write_text("audio\ttext\nelsewhere/../c.wav\tone, two\n", encoding="utf-8")
    corpus = read_corpus(manifest, language="en", audio_root=root.parent)
    assert (corpus[0].audio, corpus[0].text) == (str(root.parent / "c.wav"), "one, two")


@pytest.mark.parametrize(("written", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_are_found_in_either_unicode_form(tmp_path: Path, written: str, stored: str) -> None:
    name = unicodedata.normalize(written, "Tâi-lô/tsi̍t.wav")
    on_disk = tmp_path / unicodedata.normalize(stored, "Tâi-lô/tsi̍t.wav")
    sound(on_disk)
    (tmp_path / "m.csv").write_text(f"audio,text\n{name},tsi̍t\n", encoding="utf-8")
    utterance = next(iter(read_corpus(tmp_path / "m.csv", language="nan-Latn-tailo")))
    assert Path(utterance.audio) == on_disk
    assert as_stored(tmp_path / "Tâi-lô" / "nn̄g.wav") is None
    assert as_stored(tmp_path / unicodedata.normalize(written, "Tâi-lô")) is None


def test_a_name_that_is_there_in_both_forms_is_the_written_one(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        sound(tmp_path / unicodedata.normalize(form, "á.wav"))
        written = tmp_path / unicodedata.normalize(form, "á.wav")
        assert str(as_stored(written)) == str(written)
