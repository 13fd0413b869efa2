"""Where the voice sits, and where the language: `python benchmarks/probes.py RUN ... --corpus NAME`.

Linear probes on the frozen outputs of every block (`speechtl/probes.py`) tell the speaker on words that they
have not trained on, and the unit on speakers that they have not trained on. Prints a table for each run, and
draws it beside the run's other pictures or where --out says. What the lecture assumes of speech, that the
voice is in the first layers and the language in the last, is what the two columns test.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from speechtl.batches import Examples
from speechtl.cache import load_waveforms
from speechtl.checkpoint import load_model
from speechtl.corpus_spec import CorpusSpec
from speechtl.probes import Accuracy, Probes, draw_probes, probe


def probed(run: str, spec: CorpusSpec) -> Probes:
    """The probes of a model on some speech, which is trimmed as the speech that it was trained on."""
    model, corpus = load_model(run).model, spec.open()
    corpus = corpus.trimmed_as(model.trim_db.get(corpus.languages[0]))
    waveforms = load_waveforms(corpus)
    return probe(model, Examples.of(corpus, waveforms, waveforms.durations, model.tokenizers))


def table(found: Probes) -> str:
    """A line for each block."""
    probes = {"speaker": found.speaker, "unit": found.unit}
    blocks = [
        f"{block:<12}{_percent(found.speaker, block)}{_percent(found.unit, block)}"
        for block in found.speaker or found.unit
    ]
    notes = [_account(name, next(iter(row.values()))) for name, row in probes.items() if row]
    return "\n".join([f"{'block':<12}{'speaker':>10}{'unit':>10}", *blocks, *notes])


def _account(name: str, first: Accuracy) -> str:
    return (
        f"{name}: trained on {first.trained} vectors, asked about {first.tested}; chance "
        f"{100 * first.chance:.1f} %"
    )


def _percent(found: Mapping[str, Accuracy], block: str) -> str:
    return f"{100 * found[block].value:>8.1f} %" if block in found else f"{'-':>10}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table and draw a picture for each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="+", help="run or model folders")
    parser.add_argument("--corpus", default="arabic_commands", help="whose speech is heard")
    parser.add_argument("--split", help="which of its splits; all by default")
    parser.add_argument("--speakers", nargs="+", default=[], help="which of its speakers")
    parser.add_argument("--out", type=Path, help="folder of the pictures; by default each run's own")
    options = parser.parse_args(arguments)
    spec = CorpusSpec(options.corpus, split=options.split, speakers=tuple(options.speakers))
    for run in options.runs:
        found = probed(run, spec)
        print(f"{run} on {options.corpus}\n{table(found)}")
        name = "-".join(Path(run).parts[-2:])
        picture = Path(run) / "probes.png" if options.out is None else options.out / f"{name}-probes.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        draw_probes(found, picture, f"{run} on {options.corpus}")
        print(f"drawn in {picture}\n")


if __name__ == "__main__":
    main()
