from pathlib import Path
from typing import Any

import pytest

from speechtl.decode import DecodeSettings
from speechtl.text import Tokenizer

TAILO, ENGLISH = Tokenizer("nan-Latn-tailo", ("k-", "-a", "1")), Tokenizer("en", ("a", "b"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "beem"}, "'beem'; expected one of constrained, greedy, beam, lexicon"),
        ({"method": "greedy", "lm": "m.arpa"}, "decode.lm is for decode.method beam or lexicon; greedy"),
        ({"lm": "m.arpa"}, "decode.lm is for decode.method beam or lexicon; constrained"),
        ({"insertion_bonus": 0.5}, "insertion_bonus is for .* not constrained"),
        ({"method": "beam", "lexicon": "words.txt"}, "lexicon is for decode.method lexicon, not beam"),
        ({"method": "lexicon"}, "needs words: a list"),
        ({"grammar": False}, "grammar is off, but constrained, needs it"),
        ({"method": "beam", "grammar": False, "lm": "m.arpa"}, "grammar is off, but a language model"),
        ({"method": "beam", "beam_width": 0}, "at least 1, and above 0"),
        ({"method": "beam", "lm_weight": float("nan")}, "lm_weight is nan.*at least 0"),
        ({"method": "beam", "lm_weight": -0.1}, "lm_weight is -0.1.*at least 0"),
        ({"method": "beam", "lm_weight": 0.8}, "lm_weight is 0.8, but there is no language model to weigh"),
        ({"method": "beam", "insertion_bonus": float("inf")}, "insertion_bonus inf.*any finite number"),
        ({"method": "beam", "beam_threshold": 0}, "at least 1, and above 0"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DecodeSettings(**fields)


def test_reports_say_how_and_with_which_files(tmp_path: Path) -> None:
    lm, words = tmp_path / "m.arpa", tmp_path / "words.txt"
    lm.write_text("abc")
    words.write_text("")
    # The first digits of sha256("abc") (FIPS 180-2) and of that of nothing.
    for settings, tokenizer, expected in [
        (DecodeSettings(), TAILO, "constrained"),
        (DecodeSettings(), ENGLISH, "greedy"),
        (DecodeSettings("greedy"), TAILO, "greedy"),
        (DecodeSettings("beam"), TAILO, "beam"),
        (DecodeSettings("beam", grammar=False), TAILO, "beam + without grammar"),
        (DecodeSettings("beam", grammar=False), ENGLISH, "beam"),
        (
            DecodeSettings("beam", lm=str(lm), lm_weight=0.8, insertion_bonus=1),
            TAILO,
            "beam + m.arpa (ba7816bf) × 0.8 + bonus 1",
        ),
        (DecodeSettings("lexicon", lexicon=str(words)), TAILO, "lexicon + words of words.txt (e3b0c442)"),
    ]:
        assert settings.describe(tokenizer) == expected


def test_words_without_a_closed_decision_are_refused() -> None:
    assert DecodeSettings(closed=True, words=("one",)).words == ("one",)
    with pytest.raises(ValueError, match=r"decode\.words are what decode\.closed chooses from"):
        DecodeSettings(words=("one",))
