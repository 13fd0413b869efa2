import sys

import numpy as np
import pytest
from fundamental import fundamental

from speechtl.synthesis import Delivery, Engine, require_espeak


def test_a_voice_says_a_text() -> None:
    with Engine("en", "f2") as engine:
        short, long = (engine.say(text, Delivery()) for text in ("go", "we want four books"))
        assert engine.sample_rate == 22_050
    assert short.dtype == np.int16
    assert 0.15 < len(short) / 22_050 < 0.8
    assert len(long) > 2 * len(short)
    assert 2_000 < np.abs(short.astype(int)).max() < 32_700


def test_a_faster_and_a_higher_delivery_are_heard() -> None:
    with Engine("de") as engine:
        slow, fast = (engine.say("wir wollen drei äpfel", Delivery(rate=rate)) for rate in (100, 200))
        low, high = (engine.say("[[mama]]", Delivery(pitch=pitch, range=0)) for pitch in (20, 80))
    assert len(fast) < 0.7 * len(slow)
    low, high = (np.median(fundamental(samples, 22_050)) for samples in (low, high))
    assert high > 1.2 * low


@pytest.mark.parametrize(
    ("voice", "variant", "message"),
    [
        ("en-gb-scotlant", None, "no voice 'en-gb-scotlant'; of its .* nearest are .*en-gb-scotland"),
        ("gmw/en", None, "no voice 'gmw/en'"),
        ("EN", None, "no voice 'EN'"),
        ("en+f2", None, "no voice"),
        ("en", "f9", "no variant 'f9'; of its .* nearest are .*f5"),
        ("en", "Adam", "no variant 'Adam'; .*adam"),
        ("cmn-latn-pinyin", "../../lang/gmw/de", "no variant"),
    ],
)
def test_an_unknown_voice_or_variant_is_refused(voice: str, variant: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Engine(voice, variant)
    with Engine("en", "f2") as engine:  # the refused one is not left open
        assert engine.say("go", Delivery()).any()


def test_the_same_after_a_fresh_start_is_the_same_to_the_sample() -> None:
    def said(variant: str) -> list[bytes]:
        with Engine("en-us", variant) as engine:
            return [engine.say(text, Delivery(), seed=3).tobytes() for text in ("go", "stop", "go")]

    for variant in ("f2", "m3"):  # with breath, roughness and flutter, which are random or drift
        first = said(variant)
        said("m1")
        assert said(variant) == first
        assert len(set(first)) > 2, f"{variant} needs no fresh start"


def test_the_seed_is_that_of_the_noise() -> None:
    noises = []
    for seed in (1, 1, 2):
        with Engine("en", "f2") as engine:
            noises.append(engine.say("yes", Delivery(), seed=seed).tobytes())
    assert noises[0] == noises[1] != noises[2]


def test_one_engine_at_a_time_and_none_that_is_closed() -> None:
    with Engine("en") as engine, pytest.raises(ValueError, match="in use in this process; close the other"):
        Engine("de")
    engine.close()
    with pytest.raises(ValueError, match="closed; make a new one"):
        engine.say("go", Delivery())
    with pytest.raises(ValueError, match="closed; make a new one"):
        engine.phonemes("go")


def test_a_text_of_nothing_is_refused() -> None:
    with Engine("en") as engine, pytest.raises(ValueError, match=r"says nothing for '\.\.\.'"):
        engine.say("...", Delivery())


def test_phonemes_are_read_in_double_brackets() -> None:
    with Engine("cmn-latn-pinyin") as engine:
        assert "214" in engine.phonemes("ma3")
        assert engine.phonemes("[[ma214]]").replace("'", "") == "ma214_|"


@pytest.mark.parametrize("wrong", [{"rate": 20}, {"pitch": 100}, {"range": -1}])
def test_a_delivery_beyond_the_library_s_limits_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="the rate must lie in 80 to 450, pitch and range in 0 to 99"):
        Delivery(**wrong)


def test_an_interruption_during_synthesis_is_not_lost() -> None:
    class Stopped(list[bytes]):
        def append(self, piece: bytes) -> None:
            raise KeyboardInterrupt

    with Engine("en") as engine:
        engine._pieces = Stopped()
        with pytest.raises(KeyboardInterrupt):
            engine.say("go", Delivery())


def test_without_the_extra_the_command_that_mends_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    require_espeak()
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    for needs_it in (require_espeak, lambda: Engine("en")):
        with pytest.raises(ImportError, match=r"pip install 'speechtl\[synth\]'"):
            needs_it()
