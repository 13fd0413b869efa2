"""The Python API: quick to import, and every name is there however its module was imported."""

import subprocess
import sys

import pytest

import speechtl


def python(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


def test_importing_loads_nothing_of_it() -> None:
    script = (
        "import sys, speechtl; print([n for n in sys.modules if n.startswith('speechtl.') or n == 'torch'])"
    )
    assert python(script).strip() == "['speechtl.lazy']"


def test_importing_takes_no_time() -> None:
    """The least of some trials, since other processes may be busy."""
    script = "import time; t = time.perf_counter(); import speechtl; print(time.perf_counter() - t)"
    assert min(float(python(script)) for _ in range(3)) < 0.05


@pytest.mark.parametrize("name", speechtl.__all__)
def test_every_name_is_there(name: str) -> None:
    assert callable(getattr(speechtl, name))
    assert name in dir(speechtl)


def test_names_are_sorted_and_others_are_missing() -> None:
    assert speechtl.__all__ == sorted(speechtl.__all__)
    with pytest.raises(AttributeError, match="module 'speechtl' has no attribute 'runs'"):
        _ = speechtl.runs
    with pytest.raises(ImportError):
        from speechtl import runs  # noqa: F401


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import speechtl.corpus",
        "from speechtl.corpus_spec import corpus",
        "import speechtl.corpus as module",
    ],
)
def test_a_module_of_the_same_name_can_be_called(before: str) -> None:
    """Python binds submodules over the package's names, in whichever order things are imported."""
    script = (
        f"{before}\nimport speechtl\nprint(speechtl.corpus('words', split='dev'))\n"
        "import speechtl.corpus as module\nprint(module.Corpus is speechtl.Corpus, speechtl.corpus is module)"
    )
    spec, same = python(script).splitlines()
    assert spec.startswith("CorpusSpec(corpus='words', split='dev', minutes='all', language=None, ")
    assert same == "True True"
