"""Excerpts in the layouts of Common Voice and FLEURS."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from clips import clip

COMMON_VOICE = (
    *("client_id", "path", "sentence_id", "sentence", "sentence_domain", "up_votes", "down_votes"),
    *("age", "gender", "accents", "variant", "locale", "segment"),
)
OLD_COMMON_VOICE = (
    *("client_id", "path", "sentence", "up_votes", "down_votes", "age", "gender", "accent"),
    *("locale", "segment"),
)


def volunteers(
    folder: Path,
    lists: Mapping[str, list[tuple[str, str, str, str]]],
    columns: Sequence[str] = COMMON_VOICE,
    locale: str = "zh-TW",
) -> None:
    """A locale of Common Voice: lists of client, recording, sentence and accent; recordings as MP3."""
    folder.mkdir(parents=True)
    for name, entries in lists.items():
        rows = ["\t".join(columns)]
        for client, stem, sentence, accent in entries:
            row = {"client_id": client, "path": f"{stem}.mp3", "sentence": sentence, "up_votes": "2"}
            row |= {"down_votes": "0", "accents": accent, "accent": accent, "locale": locale}
            rows.append("\t".join(row.get(column, "") for column in columns))
            if "absent" not in stem and not (path := folder / "clips" / f"{stem}.mp3").exists():
                clip(path, 48_000 if columns is OLD_COMMON_VOICE else 32_000)
        (folder / f"{name}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for path in folder.glob("clips/*broken*.mp3"):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])


def common_voice(root: Path) -> None:
    lists = {
        "train": [
            ("a" * 64, "common_voice_zh-TW_1", '他說：「好"。', "出生地：臺北"),
            ("a" * 64, "common_voice_zh-TW_2", "一月一日", ""),
            ("b" * 64, "common_voice_zh-TW_3_absent", "下雨了", ""),
            ("b" * 64, "common_voice_zh-TW_4_broken", "天晴了", ""),
            ("d" * 64, "common_voice_zh-TW_5", "你好嗎", ""),
            ("b" * 64, "common_voice_zh-TW_6", "？！", ""),
        ],
        "dev": [("c" * 64, "common_voice_zh-TW_7", "再見", "")],
        "test": [
            ("d" * 64, "common_voice_zh-TW_8", "謝謝", "國語, 臺灣腔"),
            ("d" * 64, "common_voice_zh-TW_1", "謝謝", ""),
        ],
        "validated": [
            ("a" * 64, "common_voice_zh-TW_1", '他說：「好"。', "出生地：臺北"),
            ("e" * 64, "common_voice_zh-TW_9", "一月一日。", ""),
            ("e" * 64, "common_voice_zh-TW_10", "謝謝！", ""),
            ("d" * 64, "common_voice_zh-TW_11", "一月一日", ""),
        ],
        "other": [("f" * 64, "common_voice_zh-TW_12", "沒有人聽過", "")],
    }
    volunteers(root / "cv-corpus-17.0-2024-03-15" / "zh-TW", lists)


def common_voice_of_old(root: Path) -> None:
    for locale, sentence in {"ar": "مرحبا.", "sv-SE": "Hallå!"}.items():
        lists = {
            split: [(f"{locale} {split}", f"common_voice_{locale}_{split}", sentence + split, "us")]
            for split in ("train", "dev", "test")
        }
        volunteers(root / locale, lists, OLD_COMMON_VOICE, locale)


def encyclopaedia(folder: Path, lists: Mapping[str, list[tuple[int, str, str]]]) -> None:
    """A config of FLEURS: lists of number, recording and sentence; recordings as WAV."""
    for split, entries in lists.items():
        rows = []
        for number, stem, sentence in entries:
            letters = " ".join(sentence.lower()).replace("   ", " | ")
            rows.append(f"{number}\t{stem}.wav\t{sentence}\t{sentence.lower()}\t{letters} |\t4000\tMALE")
            if "absent" not in stem:
                clip(folder / "audio" / split / f"{stem}.wav", silent="silent" in stem)
        (folder / f"{split}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def fleurs(root: Path) -> None:
    train = [
        (1, "10004088536354799741", '"飛機"起飛了。'),
        (1, "10027", '"飛機"起飛了。'),
        (2, "3_absent", "火車來了"),
        (2, "4_silent", "火車來了"),
        (9, "5", "船到了！"),
        (2, "10027", "火車來了"),
    ]
    lists = {"train": train, "dev": [(5, "6", "今天下雨")], "test": [(8, "10027", "船到了。")]}
    encyclopaedia(root / "data" / "cmn_hans_cn", lists)
    with (root / "data" / "cmn_hans_cn" / "dev.tsv").open("a", encoding="utf-8") as file:
        file.write("7\tno sentence\n")
