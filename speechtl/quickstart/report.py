"""A quickstart's report: Markdown and pictures in a folder that may be copied as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from speechtl.quickstart.experiments import Stage, Stages
from speechtl.quickstart.finding import Findings
from speechtl.quickstart.pictures import draw_errors, draw_learning
from speechtl.quickstart.settings import NAMES, Quickstart
from speechtl.tables import Table
from speechtl.whole_files import explained, replaced

_PAGE = """# Synthetic speech: a quickstart of speechtl

All speech was said by espeak-ng, and nobody was recorded: the numbers say whether a method works, not how
well it will work on people.

**{learned}**

{table}

![Synthetic speech: errors with their intervals](errors.png)

![Synthetic speech: dev error while training](learning.png)

## What was done

{done}

Taiwanese stands for any language of which a few minutes are transcribed: it is in no training of the source.
Speakers of the test sets are in no training, and neither are the target's test sentences where the target is
Taiwanese. From scratch has the same model, speech, batches, rate and number of steps as fine-tuning; the
second picture shows whether more steps would help it. Each run, with its model, its hypotheses and its
curves, is in `runs/`:

{runs}

## Next

{next}
"""


def write_report(
    place: Path,
    chosen: Quickstart,
    planned: Stages,
    found: Sequence[Findings],
    shown: Table,
    sentence: str,
) -> Path:
    """Write `report/` with report.md and its pictures; earlier ones are replaced.

    Raises:
        OSError: the disk is full or not writable.
    """
    folder = place / "report"
    page = folder / "report.md"
    with explained("the report of the quickstart", page):
        folder.mkdir(parents=True, exist_ok=True)
    draw_errors(found, (NAMES[chosen.language], "Scottish English"), folder / "errors.png")
    on_target = (planned.scratch, *planned.methods)
    draw_learning(on_target, [stage.folder(place) for stage in on_target], folder / "learning.png")
    text = _PAGE.format(
        learned=sentence,
        table=shown.markdown(),
        done="\n".join(f"- {line}" for line in _done(chosen, planned)),
        runs="\n".join(
            f"- {stage.title}: `{stage.folder(place).relative_to(place)}`" for stage in planned.all
        ),
        next="\n".join(f"```\n{command}\n```\n" for command in next_commands(place, chosen, planned)),
    )
    with explained("the report of the quickstart", page), replaced(page) as beside:
        beside.write_text(text, encoding="utf-8")
    return page


def next_commands(place: Path, chosen: Quickstart, planned: Stages) -> tuple[str, ...]:
    """What to type next: hear the model, and adapt its source to a corpus of one's own."""
    tuned, source = (_near(stage.folder(place)) for stage in (planned.methods[0], planned.source))
    clips = _near(place / "speech" / "clips")
    target = Path(planned.methods[0].experiment.targets[0].corpus).name
    return (
        f"speechtl transcribe {tuned} {clips}/{target}/{target}-test-00001.flac --language {chosen.language}",
        f"speechtl run finetune --source {source} --target.corpus YOUR.csv --target.language TAG --name mine",
    )


def _near(path: Path) -> Path:
    """A path as one would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _done(chosen: Quickstart, planned: Stages) -> list[str]:
    source, target = planned.source.experiment, planned.methods[0].experiment
    voices = f" by {len(target.targets[0].speakers)} voices" if target.targets[0].speakers else ""
    heard = f"{chosen.size.minutes:g} minutes of {NAMES[chosen.language]}{voices}"
    return [
        f"{planned.source.title}, {chosen.size.source_train} utterances each, {source.train.steps} steps: "
        "one encoder, and a head for each language",
        f"from scratch and by each method: {heard}, {target.train.steps} steps",
        *(f"{stage.title}: {_method(stage)}" for stage in (planned.scratch, *planned.methods)),
        f"an accent: {planned.accent_control.experiment.train.steps} more steps on American English with "
        "labels; beside it, as much Scottish English by other speakers without labels in every batch",
        *(f"{stage.title}: {_method(stage)}" for stage in (planned.accent_control, *planned.accent_methods)),
        f"seed {chosen.seed}; size {chosen.size.name}",
    ]


def _method(stage: Stage) -> str:
    """The method with the settings that are not its usual ones, and what may differ from row to row."""
    method, train = stage.experiment.method, stage.experiment.train
    changed = [
        f"{field.name}={getattr(method, field.name)!r}"
        for field in fields(method)
        if getattr(method, field.name) != field.default
    ]
    return (
        f"`{type(method).__name__}({', '.join(changed)})`, rate {train.lr:g}, dropout {train.dropout:g}, "
        f"batches of {train.batch_seconds:g} s"
    )
