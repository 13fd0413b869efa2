"""Lazy: the names of the Python API, imported when first used, so that `import speechtl` is quick."""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

API = {
    "Corpus": "speechtl.corpus",
    "DecodeSettings": "speechtl.decode",
    "Experiment": "speechtl.experiment",
    "Report": "speechtl.report",
    "Study": "speechtl.study",
    "Variant": "speechtl.study",
    "compare": "speechtl.compare",
    "corpus": "speechtl.corpus_spec",
    "dry_run": "speechtl.dry_run",
    "evaluate": "speechtl.evaluate",
    "examine": "speechtl.doctor",
    "load_model": "speechtl.checkpoint",
    "load_recipe": "speechtl.experiment",
    "prepare": "speechtl.prepare",
    "run": "speechtl.run",
    "run_study": "speechtl.study.study",
    "transcribe": "speechtl.transcribe",
}
"""The module of each name."""


class Verb(types.ModuleType):
    """A module that is called as the function of its name: `speechtl.run(...)` is `speechtl.run.run(...)`.

    Python binds a submodule in its package when it is imported, over whatever stood there.
    """

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """Call the function."""
        name = self.__name__.rpartition(".")[2]
        return getattr(importlib.import_module(API[name]), name)(*arguments, **settings)


class Package(types.ModuleType):
    """The package, in which modules named as functions of the API can be called."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in API and type(value) is types.ModuleType:
            value.__class__ = Verb
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name not in API:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        found = importlib.import_module(API[name])
        return sys.modules.get(f"{self.__name__}.{name}") or getattr(found, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *API})
