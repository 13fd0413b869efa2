"""A run's folder: its identity, its lock, and what a changed recipe means for it."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from speechtl.experiment import WITHOUT_EFFECT, Experiment, read_experiment
from speechtl.faults import listed
from speechtl.settings_json import flatten
from speechtl.whole_files import explained, read_json, remove_unfinished, write_json

VERSIONS = ("speechtl", "torch", "torchaudio", "datasets", "accelerate", "jiwer", "numpy")

BEFORE = ("experiment.json", "experiment.new", "held_out.json", "coverage.json", "first_pass.jsonl")
"""What a run writes before it trains, when it may still be refused and then be given other settings."""


class BusyError(ValueError):
    """Another process writes the run."""


@dataclass(frozen=True)
class RunFolder:
    """`runs/<name>/seed-<n>` of one experiment."""

    path: Path
    experiment: Experiment

    @classmethod
    def of(cls, experiment: Experiment, runs: Path) -> RunFolder:
        """The folder of an experiment under `runs`."""
        return cls(runs / experiment.name / f"seed-{experiment.seed}", experiment)

    @property
    def report(self) -> Path:
        """Written last: a run that has it is finished."""
        return self.path / "report.json"

    @property
    def model(self) -> Path:
        """The folder for `load_model`."""
        return self.path / "model"

    @property
    def label_free_model(self) -> Path:
        """The folder of the weights that are chosen without labels, where there are any."""
        return self.path / "model-label-free"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run against other processes; the lock goes with the process, however it ends.

        Of a run that is refused or stopped before it has begun, no folder is left.

        Raises:
            BusyError: another process holds it.
        """
        with explained("the lock of the run", self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = (self.path.parent / f".{self.path.name}.lock").open("a+")
        held = _ClosedInChildren(file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
            raise BusyError(
                f"{self.path} is being written by another process. Wait for it, or choose another place "
                "with --runs DIR."
            ) from None
        try:
            yield
        except BaseException:
            self._forget()
            raise
        finally:
            held.release()

    def _forget(self) -> None:
        """Remove what was written before the training, if none began; what cannot be read stays."""
        if not (self.path / "experiment.json").is_file() or self.has_begun():
            return
        try:
            self.check()
        except ValueError:
            return
        for name in BEFORE:
            (self.path / name).unlink(missing_ok=True)
        self.path.rmdir()

    def set_aside(self) -> Path | None:
        """Move an existing run to `<folder>.<time>` and return where it went."""
        if not self.path.exists():
            return None
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        aside = self.path.with_name(f"{self.path.name}.{stamp}")
        self.path.rename(aside)
        return aside

    def claim(self) -> None:
        """Write experiment.json, or check that the one there is of the same settings.

        That of a run which was refused before anything was trained is written anew.

        Raises:
            ValueError: the folder holds a run with other settings (names the fields), or something else.
            OSError: the disk is full or not writable.
        """
        self.check()
        document = self.path / "experiment.json"
        if self.has_begun():
            remove_unfinished(self.path, "*")
            return
        for name in BEFORE[1:]:  # of a start that was refused, perhaps from another source
            (self.path / name).unlink(missing_ok=True)
        values = {
            "experiment": self.experiment.to_dict(),
            "sha256": settings_hash(self.experiment),
            "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
            "revision": revision(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with explained("the settings of the run", document):
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(document, values)

    def check(self) -> None:
        """Refuse a folder that is another run's; nothing is written.

        Raises:
            ValueError: the folder holds a run with other settings (names the fields), or something else.
        """
        document = self.path / "experiment.json"
        if document.exists():
            self._check_same(document)
            return
        found = sorted(entry.name for entry in self.path.iterdir()) if self.path.exists() else []
        if found and found != ["experiment.new"]:
            raise ValueError(
                f"{self.path} is no run: it holds {listed(found)}, but no experiment.json. Move it aside "
                "with --fresh, or put this run elsewhere with --runs DIR."
            )

    def has_begun(self) -> bool:
        """Whether there is more of a run than what is written before it trains."""
        return self.path.exists() and any(entry.name not in BEFORE for entry in self.path.iterdir())

    def note(self, facts: Mapping[str, Any]) -> None:
        """Add what was found on the way to experiment.json, beside the settings.

        Raises:
            OSError: the disk is full or not writable.
        """
        document = self.path / "experiment.json"
        stored = read_json(document)
        if stored != (noted := {**stored, **facts}):
            with explained("the settings of the run", document):
                write_json(document, noted)

    def _check_same(self, document: Path) -> None:
        try:
            found = flatten(read_experiment(document).to_dict())
        except ValueError as error:
            raise ValueError(
                f"{error}\nThe run cannot be known by it: move it aside with --fresh, or put this run "
                "elsewhere with --runs DIR."
            ) from error
        wanted = flatten(self.experiment.to_dict())
        differing = [
            f"  {name}: the run has {found.get(name)!r}, you ask for {wanted.get(name)!r}"
            for name in sorted(found | wanted)
            if name not in WITHOUT_EFFECT and found.get(name) != wanted.get(name)
        ]
        if differing and self.has_begun():
            raise ValueError(
                f"{self.path} is a run with other settings:\n"
                + "\n".join(differing)
                + "\nMove it aside with --fresh, or put this run elsewhere with --runs DIR."
            )


class _ClosedInChildren:
    """A file that forked children close at once, so that no worker outlives its parent with the lock."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        os.register_at_fork(after_in_child=self.close)

    def close(self) -> None:
        """Close it, if it still is open; a lock that another process shares stays."""
        self._file.close()

    def release(self) -> None:
        """Give a lock on it back at once, even if a worker was forked this very moment, and close it."""
        if not self._file.closed:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._file.close()


def settings_hash(experiment: Experiment) -> str:
    """Hash of the resolved settings that have an effect."""
    values = {name: value for name, value in experiment.to_dict().items() if name not in WITHOUT_EFFECT}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def revision() -> str | None:
    """The git commit of the installed checkout, with `+` after it when files were changed; None elsewhere."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    commands = (["git", "rev-parse", "HEAD"], ["git", "status", "--porcelain"])
    try:
        head, status = (
            subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
            for command in commands
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if status else "")
