import ast
import importlib
import os
from collections import defaultdict
from pathlib import Path

import pytest
from publishers import EXCERPTS, Excerpt, spreadsheet

import data_prep
from speechtl.corpus import Corpus
from speechtl.named_corpora import available, prepare_named
from speechtl.partition import text_keys
from speechtl.text import orthography

PREPS = sorted({excerpt.module for excerpt in EXCERPTS.values()})
each_prep = pytest.mark.parametrize("module", PREPS)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Corpus]:
    """Every excerpt, prepared once."""
    folder = tmp_path_factory.mktemp("prep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHTL_CACHE", str(folder / "cache"))
        corpora = {}
        for number, (name, excerpt) in enumerate(EXCERPTS.items()):
            root = folder / str(number)
            root.mkdir()
            excerpt.build(root)
            corpora[name] = importlib.import_module(f"data_prep.{excerpt.module}").prepare(root)
    return corpora


@pytest.fixture(params=EXCERPTS, ids=str)
def case(request: pytest.FixtureRequest, prepared: dict[str, Corpus]) -> tuple[Excerpt, Corpus]:
    return EXCERPTS[request.param], prepared[request.param]


def test_every_prep_has_an_excerpt() -> None:
    assert [entry.name for entry in available()] == PREPS


@each_prep
def test_the_docstring_is_a_data_card(module: str) -> None:
    source = Path(data_prep.__path__[0], f"{module}.py").read_text(encoding="utf-8")
    card = ast.get_docstring(ast.parse(source)) or ""
    for entry in ("What: ", "Who: ", "Language: ", "Licence: ", "Splits: ", "Known faults: "):
        assert f"\n{entry}" in card
    assert "http" in card
    assert card.split("\n")[0].endswith((".", "Dataset", "audio-cmn"))


def test_found_is_what_is_kept_and_what_is_left_out_by_reason(case: tuple[Excerpt, Corpus]) -> None:
    excerpt, corpus = case
    assert dict(corpus.left_out) == dict(excerpt.left_out)
    assert len(corpus) == excerpt.kept


def test_a_corpus_is_named_as_its_module_and_can_be_used(case: tuple[Excerpt, Corpus]) -> None:
    excerpt, corpus = case
    assert corpus.name == excerpt.module
    for utterance in corpus:
        # The same recordings in Han characters keep their ids.
        assert utterance.id.startswith(f"{corpus.name.removesuffix('_hant')}/")
        assert Path(utterance.audio).is_absolute()
        assert Path(utterance.audio).is_file()
        assert utterance.duration == pytest.approx(0.25, abs=0.06)
        assert orthography(utterance.language).tag == utterance.language
        assert orthography(utterance.language).units(utterance.text)
        assert utterance.domain or (utterance.domain is None and excerpt.module == "common_voice")


def test_splits_share_no_text_or_no_speaker(case: tuple[Excerpt, Corpus]) -> None:
    excerpt, corpus = case
    assert corpus.split_by == excerpt.split_by
    places = defaultdict(set)
    for utterance in corpus:
        keys = (utterance.speaker,)
        if corpus.split_by == "text":
            keys = text_keys(utterance.language, utterance.text)
        for key in keys:
            places[key].add(utterance.split)
    assert all(len(splits) == 1 for splits in places.values())
    assert set(corpus.splits) <= {"train", "dev", "test"}
    if corpus.split_by == "speaker":
        assert corpus.splits == ["dev", "test", "train"]


@each_prep
def test_a_folder_that_holds_something_else_is_named(module: str, tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("no speech")
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        importlib.import_module(f"data_prep.{module}").prepare(tmp_path)


def test_a_folder_without_any_usable_clip_says_what_was_found(tmp_path: Path, own_folders: Path) -> None:
    root = tmp_path / "arabic"
    EXCERPTS["arabic"].build(root)
    for path in root.rglob("*_NO_0?.wav"):
        path.unlink()
    (root / "dataset" / "readme.wav").write_text("the archive was not unpacked")
    with pytest.raises(ValueError, match=r"nothing that can be used was found .*20 absent.*--root"):
        prepare_named("arabic-commands", root)
    assert not (own_folders / "data" / "arabic_commands").exists()


def test_lists_that_share_a_speaker_are_refused(tmp_path: Path, own_folders: Path) -> None:
    EXCERPTS["arabic"].build(tmp_path / "a")
    lines = (tmp_path / "a" / "train.csv").read_text().splitlines()
    (tmp_path / "a" / "val.csv").write_text("\n".join(lines[:2]))
    with pytest.raises(ValueError, match="not disjoint in speakers"):
        prepare_named("arabic_commands", tmp_path / "a")


@pytest.mark.parametrize("text", ["audio\ttailo_text\n1(1).mp3\tit\n", ""])
def test_a_list_without_its_columns_is_named(tmp_path: Path, text: str) -> None:
    EXCERPTS["taiwanese"].build(tmp_path)
    (tmp_path / "words.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"words\.tsv: missing columns .*tailo"):
        importlib.import_module("data_prep.taiwanese_moe").prepare(tmp_path)


def test_a_damaged_or_foreign_spreadsheet_is_named(tmp_path: Path) -> None:
    EXCERPTS["taiwanese, the ministry's files"].build(tmp_path)
    prepare = importlib.import_module("data_prep.taiwanese_moe").prepare
    workbook = tmp_path / "kautian.ods"
    for content in (b"", b"PK\x03\x04 cut"):
        workbook.write_bytes(content)
        with pytest.raises(ValueError, match=r"kautian\.ods: not readable as a spreadsheet"):
            prepare(tmp_path)
    spreadsheet(workbook, {"別的": [["詞目id"]]})
    with pytest.raises(ValueError, match="no sheet '詞目'"):
        prepare(tmp_path)
    spreadsheet(workbook, {"詞目": [["詞目id"], ["1"]]})
    with pytest.raises(ValueError, match="lacks"):
        prepare(tmp_path)


def test_preparing_is_the_same_everywhere(tmp_path: Path, own_folders: Path) -> None:
    corpora = []
    for name in ("here", "there"):
        EXCERPTS["cantonese"].build(tmp_path / name)
        corpora.append(prepare_named("cantonese-jyutnet", tmp_path / name, tmp_path / f"{name}-prepared"))
    here, there = ([(u.id, u.text, u.split) for u in corpus] for corpus in corpora)
    assert here == there
    assert len(set(corpora[0].column("split"))) == 3
    assert os.listdir(tmp_path / "here-prepared") == os.listdir(tmp_path / "there-prepared")  # noqa: PTH208
