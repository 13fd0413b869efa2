import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechtl.audio import write_audio
from speechtl.corpus import Corpus, Utterance
from speechtl.corpus_spec import CorpusSpec, corpus
from speechtl.named_corpora import available, data_folder, prepare_named


@pytest.fixture(autouse=True)
def no_corpora(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPEECHTL_CORPORA", raising=False)


def digits(folder: Path) -> Path:
    """A publisher's folder of six speakers."""
    (folder / "recordings").mkdir(parents=True)
    random = np.random.default_rng(0)
    for speaker in ("george", "jackson", "lucas", "nicolas", "theo", "yweweler"):
        for digit in range(2):
            noise = random.uniform(-0.3, 0.3, 2000)
            write_audio(folder / "recordings" / f"{digit}_{speaker}_0.wav", noise, 8_000)
    return folder


def toy(name: str = "toy", language: str = "en", count: int = 20) -> Corpus:
    rows = [
        Utterance(f"u{i}", f"/{i}.wav", "one", language, None, None, 6.0, "train" if i % 2 else "test")
        for i in range(count)
    ]
    return Corpus.from_utterances(name, rows)


def test_importing_loads_neither_torch_nor_datasets() -> None:
    heavy = "'torch', 'torchaudio', 'datasets', 'pyarrow', 'scipy', 'librosa', 'pypinyin'"
    script = f"import sys, speechtl.corpus_spec; print([name for name in ({heavy}) if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_spec_opens_nothing_until_it_is_opened() -> None:
    spec = corpus("nowhere", split="train", minutes=10)
    assert spec == CorpusSpec("nowhere", "train", 10, None)
    with pytest.raises(FileNotFoundError, match="'nowhere' is neither prepared under"):
        spec.open()


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="needs a name"):
        CorpusSpec("")
    for minutes in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="above 0, or 'all'"):
            CorpusSpec("toy", minutes=minutes)


def test_a_prepared_corpus_is_opened_by_name_folder_and_with_hyphens(tmp_path: Path) -> None:
    toy().save(data_folder() / "my_words")
    for name in ("my_words", "my-words", str(data_folder() / "my_words")):
        assert len(CorpusSpec(name).open()) == 20


def test_split_language_and_minutes_are_applied(tmp_path: Path) -> None:
    both = Corpus.concatenate([toy(), Corpus.from_utterances("more", [*_renamed(toy(language="ar"))])])
    both.save(data_folder() / "both")
    chosen = CorpusSpec("both", split="train", language="AR", minutes=0.5)
    assert {(u.language, u.split) for u in chosen.open(seed=1)} == {("ar", "train")}
    assert chosen.open(seed=1).minutes == pytest.approx(0.5)
    small, large = (set(CorpusSpec("both", minutes=m).open(3).column("id")) for m in (0.5, 1.5))
    assert small < large
    assert set(CorpusSpec("both", minutes=0.5).open(4).column("id")) != small
    with pytest.raises(ValueError, match="no split 'dev'; it has test, train"):
        CorpusSpec("both", split="dev").open()
    with pytest.raises(ValueError, match="choose one of"):
        CorpusSpec("both", language="nan").open()


def _renamed(corpus: Corpus) -> list[Utterance]:
    return [Utterance(**{**vars(utterance), "id": f"x{utterance.id}"}) for utterance in corpus]


def test_a_manifest_is_opened_and_takes_the_language(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", 0.3 * np.sin(np.arange(4000)), 16_000)
    (tmp_path / "mine.csv").write_text("audio,text\na.wav,khì\n", encoding="utf-8")
    opened = CorpusSpec(str(tmp_path / "mine.csv"), language="nan-latn-TAILO").open()
    assert opened.languages == ["nan-Latn-tailo"]


def test_a_corpus_of_data_prep_is_prepared_once_when_its_folder_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits(tmp_path / "corpora" / "english-fsdd")
    monkeypatch.setenv("SPEECHTL_CORPORA", str(tmp_path / "corpora"))
    entry = next(entry for entry in available() if entry.name == "english_fsdd")
    assert (entry.found, entry.is_prepared) == (True, False)
    assert "English digits" in entry.description
    assert len(CorpusSpec("english-fsdd").open()) == 12
    monkeypatch.delenv("SPEECHTL_CORPORA")
    assert len(CorpusSpec("english_fsdd", split="dev").open()) == 2
    assert next(entry for entry in available() if entry.name == "english_fsdd").is_prepared


def test_what_is_missing_is_named_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for act in (CorpusSpec("taiwanese_moe").open, lambda: prepare_named("taiwanese-moe")):
        with pytest.raises(
            FileNotFoundError, match=r"SPEECHTL_CORPORA, which is not set.*speechtl prepare taiw"
        ):
            act()
    monkeypatch.setenv("SPEECHTL_CORPORA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/taiwanese-moe; type: speechtl prepare"):
        CorpusSpec("taiwanese_moe").open()
    with pytest.raises(
        FileNotFoundError, match="no data_prep is named 'klingon'; there are: arabic_commands, "
    ):
        prepare_named("klingon")
    with pytest.raises(FileNotFoundError, match="no such folder; the publisher's folder of english_fsdd"):
        prepare_named("english_fsdd", root=tmp_path / "none")


def test_root_and_out_are_where_they_are_said_to_be(tmp_path: Path) -> None:
    prepare_named("english-fsdd", root=digits(tmp_path / "x"), out=tmp_path / "y")
    assert len(Corpus.load(tmp_path / "y")) == 12
    assert not data_folder().exists()


def rounds() -> Corpus:
    rows = [
        Utterance(f"r/{w}_NO_0{r}", f"/{w}{s}{r}.wav", w, "en", s, None, 6.0, split)
        for s, split in (("a", "train"), ("b", "test"))
        for w in ("one", "two")
        for r in range(1, 4)
    ]
    rows = [replace(row, id=f"{row.speaker}/{row.id}") for row in rows]
    return Corpus.from_utterances("rounds", rows, split_by="speaker")


def test_speakers_texts_ids_and_a_number_are_chosen() -> None:
    rounds().save(data_folder() / "rounds")
    spec = corpus("rounds", speakers=("b",), texts=("two",), ids=("*_NO_0[12]",), split_by="none")
    assert spec.open().column("id") == ["b/r/two_NO_01", "b/r/two_NO_02"]
    assert spec.open().split_by == "none", "so that its speaker may be adapted to and tested"
    assert corpus("rounds", speakers=("b",)).open().split_by == "speaker"
    assert len(replace(spec, utterances=1).open(seed=3)) == 1
    assert corpus("rounds", split="train", set_name="seen").set_name == "seen"
    with pytest.raises(ValueError, match=r"no speaker b \(it has a\)"):
        corpus("rounds", split="train", speakers=("b",)).open()
    with pytest.raises(ValueError, match="9 utterances asked for, but there are 3"):
        corpus("rounds", speakers=("b",), texts=("two",), utterances=9).open()


def test_what_is_drawn_to_be_heard_without_labels_does_not_follow_texts() -> None:
    drawn = []
    for texts in (["one", "two"] * 8, ["one"] * 12 + ["two"] * 4):
        rows = [
            Utterance(f"r/{place}", f"/{place}.wav", text, "en", "a", None, 6.0, "train")
            for place, text in enumerate(texts)
        ]
        Corpus.from_utterances("rounds", rows).save(data_folder() / "rounds")
        spec = corpus("rounds", utterances=6)
        heard = spec.open(needs_text=False, by_text=False)
        drawn.append((heard.column("id"), spec.open().column("id")))
    (heard, labelled), (heard_again, labelled_again) = drawn
    assert heard == heard_again
    assert labelled != labelled_again, "labelled speech has as many texts as may be"


def test_the_whole_of_a_choice_keeps_what_is_chosen_and_draws_nothing() -> None:
    spec = CorpusSpec("rounds", split="train", speakers=("a",), utterances=2)
    assert spec.is_drawn
    assert spec.whole == CorpusSpec("rounds", speakers=("a",))
    assert not spec.whole.is_drawn


def test_amounts_and_names_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, or 'all', is needed"):
        CorpusSpec("toy", utterances=0)
    with pytest.raises(ValueError, match="3 minutes and 5 utterances are asked for; choose one"):
        CorpusSpec("toy", minutes=3, utterances=5)
    for name in ("", "a/b", ".x"):
        with pytest.raises(ValueError, match="names a file of the report"):
            CorpusSpec("toy", set_name=name)


def test_domains_are_chosen_and_named() -> None:
    rows = [replace(row, domain=row.speaker) for row in rounds()]
    Corpus.from_utterances("rounds", rows, split_by="speaker").save(data_folder() / "rounds")
    assert set(corpus("rounds", domains=("a",)).open().column("speaker")) == {"a"}
    spec = corpus("rounds", domains=("a", "b"), as_domain="studio", trim_db=30)
    opened = spec.open()
    assert set(opened.column("domain")) == {"studio"}
    assert (opened.split_by, opened.trim_db, len(opened)) == ("speaker", 30, 12)
    assert spec.whole == replace(spec)
    assert opened.column("text") == Corpus.load(data_folder() / "rounds").column("text")
    with pytest.raises(ValueError, match=r"has no domain c \(it has a, b\)"):
        corpus("rounds", domains=("c",)).open()
    with pytest.raises(ValueError, match="as_domain is empty"):
        corpus("rounds", as_domain=" ")
