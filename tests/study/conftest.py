"""What tests of studies share."""

from pathlib import Path

import pytest
from study_grid import write_recipe


@pytest.fixture
def recipes(tmp_path: Path) -> list[str]:
    """A control from scratch, and what starts from a model and is compared with it."""
    (tmp_path / "model").mkdir()
    source = f", source={str(tmp_path / 'model')!r}"
    adapted = [write_recipe(tmp_path, name, more=source) for name in ("good", "bad")]
    return [write_recipe(tmp_path, "scratch"), *adapted]
