r"""Language models as ARPA files, the text format of SRILM and KenLM.

After the line `\data\` stand the numbers of n-grams of each length (`ngram 2=15`); for each length, after
its heading (`\2-grams:`), a line for every n-gram: log10 of its probability, a tab, its tokens with spaces
between, and a tab and log10 of its back-off factor where it has one; at last `\end\`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from speechtl.language_model.ngrams import Ngram, NgramModel
from speechtl.whole_files import explained, replaced

_COUNT = re.compile(r"ngram (\d+)\s*=\s*(\d+)")
_HEADING = re.compile(r"\\(\d+)-grams:")


def write_arpa(model: NgramModel, path: str | Path) -> None:
    """Write a model, beside the file first, then in its place; n-grams stand in code point order.

    Raises:
        OSError: the disk is full or not writable.
    """
    path = Path(path)
    with explained("the language model", path, instead="name another place by --out"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as beside:
            beside.write_text("\n".join(_lines(model)), encoding="utf-8")


def _lines(model: NgramModel) -> Iterator[str]:
    yield "\\data\\"
    for length, count in enumerate(model.counts, start=1):
        yield f"ngram {length}={count}"
    lengths: list[list[Ngram]] = [[] for _ in range(model.order)]
    for ngram in sorted(model.probabilities):
        lengths[len(ngram) - 1].append(ngram)
    for length, ngrams in enumerate(lengths, start=1):
        yield f"\n\\{length}-grams:"
        for ngram in ngrams:
            line = f"{model.probabilities[ngram]:.7f}\t{' '.join(ngram)}"
            backoff = model.backoffs.get(ngram)
            # KenLM wants a factor after every n-gram that a longer one may begin with.
            yield line if length == model.order else f"{line}\t{backoff or 0.0:.7f}"
    yield "\n\\end\\\n"


def read_arpa(path: str | Path) -> NgramModel:
    """Read a model that any tool wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no ARPA file, or cut short; names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; a language model in ARPA format was expected")
    promised: dict[int, int] = {}
    probabilities: dict[Ngram, float] = {}
    backoffs: dict[Ngram, float] = {}
    length, is_whole = 0, False
    with path.open(encoding="utf-8", errors="strict") as file:
        try:
            for number, line in enumerate(file, start=1):
                text = line.strip(" \t\r\n")
                if text == "\\end\\":
                    is_whole = True
                    break
                if heading := _HEADING.fullmatch(text):
                    length = int(heading[1])
                elif length:
                    _read_entry(text, length, probabilities, backoffs, f"{path}, line {number}")
                elif count := _COUNT.fullmatch(text):
                    promised[int(count[1])] = int(count[2])
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}: no text in UTF-8; an ARPA file was expected, not a binary one"
            ) from error
    return _checked(path, promised, probabilities, backoffs, is_whole)


def _read_entry(
    text: str, length: int, probabilities: dict[Ngram, float], backoffs: dict[Ngram, float], where: str
) -> None:
    fields = text.split()
    if not fields:
        return
    try:
        if len(fields) not in (length + 1, length + 2):
            raise ValueError(f"{len(fields)} fields")
        ngram = tuple(fields[1 : length + 1])
        probabilities[ngram] = float(fields[0])
        if len(fields) == length + 2:
            backoffs[ngram] = float(fields[-1])
    except ValueError as error:
        raise ValueError(
            f"{where}: {text!r} ({error}); expected log10 p, {length} token{'s' * (length > 1)} and perhaps "
            "log10 of the back-off"
        ) from error


def _checked(
    path: Path,
    promised: dict[int, int],
    probabilities: dict[Ngram, float],
    backoffs: dict[Ngram, float],
    is_whole: bool,
) -> NgramModel:
    order = max(promised, default=0)
    if order < 1 or sorted(promised) != list(range(1, order + 1)):
        raise ValueError(f"{path} is no ARPA file: it does not say how many n-grams it has (`ngram 1=...`)")
    model = NgramModel(order, probabilities, backoffs)
    if max(map(len, probabilities), default=0) > order:
        raise ValueError(f"{path} is damaged: it has longer n-grams than the {order} it promises")
    found = model.counts
    expected = [promised[length] for length in range(1, order + 1)]
    if not is_whole or found != expected:
        raise ValueError(
            f"{path} is cut short or damaged: it promises {expected} n-grams, {found} are there"
            f"{'' if is_whole else ', and its end mark is missing'}. Fetch or write it again"
        )
    return model
