"""What is refused before a model is evaluated, with all that is wrong in one message."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechtl import leakage
from speechtl.conversion import converts
from speechtl.faults import counted, listed
from speechtl.text import orthography

if TYPE_CHECKING:
    from speechtl.checkpoint import LoadedModel
    from speechtl.corpus import Corpus
    from speechtl.leakage import Fingerprints


def refuse_run_folder(folder: Path) -> None:
    """Refuse to write another report over that of a run.

    Raises:
        ValueError: the folder belongs to a run.
    """
    if (folder / "experiment.json").exists():
        raise ValueError(f"{folder} is a run's folder, whose report must stay; choose another --out DIR")


def require_words(model: LoadedModel, corpus: Corpus) -> None:
    """Refuse closed decisions where the model lists no words for any of the corpus's languages.

    Raises:
        ValueError: it lists none; names the languages for which it does.
    """
    listing = [tag for tag, words in model.model.words.items() if words]
    if not set(corpus.languages) & set(listing):
        raise ValueError(
            f"the model lists words for {', '.join(listing) or 'no language'}, the corpus is in "
            f"{', '.join(corpus.languages)}: there is nothing to choose from, drop --closed"
        )


def require_heads(heads: Collection[str], parts: Mapping[str, Corpus]) -> None:
    """Refuse test sets in languages that the model has no head for.

    Raises:
        ValueError: there are some; names them, and the languages that it has.
    """
    if found := foreign_sets(heads, parts):
        tags = [tag for corpus in parts.values() for tag in corpus.languages if tag not in heads]
        near = [head for head in heads if any(converts(tag, head) for tag in tags)]
        converted = f" --language {near[0]} converts its texts." if near else ""
        raise ValueError(
            f"the model has heads for {', '.join(heads)}, but {', '.join(found)}.{converted} Evaluate it on "
            "speech in its languages (--language chooses one of a corpus's), or adapt it to the others with "
            "`speechtl run`."
        )


def foreign_sets(heads: Collection[str], parts: Mapping[str, Corpus]) -> list[str]:
    """`<set> is in <languages>` for each set with languages that there is no head for."""
    others = {name: sorted(set(corpus.languages) - set(heads)) for name, corpus in parts.items()}
    return [f"{name} is in {' and '.join(tags)}" for name, tags in others.items() if tags]


def require_texts(parts: Mapping[str, Corpus]) -> None:
    """Refuse references of which nothing is left to score, such as punctuation alone.

    Raises:
        ValueError: there are some; names their utterances.
    """
    faults = []
    for corpus in parts.values():
        (language,) = corpus.languages
        for id_, text in zip(corpus.column("id"), corpus.column("text"), strict=True):
            if not any(orthography(language).alternatives(text)):
                faults.append(f"{id_} ({text!r})")
    if faults:
        raise ValueError(
            f"nothing to score in {counted(len(faults), 'reference')}: {listed(faults)}. Correct their "
            "texts, or leave these utterances out."
        )


HEARD = (
    "This is the speech that is heard without labels. Leave it out of dev and tests (--unlabelled.0.split "
    "train), or say --transductive; the report says then that the tests were heard"
)


def refuse_leaks(
    trained: Fingerprints,
    parts: Mapping[str, Corpus],
    digests: Mapping[str, Sequence[str]],
    chosen_on: Collection[str] = (),
) -> dict[str, leakage.Shared]:
    """What each set shares with the training, where that is allowed.

    Args:
        trained: hashes of all that the model was trained on.
        parts: test sets by name.
        digests: by the same names, of the decoded audio, one per utterance.
        chosen_on: digests of the dev audio. It is not trained on, but chooses the weights: a clip in both
            would flatter the result.

    Raises:
        ValueError: a set holds what the model was trained or chosen on; names all such sets.
    """
    shared, faults = {}, []
    for name, corpus in parts.items():
        try:
            shared[name] = leakage.check(trained, corpus, digests[name], where=name)
        except ValueError as error:
            faults.append(str(error))
        pairs = zip(corpus.column("id"), digests[name], strict=True)
        if twice := [id_ for id_, digest in pairs if digest in chosen_on]:
            faults.append(
                f"{name}: identical audio in dev in {counted(len(twice), 'utterance')}: {listed(twice)}; "
                "take them out of one side"
            )
    if faults:
        raise ValueError("\n".join(faults))
    return shared


def carved_advice(account: Sequence[str]) -> list[str]:
    """What to do where speech that was carved out of a corpus is not to be tested on; else nothing."""
    if not any("carved out" in line for line in account):
        return []
    return [
        *account,
        "To hold out other recordings, give the corpus a column `split`, with those that the source was "
        "trained on in train, or take them out of it. Where speakers were held out, --target.split-by text "
        "holds out texts.",
    ]


def refuse_heard(
    heard: Fingerprints, parts: Mapping[str, Corpus], digests: Mapping[str, Sequence[str]]
) -> None:
    """Refuse tests and dev with recordings that are heard without labels, and say what that is.

    Args:
        heard: hashes of the unlabelled speech.
        parts: test sets and dev by name.
        digests: by the same names, one per utterance.

    Raises:
        ValueError: a set holds some of it.
    """
    try:
        refuse_leaks(heard, parts, digests)
    except ValueError as error:
        raise ValueError(f"{error}\n{HEARD}") from error
