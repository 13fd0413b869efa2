"""Errors against jiwer, an independent edit distance, and cases counted by hand."""

import doctest
import math
import time
import unicodedata
from collections.abc import Sequence

import jiwer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechtl import metrics
from speechtl.conversion import convert
from speechtl.languages.base import Orthography, letters
from speechtl.metrics import Counts, pool, score, score_utterances
from speechtl.text import orthography

TAILO = "nan-Latn-tailo"


def distance(reference: Sequence[object], hypothesis: Sequence[object]) -> int:
    """Levenshtein's distance, row by row, written for these tests alone."""
    row = list(range(len(hypothesis) + 1))
    for i, expected in enumerate(reference, start=1):
        diagonal, row[0] = row[0], i
        for j, heard in enumerate(hypothesis, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (expected != heard))
    return row[-1]


def edits(counts: Counts) -> tuple[int, int, int, int, int]:
    return counts.errors, counts.total, counts.sub, counts.del_, counts.ins


# Reference, hypothesis, language, metric -> errors, total, sub, del, ins, counted by hand.
BY_HAND = [
    ("the cat sat", "the cat sat", "en", "wer", (0, 3, 0, 0, 0)),
    ("the cat sat", "the hat", "en", "wer", (2, 3, 1, 1, 0)),
    ("the cat", "the the cat", "en", "wer", (1, 2, 0, 0, 1)),
    ("the cat", "", "en", "wer", (2, 2, 0, 2, 0)),
    ("The cat!", "the CAT", "en", "wer", (0, 2, 0, 0, 0)),
    ("the cat", "thecat", "en", "cer", (1, 7, 0, 1, 0)),
    ("cat", "cats", "en", "cer", (1, 3, 0, 0, 1)),
    ("我是 學生", "我是學生", "cmn-Hant", "cer", (0, 4, 0, 0, 0)),
    ("我是學生", "我學笙", "cmn-Hant", "cer", (2, 4, 1, 1, 0)),
    ("كِتَاب", "كتاب", "ar", "cer", (0, 4, 0, 0, 0)),
    ("lo̍k-hōo", "lok hōo", TAILO, "syllable", (1, 2, 1, 0, 0)),
    ("lo̍k-hōo", "lok hōo", TAILO, "syllable_toneless", (0, 2, 0, 0, 0)),
    ("lo̍k-hōo", "lok hōo", TAILO, "tone", (1, 2, 1, 0, 0)),
    ("lo̍k-hōo", "lok hōo", TAILO, "cer", (1, 7, 1, 0, 0)),
    ("tâi-uân", "tâi", TAILO, "syllable", (1, 2, 0, 1, 0)),
    ("tâi-uân", "tâi", TAILO, "tone", (0, 1, 0, 0, 0)),
    ("tâi-uân", "", TAILO, "syllable", (2, 2, 0, 2, 0)),
    ("tâi-uân", "", TAILO, "tone", (0, 0, 0, 0, 0)),
    ("tâi-uân", "tâi-uân--ah", TAILO, "syllable", (1, 2, 0, 0, 1)),
    ("tâi-uân", "kâi-uan", TAILO, "tone", (1, 1, 1, 0, 0)),
    ("ah", "--ah", TAILO, "syllable", (0, 1, 0, 0, 0)),
    ("ah", "--ah", TAILO, "wer", (1, 1, 1, 0, 0)),
    ("kah", "ka4", TAILO, "syllable", (1, 1, 1, 0, 0)),
    ("zhōngguó", "zhōngguō", "cmn-Latn-pinyin", "tone", (1, 2, 1, 0, 0)),
    ("gwong2 dung1", "gwong2 dung4", "yue-Latn-jyutping", "syllable", (1, 2, 1, 0, 0)),
]


@pytest.mark.parametrize(("reference", "hypothesis", "language", "metric", "expected"), BY_HAND)
def test_cases_counted_by_hand(
    reference: str, hypothesis: str, language: str, metric: str, expected: tuple[int, ...]
) -> None:
    assert edits(score([reference], [hypothesis], language=language)[metric]) == expected


@pytest.mark.parametrize(
    ("language", "metrics"),
    [
        (TAILO, {"wer", "cer", "syllable", "syllable_toneless", "tone"}),
        ("cmn-Latn-pinyin", {"wer", "cer", "syllable", "syllable_toneless", "tone"}),
        ("en", {"wer", "cer"}),
        ("ar", {"wer", "cer"}),
        ("cmn-Hans", {"cer"}),
    ],
)
def test_a_metric_that_the_orthography_lacks_is_absent(language: str, metrics: set[str]) -> None:
    assert set(score(["ma"], ["ma"], language=language)) == metrics


BASES = ["ka", "tai", "uan", "gua", "hoo"]
TONES = "123578"
TONED = st.tuples(st.sampled_from(BASES), st.sampled_from("12357"))
SYLLABLES = st.lists(TONED, min_size=1, max_size=8)


def written(syllables: list[tuple[str, str]]) -> str:
    return " ".join(base + tone for base, tone in syllables)


@settings(deadline=None)
@given(SYLLABLES, st.data())
def test_one_wrong_tone_costs_one_syllable_and_nothing_toneless(
    syllables: list[tuple[str, str]], data: st.DataObject
) -> None:
    which = data.draw(st.integers(0, len(syllables) - 1))
    base, tone = syllables[which]
    wrong = data.draw(st.sampled_from([other for other in "12357" if other != tone]))
    heard = [*syllables[:which], (base, wrong), *syllables[which + 1 :]]
    errors = score([written(syllables)], [written(heard)], language=TAILO)
    count = len(syllables)
    assert edits(errors["syllable"]) == (1, count, 1, 0, 0)
    assert edits(errors["syllable_toneless"]) == (0, count, 0, 0, 0)
    assert edits(errors["tone"]) == (1, count, 1, 0, 0)
    assert edits(errors["wer"]) == (1, count, 1, 0, 0)
    assert errors["cer"].errors == 1


@settings(deadline=None)
@given(SYLLABLES, SYLLABLES)
def test_syllables_against_an_independent_edit_distance(
    right: list[tuple[str, str]], heard: list[tuple[str, str]]
) -> None:
    errors = score([written(right)], [written(heard)], language=TAILO)
    bases = [base for base, _ in right], [base for base, _ in heard]
    assert errors["syllable"].errors == distance(right, heard)
    assert errors["syllable_toneless"].errors == distance(*bases)
    assert errors["syllable"].total == errors["syllable_toneless"].total == len(right)
    tone = errors["tone"]
    assert errors["syllable_toneless"].errors <= errors["syllable"].errors
    assert errors["syllable"].errors <= errors["syllable_toneless"].errors + tone.errors
    assert tone.errors == tone.sub <= tone.total <= min(len(right), len(heard))


def test_the_tone_is_read_off_the_better_of_the_best_alignments() -> None:
    """Without tones either ka could be the one that was heard; with them only the second."""
    assert edits(score(["ka1 ka2"], ["ka2"], language=TAILO)["tone"]) == (0, 1, 0, 0, 0)
    assert edits(score(["ka1 ka2"], ["ka1"], language=TAILO)["tone"]) == (0, 1, 0, 0, 0)
    assert edits(score(["ka1 tai2"], ["tai3"], language=TAILO)["tone"]) == (1, 1, 1, 0, 0)


WORDS = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=8).map(" ".join)


@settings(deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
def test_words_and_letters_are_jiwers(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = [list(texts) for texts in zip(*pairs, strict=True)]
    errors = score(references, hypotheses, language="en")
    words = jiwer.process_words(references, hypotheses)
    characters = jiwer.process_characters(references, hypotheses)
    for counts, theirs in ((errors["wer"], words), (errors["cer"], characters)):
        assert (counts.sub, counts.del_, counts.ins) == (
            theirs.substitutions,
            theirs.deletions,
            theirs.insertions,
        )
    assert errors["wer"].rate == pytest.approx(words.wer)
    assert errors["cer"].rate == pytest.approx(characters.cer)


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(deadline=None)
@given(st.text("aeklnst̂́o̍hʼ -0123456789", min_size=1, max_size=10).map(lambda s: f"a {s}"), ANY_TEXT)
@pytest.mark.parametrize("language", [TAILO, "en", "cmn-Hans", "ml", "tr"])
def test_every_metric_is_an_edit_distance(language: str, reference: str, hypothesis: str) -> None:
    (entry,) = score_utterances([reference], [hypothesis], language=language)
    same = score_utterances([entry.reference], [entry.reference], language=language)[0]
    for metric, counts in entry.counts.items():
        assert counts.errors == counts.sub + counts.del_ + counts.ins
        assert counts.sub + counts.del_ <= counts.total
        assert same.counts[metric].errors == 0
    cer = entry.counts["cer"]
    apart = letters(entry.reference), letters(entry.hypothesis)
    if language != "cmn-Hans":
        assert cer.errors == distance(*apart)
        assert (cer.errors == 0) == (entry.reference == entry.hypothesis)
        assert abs(len(apart[0]) - len(apart[1])) <= cer.errors <= max(map(len, apart))
        assert entry.counts["wer"].errors == distance(entry.reference.split(), entry.hypothesis.split())


@settings(deadline=None)
@given(WORDS, WORDS)
def test_swapping_reference_and_hypothesis_swaps_deletions_and_insertions(a: str, b: str) -> None:
    there, back = score([a], [b], language="en")["wer"], score([b], [a], language="en")["wer"]
    assert there.errors == back.errors
    assert there.del_ - there.ins == back.ins - back.del_


@pytest.mark.parametrize("tone", TONES)
def test_every_tone_costs_one_letter(tone: str) -> None:
    """Tone 8 is a base letter and a combining mark, which NFC does not compose."""
    base, other = ("lok", "4") if tone == "8" else ("lai", "2" if tone == "1" else "1")
    cer = score([base + tone], [base + other], language=TAILO)["cer"]
    assert edits(cer) == (1, 3, 1, 0, 0)


@pytest.mark.parametrize("text", ["lo̍k-hōo", "tsi̍t-ê lâng", "Bân-lâm-gú"])
def test_unicode_form_case_and_digits_cost_nothing(text: str) -> None:
    nfc, nfd = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    for reference, hypothesis in ((nfc, nfd), (nfd, nfc), (nfc, text.upper())):
        assert {c.errors for c in score([reference], [hypothesis], language=TAILO).values()} == {0}
    assert score(["lo̍k-hōo"], ["lok8 hoo7"], language=TAILO)["cer"].errors == 0


def test_a_reference_with_alternatives_is_scored_against_the_best() -> None:
    entries = score_utterances(["tâi/kâi"] * 4, ["kâi", "tâi", "kai", "hóo"], language=TAILO)
    assert [entry.reference for entry in entries] == ["kâi", "tâi", "tâi", "tâi"]
    assert [entry.counts["syllable"].errors for entry in entries] == [0, 0, 1, 1]
    assert [entry.counts["syllable_toneless"].errors for entry in entries] == [0, 0, 1, 1]


def test_all_metrics_of_an_utterance_use_the_one_alternative() -> None:
    """The second has fewer syllables wrong, though the first has fewer letters wrong."""
    hypothesis = "tai2 kai2"
    first = score(["tai1 kai1"], [hypothesis], language=TAILO)
    second = score(["tai2 tshiong5"], [hypothesis], language=TAILO)
    assert [first["syllable"].errors, second["syllable"].errors] == [2, 1]
    assert first["cer"].errors < second["cer"].errors
    (entry,) = score_utterances(["tai1 kai1/tai2 tshiong5"], [hypothesis], language=TAILO)
    assert (entry.reference, entry.counts) == ("tái tshiông", second)


def test_without_syllables_the_letters_choose_the_alternative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Orthography, "alternatives", lambda self, text: tuple(text.split("/")))
    entries = score_utterances(["cat/hats", "cat/cut"], ["hat", "cot"], language="xx")
    assert [entry.reference for entry in entries] == ["cat", "cat"]
    (entry,) = score_utterances(["cattle/hats"], ["hat"], language="xx")
    assert (entry.reference, entry.counts["wer"].errors, entry.counts["cer"].errors) == ("hats", 1, 1)


def test_counts_add_up_over_utterances() -> None:
    references, hypotheses = ["tâi-uân", "gua", "lo̍k"], ["tâi uàn", "", "lo̍k lâng"]
    entries = score_utterances(references, hypotheses, language=TAILO)
    pooled = score(references, hypotheses, language=TAILO)
    assert pooled == pool([entry.counts for entry in entries])
    assert edits(pooled["syllable"]) == (3, 4, 1, 1, 1)
    assert pooled["syllable"].rate == 0.75
    assert [entry.hypothesis for entry in entries] == ["tâi uàn", "", "lo̍k lâng"]
    assert pool([{"cer": Counts(1, 2, 1)}, {"cer": Counts(1, 2, 1), "tone": Counts(0, 3)}]) == {
        "cer": Counts(2, 4, 2),
        "tone": Counts(0, 3),
    }
    assert pool([]) == {}


def test_an_empty_test_set_has_no_scores() -> None:
    assert score_utterances([], [], language="en") == []


def test_counts_are_consistent_and_survive_json() -> None:
    counts = Counts(errors=6, total=9, sub=1, del_=2, ins=3)
    assert counts.to_dict() == {"errors": 6, "total": 9, "sub": 1, "del": 2, "ins": 3}
    assert Counts.from_dict({**counts.to_dict(), "value": 0.5}) == counts
    assert Counts(errors=3, total=1, sub=1, ins=2).rate == 3
    assert math.isnan(Counts().rate)
    with pytest.raises(ValueError, match=r"must be sub \+ del_ \+ ins"):
        Counts(errors=2, total=9, sub=1)
    with pytest.raises(ValueError, match="within the total"):
        Counts(errors=2, total=1, sub=1, del_=1)
    with pytest.raises(ValueError, match="negative"):
        Counts(errors=-1, total=1, ins=-1)


@pytest.mark.parametrize(
    ("references", "hypotheses", "message"),
    [
        (["a", "b"], ["a"], "2 references but 1 hypotheses"),
        (["a", "?!", ""], ["a"] * 3, r"counted from 0: 1 \('\?!'\), 2 \(''\)"),
        ("the cat", "the cat", "must be lists of texts"),
    ],
)
def test_bad_input_is_named(references: list[str], hypotheses: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score(references, hypotheses, language="en")


def test_a_reference_without_a_syllable_is_named() -> None:
    with pytest.raises(ValueError, match=r"without anything to score in nan-Latn-tailo.*0 \('--'\)"):
        score(["--"], ["ah"], language=TAILO)


def test_tokens_of_any_script_reach_jiwer_unaltered() -> None:
    """Words that jiwer's own transforms would split, strip or merge."""
    entry = score_utterances(["a\u200cb ab"], ["ab ab"], language="fa")[0]
    assert edits(entry.counts["wer"]) == (1, 2, 1, 0, 0)
    assert edits(entry.counts["cer"]) == (1, 5, 1, 0, 0)


def test_marks_stay_with_their_letter() -> None:
    assert letters("क्षि") == ["क्", "षि"]
    assert letters("o\u030d\u0358k") == [unicodedata.normalize("NFC", "o\u030d\u0358"), "k"]
    assert letters("\u030da \u030db") == ["\u030d", "a", " ", "\u030d", "b"]
    assert letters("") == []


def test_ten_thousand_utterances_take_seconds() -> None:
    texts = [written([(BASES[i // 5**k % 5], TONES[i // 3**k % 5]) for k in range(6)]) for i in range(10_001)]
    references, hypotheses = texts[1:], texts[:-1]
    start = time.process_time()
    assert score(references, hypotheses, language=TAILO)["syllable"].total == 60_000
    assert time.process_time() - start < 10


SENTENCE = "tsi̍t lia̍p tsio̍h-thâu"
POJ = "nan-Latn-pehoeji"


@pytest.mark.parametrize(
    ("hypothesis", "language"),
    [
        (SENTENCE, TAILO),
        ("tsit8 liap8 tsioh8-thau5", TAILO),
        ("Tsi̍t lia̍p tsioh8 THÂU", None),
        ("chi̍t lia̍p chio̍h-thâu", POJ),
        ("chit8 liap8 chioh8-thau5", POJ),
        ("Chít lia̍p chio̍h thâu", POJ),
        (SENTENCE, POJ),
        (SENTENCE, "nan-Latn-TW-tailo"),
    ],
)
def test_one_sentence_in_any_spelling_is_the_same_syllables(hypothesis: str, language: str | None) -> None:
    for form in ("NFC", "NFD"):
        for reference in (SENTENCE, "tsit8 liap8 tsioh8-thau5"):
            errors = score(
                [unicodedata.normalize(form, reference)],
                [unicodedata.normalize(form, hypothesis)],
                language=TAILO,
                hypothesis_language=language,
            )
            assert {name: (count.errors, count.total) for name, count in errors.items()} == {
                "wer": (0, 4),
                "cer": (0, 20),
                "syllable": (0, 4),
                "syllable_toneless": (0, 4),
                "tone": (0, 4),
            }


def test_errors_of_a_converted_hypothesis_are_those_of_its_syllables() -> None:
    (entry,) = score_utterances([SENTENCE], ["chi̍t lia̍p chiò thâu--ah hello"], TAILO, POJ)
    assert entry.hypothesis == "tsi̍t lia̍p tsiò thâu --ah hello"
    assert edits(entry.counts["syllable"]) == (3, 4, 1, 0, 2)
    poj = score(["chi̍t lia̍p"], ["tsi̍t lia̍t"], language=POJ, hypothesis_language=TAILO)
    assert edits(poj["syllable"]) == (1, 2, 1, 0, 0)


@pytest.mark.parametrize(
    ("hypotheses", "language", "complaint"),
    [
        (["一粒"], "nan-Hant", "nan-Hant cannot be converted to nan-Latn-tailo"),
        (["yi1 li4"], "cmn-Latn-pinyin", "cmn-Latn-pinyin cannot be converted to nan-Latn-tailo"),
        (["one"], "en", "en cannot be converted"),
        (
            ["chi̍t", "一粒", "", "石"],
            POJ,
            r"not in nan-Latn-pehoeji, counted from 0: 1 \('一粒'\), 3 \('石'\)",
        ),
        (["chi̍t"], "nan", "choose one of"),
    ],
)
def test_hypotheses_that_cannot_be_converted_are_refused(
    hypotheses: list[str], language: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        score([SENTENCE] * len(hypotheses), hypotheses, language=TAILO, hypothesis_language=language)


@settings(deadline=None)
@given(st.lists(TONED, min_size=1, max_size=6), st.lists(TONED, max_size=6), st.sampled_from([TAILO, POJ]))
def test_a_score_depends_neither_on_the_unicode_form_nor_on_the_romanisation(
    right: list[tuple[str, str]], heard: list[tuple[str, str]], language: str
) -> None:
    reference, hypothesis = (convert(written(one), source=TAILO, target=language) for one in (right, heard))
    plain = score([reference], [hypothesis], language=language)
    for a, b in (("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")):
        pair = unicodedata.normalize(a, reference), unicodedata.normalize(b, hypothesis)
        assert score([pair[0]], [pair[1]], language=language) == plain
    tailo = score([written(right)], [written(heard)], language=TAILO)
    mixed = score([written(right)], [hypothesis], language=TAILO, hypothesis_language=language)
    assert mixed == tailo
    for metric in ("syllable", "syllable_toneless", "tone", "wer"):
        assert plain[metric] == tailo[metric]


ANY_WORDS = st.text(max_size=10).map(lambda text: f"食 tâi {text}")


@settings(deadline=None)
@given(ANY_WORDS)
@pytest.mark.parametrize("language", [TAILO, POJ, "nan-Hant", "cmn-Hant", "en", "ar", "hi", "ja"])
def test_a_text_has_no_errors_against_itself(language: str, text: str) -> None:
    for form in ("NFC", "NFD"):
        errors = score([text], [unicodedata.normalize(form, text)], language=language)
        assert {count.errors for count in errors.values()} == {0}
    if len(orthography(language).alternatives(text)) == 1:  # only a reference may have alternatives
        swapped = [score([a], [b], language=language)["cer"] for a, b in ((text, "食 tâi"), ("食 tâi", text))]
        assert swapped[0].errors == swapped[1].errors


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(metrics).failed == 0
