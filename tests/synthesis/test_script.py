from collections import Counter

import pytest

from speechtl.orthographies import orthography
from speechtl.partition import text_keys
from speechtl.synthesis import ACCENTS, LANGUAGES, PHRASES, VARIANTS, Line, Wanted, dealt, script
from speechtl.synthesis.taiwanese import written
from speechtl.text import Tokenizer


def by_split(lines: list[Line]) -> dict[str, list[Line]]:
    return {split: [line for line in lines if line.split == split] for split in ("train", "dev", "test")}


def keys(language: str, lines: list[Line]) -> set[str]:
    return {key for line in lines for key in text_keys(language, written(line.text))}


def test_there_are_enough_languages_and_voices_and_no_voice_is_in_two_splits() -> None:
    everyone = [variant for split in VARIANTS.values() for variant in split]
    assert len(everyone) == len(set(everyone)) >= 40
    assert len(VARIANTS["train"]) == 28
    assert len(LANGUAGES) >= 6
    assert LANGUAGES[-1] == "nan-Latn-tailo"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_splits_do_not_share(language: str) -> None:
    lines = script(dealt(language, 600), seed=1)
    parts = by_split(lines)
    assert [len(part) for part in parts.values()] == [480, 48, 72]
    assert len({line.id for line in lines}) == 600
    single = {*PHRASES[language].digits, *PHRASES[language].commands}
    allowed = (
        set()
        if language == "nan-Latn-tailo"
        else keys(language, [line for line in lines if line.text in single])
    )
    for one, other in (("train", "dev"), ("train", "test"), ("dev", "test")):
        assert {line.speaker for line in parts[one]}.isdisjoint(line.speaker for line in parts[other])
        shared = keys(language, parts[one]) & keys(language, parts[other])
        assert shared <= allowed
        assert bool(shared) == bool(allowed)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_training_has_every_unit_of_dev_and_test(language: str, seed: int) -> None:
    parts = by_split(script(dealt(language, 60), seed))
    tokenizer = Tokenizer.fit([written(line.text) for line in parts["train"]], language)
    for line in (*parts["dev"], *parts["test"]):
        assert tokenizer.encode(written(line.text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_book_is_in_its_orthography(language: str) -> None:
    book, rules = PHRASES[language], orthography(language)
    assert len(book.digits) == len(set(book.digits)) == 10
    assert len(book.commands) == len(set(book.commands)) == 20
    choices = [entry for pattern in book.patterns for slot in pattern for entry in slot]
    for text in map(written, (*book.digits, *book.commands, *choices)):
        assert rules.units(text)
        assert rules.normalise(text) == rules.normalise(rules.normalise(text))


def test_the_kinds_of_texts() -> None:
    lines = script(Wanted("en", 1000, 1, 1), seed=0)[:1000]
    digits, commands = set(PHRASES["en"].digits), set(PHRASES["en"].commands)
    kinds = Counter(
        "single"
        if line.text in digits | commands
        else "string"
        if set(line.text.split()) <= digits
        else "sentence"
        for line in lines
    )
    assert 0.25 < kinds["single"] / 1000 < 0.37
    assert 0.18 < kinds["string"] / 1000 < 0.3
    assert kinds["sentence"] > 380
    assert max(Counter((line.speaker, line.text) for line in lines).values()) <= 2


def test_the_seed_decides_and_fewer_utterances_are_the_first_of_more() -> None:
    wanted = Wanted("yue-Latn-jyutping", 50, 5, 8)
    lines = script(wanted, seed=3)
    assert script(wanted, seed=3) == lines
    assert [line.text for line in script(wanted, seed=4)] != [line.text for line in lines]
    more = by_split(script(Wanted("yue-Latn-jyutping", 80, 9, 8), seed=3))
    for split, part in by_split(lines).items():
        assert more[split][: len(part)] == part


def test_a_speaker_has_one_accent_and_one_manner() -> None:
    lines = script(Wanted("en", 400, 40, 60), seed=0)
    accents = {
        speaker: {line.spoken_as for line in lines if line.speaker == speaker}
        for speaker in VARIANTS["train"]
    }
    assert all(len(its) == 1 for its in accents.values())
    assert set().union(*accents.values()) == set(ACCENTS)
    rates = [line.delivery.rate for line in lines if line.speaker == "m1"]
    assert 0 < max(rates) - min(rates) < 0.2 * min(rates)


def test_a_pair_of_accents_shares_no_speaker() -> None:
    american = Wanted("en", 100, 20, 20, accents=("en-us",), half="first")
    scottish = Wanted("en", 100, 20, 20, accents=("en-gb-scotland",), half="second")
    assert (american.name, scottish.name) == ("synthetic_en_us", "synthetic_en_gb_scotland")
    scripts = [script(wanted, seed=0) for wanted in (american, scottish)]
    assert [{line.spoken_as for line in lines} for lines in scripts] == [{"en-us"}, {"en-gb-scotland"}]
    people = [{line.speaker for line in lines} for lines in scripts]
    assert people[0].isdisjoint(people[1])
    for split, variants in VARIANTS.items():
        for its in people:
            assert len(its & set(variants)) >= 2, split
    assert {"f1", "m1"} <= people[0]  # high and low voices in both
    assert {"f2", "m3"} <= people[1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"language": "fr"},
            "no texts to synthesise in 'fr'; there are in cmn-Latn-pinyin, .*nan-Latn-tailo",
        ),
        ({"dev": 0}, "train, dev and test each need at least 1"),
        ({"language": "de", "accents": ("en-us",)}, "de: accents are for en; leave en-us out"),
        ({"accents": ("en-us", "en-in")}, "no accents en-in; there are en-us, "),
        ({"half": "third"}, "half is 'third'; use first, second or None"),
        ({"name": "words"}, "'words': the names of synthetic corpora begin with synthetic_"),
    ],
)
def test_a_corpus_that_cannot_be_made_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Wanted(**{"language": "en", "train": 3, "dev": 2, "test": 2} | wrong)


def test_how_a_number_of_utterances_is_dealt() -> None:
    assert dealt("en", 400).utterances == {"train": 320, "dev": 32, "test": 48}
    assert dealt("en", 3).utterances == {"train": 1, "dev": 1, "test": 1}
    with pytest.raises(ValueError, match=r"2 utterances asked for; .* at least one each, so 3"):
        dealt("en", 2)
