"""Common Voice and FLEURS as they are downloaded: languages, packed archives, lists that are not apart."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from publishers import EXCERPTS
from releases import encyclopaedia, volunteers

from data_prep import common_voice, fleurs
from data_prep._releases import tag_of
from speechtl.corpus import Corpus
from speechtl.doctor import examine
from speechtl.named_corpora import open_named, prepare_named
from speechtl.own_corpus import prepare_own

pytestmark = pytest.mark.usefixtures("own_folders")
LOCALE = Path("cv-corpus-17.0-2024-03-15", "zh-TW")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    EXCERPTS["common voice"].build(tmp_path / "release")
    return tmp_path / "release"


def stems(corpus: Corpus, split: str) -> set[str]:
    return {Path(path).stem.split("_")[-1] for path in corpus.filter(split=split).column("audio")}


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("zh-CN", "cmn-Hans"),
        ("zh-TW", "cmn-Hant"),
        ("zh-HK", "yue-Hant"),
        ("yue", "yue-Hant"),
        ("nan-tw", "nan-Hant"),
        ("cmn_hans_cn", "cmn-Hans"),
        ("yue_hant_hk", "yue-Hant"),
        ("ar", "ar"),
        ("ar_eg", "ar"),
        ("en", "en"),
        ("en_us", "en"),
        ("pt_br", "pt"),
        ("es_419", "es"),
        ("sv-SE", "sv"),
        ("rm-sursilv", "rm-sursilv"),
        ("ckb_iq", "ckb"),
    ],
)
def test_codes_of_both_publishers_lead_to_the_same_orthographies(code: str, tag: str) -> None:
    assert tag_of(code) == tag


def test_a_row_of_common_voice_keeps_its_quotes_its_speaker_and_its_accent(release: Path) -> None:
    corpus = common_voice.prepare(release)
    by_stem = {Path(utterance.audio).stem.split("_")[-1]: utterance for utterance in corpus}
    first = by_stem["1"]
    assert first.id == "common_voice/common_voice_zh-TW_1"
    assert (first.text, first.language, first.split) == ('他說：「好"。', "cmn-Hant", "train")
    assert (first.speaker, first.domain) == ("a" * 64, "出生地：臺北")
    assert by_stem["2"].domain is None
    assert by_stem["8"].domain == "國語, 臺灣腔"


@pytest.mark.parametrize("inside", [".", LOCALE.parent, LOCALE])
def test_the_release_its_parent_and_one_locale_are_the_same(release: Path, inside: Path) -> None:
    corpus = common_voice.prepare(release / inside)
    assert len(corpus) == 4


def test_a_locale_is_known_by_its_lists_where_the_folder_has_another_name(release: Path) -> None:
    moved = shutil.move(release / LOCALE, release / "mine")
    corpus = common_voice.prepare(Path(moved))
    assert corpus.languages == ["cmn-Hant"]


def test_what_is_validated_adds_only_what_dev_and_test_do_not_know(release: Path) -> None:
    assert stems(common_voice.prepare(release), "train") == {"1", "2"}
    more = common_voice.prepare(release, validated=True)
    assert stems(more, "train") == {"1", "2", "9"}
    assert stems(more, "test") == {"8"}


def test_a_language_chooses_among_several_and_replaces_that_of_one(tmp_path: Path) -> None:
    EXCERPTS["common voice, two locales of an old release"].build(tmp_path)
    both = common_voice.prepare(tmp_path)
    assert both.languages == ["ar", "sv"]
    assert set(both.column("domain")) == {"us"}
    for language in ("sv", "sv-SE"):
        chosen = common_voice.prepare(tmp_path, language=language)
        assert chosen.languages == ["sv"]
    with pytest.raises(ValueError, match=r"has nothing in fr; it has ar, sv-SE"):
        common_voice.prepare(tmp_path, language="fr")
    assert common_voice.prepare(tmp_path / "ar", language="ar-EG").languages == ["ar-EG"]


def test_a_code_that_does_not_tell_the_orthography_asks_for_it(tmp_path: Path) -> None:
    lists = {split: [(split, f"{split}-1", "chia̍h-pn̄g", "")] for split in ("train", "dev", "test")}
    volunteers(tmp_path / "nan", lists, locale="nan")
    with pytest.raises(ValueError, match=r"'nan' does not say how the text is written.*--language"):
        common_voice.prepare(tmp_path / "nan")
    corpus = prepare_named("common-voice", tmp_path / "nan", language="nan-Latn-pehoeji")
    assert corpus.languages == ["nan-Latn-pehoeji"]
    assert len(corpus) == 3


def pack(archive: Path, folder: Path, name: str) -> None:
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=name)
    shutil.rmtree(folder)


def type_commands(message: str) -> None:
    """Do what an error says."""
    commands = [line for line in message.splitlines() if line.startswith("  tar ")]
    assert commands
    for command in commands:
        subprocess.run(command, shell=True, check=True)


def test_a_packed_common_voice_says_what_unpacks_it(release: Path) -> None:
    pack(release / "cv-corpus-17.0-2024-03-15-zh-TW.tar.gz", release / LOCALE.parent, LOCALE.parts[0])
    with pytest.raises(FileNotFoundError, match="still packed") as caught:
        common_voice.prepare(release)
    type_commands(str(caught.value))
    assert len(common_voice.prepare(release)) == 4


def test_a_packed_fleurs_says_what_unpacks_it(tmp_path: Path) -> None:
    root = tmp_path / "it's here"
    EXCERPTS["fleurs"].build(root)
    audio = root / "data" / "cmn_hans_cn" / "audio"
    for split in ("train", "test"):
        pack(audio / f"{split}.tar.gz", audio / split, split)
    for folder in (root, root / "data", root / "data" / "cmn_hans_cn"):
        with pytest.raises(FileNotFoundError, match="still packed") as caught:
            fleurs.prepare(folder)
        assert str(caught.value).count("tar -xzf") == 2
    type_commands(str(caught.value))
    assert len(fleurs.prepare(root)) == 4


def test_fleurs_reads_several_readings_of_a_sentence_and_equal_names_in_two_splits(tmp_path: Path) -> None:
    EXCERPTS["fleurs"].build(tmp_path)
    corpus = fleurs.prepare(tmp_path)
    train = corpus.filter(split="train")
    assert train.column("text") == ['"飛機"起飛了。'] * 2
    assert "fleurs/cmn_hans_cn/train/10027" in train.column("id")
    assert "fleurs/cmn_hans_cn/test/10027" in corpus.filter(split="test").column("id")
    assert set(corpus.column("speaker")) == {None}


def test_texts_without_a_han_character_are_not_taken_for_such(tmp_path: Path) -> None:
    folder = tmp_path / "cv-corpus-21.0" / "nan-tw"
    volunteers(folder, {"train": [("a" * 64, "common_voice_nan-tw_1", "guá beh khì", "")]}, locale="nan-tw")
    with pytest.raises(ValueError, match=r"nan-Hant is expected, and none of 1 texts has"):
        common_voice.prepare(tmp_path / "cv-corpus-21.0")
    assert common_voice.prepare(folder, "nan-Latn-tailo").languages == ["nan-Latn-tailo"]


def test_a_folder_of_fleurs_is_prepared_examined_and_opened_as_the_same_speech(own_folders: Path) -> None:
    EXCERPTS["fleurs"].build(own_folders / "release")
    folder = str(own_folders / "release" / "data" / "cmn_hans_cn")
    opened = open_named(folder)
    prepared = prepare_own(folder)
    assert prepared.corpus.column("id") == opened.column("id")
    assert (prepared.folder.name, prepared.left_out) == ("cmn_hans_cn", None)
    assert open_named("cmn_hans_cn").column("id") == opened.column("id")
    found = examine(folder)
    assert found.format == "publisher's folder"
    assert found.rows == len(opened) + sum(opened.left_out.values())
    assert "missing column" not in "".join(fault.kind for fault in found.faults)
    with pytest.raises(
        ValueError, match=r"--skip-bad, --streaming: .*cmn_hans_cn is a release with a layout of its own"
    ):
        prepare_own(folder, skip_bad=True, streaming=True)


def test_several_configs_of_fleurs_are_one_corpus(tmp_path: Path) -> None:
    for config, sentence in {"ar_eg": "مرحبا", "en_us": "Hello"}.items():
        lists = {split: [(i, str(i), f"{sentence} {i}")] for i, split in enumerate(("train", "dev", "test"))}
        encyclopaedia(tmp_path / config, lists)
    corpus = fleurs.prepare(tmp_path)
    assert (corpus.languages, len(corpus)) == (["ar", "en"], 6)
    assert len(fleurs.prepare(tmp_path, language="en")) == 3


def test_lists_that_share_what_they_must_not_keep_the_test_whole(tmp_path: Path) -> None:
    """The first release had most sentences, and some speakers, in all lists."""
    lists = {
        split: [("anna", f"{split}-1", "one", ""), (split, f"{split}-2", "two", "")]
        for split in ("train", "dev", "test")
    }
    volunteers(tmp_path / "en", lists, locale="en")
    corpus = common_voice.prepare(tmp_path)
    assert len(corpus.filter(split="test")) == 2
    assert dict(corpus.left_out) == {"with a speaker of test": 2}
    encyclopaedia(
        tmp_path / "en_us", {split: [(1, split, "one"), (2, f"{split}-2", split)] for split in lists}
    )
    assert dict(fleurs.prepare(tmp_path / "en_us").left_out) == {"with a sentence of test": 2}


def test_a_damaged_list_is_named_with_its_line(release: Path) -> None:
    dev = release / LOCALE / "dev.tsv"
    whole = dev.read_bytes()
    dev.write_bytes(whole + b"x\tcut \xe5\x8f\n")
    with pytest.raises(ValueError, match=r"dev\.tsv:3: not UTF-8"):
        common_voice.prepare(release)
    dev.write_bytes(whole.replace(b"sentence\t", b"text\t"))
    with pytest.raises(ValueError, match=r"dev\.tsv: missing columns \['sentence'\]"):
        common_voice.prepare(release)
