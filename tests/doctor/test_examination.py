"""The doctor: nothing on sound speech, every planted fault once, and nothing is written."""

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Doctor
from faulty_speech import (
    AUDIO_FAULTS,
    CLAIMS,
    CORPUS_FAULTS,
    EVERY_ROW,
    RATE,
    RAW_FAULTS,
    Speech,
    kinds,
    state,
)

from speechtl.audio import write_audio
from speechtl.corpus import Corpus
from speechtl.doctor import examine
from speechtl.formats import read_corpus

ENDINGS = (".csv", ".jsonl")


@pytest.mark.parametrize("ending", [*ENDINGS, ".tsv"])
def test_sound_speech_has_no_fault(speech: Speech, ending: str) -> None:
    examination = examine(speech.write(f"speech{ending}"), split_by=CLAIMS)
    assert examination.faults == ()
    assert examination.notices == ()
    assert examination.is_clean
    assert examination.rows == len(speech.rows)
    assert list(examination.summary) == [
        replace(row, minutes=pytest.approx(row.minutes))
        for row in read_corpus(speech.folder / f"speech{ending}").summary()
    ]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_planted_fault_is_found_once_in_one_run_and_nothing_is_written(
    speech: Speech, own_folders: Path, ending: str
) -> None:
    planted = [(kind, plant(speech)) for kind, plant in EVERY_ROW.values()]
    planted += [(kind, speech.add(raw=raw)) for kind, raw in RAW_FAULTS[ending].values()]
    if ending == ".jsonl":
        planted.append(("unknown column 'mood'", speech.add(mood="sad")))
    for _, plant in CORPUS_FAULTS.values():
        plant(speech)
    manifest = speech.write(f"speech{ending}")
    manifest.write_bytes(b"\xef\xbb\xbf" + manifest.read_bytes())
    expected = Counter((kind, speech.where(row, manifest)) for kind, row in planted)
    expected["byte-order mark", f"{manifest}:1"] = 1
    expected["unbalanced languages", "speech"] = 1
    expected["vocabulary too large for the data", "cmn-Hant"] = 1
    before = state(own_folders)
    examination = examine(manifest, split_by=CLAIMS)
    assert kinds(examination) == expected
    rows = {fault.row for fault in examination.faults if fault.row is not None}
    assert rows == {speech.rows.index(row) for _, row in planted}
    assert state(own_folders) == before
    assert {path.name for path in own_folders.iterdir()} == {"speech"}, "neither a cache nor a data folder"


@pytest.mark.parametrize("fault", EVERY_ROW)
def test_a_fault_of_one_row_is_all_that_is_found(speech: Speech, doctor: Doctor, fault: str) -> None:
    kind, plant = EVERY_ROW[fault]
    row = plant(speech)
    manifest = speech.write("speech.csv")
    status, printed = doctor(manifest, "--split-by", "text", "--split-by", "speaker")
    assert status == 2
    lines = printed.splitlines()
    (first,) = [number for number, line in enumerate(lines) if line.startswith(f"fault: {kind}")]
    assert "[1]" in lines[first]
    assert lines[first + 1].split("  ")[2] == speech.where(row, manifest)
    assert lines[-1] == f"{manifest} (CSV, {len(speech.rows)} rows): 1 fault of 1 kind"


@pytest.mark.parametrize(("ending", "fault"), [(e, f) for e in ENDINGS for f in RAW_FAULTS[e]])
def test_a_line_that_cannot_be_read_is_all_that_is_found(speech: Speech, ending: str, fault: str) -> None:
    kind, raw = RAW_FAULTS[ending][fault]
    row = speech.add(raw=raw)
    manifest = speech.write(f"speech{ending}")
    assert kinds(examine(manifest)) == {(kind, speech.where(row, manifest)): 1}


def test_a_key_that_is_not_known_can_be_passed_over(speech: Speech) -> None:
    row = speech.add(mood="sad")
    manifest = speech.write("speech.jsonl")
    assert kinds(examine(manifest)) == {("unknown column 'mood'", speech.where(row, manifest)): 1}
    assert examine(manifest, ignore_columns=["mood"]).is_clean


@pytest.mark.parametrize("fault", CORPUS_FAULTS)
def test_a_fault_of_the_whole_corpus_is_all_that_is_found(speech: Speech, fault: str) -> None:
    kind, plant = CORPUS_FAULTS[fault]
    plant(speech)
    assert {fault.kind for fault in examine(speech.write("speech.csv")).faults} == {kind}


def test_several_faults_of_one_row_are_found_in_one_run(speech: Speech) -> None:
    _, silence = AUDIO_FAULTS["silence"]
    row = speech.add(audio=silence(speech), text="", id="u1")
    manifest = speech.write("speech.csv")
    place = speech.where(row, manifest)
    expected = {("silent audio", place): 1, ("empty text", place): 1, ("duplicate id", place): 1}
    assert kinds(examine(manifest)) == expected


def test_twenty_of_a_kind_are_shown_and_all_are_counted(speech: Speech, doctor: Doctor) -> None:
    for _ in range(23):
        speech.add(text="")
    status, printed = doctor(speech.write("speech.csv"))
    assert status == 2
    assert "fault: empty text [23]; write what is said, or remove the row" in printed
    assert sum(line.startswith("    /") for line in printed.splitlines()) == 20
    assert "    ... and 3 more" in printed
    assert printed.splitlines()[-1].endswith("(CSV, 59 rows): 23 faults of 1 kind")


def test_a_file_name_that_is_not_utf_8_is_printed(speech: Speech, doctor: Doctor) -> None:
    write_audio(speech.folder / "a.wav", np.zeros(RATE), RATE)
    manifest = os.fsencode(speech.folder) + b"/caf\xe9.csv"
    with open(manifest, "w") as file:  # noqa: PTH123 - a Path would not take these bytes
        file.write("audio,text,language\na.wav,aoi,en\n")
    status, printed = doctor(os.fsdecode(manifest))
    assert status == 2
    assert "caf\\udce9.csv:2" in printed


def test_a_recipe_sets_speeds_and_units_and_what_it_takes_is_told(
    speech: Speech, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toy_speech import SETTINGS, TINY

    from speechtl.augment import AugmentSettings
    from speechtl.corpus_spec import corpus
    from speechtl.experiment import Experiment
    from speechtl.text import TextSettings

    monkeypatch.setattr("speechtl.doctor.cost.MEASURED", 1)
    speech.add(audio=speech.clip(speech.sound("aeio", 0.8)), text="aeae" * 5)
    manifest = speech.write("speech.csv")
    spec = corpus(str(manifest))
    statuses = []
    for speeds, units in (((1.0,), "default"), ((2.0,), "default"), ((2.0,), "sentencepiece")):
        experiment = Experiment(
            name="toy",
            target=spec,
            dev=(spec,),
            tests=(spec,),
            model=TINY,
            augment=AugmentSettings(speeds=speeds),
            train=SETTINGS,
            text=TextSettings(units=units),
        )
        recipe = speech.folder.parent / "recipe.json"
        recipe.write_text(json.dumps({"experiment": experiment.to_dict()}))
        status, printed = doctor(manifest, "--recipe", recipe)
        statuses.append(status)
        assert "training: about " in printed
        assert "30 steps of " in printed
    assert statuses[:2] == [0, 2], "twice as fast, it is too short for twenty units"
    assert "fault: too short for the labels [1]" not in printed, "but not for fewer pieces"


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("english_fsdd", {}),
        ("arabic_commands", {}),
        ("taiwanese_moe", {}),
        ("english_speech_commands", {"clipped audio": 3, "duplicated audio": 8}),
    ],
)
def test_real_speech(name: str, faults: dict[str, int], prepared_corpora: Callable[[str], Corpus]) -> None:
    """What is found is there: eight clips of Speech Commands are files of it twice, three are cut off."""
    corpus = prepared_corpora(name)
    examination = examine(name)
    assert Counter(fault.kind for fault in examination.faults) == faults
    assert list(examination.summary) == [
        replace(row, minutes=pytest.approx(row.minutes, abs=0.1)) for row in corpus.summary()
    ]
    paths = dict(zip(corpus.column("id"), corpus.column("audio"), strict=True))
    for fault in examination.faults:
        if fault.kind == "duplicated audio":
            like = fault.detail.removeprefix("the same sound as ")
            assert Path(paths[fault.where]).read_bytes() == Path(paths[like]).read_bytes()
