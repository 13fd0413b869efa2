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
    assert any(
        re.search(r"\buse\s+(it|them|the)\b|\bwhat\b", section, re.IGNORECASE)
        and re.search(r"\bnot\b", section, re.IGNORECASE)
        and re.search(r"\bmeasured\b", section, re.IGNORECASE)
        and re.search(r"[↦∝Σ‖²^]|w⁰", section)
        for section in found
    )


@pytest.mark.parametrize("name", sorted(set(re.findall(r"speechtl run ([a-z_/0-9]+)(?=[\s`])", PAGE))))
def test_every_recipe_that_is_named_is_there(name: str) -> None:
    assert load_recipe(name).name


@pytest.mark.parametrize("name", sorted(set(re.findall(r"speechtl study ([a-z_/0-9]+)", PAGE))))
def test_every_study_that_is_named_is_there(name: str) -> None:
    assert load_study(name).rows


@pytest.mark.parametrize("name", sorted(set(re.findall(r"python (benchmarks/\w+\.py)", PAGE))))
def test_every_script_that_is_named_is_there(name: str) -> None:
    assert (ROOT / name).is_file()
