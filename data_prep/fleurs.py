"""The same 2,000 sentences of an encyclopaedia, read in 102 languages: FLEURS.

What: the hub's `data/<config>/` or the publisher's `<config>/`; several become one corpus: `train.tsv`,
    `dev.tsv` and `test.tsv` (no header: sentence number, file, sentence, the same in lower case without
    punctuation, its letters, samples, gender) and `audio/<split>/*.wav`, 16 kHz, unpacked from
    `audio/<split>.tar.gz`. About 12 hours a language.
Who: mostly three readings of each sentence, by unnamed speakers: speakers are unknown.
Language: that of the config, without its region: cmn-Hans for cmn_hans_cn, yue-Hant for yue_hant_hk, ar for
    ar_eg, en for en_us. `language` names another orthography of a single config, or chooses one of several.
Licence: CC BY 4.0, Google; Conneau and others 2022, "FLEURS: Few-shot Learning Evaluation of Universal
    Representations of Speech", arXiv:2205.12446. https://huggingface.co/datasets/google/fleurs
Splits: the publisher's, which share no sentence; checked, and what is shared in spite
    of that is left out of dev and train. Across languages the same sentence is in the same split.
Left out: rows whose recording is absent or was listed before, and rows that lack a field.
Known faults: numbers, abbreviations and Latin names stand in the texts as they are written, not as they are
    spoken; some recordings are silent, or cut; speakers of the test may be those of dev.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from data_prep._releases import (
    SPLITS,
    chosen,
    folders_with_lists,
    kept_apart,
    refuse_packed,
    sentence_keys,
)
from data_prep._tab_separated import rows
from speechtl.corpus import Corpus
from speechtl.preparation import Recording, assemble, find_audio

NAME = "fleurs"
_FIELDS = 3
"""Number, file and sentence; what follows is not needed."""
_DOMAIN = "encyclopaedia"


def recognises(folder: Path) -> bool:
    """Whether a folder is one config of a release: lists without a header beside folders of recordings."""
    lists = [folder / f"{split}.tsv" for split in SPLITS]
    first = next((next(rows(table), []) for table in lists if table.is_file()), [])
    return (folder / "audio").is_dir() and len(first) >= _FIELDS and first[0].isdecimal()


def prepare(root: Path, language: str | None = None) -> Corpus:
    """Read the folder of one config, or one that holds several, such as the hub's data/.

    Args:
        root: The folder.
        language: See the data card.

    Raises:
        FileNotFoundError: The folder is laid out otherwise, or still packed.
        ValueError: The language is not there.
    """
    folders = folders_with_lists(root, (".", "*", "data/*"))
    configs = chosen({folder: folder.name for folder in folders}, root, language)
    refuse_packed(archive for folder in configs for archive in _packed(folder))
    left_out: Counter[str] = Counter()
    recordings: list[Recording] = []
    for folder, tag in configs.items():
        recordings += kept_apart(_listed(folder, tag, left_out), sentence_keys, left_out, "sentence")
    return assemble(NAME, recordings, left_out=left_out, split_by="text")


def _packed(folder: Path) -> list[Path]:
    """The archives of splits that are not unpacked."""
    archives = (folder / "audio" / f"{split}.tar.gz" for split in SPLITS)
    return [path for path in archives if path.is_file() and not (path.parent / path.name[:-7]).is_dir()]


def _listed(folder: Path, tag: str, left_out: Counter[str]) -> list[Recording]:
    """What the lists have, each recording once."""
    recordings: dict[str, Recording] = {}
    for split in SPLITS:
        table = folder / f"{split}.tsv"
        for fields in rows(table) if table.is_file() else ():
            if len(fields) < _FIELDS:
                left_out["row not understood"] += 1
                continue
            _, file, sentence, *_ = fields
            path = folder / "audio" / split / file
            id_ = f"{folder.name}/{split}/{path.stem}"
            if id_ in recordings:
                left_out["listed before"] += 1
                continue
            recordings[id_] = Recording(id_, find_audio(path), sentence.strip(), tag, None, _DOMAIN, split)
    return list(recordings.values())
