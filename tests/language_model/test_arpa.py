import math
from pathlib import Path

import pytest

from speechtl.language_model import estimate, read_arpa, write_arpa
from speechtl.language_model.ngrams import END, UNKNOWN
from speechtl.language_model_building import build

# The example of the ARPA format with known answers: p(b | a) listed, p(b | b) = backoff(b) · p(b).
HAND = """
\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-99\t<s>\t-0.30103
-1.0\t<unk>
-0.6\t</s>
-0.7\ta\t-0.4
-0.5\tb\t-0.2

\\2-grams:
-0.1 <s> a
-0.3\ta\tb
-0.2\tb\t</s>

\\end\\
"""


def test_back_off_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "hand.arpa"
    path.write_text(HAND)
    model = read_arpa(path)
    assert (model.order, model.vocabulary, model.counts) == (2, ["a", "b"], [5, 3])
    for history, token, expected in [
        (("<s>",), "a", -0.1),
        (("a",), "b", -0.3),
        (("b",), "b", -0.2 - 0.5),
        (("a",), END, -0.4 - 0.6),
        (("<s>",), "z", -0.30103 - 1.0),
        (("<unk>",), "a", -0.7),
    ]:
        assert model.step(history, token)[0] == pytest.approx(expected)


def test_writing_and_reading_gives_the_same_model(tmp_path: Path) -> None:
    model = estimate([["tâi", "uân"], ["tâi", "pak", "--lâi"], ["pak"]], 3)
    write_arpa(model, tmp_path / "new" / "m.arpa")
    text = (tmp_path / "new" / "m.arpa").read_text(encoding="utf-8")
    assert text.startswith("\\data\\\nngram 1=7\n")
    assert text.endswith("\n\\end\\\n")
    again = read_arpa(tmp_path / "new" / "m.arpa")
    assert again.order == 3
    assert again.probabilities == pytest.approx(dict(model.probabilities), abs=1e-6)
    for gram, value in model.backoffs.items():
        assert again.backoffs[gram] == pytest.approx(value, abs=1e-6)
    write_arpa(again, tmp_path / "m.arpa")
    assert (tmp_path / "m.arpa").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: text.index("\\2-grams")], r"promises \[5, 3\] n-grams, \[5, 0\] are there"),
        (lambda text: text.replace("\\end\\", ""), "end mark is missing"),
        (lambda text: text.replace("-0.3\ta\tb", "-0.3\ta"), "line 15: '-0.3\\\\ta'.*2 tokens"),
        (lambda text: text.replace("-0.5\tb", "half\tb"), "line 11"),
        (lambda text: "hello", "no ARPA file"),
        (lambda text: text.replace("ngram 1=5\n", ""), "no ARPA file"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, change, message: str) -> None:
    path = tmp_path / "bad.arpa"
    path.write_text(change(HAND))
    with pytest.raises(ValueError, match=message):
        read_arpa(path)


def test_binary_and_missing_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="language model in ARPA format"):
        read_arpa(tmp_path / "none.arpa")
    (tmp_path / "m.binary").write_bytes(b"mmap lm \xff\xfe\x00")
    with pytest.raises(ValueError, match="not a binary one"):
        read_arpa(tmp_path / "m.binary")


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = estimate([["a", "b"]], 2)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for place in (tmp_path / "folder", tmp_path / "file" / "m.arpa"):
        with pytest.raises(OSError, match=r"could not be written to .* name another place by --out"):
            write_arpa(model, place)
    (tmp_path / "old.arpa").write_text("before")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_arpa(model, tmp_path / "old.arpa")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "old.arpa"]
    assert (tmp_path / "old.arpa").read_text() == "before"


def test_texts_that_are_not_of_the_orthography_are_told(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("it tàn\n\nhello world\ntsi̍t\n", encoding="utf-8")
    told = build(str(texts), tmp_path / "lm.arpa", language="nan-Latn-tailo", order=2)
    (strange,) = [line for line in told if "not in" in line]
    assert "1 text not in nan-Latn-tailo, kept as written: 3: " in strange
    assert "hello" in strange
    texts.write_text("it tàn\n", encoding="utf-8")
    told = build(str(texts), tmp_path / "lm.arpa", language="nan-Latn-tailo", order=2)
    assert not any("not in" in line for line in told)


def test_texts_of_another_orthography_have_no_perplexity(tmp_path: Path) -> None:
    texts, held_out = tmp_path / "texts.txt", tmp_path / "more.txt"
    texts.write_text("it tàn\n", encoding="utf-8")
    held_out.write_text("一旦\n", encoding="utf-8")
    told = build(str(texts), tmp_path / "lm.arpa", language="nan-Latn-tailo", order=2, text=str(held_out))
    (line,) = [line for line in told if "perplexity" in line]
    assert "no token is known, so there is no perplexity" in line
    held_out.write_text("一旦\nit\n", encoding="utf-8")
    told = build(str(texts), tmp_path / "lm.arpa", language="nan-Latn-tailo", order=2, text=str(held_out))
    assert any("% unknown" in line for line in told)


def test_texts_are_not_overwritten_by_their_model(tmp_path: Path) -> None:
    texts, held_out = tmp_path / "texts.txt", tmp_path / "more.txt"
    for file in (texts, held_out):
        file.write_text("it tàn\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"is read, and --out would overwrite it"):
            build(str(texts), file, language="nan-Latn-tailo", order=2, text=str(held_out))
        assert file.read_text(encoding="utf-8") == "it tàn\n"


def test_kenlm_gives_the_same_probabilities(tmp_path: Path) -> None:
    decoder = pytest.importorskip("flashlight.lib.text.decoder.kenlm")
    from flashlight.lib.text.dictionary import create_word_dict

    model = estimate([["a", "b"], ["a", "b", "c"], ["c", "a", "b"], ["b"]], 3)
    path = tmp_path / "m.arpa"
    write_arpa(model, path)
    words = create_word_dict({word: [[word]] for word in (*"abcz", UNKNOWN)})
    kenlm = decoder.KenLM(str(path), words)
    for text in ["abcab", "bbb", "zab", "cz", ""]:
        state, history = kenlm.start(False), model.start
        for token in text:
            state, found = kenlm.score(state, words.get_index(token))
            expected, history = model.step(history, token)
            assert found == pytest.approx(expected, abs=1e-5)
        assert kenlm.finish(state)[1] == pytest.approx(model.step(history, END)[0], abs=1e-5)
    assert math.isfinite(found)
