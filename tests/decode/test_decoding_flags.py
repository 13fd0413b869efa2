"""Flags that the chosen decoding would pass over are refused."""

import pytest

from speechtl.arguments import parser
from speechtl.decoding_arguments import decode_settings


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--decode", "beam", "--lm-weight", "0.4"], "without a language model; name one by --lm"),
        (["--insertion-bonus", "1"], "--insertion-bonus: only for --decode beam or lexicon; constrained"),
        (
            ["--decode", "greedy", "--beam-width", "4", "--beam-threshold", "5"],
            "--beam-width, --beam-threshold",
        ),
    ],
)
def test_a_flag_without_effect_is_refused(flags: list[str], message: str) -> None:
    options = parser().parse_args(["evaluate", "model", "words", *flags])
    with pytest.raises(ValueError, match=message):
        decode_settings(options)


def test_flags_of_a_search_reach_it() -> None:
    flags = ["--decode", "beam", "--lm", "m.arpa", "--lm-weight", "0.3", "--insertion-bonus", "1"]
    found = decode_settings(parser().parse_args(["evaluate", "model", "words", *flags]))
    assert (found.lm, found.lm_weight, found.insertion_bonus) == ("m.arpa", 0.3, 1.0)
