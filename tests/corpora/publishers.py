"""Excerpts in the publishers' layouts, of noise, with every fault that the real folders and releases have."""

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from clips import broken, clip
from releases import common_voice, common_voice_of_old, fleurs


@dataclass(frozen=True)
class Excerpt:
    """What one folder holds, and what must come of it."""

    module: str
    build: Callable[[Path], None]
    kept: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    split_by: str = "text"


def arabic(root: Path, suffix: str, rounds: int) -> None:
    for split, speakers in {"train": (1, 2, 3), "val": (4,), "test": (5,)}.items():
        rows = ["file,class"]
        for gloss in ("yes", "zoom in"):
            for speaker in speakers:
                for number in range(1, 3):
                    rows.append(f"dataset/{gloss}/{speaker:08}_NO_{number:02}.wav,{gloss}")
                    if number <= rounds:
                        clip(root / "dataset" / gloss / f"{speaker:08}_NO_{number:02}{suffix}")
        (root / f"{split}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    clip(root / "dataset" / "yes" / f"00000001_NO_01{suffix}", silent=True)
    broken(root / "dataset" / "yes" / f"00000002_NO_01{suffix}")
    clip(root / "dataset" / "yes" / f"00000009_NO_01{suffix}")


def cantonese(root: Path) -> None:
    for initial in ("", "b", "c", "d", "f", "g", "gw", "h", "j", "k"):
        for tone in range(1, 7):
            clip(root / "sound" / "kt" / "aa" / str(tone) / f"{initial}aa{tone}.opus", 48_000)
    clip(root / "sound" / "kt" / "aap" / "2" / "taap2.opus", 48_000)
    clip(root / "sound" / "kt" / "aa" / "7" / "maa7.opus", 48_000)
    broken(root / "sound" / "kt" / "aa" / "1" / "maa1.opus")
    broken(root / "README.md")


def digits(root: Path, suffix: str) -> None:
    for speaker in ("george", "jackson", "lucas", "nicolas", "theo", "yweweler"):
        for digit in (0, 7):
            clip(root / "recordings" / f"{digit}_{speaker}_0{suffix}", 8_000)
    clip(root / "recordings" / f"7_theo_0{suffix}", 8_000, silent=True)
    clip(root / "recordings" / f"noise{suffix}", 8_000)
    broken(root / "metadata.py")


def commands(root: Path, suffix: str) -> None:
    for speaker in range(10):
        for word in ("left", "right"):
            clip(root / word / f"{speaker:08x}_nohash_0{suffix}")
    broken(root / "left" / f"00000001_nohash_0{suffix}")
    clip(root / "right" / f"right{suffix}")
    if suffix == ".wav":
        clip(root / "_background_noise_" / "running_tap.wav")
        broken(root / "validation_list.txt")


def mandarin(root: Path) -> None:
    for word in ("中国", "朋友", "学生", "老师", "听", "长", "一会儿", "越_越_"):
        clip(root / "hsk" / f"cmn-{word}.mp3", 44_100)
    for syllable in ("a1", "nv3", "lve4", "ting1", "ma5", "_hm1"):
        clip(root / "syllabs" / f"cmn-{syllable}.mp3", 44_100)
    broken(root / "hsk" / "cmn-苹果.mp3")


def mandarin_release(root: Path) -> None:
    clip(root / "96k" / "hsk" / "cmn-中国.mp3", 44_100)
    mandarin(root / "64k")
    mandarin(root / "18k-abr")


TAIWANESE = {
    "1(1)": "tsi̍t",
    "8(1)": "tsi̍t-puànn",
    "10014(1)": "【白】tshiūnn",
    "22(2)": "pat-jī-kha/pat-lī-kha",
    "30(1)": "khuànn--lâi",
    "31(1)": "Tâi-uân",
    "40(1)": "hello",
    "41(1)": "",
    "42(1)": "tshit",
    "43(1)": "it",
    "44(1)": "lâng",
}


HAN = {
    "1(1)": "一【替】",
    "8(1)": '一"半',
    "10014(1)": "像【白】",
    "22(2)": "八字跤/八字骹",
    "30(1)": "",
    "31(1)": "Tâi灣",
    "40(1)": "嗨",
}
"""What stands beside the Tâi-lô; where nothing is said, a character."""


def taiwanese_clips(folder: Path) -> None:
    for stem in TAIWANESE:
        if stem != "42(1)":
            clip(folder / f"{stem}.mp3", 44_100, silent=stem == "43(1)")
    whole = (folder / "44(1).mp3").read_bytes()
    (folder / "44(1).mp3").write_bytes(whole[: len(whole) // 2])


def taiwanese(root: Path) -> None:
    taiwanese_clips(root / "audio")
    clip(root / "audio" / "o'clock (9).mp3")
    rows = ["audio\thanji\ttailo\tmandarin"]
    rows += [f"{stem}.mp3\t{HAN.get(stem, '字')}\t{text}\t" for stem, text in TAIWANESE.items()]
    rows.append("1(1).mp3\t一\ttsi̍t\t一")
    (root / "words.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def taiwanese_release(root: Path) -> None:
    taiwanese_clips(root / "sutiau-mp3" / "0")
    names = ["詞目id", "詞目類型", "漢字", "羅馬字", "分類", "羅馬字音檔檔名"]
    rows = [[stem, "主詞目", HAN.get(stem, "字"), text, "", stem] for stem, text in TAIWANESE.items()]
    rows.append(["99", "主詞目", "字", "bô", "", ""])
    spreadsheet(
        root / "kautian.ods", {"說明": [["版本"]], "詞目": [names, *rows], "例句": [["詞目id"], ["1"]]}
    )


def spreadsheet(path: Path, sheets: Mapping[str, list[list[str]]]) -> None:
    """An .ods; equal cells in a row are written once with their number, as office programs do."""
    tables = []
    for name, rows in sheets.items():
        body = "".join(f"<table:table-row>{_cells(row)}</table:table-row>" for row in rows)
        tables.append(f'<table:table table:name="{name}">{body}</table:table>')
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = f"<office:document-content {spaces}>{''.join(tables)}</office:document-content>"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", content)


def _cells(row: list[str]) -> str:
    cells: list[tuple[str, int]] = []
    for text in row:
        if cells and cells[-1][0] == text:
            cells[-1] = (text, cells[-1][1] + 1)
        else:
            cells.append((text, 1))
    return "".join(
        f'<table:table-cell table:number-columns-repeated="{count}">'
        + (f"<text:p>{escape(text)}</text:p>" if text else "")
        + "</table:table-cell>"
        for text, count in cells
    )


_ARABIC_FAULTS = {"silent": 1, "unreadable": 1, "in no list": 1}
_MANDARIN_FAULTS = {
    "ambiguous reading": 1,
    "r-coloured ending": 1,
    "pattern with a gap": 1,
    "outside the standard syllables": 1,
    "unreadable": 1,
}
_TAIWANESE_FAULTS = {"text not understood": 1, "no text": 1, "absent": 1, "silent": 1, "unreadable": 1}

EXCERPTS = {
    "arabic": Excerpt(
        "arabic_commands", lambda root: arabic(root, ".wav", 2), 18, _ARABIC_FAULTS, split_by="speaker"
    ),
    "arabic, a subset in flac": Excerpt(
        "arabic_commands",
        lambda root: arabic(root, ".flac", 1),
        8,
        {**_ARABIC_FAULTS, "absent": 10},
        split_by="speaker",
    ),
    "cantonese": Excerpt("cantonese_jyutnet", cantonese, 61, {"text not understood": 1, "unreadable": 1}),
    "common voice": Excerpt(
        "common_voice",
        common_voice,
        4,
        {"absent": 1, "unreadable": 1, "no text": 1, "with a speaker of test": 1, "listed before": 1},
        split_by="speaker",
    ),
    "common voice, two locales of an old release": Excerpt(
        "common_voice", common_voice_of_old, 6, split_by="speaker"
    ),
    "fleurs": Excerpt(
        "fleurs",
        fleurs,
        4,
        {"absent": 1, "silent": 1, "with a sentence of test": 1, "listed before": 1, "row not understood": 1},
    ),
    "digits": Excerpt(
        "english_fsdd",
        lambda root: digits(root, ".wav"),
        11,
        {"silent": 1, "name not understood": 1},
        split_by="speaker",
    ),
    "digits in flac": Excerpt(
        "english_fsdd",
        lambda root: digits(root, ".flac"),
        11,
        {"silent": 1, "name not understood": 1},
        split_by="speaker",
    ),
    "commands": Excerpt(
        "english_speech_commands",
        lambda root: commands(root, ".wav"),
        19,
        {"unreadable": 1, "name not understood": 1},
        split_by="speaker",
    ),
    "commands, a subset in flac": Excerpt(
        "english_speech_commands",
        lambda root: commands(root, ".flac"),
        19,
        {"unreadable": 1, "name not understood": 1},
        split_by="speaker",
    ),
    "mandarin": Excerpt("mandarin_audio_cmn", mandarin, 10, _MANDARIN_FAULTS),
    "mandarin, all bit rates": Excerpt("mandarin_audio_cmn", mandarin_release, 10, _MANDARIN_FAULTS),
    "taiwanese": Excerpt(
        "taiwanese_moe", taiwanese, 6, {**_TAIWANESE_FAULTS, "in no list": 1, "listed before": 1}
    ),
    "taiwanese in Han characters": Excerpt(
        "taiwanese_moe_hant",
        taiwanese,
        5,
        {**_TAIWANESE_FAULTS, "in no list": 1, "listed before": 1, "no text": 2},
    ),
    "taiwanese in Han characters, the ministry's files": Excerpt(
        "taiwanese_moe_hant", taiwanese_release, 5, {**_TAIWANESE_FAULTS, "no recording": 1, "no text": 2}
    ),
    "taiwanese, the ministry's files": Excerpt(
        "taiwanese_moe", taiwanese_release, 6, {**_TAIWANESE_FAULTS, "no recording": 1}
    ),
}
