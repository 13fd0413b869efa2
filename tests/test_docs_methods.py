"""docs/methods.md names every method, and only recipes, studies and scripts that are there."""

import re
from pathlib import Path

import pytest

import speechtl.transfer
from speechtl.experiment import load_recipe
from speechtl.study import load_study

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", speechtl.transfer.__all__)
def test_every_method_has_a_paragraph(name: str) -> None:
    """Which has a formula, and says what it is good for, where it is not, and what was measured."""
    sections = re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)
    headed = [section for section in sections if f"`{name}`" in section.partition("\n")[0]]
    found = headed or [section for section in sections if f"`{name}`" in section or f"{name}(" in section]
    assert any(_is_complete(section) for section in found)


def _is_complete(section: str) -> bool:
    """Of a section with a table of methods, by its columns."""
    if "| what | not where |" in section:
        return bool(re.search(r"[\d.]+ %, p [\d.]+ \|", section))
    return all(
        re.search(words, section)
        for words in (r"[↦∝Σ‖²^]|w⁰", r"\b[Uu]se\s+(it|them|the)\b", r"\b(Not|[Dd]o not|not for|not where)\b")
    ) and bool(re.search(r"Measured[^:]*:.*?\d %|Measured, .*?\d %", section, re.DOTALL))


def test_a_section_that_says_nothing_is_not_complete() -> None:
    assert not _is_complete("L2-SP (`L2SP`)\n\nWhat it is, we do not say. Measured: later.")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"speechtl run ([a-z_/0-9]+)(?=[\s`])", PAGE))))
def test_every_recipe_that_is_named_is_there(name: str) -> None:
    assert load_recipe(name).name


@pytest.mark.parametrize("name", sorted(set(re.findall(r"speechtl study ([a-z_/0-9]+)", PAGE))))
def test_every_study_that_is_named_is_there(name: str) -> None:
    assert load_study(name).rows


@pytest.mark.parametrize("name", sorted(set(re.findall(r"python (benchmarks/\w+\.py)", PAGE))))
def test_every_script_that_is_named_is_there(name: str) -> None:
    assert (ROOT / name).is_file()
