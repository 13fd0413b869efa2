"""What releases of many languages share: codes of languages, packed archives, and splits to keep apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from shlex import quote

from speechtl.languages.han import has_han
from speechtl.partition import text_keys
from speechtl.preparation import Recording
from speechtl.text import orthography

_HAN = {
    "zh-cn": "cmn-Hans",
    "zh-tw": "cmn-Hant",
    "zh-hk": "yue-Hant",
    "yue": "yue-Hant",
    "nan-tw": "nan-Hant",
}
_REGION = re.compile(r"[a-z]{2}|[0-9]{3}")
SPLITS = ("train", "dev", "test")
_MOST_HELD_OUT = ("test", "dev", "train")


def tag_of(code: str) -> str:
    """The orthography that a publisher's code of a language stands for.

    Regions change no rule and are left away, so that heads of several corpora are the same.

    >>> [tag_of(code) for code in ("zh-TW", "cmn_hans_cn", "pt", "pt_br", "es_419", "rm-sursilv")]
    ['cmn-Hant', 'cmn-Hans', 'pt', 'pt', 'es', 'rm-sursilv']

    Raises:
        ValueError: The code does not say how the text is written.
    """
    lower = code.lower().replace("_", "-")
    language, *others = lower.split("-")
    plain = "-".join([language, *(part for part in others if not _REGION.fullmatch(part))])
    return orthography(_HAN.get(lower, plain)).tag


def folders_with_lists(root: Path, patterns: Sequence[str]) -> list[Path]:
    """Folders that hold any of train.tsv, dev.tsv and test.tsv, found by the first pattern that has some.

    Raises:
        FileNotFoundError: There is none, or all is still packed.
    """
    for pattern in patterns:
        found = {path.parent for split in SPLITS for path in root.glob(f"{pattern}/{split}.tsv")}
        if found:
            return sorted(found)
    refuse_packed(sorted(root.glob("*.tar.gz")))
    raise FileNotFoundError(
        f"{root}: no train.tsv, dev.tsv or test.tsv in it or in the folder of a language; give the folder of "
        "the unpacked release by --root"
    )


def chosen(codes: Mapping[Path, str], root: Path, language: str | None) -> dict[Path, str]:
    """The folders that are read, with their orthographies.

    Args:
        codes: The publisher's code of each folder's language.
        root: Where they are, for the message.
        language: Where there is one folder, its orthography; where there are several, the code or the
            orthography of those that are read; None: all.

    Raises:
        ValueError: There is none of this language, or a code does not say how the text is written.
    """
    if language is not None and len(codes) == 1:
        return {folder: orthography(language).tag for folder in codes}
    if by_code := {folder: _tag(folder, code) for folder, code in codes.items() if code == language}:
        return by_code
    tags = {folder: _tag(folder, code) for folder, code in codes.items()}
    if language is None:
        return tags
    wanted = orthography(language).tag
    if found := {folder: tag for folder, tag in tags.items() if tag == wanted}:
        return found
    raise ValueError(f"{root} has nothing in {language}; it has {', '.join(sorted(codes.values()))}")


def _tag(folder: Path, code: str) -> str:
    try:
        return tag_of(code)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}; or say which by --language, with --root {folder}") from error


def require_script(folder: Path, tag: str, texts: Sequence[str]) -> None:
    """Refuse texts that an orthography of Han characters is taken for, and that have none.

    Raises:
        ValueError: No text has one.
    """
    is_han = tag.endswith(("-Hans", "-Hant"))
    if is_han and texts and not any(map(has_han, texts)):
        raise ValueError(
            f"{folder}: {tag} is expected, and none of {len(texts)} texts has a Han character, such as "
            f"{texts[0]!r}; say how they are written by --language, with --root {folder}"
        )


def refuse_packed(archives: Iterable[Path]) -> None:
    """Refuse a release that is still packed, with the commands that unpack it.

    Raises:
        FileNotFoundError: There are archives.
    """
    if commands := [
        f"  tar -xzf {quote(str(archive))} -C {quote(str(archive.parent))}" for archive in archives
    ]:
        raise FileNotFoundError("the release is still packed; unpack it:\n" + "\n".join(commands))


def kept_apart(
    recordings: Sequence[Recording],
    key: Callable[[Recording], Iterable[Hashable]],
    left_out: Counter[str],
    what: str,
) -> list[Recording]:
    """Recordings whose splits share no key: what the test has is left out of dev and train, and so on.

    Args:
        recordings: With splits train, dev and test.
        key: What is not to be shared, none where it is unknown.
        left_out: Counts what is left out.
        what: Such as `speaker`, for the reason.
    """
    owner: dict[Hashable, str] = {}
    kept = []
    for recording in sorted(recordings, key=lambda one: _MOST_HELD_OUT.index(one.split)):
        shared = {owner.setdefault(one, recording.split) for one in key(recording)} - {recording.split}
        if shared:
            left_out[f"with a {what} of {' and '.join(sorted(shared))}"] += 1
        else:
            kept.append(recording)
    return kept


def sentence_keys(recording: Recording) -> list[tuple[str, str]]:
    """What identifies the sentence, punctuation and case aside; nothing for one that is not understood."""
    try:
        return [(recording.language, key) for key in text_keys(recording.language, recording.text)]
    except ValueError:
        return []
