"""Corpora of one's own through `speechtl prepare`, and in each format from nothing to a number."""

import csv
import errno
import importlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import toy_speech
from conftest import MakeModel
from full_disk import fail

from speechtl.audio import write_audio
from speechtl.cli import main
from speechtl.corpus import Corpus, Utterance
from speechtl.formats import clips, write_common_voice, write_csv, write_hugging_face, write_jsonl
from speechtl.own_corpus import prepare_own

PAGE = Path(__file__).parent.parent / "docs" / "formats.md"
WORDS = ("ai", "io", "a-e", "o-i", "e-a", "i-o")
SPLITS = {"train": 6, "dev": 2, "test": 2}


@pytest.fixture
def folder(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands are typed."""
    monkeypatch.setenv("SPEECHTL_DATA", "data")
    monkeypatch.delenv("SPEECHTL_CORPORA", raising=False)
    monkeypatch.chdir(own_folders)
    return own_folders


def speech(folder: Path) -> Corpus:
    """A few words, spoken anew each time."""
    random = np.random.default_rng(0)
    utterances = []
    for split, count in SPLITS.items():
        for number in range(count):
            audio = folder / "my clips" / f"{split} {number}.wav"
            audio.parent.mkdir(exist_ok=True)
            word = WORDS[number]
            samples = toy_speech.tones(word.replace("-", ""), random)
            write_audio(audio, samples, 16_000)
            seconds = len(samples) / 16_000
            id_ = f"{split}-{number}"
            utterances.append(Utterance(id_, str(audio), word, "nan-Latn-tailo", "me", None, seconds, split))
    return Corpus.from_utterances("mine", utterances)


def write_coqui(corpus: Corpus, folder: Path) -> None:
    folder.mkdir()
    for split in corpus.splits:
        part = corpus.filter(split=split)
        write_csv(part, folder / "all.csv", "coqui")
        with (folder / "all.csv").open(newline="") as read, (folder / f"{split}.csv").open("w") as written:
            columns = ["wav_filename", "wav_filesize", "transcript"]
            writer = csv.DictWriter(written, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(csv.DictReader(read))
    (folder / "all.csv").unlink()


def write_segments(corpus: Corpus, folder: Path) -> None:
    """Each split is one recording, with half a second between the words."""
    import soundfile

    for split in corpus.splits:
        pieces, lines, end = [], {"segments": [], "text": [], "utt2spk": []}, 0.0
        for utterance in corpus.filter(split=split):
            start = end + 0.5
            end = start + utterance.duration
            pieces += [np.zeros(8000), soundfile.read(utterance.audio)[0]]
            lines["segments"].append(f"{utterance.id} long {start} {end}")
            lines["text"].append(f"{utterance.id} {utterance.text}")
            lines["utt2spk"].append(f"{utterance.id} me")
        (folder / split).mkdir(parents=True)
        write_audio(folder / split / "long.flac", np.concatenate(pieces), 16_000)
        (folder / split / "wav.scp").write_text("long long.flac\n")
        for name, rows in lines.items():
            (folder / split / name).write_text("".join(f"{row}\n" for row in rows))


def write_release(corpus: Corpus, folder: Path) -> None:
    write_common_voice(corpus, folder)
    for split in corpus.splits:
        path = folder / f"{split}.tsv"
        path.write_text(path.read_text().replace("nan-Latn-tailo", "nan-tw"))


def write_saved(corpus: Corpus, folder: Path) -> None:
    from datasets import load_dataset

    write_hugging_face(corpus, folder.with_name("parquet"))
    opened = load_dataset(str(folder.with_name("parquet")), cache_dir=str(folder.with_name("hub")))
    opened.remove_columns(["language", "split", "domain", "id"]).save_to_disk(str(folder))


FORMATS: dict[str, tuple[str, Callable[[Corpus, Path], None]]] = {
    "JSONL": ("mine.jsonl", write_jsonl),
    "CSV": ("coqui", write_coqui),
    "Kaldi": ("data-kaldi", write_segments),
    "Common Voice": ("cv-corpus-21.0/nan-tw", write_release),
    "Hugging Face": ("saved", write_saved),
}


def blocks(heading: str, language: str) -> list[str]:
    """The code blocks of a language under a heading of the page."""
    page = PAGE.read_text(encoding="utf-8")
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page, re.DOTALL | re.MULTILINE)
    assert section is not None, heading
    return re.findall(rf"```{language}\n(.*?)```", section[1], re.DOTALL)


@pytest.mark.parametrize("name", FORMATS)
def test_from_a_folder_of_recordings_to_a_number(
    folder: Path, make_model: MakeModel, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    place, write = FORMATS[name]
    (folder / place).parent.mkdir(exist_ok=True)
    write(speech(folder), folder / place)
    make_model(folder / "runs" / "multilingual" / "seed-0" / "model", "en")
    (recipe,) = blocks("From each format to a number", "python")
    fewer_steps = "experiment = replace(experiment, train=replace(experiment.train, steps=4, threads=1))\n"
    (folder / "mine.py").write_text(recipe + fewer_steps, encoding="utf-8")
    (commands,) = blocks(name, "bash")
    for line in commands.splitlines():
        program, *arguments = line.split()
        assert program == "speechtl"
        capsys.readouterr()
        assert main(arguments) == 0, capsys.readouterr().err
    assert re.search(r"^%SYL \d+\.\d+ \[ \d+ / 2, ", capsys.readouterr().out, re.MULTILINE)
    assert len(list((folder / "runs").glob("*/seed-0/report.json"))) == 1
    prepared = Corpus.load(folder / "data" / "mine")
    assert {split: len(prepared.filter(split=split)) for split in prepared.splits} == SPLITS
    assert prepared.column("text").count("ai") == 3
    assert set(prepared.column("speaker")) == {None if name == "CSV" else "me"}


def test_all_examples_of_the_page_are_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("```bash\n") == len(FORMATS)


def test_a_path_stands_wherever_a_corpus_is_named(
    folder: Path, make_model: MakeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_model(folder / "model", "nan-Latn-tailo")
    corpus = speech(folder)
    for name, (place, write) in FORMATS.items():
        (folder / place).parent.mkdir(exist_ok=True)
        write(corpus, folder / place)
        capsys.readouterr()
        assert main(["evaluate", str(model), place, "--language", "nan-Latn-tailo"]) == 0, name
        assert "%SYL 100.00 [ 2 / 2, " in capsys.readouterr().out
    assert not (folder / "data").exists()
    kept = folder / "cache" / "clips"
    assert len(list(kept.glob("??/*.flac"))) == sum(SPLITS.values())
    assert main(["cache", "--clear"]) == 0
    assert not kept.exists()
    assert main(["evaluate", str(model), "data-kaldi", "--language", "nan-Latn-tailo"]) == 0


def faulty(folder: Path) -> Path:
    """A manifest of two sound rows among others."""
    speech(folder)
    write_audio(folder / "silent.wav", np.zeros(8000), 16_000)
    sound = (folder / "my clips" / "train 0.wav").read_bytes()
    (folder / "cut.wav").write_bytes(sound[: len(sound) // 2])
    rows = {
        "good": ("my clips/train 0.wav", "ai"),
        "silent": ("silent.wav", "ai"),
        "silent without text": ("silent.wav", ""),
        "cut": ("cut.wav", "ai"),
        "gone": ("none.wav", "ai"),
        "English": ("my clips/train 1.wav", "hello"),
        "better": ("my clips/train 2.wav", "a-e"),
    }
    with (folder / "words.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "audio", "text"), *((id_, *row) for id_, row in rows.items())])
    return folder / "words.csv"


def test_faults_of_rows_and_audio_are_told_at_once_and_nothing_is_saved(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faulty(folder)
    assert main(["prepare", "words.csv", "--language", "nan-Latn-tailo"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "words.csv: 6 faults" in captured.err
    for kind, lines in {
        "silent audio; record it again": (3, 4),
        "empty text; write what is said": (4,),
        "audio cut short; fetch": (5,),
        "missing audio file; correct the path": (6,),
        "text not understood; write it in nan-Latn-tailo": (7,),
    }.items():
        section = captured.err[captured.err.index(f"- {kind}") :].split("\n- ")[0]
        assert re.findall(r"^    words\.csv:(\d+)", section, re.MULTILINE) == [str(line) for line in lines]
    assert not list((folder / "data").glob("*"))


def test_bad_rows_may_be_left_out_and_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faulty(folder)
    command = ["prepare", "words.csv", "--language", "nan-Latn-tailo", "--skip-bad"]
    assert main(command) == 0
    captured = capsys.readouterr()
    table = re.sub(r"\s+", " ", captured.out)
    assert "2 utterances" in table
    assert (
        "left out: 1 audio cut short, 1 empty text, 1 missing audio file, 1 silent audio, 1 text not" in table
    )
    prepared = Corpus.load(folder / "data" / "words")
    assert prepared.column("id") == ["good", "better"]
    assert sum(prepared.left_out.values()) == 5
    listed = folder / "data" / "words-left-out.tsv"
    assert str(listed) in captured.err
    with listed.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert sorted((row["row"], row["kind"]) for row in rows) == [
        ("words.csv:3", "silent audio"),
        ("words.csv:4", "empty text"),
        ("words.csv:4", "silent audio"),
        ("words.csv:5", "audio cut short"),
        ("words.csv:6", "missing audio file"),
        ("words.csv:7", "text not understood"),
    ]
    text = (folder / "words.csv").read_text().splitlines()
    (folder / "words.csv").write_text("\n".join([text[0], text[1], text[-1]]))
    assert main(command) == 0
    assert not listed.exists(), "nothing is left out any more"


def test_nothing_but_faults_and_faults_of_the_whole_file_are_never_passed_over(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "words.csv").write_text("audio,text,language\nnone.wav,ai,nan-Latn-tailo\n")
    assert main(["prepare", "words.csv", "--skip-bad"]) == 2
    assert "missing audio file" in capsys.readouterr().err
    speech(folder)
    (folder / "words.csv").write_text("audio,text,mood\nmy clips/train 0.wav,ai,good\n")
    command = ["prepare", "words.csv", "--language", "nan-Latn-tailo", "--skip-bad"]
    assert main(command) == 2
    assert "unknown column 'mood'" in capsys.readouterr().err
    assert main([*command, "--ignore-columns", "mood,notes"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "none.csv: no such manifest"),
        (["./none"], "./none: no such file or folder; expected a manifest"),
        (["words.csv", "--root", "."], "--root is for a corpus of --list"),
        (["words.csv", "--orthography", "nan-Hant"], "say how words.csv is written by --language"),
        (["words.csv", "--language", "nan"], "--language: 'nan' does not say how the text is written"),
        (["english_fsdd.csv", "--language", "en"], "name another folder by --out, such as --out"),
        (["english_fsdd", "--skip-bad", "--audio-root", "."], "--audio-root, --skip-bad: for a path only"),
        (["english_fsdd", "--root", ".", "--orthography", "en"], "leave out --orthography en"),
        (["english_fsdd", "--root", ".", "--language", "en"], "leave out --language en"),
        (["words.csv", "--language", "en", "--out", "my clips"], "holds something that is not a corpus"),
    ],
)
def test_what_does_not_fit_together_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    speech(folder)
    for name in ("words.csv", "english_fsdd.csv"):
        (folder / name).write_text("audio,text\nmy clips/train 0.wav,ai\n")
    assert main(["prepare", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_clips_that_are_not_used_any_more_are_removed(folder: Path) -> None:
    write_segments(speech(folder), folder / "kaldi")
    prepared = prepare_own("kaldi", language="nan-Latn-tailo")
    below = folder / "data" / "kaldi-clips"
    assert {Path(audio).is_relative_to(below) for audio in prepared.corpus.column("audio")} == {True}
    assert len(list(below.glob("??/*.flac"))) == sum(SPLITS.values())
    shutil.rmtree(folder / "kaldi" / "train")
    prepare_own("kaldi", language="nan-Latn-tailo")
    assert len(list(below.glob("??/*.flac"))) == 4
    (folder / "kaldi" / "test" / "text").write_text("test-0 hello\n")
    with pytest.raises(ValueError, match="2 faults"):
        prepare_own("kaldi", language="nan-Latn-tailo")
    assert len(list(below.glob("??/*.flac"))) == 4, "the earlier corpus still needs them"


MOMENTS = {
    "the first clip": (clips, "write_audio", 1, "a clip could not be written to"),
    "a later clip": (clips, "write_audio", 5, "a clip could not be written to"),
    "the corpus": ("speechtl.corpus_folder", "_write_table", 1, "the corpus could not be written to"),
    "the description": ("speechtl.corpus_folder", "_write_text", 1, "the corpus could not be written to"),
    "the list": ("speechtl.own_corpus", "_write_left_out", 1, "the list of what was left out could not"),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("has_earlier", [False, True])
def test_a_full_disk_leaves_no_half_corpus_and_a_rerun_completes(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    moment: str,
    has_earlier: bool,
) -> None:
    owner, function, call, message = MOMENTS[moment]
    command = ["prepare", "kaldi", "--language", "nan-Latn-tailo", "--skip-bad"]
    write_segments(speech(folder), folder / "kaldi")
    with (folder / "kaldi" / "train" / "text").open("a") as file:
        file.write("nobody ai\n")
    if has_earlier:
        shutil.copytree(folder / "kaldi", folder / "all")
        shutil.rmtree(folder / "kaldi" / "train")
        (folder / "kaldi" / "test" / "text").write_text("test-0 ai\ntest-1 io\ntest-2 io\n")
        assert main(command) == 0
        shutil.rmtree(folder / "kaldi")
        (folder / "all").rename(folder / "kaldi")
    module = importlib.import_module(owner) if isinstance(owner, str) else owner
    with monkeypatch.context() as patch:
        fail(patch, module, function, call)
        capsys.readouterr()
        assert main(command) == 2
    error = capsys.readouterr().err
    assert error.count("speechtl: ") == 1
    assert message in error
    assert "No space left on device" in error
    assert str(folder / "data") in error or "data/kaldi" in error
    assert "type the same command again" in error
    assert (folder / "data" / "kaldi").exists() == has_earlier
    if has_earlier:
        earlier = Corpus.load(folder / "data" / "kaldi")
        assert len(earlier) == 4
        assert all(Path(audio).is_file() for audio in earlier.column("audio"))
    assert main(command) == 0
    prepared = Corpus.load(folder / "data" / "kaldi")
    assert len(prepared) == sum(SPLITS.values())
    assert all(Path(audio).is_file() for audio in prepared.column("audio"))
    names = {path.name for path in (folder / "data").iterdir()}
    assert names == {"kaldi", "kaldi-clips", "kaldi-left-out.tsv"}


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    speech(folder)
    (folder / "words.csv").write_text("audio,text\nmy clips/train 0.wav,ai\n")
    (folder / "a-file").touch()
    command = ["prepare", "words.csv", "--language", "nan-Latn-tailo"]
    assert main([*command, "--out", "a-file/words"]) == 2
    assert "the corpus could not be written to a-file/words: Not a directory" in capsys.readouterr().err

    def read_only(path: Path, *arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", read_only)
        assert main(command) == 2
    error = capsys.readouterr().err
    assert "the corpus could not be written to data/words: Read-only file system" in error
    assert "Make space or the folder writable, or name another folder by --out" in error
    assert main(command) == 0


def test_another_corpus_of_the_same_name_is_not_replaced_unless_it_is_named(folder: Path) -> None:
    speech(folder)
    for place, clips_of in (("one", "train"), ("other", "dev")):
        (folder / place).mkdir()
        rows = "".join(f"../my clips/{clips_of} {number}.wav,ai\n" for number in range(2))
        (folder / place / "words.csv").write_text("audio,text\n" + rows)
    arguments = {"language": "nan-Latn-tailo", "audio_root": folder}
    for place in ("one", "other"):
        listed = folder / place / "words.csv"
        listed.write_text(listed.read_text().replace("../", ""))
    first = prepare_own("one/words.csv", **arguments).folder
    with pytest.raises(ValueError, match=r"words holds a corpus of that name with other .*--out .*words-2"):
        prepare_own("other/words.csv", **arguments)
    assert "train 0" in Corpus.load(first).column("id")
    with (folder / "one" / "words.csv").open("a") as listed:
        listed.write("my clips/train 2.wav,ai\n")
    assert len(prepare_own("one/words.csv", **arguments).corpus) == 3, "its own list may grow"
    prepare_own("other/words.csv", out=first, **arguments)
    assert "dev 0" in Corpus.load(first).column("id")
