"""Rows that would be tested on unlike speech are refused before they are run."""

from pathlib import Path

import pytest
from study_grid import write_recipe
from toy_speech import write_unsplit

from speechtl.cli import main
from speechtl.study import Study
from speechtl.study.study import run_study


@pytest.fixture
def speech(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest without splits, of three speakers."""
    write_unsplit(own_folders / "en.jsonl", "en")
    monkeypatch.chdir(own_folders)
    return own_folders


def test_a_study_of_rows_with_unlike_tests_is_refused_before_it_runs(
    speech: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = f", dev=(), tests=(), target=__import__('speechtl').corpus({str(speech / 'en.jsonl')!r})"
    control = write_recipe(speech, "control", steps=2, more=own)
    lhuc = ", method=__import__('speechtl.transfer').transfer.LHUC(by='speaker'), source='control.py'"
    speakers = write_recipe(speech, "speakers", steps=2, more=own + lhuc)
    study = Study("toy", (speakers,), control=control, seeds=(0,))
    with pytest.raises(ValueError, match="would be tested on other utterances than the control") as refused:
        run_study(study, speech / "runs")
    assert "by text" in str(refused.value)
    assert "by speaker" in str(refused.value)
    assert not (speech / "runs" / "toy").exists()
    flags = ["study", "--recipes", speakers, "--control", control, "--seeds", "0", "--dry"]
    assert main(flags) == 2
    assert "--target.split-by text" in capsys.readouterr().err
    alike = Study("toy", (speakers,), control=f"{control} --target.split-by text", seeds=(0,))
    assert not run_study(alike, speech / "runs").failures
