import copy
import json
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.languages.syllables import SyllableOrthography
from speechtl.text import FORMAT_VERSION, Tokenizer, orthography

TAGS = ("nan-Latn-tailo", "cmn-Latn-pinyin", "yue-Latn-jyutping")


def test_a_tokenizer_knows_the_units_of_its_training_texts_only() -> None:
    tokenizer = Tokenizer.fit(["tsi̍t-puànn", "it", "khuànn--lâi", "jī/lī"], "NAN-Latn-tailo")
    assert tokenizer.language == "nan-Latn-tailo"
    assert tokenizer.units == (
        *("--", "-ai", "-i", "-it", "-uann", "3", "4", "5", "7", "8"),
        *("j-", "kh-", "l-", "p-", "ts-"),
    )
    assert tokenizer.encode("tsit8") == [15, 4, 10]
    assert tokenizer.decode([15, 4, 10]) == "tsi̍t"
    assert tokenizer.decode([]) == ""
    assert Tokenizer.fit(["lī/jī", "it", "puànn tsi̍t", "khuànn--lâi", "jī"], tokenizer.language) == tokenizer


def test_greedy_output_is_decoded_whatever_it_is() -> None:
    tokenizer = Tokenizer.fit(["ka", "kah", "khì"], "nan-Latn-tailo")
    ids = {unit: number for number, unit in enumerate(tokenizer.units, start=1)}
    assert tokenizer.decode([ids["k-"], ids["-a"], ids["4"]]) == "ka4"
    assert tokenizer.decode([ids["k-"], ids["k-"], ids["-ah"], ids["1"], ids["3"]]) == "k0 kah1 03"


def test_characters_are_units_of_other_languages() -> None:
    tokenizer = Tokenizer.fit(["Two words"], "en")
    assert tokenizer.units == (" ", "d", "o", "r", "s", "t", "w")
    assert tokenizer.decode(tokenizer.encode("SWORD two!")) == "sword two"


@pytest.mark.parametrize("tag", TAGS)
@settings(deadline=None)
@given(data=st.data())
def test_what_is_encoded_is_decoded(tag: str, data: st.DataObject) -> None:
    rules = orthography(tag)
    assert isinstance(rules, SyllableOrthography)
    scheme = rules.scheme
    toned = [
        base + tone
        for base, (_, final) in rules.table.items()
        for tone in scheme.tone_numbers
        if scheme.carries(final, tone)
    ]
    texts = data.draw(
        st.lists(st.lists(st.sampled_from(toned), min_size=1).map(" ".join), min_size=1, max_size=4)
    )
    tokenizer = Tokenizer.fit(texts, tag)
    for text in texts:
        ids = tokenizer.encode(text)
        assert min(ids) >= 1
        assert max(ids) <= len(tokenizer.units)
        assert tokenizer.decode(ids) == rules.normalise(text)


@settings(deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_any_text_of_any_script_comes_back_normalised(texts: list[str]) -> None:
    rules = orthography("mul")
    texts = [text for text in texts if rules.normalise(text)] or ["a"]
    tokenizer = Tokenizer.fit(texts, "mul")
    assert [tokenizer.decode(tokenizer.encode(text)) for text in texts] == [rules.normalise(t) for t in texts]


def test_an_unknown_unit_is_named_with_its_text() -> None:
    tokenizer = Tokenizer.fit(["khì"], "nan-Latn-tailo")
    with pytest.raises(ValueError, match=r"'lâi' has units .*nan-Latn-tailo does not know: 'l-', '-ai', '5'"):
        tokenizer.encode("lâi")
    with pytest.raises(ValueError, match="'ka4': the final -a cannot carry tone 4"):
        tokenizer.encode("ka4")


@pytest.mark.parametrize("ids", [[0], [1, 0, 2], [4], [-1]])
def test_blank_and_foreign_ids_are_refused(ids: list[int]) -> None:
    with pytest.raises(ValueError, match=r"label ids of nan-Latn-tailo are 1 to 3, got .*blank"):
        Tokenizer.fit(["khì"], "nan-Latn-tailo").decode(ids)


def test_all_texts_that_cannot_be_cut_are_listed_together() -> None:
    bad = [f"xx{number}" for number in range(30)]
    with pytest.raises(ValueError, match=r"31 texts of nan-Latn-tailo cannot be cut into units") as caught:
        Tokenizer.fit([*bad, "khì", "...", bad[0]], "nan-Latn-tailo")
    assert str(caught.value).count("is not a Tâi-lô syllable") == 20
    assert str(caught.value).endswith("... and 11 more")
    with pytest.raises(ValueError, match=r"1 text of en .*\n'\?!': nothing in it is spoken"):
        Tokenizer.fit(["yes", "?!"], "en")
    with pytest.raises(ValueError, match="no texts to fit a tokenizer of en on"):
        Tokenizer.fit([], "en")
    with pytest.raises(ValueError, match="choose one of"):
        Tokenizer.fit(["khì"], "nan")


def test_units_that_repeat_or_are_empty_are_refused() -> None:
    with pytest.raises(ValueError, match="occur more than once: a"):
        Tokenizer("en", ("a", "b", "a"))
    for units in ((), ("a", "")):
        with pytest.raises(ValueError, match="needs units"):
            Tokenizer("en", units)


def test_saved_and_copied_tokenizers_are_the_same(tmp_path: Path) -> None:
    tokenizer = Tokenizer.fit(["tsi̍t--ê", "m̄"], "nan-Latn-tailo")
    tokenizer.encode("m̄")
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    assert loaded == tokenizer
    assert copy.deepcopy(tokenizer) == pickle.loads(pickle.dumps(tokenizer)) == loaded
    assert hash(loaded) == hash(tokenizer)
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]
    with pytest.raises(FrozenInstanceError):
        loaded.language = "en"  # type: ignore[misc]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tokenizer.json"
    old = Tokenizer.fit(["khì"], "nan-Latn-tailo")
    old.save(path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Tokenizer.fit(["lâi"], "nan-Latn-tailo").save(path)
    assert Tokenizer.load(path) == old
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "damaged: no JSON"),
        ('{"format": "speechtl tokeni', "damaged: no JSON"),
        (b"\xff\xfe", "damaged: no JSON"),
        ("[]", "is no tokenizer of speechtl"),
        ({"format": "sentencepiece"}, "is no tokenizer of speechtl"),
        ({"version": FORMAT_VERSION + 1}, "format version 3, this speechtl reads up to 2"),
        ({"version": None}, "damaged: no version"),
        ({"language": 3}, "damaged: no version, language"),
        ({"language": "nan"}, "damaged: 'nan' does not say"),
        ({"units": "abc"}, "damaged: no version, language and list"),
        ({"units": ["a", "a"]}, "damaged: units of en that occur more than once: a"),
        ({"units": ["a", 1]}, "damaged: .* needs units that are texts"),
        ({"units": ["a", ["b"]]}, "damaged: .* needs units that are texts"),
    ],
)
def test_a_file_that_is_no_tokenizer_says_so(tmp_path: Path, content: object, complaint: str) -> None:
    path = tmp_path / "tokenizer.json"
    Tokenizer("en", ("a",)).save(path)
    if isinstance(content, dict):
        content = json.dumps(json.loads(path.read_text(encoding="utf-8")) | content)
    path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    with pytest.raises(ValueError, match=complaint) as caught:
        Tokenizer.load(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.json is missing; expected a tokenizer"):
        Tokenizer.load(tmp_path / "gone.json")
