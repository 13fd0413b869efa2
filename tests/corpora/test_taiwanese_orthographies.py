"""One dictionary in two orthographies: the same recordings in the same splits."""

from collections.abc import Callable
from pathlib import Path

import pytest
from clips import clip

from data_prep.taiwanese_moe import prepare
from speechtl.corpus import Corpus
from speechtl.corpus_spec import corpus
from speechtl.named_corpora import data_folder, prepare_named
from speechtl.partition import text_keys
from speechtl.text import orthography

SYLLABLES = [f"ts{vowel}{tone}" for vowel in ("a", "e", "i", "o", "u", "ua") for tone in "123579"]
WORDS = [(f"{i}(1)", f"字{chr(0x4E00 + i)}", text) for i, text in enumerate(SYLLABLES)]
"""Recording, Han characters, Tâi-lô."""


def publish(root: Path, words: list[tuple[str, str, str]], header: str = "audio\thanji\ttailo") -> Path:
    rows = [header, *(f"{stem}.mp3\t{han}\t{tailo}" for stem, han, tailo in words)]
    for stem, _, _ in words:
        clip(root / "audio" / f"{stem}.mp3", 44_100)
    (root / "words.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def splits(prepared: Corpus) -> dict[str, str]:
    """The split of each recording."""
    pairs = zip(prepared.column("id"), prepared.column("split"), strict=True)
    return {id_.partition("/")[2]: split for id_, split in pairs}


def test_han_texts_are_split_as_the_tailo_ones_are(tmp_path: Path, own_folders: Path) -> None:
    root = publish(tmp_path / "words", WORDS)
    tailo, han = prepare(root), prepare(root, orthography="nan-hant")
    assert (tailo.name, han.name) == ("taiwanese_moe", "taiwanese_moe_hant")
    assert (tailo.languages, han.languages) == (["nan-Latn-tailo"], ["nan-Hant"])
    assert splits(han) == splits(tailo)
    assert set(splits(han).values()) == {"train", "dev", "test"}
    assert {u.id.partition("/")[2]: u.text for u in han} == {stem: text for stem, text, _ in WORDS}
    assert {u.id: u.audio for u in han} == {u.id: u.audio for u in tailo}, "so that equal minutes are drawn"


def test_words_written_alike_are_in_one_split_only(tmp_path: Path, own_folders: Path) -> None:
    alike = [(stem, "行", text) for stem, _, text in WORDS]
    tailo, han = (prepare(publish(tmp_path / "words", alike), tag) for tag in ("nan-Latn-tailo", "nan-Hant"))
    assert set(splits(han).values()) == {"train"}
    left = sum(split != "train" for split in splits(tailo).values())
    assert left > 0
    assert han.left_out == {"written like a word of another split": left}


def test_it_is_opened_by_name_from_the_dictionarys_folder(
    tmp_path: Path, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = publish(tmp_path / "corpora" / "taiwanese-moe", WORDS)
    monkeypatch.setenv("SPEECHTL_CORPORA", str(tmp_path / "corpora"))
    han = corpus("taiwanese_moe_hant", split="test").open()
    assert han.languages == ["nan-Hant"]
    assert (data_folder() / "taiwanese_moe_hant").is_dir()
    assert not (data_folder() / "taiwanese_moe").exists()
    again = prepare_named("taiwanese-moe", root, orthography="nan-Hant")
    assert again.name == "taiwanese_moe_hant"
    assert not (data_folder() / "taiwanese_moe").exists()
    assert corpus("taiwanese_moe", split="test").open().languages == ["nan-Latn-tailo"]
    assert corpus("taiwanese_moe_hant", split="test").open().column("id") == han.column("id")


def test_an_orthography_that_the_dictionary_lacks_is_refused(tmp_path: Path, own_folders: Path) -> None:
    root = publish(tmp_path / "words", WORDS[:3])
    with pytest.raises(ValueError, match="texts in nan-Latn-tailo and nan-Hant, not in cmn-Hant; choose one"):
        prepare_named("taiwanese_moe", root, orthography="cmn-Hant")
    with pytest.raises(ValueError, match="english_fsdd has texts in one orthography only; leave out --ortho"):
        prepare_named("english_fsdd", root, orthography="en")


def test_the_han_column_is_needed_for_han_only(tmp_path: Path, own_folders: Path) -> None:
    root = publish(tmp_path / "words", WORDS[:3], header="audio\tcharacters\ttailo")
    assert len(prepare(root)) == 3
    with pytest.raises(ValueError, match=r"words\.tsv: missing columns \['hanji'\]"):
        prepare(root, orthography="nan-Hant")


def test_no_han_test_word_of_the_real_dictionary_was_trained_on_in_tailo(
    prepared_corpora: Callable[[str], Corpus],
) -> None:
    tailo, han = prepared_corpora("taiwanese_moe"), prepared_corpora("taiwanese_moe_hant")
    of_tailo, of_han = splits(tailo), splits(han)
    assert of_han == {stem: of_tailo[stem] for stem in of_han}
    assert dict(han.left_out) == {"written like a word of another split": len(of_tailo) - len(of_han)}
    assert 0 < len(of_tailo) - len(of_han) < 10
    keys: dict[str, set[str]] = {}
    for utterance in han:
        for key in text_keys("nan-Hant", utterance.text):
            keys.setdefault(key, set()).add(utterance.split)
    assert {len(places) for places in keys.values()} == {1}
    marked = [utterance.text for utterance in han if "【" in utterance.text]
    assert len(marked) > 100
    assert not any("【" in orthography("nan-Hant").normalise(text) for text in marked)
