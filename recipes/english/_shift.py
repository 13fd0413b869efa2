"""Digits in two corpora that share four words: what the recipes and studies of this shift have in common.

Six men at the telephone's bandwidth say digits, trimmed tightly (FSDD); many volunteers say commands into
their own microphones, at 16 kHz with silence and noise around the words (Speech Commands). Bandwidth and
silence alone would tell the two apart, so the main rows hear both up to 3.4 kHz and trimmed alike; the
`wideband` rows hear both as they are. Words are spelled, by CTC, and the likeliest of the four is chosen; the
`classifier` rows have one decision for an utterance.

Labels are those of one corpus. Half of the other's speakers are heard without labels, and the other half are
tested; the second variant swaps them. Of the half that is heard, some utterances are kept apart: labelled,
they are the small dev by which a tuning study may choose, which says so.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from speechtl.corpus_spec import CorpusSpec, corpus
from speechtl.decode import DecodeSettings
from speechtl.experiment import Experiment
from speechtl.features import FeatureSettings
from speechtl.models.settings import ModelSettings
from speechtl.study import Study, Variant
from speechtl.study.settings import Dev
from speechtl.text import TextSettings
from speechtl.train_settings import TrainSettings

WORDS = ("zero", "one", "five", "eight")
TRIM_DB = 30.0
TELEPHONE_HZ = 3400.0
"""Up to here both corpora are heard: speech at 8 kHz falls off below 4 kHz, by which it would be told."""
BATCH_SECONDS = 24.0
"""Half of it is labelled, in every row."""
STEPS = 300
LABELLED, TAKES_APART = ("?", "[1-3]?"), ("4?",)
"""Of fifty takes of each digit, those that are trained on or heard, and those that are kept apart."""
MEN = {
    "first": (("jackson", "lucas", "nicolas"), ("george", "theo", "yweweler")),
    "second": (("george", "theo", "yweweler"), ("jackson", "lucas", "nicolas")),
}
"""By variant, whose digits are heard without labels, and whose are tested: an American, a German, another."""
VOLUNTEERS = {"first": ("[0-6]", "7", "[89a-f]"), "second": ("[89a-d]", "[ef]", "[0-7]")}
"""The same by the second letter of a volunteer's hash: heard, kept apart, tested."""
Kind = Literal["narrow", "wideband", "classifier"]
"""Both corpora up to 3.4 kHz and trimmed; as they are; or the former, with one decision for an utterance."""
FLAGS: dict[Kind, str] = {
    "narrow": "",
    "wideband": "--features.mels 80 --features.f-max 8000",
    "classifier": "--model.head classifier --text.units whole",
}
"""What makes a row that starts from scratch one of a kind; others have it from their base model."""
UNLEARNED = "pseudo_labels --method.threshold 1"
"""The control of pseudo-labels: nothing is sure enough, from the same base model on the same batches."""
METHODS = (
    "dann",
    "mmd",
    "coral",
    "adabn",
    "domain_batch_norm",
    "dann_domain_batch_norm",
    "pseudo_labels",
    UNLEARNED,
)
TUNED = ("dann", "mmd", "coral", "pseudo_labels")
"""Methods that have a strength to be chosen."""
FOLDER = "english/shift"
Flags = Mapping[str, str]
WITHOUT_LABELS: Mapping[str, Mapping[str, Flags]] = {
    "digits": {
        "first": {
            "dann": "--method.weight 0.01",
            "mmd": "--method.weight 10",
            "coral": "--method.weight 100",
            "pseudo_labels": "--method.threshold 0.95",
        },
        "second": {
            "dann": "--method.weight 3",
            "mmd": "--method.weight 3",
            "coral": "--method.weight 1000",
            "pseudo_labels": "--method.threshold 0.95",
        },
    },
    "commands": {
        "first": {
            "dann": "--method.weight 1",
            "mmd": "--method.weight 3",
            "coral": "--method.weight 0.1",
            "pseudo_labels": "--method.threshold 0.7",
        },
        "second": {
            "dann": "--method.weight 3",
            "mmd": "--method.weight 3",
            "coral": "--method.weight 0.1",
            "pseudo_labels": "--method.threshold 0.1",
        },
    },
}
"""By what is labelled and the half that is heard: flags of rows, as the tuning studies chose them by the
information in the decisions on unlabelled speech."""
BY_DEV: Mapping[str, Mapping[str, Flags]] = {
    "digits": {
        "first": {
            "dann": "--method.weight 3",
            "mmd": "--method.weight 0.03",
            "coral": "--method.weight 100",
            "pseudo_labels": "--method.threshold 0.5",
        },
        "second": {
            "dann": "--method.weight 0.03",
            "mmd": "--method.weight 0.3",
            "coral": "--method.weight 1",
            "pseudo_labels": "--method.threshold 0.1",
        },
    },
    "commands": {
        "first": {
            "dann": "--method.weight 0.03",
            "mmd": "--method.weight 0.1",
            "coral": "--method.weight 0.1",
            "pseudo_labels": "--method.threshold 0.1",
        },
        "second": {
            "dann": "--method.weight 3",
            "mmd": "--method.weight 3",
            "coral": "--method.weight 1",
            "pseudo_labels": "--method.threshold 0.5",
        },
    },
}
"""The same as the small labelled dev of the target chose them."""
FROM_BASE = ("unadapted", "adabn", "pseudo_labels")
"""Rows that start from a base model."""


def digits(speakers: tuple[str, ...] = (), takes: tuple[str, ...] = (), *, trim: bool = True) -> CorpusSpec:
    """Some takes of the four digits, all by default; dev and test may be of the same men."""
    return corpus(
        "english_fsdd",
        speakers=speakers,
        texts=WORDS,
        ids=tuple(f"*_{take}" for take in takes),
        split_by="none",
        trim_db=TRIM_DB if trim else None,
        as_domain="digits",
    )


def commands(letters: str = "?", *, trim: bool = True) -> CorpusSpec:
    """The four commands, of the volunteers whose hash has such a second letter."""
    return corpus(
        "english_speech_commands",
        texts=WORDS,
        ids=(f"*/*/?{letters}*_nohash_*",),
        split_by="speaker",
        trim_db=TRIM_DB if trim else None,
        as_domain="commands",
    )


def base(labelled: str, kind: Kind = "narrow") -> Experiment:
    """Trained on one corpus alone, and tested on the other: what all methods begin from, or have to beat.

    Args:
        labelled: digits or commands.
        kind: How both are heard.
    """
    is_trimmed = kind != "wideband"
    if labelled == "digits":
        target, dev = (digits(takes=takes, trim=is_trimmed) for takes in (LABELLED, TAKES_APART))
        test = commands(trim=is_trimmed)
    else:
        target, dev = (commands(letters, trim=is_trimmed) for letters in ("[0-9a-d]", "[ef]"))
        test = digits(trim=is_trimmed)
    is_classifier = kind == "classifier"
    return Experiment(
        name=f"english-shift-{labelled}{'' if kind == 'narrow' else f'-{kind}'}",
        target=target,
        dev=(dev,),
        tests=(replace(test, set_name=test.as_domain),),
        text=TextSettings(units="whole") if is_classifier else TextSettings(),
        model=ModelSettings(
            dim=96, blocks=4, dilations=(1, 1, 2, 2), head="classifier" if is_classifier else "ctc"
        ),
        features=FeatureSettings(mels=40, f_max=TELEPHONE_HZ) if is_trimmed else FeatureSettings(),
        train=TrainSettings(
            steps=STEPS, batch_seconds=BATCH_SECONDS / 2, dropout=0.1, precision="fp32", evaluations=1
        ),
        decode=DecodeSettings(closed=True, words=WORDS),
    )


def heard(labelled: str, half: str, kind: Kind = "narrow") -> CorpusSpec:
    """What is heard without labels, of the corpus that is not labelled."""
    if labelled == "digits":
        return commands(VOLUNTEERS[half][0], trim=kind != "wideband")
    return digits(MEN[half][0], LABELLED, trim=kind != "wideband")


def kept_apart(labelled: str, half: str, kind: Kind = "narrow") -> CorpusSpec:
    """Labelled speech of those who are heard, by which a study may choose settings if it says so."""
    if labelled == "digits":
        return commands(VOLUNTEERS[half][1], trim=kind != "wideband")
    return digits(MEN[half][0], TAKES_APART, trim=kind != "wideband")


def scored(labelled: str, half: str, kind: Kind = "narrow") -> CorpusSpec:
    """What is tested on, of other speakers than those who are heard."""
    if labelled == "digits":
        return replace(commands(VOLUNTEERS[half][2], trim=kind != "wideband"), set_name="commands")
    return replace(digits(MEN[half][1], trim=kind != "wideband"), set_name="digits")


def rows(*names: str) -> tuple[str, ...]:
    """Recipes of this shift, with their flags, by their last names."""
    return tuple(f"{FOLDER}/{name}" for name in names)


def shift(
    name: str,
    labelled: str,
    recipes: tuple[str, ...],
    kind: Kind = "narrow",
    *,
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    by_target: bool = False,
    chosen: Mapping[str, Flags] | None = None,
) -> Study:
    """Rows on both halves of the speakers, each seed from a base model of its own.

    Args:
        name: The study's.
        labelled: digits or commands.
        recipes: Its rows.
        kind: How both corpora are heard.
        seeds: Its seeds.
        by_target: Whether dev is labelled speech of the target; it decides nothing while training.
        chosen: Flags of rows by the half that is heard; None: what the recipes say, chosen by nobody.
    """
    source = base(labelled, kind)
    settings = chosen or {}
    recipe = f"{FOLDER}/{labelled}{'' if kind == 'narrow' else f'_{kind}'}"

    def variant(half: str) -> Variant:
        unlabelled = heard(labelled, half, kind)
        assert isinstance(source.target, CorpusSpec)
        dev: Dev = (kept_apart(labelled, half, kind),) if by_target else source.dev
        return Variant(
            name=half,
            target=source.target,
            dev=dev,
            tests=(scored(labelled, half, kind),),
            sources=tuple(f"{recipe}@{seed}" for seed in range(max(seeds) + 1)),
            unlabelled=(unlabelled,),
            others=tuple((row, unlabelled) for row in recipes if _recipe(row) == "target"),
            flags=tuple((row, flags) for row in recipes if (flags := flags_of(row, half))),
        )

    def flags_of(row: str, half: str) -> str:
        own = FLAGS[kind] if _recipe(row) not in FROM_BASE else ""
        return f"{own} {settings.get(half, {}).get(row.rpartition('/')[2], '')}".strip()

    variants = tuple(variant(half) for half in VOLUNTEERS)
    return Study(name, recipes, seeds=seeds, variants=variants, metric="closed_balanced")


def _recipe(row: str) -> str:
    return row.split()[0].rpartition("/")[2]
