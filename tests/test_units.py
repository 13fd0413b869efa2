"""What a head emits: every kind of units cuts a text and spells it again."""

import base64
import copy
import json
import pickle
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl.languages.syllables import SyllableOrthography
from speechtl.text import Tokenizer, orthography
from speechtl.units import KINDS, MOST_WORD_PIECES, Kind, TextSettings, fit_pieces

TAILO = "nan-Latn-tailo"
TEXTS = ["tsi̍t lia̍p tsio̍h-thâu", "khuànn--lâi", "Tâi-uân", "tsi̍t ê lâng", "lâi khuànn/khuànn", "m̄ bat"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def fit(kind: Kind, texts: list[str], tag: str = TAILO, **more: object) -> Tokenizer:
    return Tokenizer.fit(texts, tag, TextSettings(kind, **more))


def test_whole_syllables_are_units_with_their_tone() -> None:
    tokenizer = fit("syllables", ["tsi̍t-puànn", "puann khuànn--lâi lâi", "tsit8"])
    assert tokenizer.units == ("--lâi", "khuànn", "lâi", "puann", "puànn", "tsi̍t")
    assert tokenizer.decode(tokenizer.encode("Khuann3--lai5 tsi̍t")) == "khuànn --lâi tsi̍t"
    assert tokenizer.unknown("tsi̍t lí khuànn") == ["lí"]
    assert tokenizer.count("tsi̍t lí khuànn") == 3


def test_characters_are_letters_with_their_marks() -> None:
    tokenizer = fit("characters", ["tsi̍t lâi", "--á"])
    assert tokenizer.units == (" ", "-", "i", "i̍", "l", "s", "t", "á", "â")
    assert tokenizer.decode(tokenizer.encode("lâi--tsi̍t")) == "lâi --tsi̍t"


def test_pieces_are_what_occurs_together_often() -> None:
    texts = ["ko ka ko", "kan kan", "ko kan tu", "tu tu ka", "ko ka"] * 5
    tokenizer = fit("sentencepiece", texts, "en", vocabulary=12)
    assert set("katonu") <= {*"".join(tokenizer.units)}
    assert all(len(tokenizer.encode(text)) < len(text) for text in texts)
    assert tokenizer.decode(tokenizer.encode("KAN-TU!")) == "kan tu"


@every_kind
@pytest.mark.parametrize("tag", [TAILO, "nan-Latn-pehoeji", "nan-Hant", "cmn-Hans", "en", "hi", "ja"])
def test_what_is_encoded_is_decoded(kind: Kind, tag: str) -> None:
    texts = {
        TAILO: TEXTS,
        "nan-Latn-pehoeji": ["chi̍t lia̍p chio̍h-thâu", "khòaⁿ--lâi", "hō͘ góa"],
        "nan-Hant": ["一【替】粒石頭", "我 beh 去 Tâi-pak", "食飯（tsia̍h-pn̄g）/食糜"],
        "cmn-Hans": ["你好，世界", "用 iPhone 打电话"],
        "en": ["Don't stop", "the cat sat on the mat"],
        "hi": ["हिन्दी क्षि", "नमस्ते"],
        "ja": ["食べる、飲む", "カレー"],
    }[tag]
    rules = orthography(tag)
    if kind == "syllables" and not rules.syllabic:
        with pytest.raises(ValueError, match=f"text.units=syllables: {tag} has no syllable grammar; choose"):
            fit(kind, texts, tag)
        return
    tokenizer = fit(kind, texts, tag)
    assert tokenizer.kind == kind
    for text in texts:
        for form in ("NFC", "NFD"):
            ids = tokenizer.encode(unicodedata.normalize(form, text))
            assert ids
            assert 1 <= min(ids) <= max(ids) <= len(tokenizer.units)
            assert tokenizer.decode(ids) == rules.normalise(text)
            assert tokenizer.count(text) == len(ids)
            assert tokenizer.unknown(text) == []


@every_kind
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_any_texts_of_syllables_come_back(kind: Kind, data: st.DataObject) -> None:
    rules = orthography(TAILO)
    assert isinstance(rules, SyllableOrthography)
    toned = [
        f"{base}{tone}"
        for base, (_, final) in rules.table.items()
        for tone in "123456789"
        if rules.scheme.carries(final, tone)
    ]
    words = st.lists(st.sampled_from(toned), min_size=1, max_size=4)
    texts = data.draw(st.lists(words.map(" ".join), min_size=1, max_size=5))
    tokenizer = fit(kind, texts)
    assert [tokenizer.decode(tokenizer.encode(text)) for text in texts] == [rules.normalise(t) for t in texts]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=6),
    st.sampled_from(["mul", "en", "nan-Hant", "th"]),
    st.sampled_from(["characters", "sentencepiece"]),
)
def test_no_texts_are_too_few_or_too_strange(texts: list[str], tag: str, kind: Kind) -> None:
    rules = orthography(tag)
    texts = [text for text in texts if rules.normalise(text)] or ["a"]
    tokenizer = fit(kind, texts, tag)
    assert [tokenizer.decode(tokenizer.encode(text)) for text in texts] == [rules.normalise(t) for t in texts]
    for ids in ([1], [len(tokenizer.units)] * 2, list(range(1, len(tokenizer.units) + 1))):
        assert rules.normalise(tokenizer.decode(ids)) == tokenizer.decode(ids)


def test_the_vocabulary_is_fitted_to_the_data() -> None:
    rules = orthography(TAILO)
    few, many = TEXTS, [f"{a}{b}2 {c}an5" for a in "ptkbl" for b in "aeiou" for c in "ptkbl"]
    for texts in (few, many):
        normal = [rules.normalise(text) for text in texts]
        characters = {*"".join(normal).replace(" ", "▁"), "▁"}
        words = {word for text in normal for word in text.split()}
        units = fit("sentencepiece", texts).units
        assert characters <= {*units}
        assert len(units) <= len(characters) + len(words) // 4
    assert MOST_WORD_PIECES == 1000


def test_more_pieces_than_the_data_hold_are_no_failure() -> None:
    texts = ["tsi̍t", "lâi"]
    large = fit("sentencepiece", texts, vocabulary=5000)
    assert len(fit("sentencepiece", texts).units) <= len(large.units) < 30
    assert large.decode(large.encode("lâi")) == "lâi"


def test_a_vocabulary_without_room_for_the_characters_says_how_many_there_are() -> None:
    with pytest.raises(ValueError, match=r"text.vocabulary=3 is too small: .*nan-Latn-tailo have 7 char"):
        fit("sentencepiece", ["tsi̍t lâi"], vocabulary=3)


def test_the_same_texts_give_the_same_pieces() -> None:
    first, second = (fit("sentencepiece", TEXTS * 20) for _ in range(2))
    assert first == second
    script = (
        "from speechtl.text import TextSettings, Tokenizer; import sys\n"
        f"print(Tokenizer.fit({TEXTS * 20!r}, {TAILO!r}, TextSettings('sentencepiece')).model)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == first.model


def test_what_the_pieces_do_not_know_is_named() -> None:
    tokenizer = fit("sentencepiece", ["lâi lâi"])
    assert tokenizer.unknown("lâi khì") != []
    with pytest.raises(ValueError, match=r"'lâi khì' has units .*does not know"):
        tokenizer.encode("lâi khì")


@every_kind
def test_saved_and_copied_tokenizers_are_the_same(kind: Kind, tmp_path: Path) -> None:
    tokenizer = fit(kind, TEXTS)
    ids = tokenizer.encode(TEXTS[0])
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    for other in (loaded, copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert other == tokenizer
        assert hash(other) == hash(tokenizer)
        assert other.encode(TEXTS[0]) == ids
    document = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    assert document["version"] == (1 if kind == "default" else 2)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kind": "words"}, "damaged: units of the kind 'words'; expected one of default, syllables"),
        ({"kind": 3}, "damaged: no version, language and list"),
        ({"model": "no base 64"}, "damaged: the SentencePiece model cannot be read"),
        ({"model": base64.b64encode(b"another file").decode()}, "damaged: the SentencePiece model cannot"),
        ({"model": ""}, "damaged: the"),
        ({"units": ["a", "b"]}, "damaged: the units are not those of the SentencePiece model"),
    ],
)
def test_a_damaged_file_says_so(tmp_path: Path, changes: dict[str, object], complaint: str) -> None:
    path = tmp_path / "tokenizer.json"
    fit("sentencepiece", TEXTS).save(path)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint) as caught:
        Tokenizer.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"units": "words"}, "text.units is 'words'; expected one of default, syllables, characters, sent"),
        ({"vocabulary": 100}, "text.vocabulary=100 is for text.units=sentencepiece, not for default"),
        (
            {"units": "sentencepiece", "vocabulary": 0},
            "text.vocabulary is 0; expected 'fitted', or at least 1",
        ),
    ],
)
def test_settings_that_mean_nothing_are_refused(values: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        TextSettings(**values)


def test_sentencepiece_is_loaded_only_where_it_is_used() -> None:
    script = (
        "from speechtl.text import TextSettings, Tokenizer; import sys\n"
        "[Tokenizer.fit(['a'], 'nan-Latn-tailo', TextSettings(k)).encode('a')\n"
        " for k in ('default', 'syllables', 'characters')]\n"
        "print('sentencepiece' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_fitted_pieces_keep_the_texts_whole() -> None:
    """A text longer than SentencePiece's own limit is trained on too."""
    rules = orthography("en")
    pieces = fit_pieces(["ab " * 3000, "q"], rules, TextSettings("sentencepiece", 12))
    assert set("abq") <= {*"".join(pieces.vocabulary)}
    assert len(pieces.cut("ab ab ab")) < 8
