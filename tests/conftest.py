"""Tiny speech and a tiny model for the tests of whole commands."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
import torch
from faulty_speech import Speech, clean

from speechtl.audio import write_audio
from speechtl.checkpoint import save_model
from speechtl.cli import main
from speechtl.corpus import Corpus, SplitBy, Utterance
from speechtl.corpus_spec import CorpusSpec
from speechtl.features import FeatureSettings
from speechtl.leakage import Fingerprints
from speechtl.models.acoustic import AcousticModel, ModelSettings
from speechtl.text import Tokenizer

DEVICES = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


class Doctor(Protocol):
    def __call__(self, *arguments: str | Path) -> tuple[int, str]: ...


class MakeCorpus(Protocol):
    def __call__(
        self,
        texts: Sequence[str],
        *,
        name: str = "toy",
        language: str = "en",
        speakers: Sequence[str | None] | None = None,
        split: str = "test",
        split_by: SplitBy = "none",
    ) -> Corpus: ...


class MakeModel(Protocol):
    def __call__(
        self,
        folder: Path,
        *languages: str,
        trained_on: Fingerprints | None = None,
        words: Sequence[str] = (),
        silent: bool = True,
    ) -> Path: ...


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache and a data folder of the test's own."""
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def speech(own_folders: Path) -> Speech:
    """Rows and clips with nothing wrong with them, to plant faults in."""
    (own_folders / "speech").mkdir()
    return clean(own_folders / "speech")


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Runs `speechtl doctor`; its exit status and what it prints."""

    def run(*arguments: str | Path) -> tuple[int, str]:
        capsys.readouterr()
        status = main(["doctor", *map(str, arguments)])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return status, printed.out

    return run


@pytest.fixture
def make_corpus(own_folders: Path) -> MakeCorpus:
    """Builds corpora of noise, every clip another one."""
    random = np.random.default_rng(0)

    def make(
        texts: Sequence[str],
        *,
        name: str = "toy",
        language: str = "en",
        speakers: Sequence[str | None] | None = None,
        split: str = "test",
        split_by: SplitBy = "none",
    ) -> Corpus:
        folder = own_folders / "audio" / name / split
        folder.mkdir(parents=True)
        utterances = []
        for number, text in enumerate(texts):
            path, seconds = folder / f"{number}.wav", 0.3 + 0.05 * (number % 4)
            write_audio(path, random.uniform(-0.3, 0.3, round(16_000 * seconds)), 16_000)
            speaker = speakers[number] if speakers else None
            id_ = f"{name}/{split}/{number}"
            utterances.append(Utterance(id_, str(path), text, language, speaker, None, seconds, split))
        return Corpus.from_utterances(name, utterances, split_by=split_by)

    return make


@pytest.fixture
def make_model() -> MakeModel:
    """Saves tiny untrained models with a head per language; `silent` ones recognise nothing."""

    def make(
        folder: Path,
        *languages: str,
        trained_on: Fingerprints | None = None,
        words: Sequence[str] = (),
        silent: bool = True,
    ) -> Path:
        texts = {"en": ["stop going left"], "ar": ["قف"], "nan-Latn-tailo": ["khì", "lâi"]}
        tokenizers = {tag: Tokenizer.fit(texts[tag], tag) for tag in languages}
        model = AcousticModel(
            ModelSettings(dim=16, blocks=1),
            FeatureSettings(),
            tokenizers,
            words={languages[0]: tuple(words)} if words else {},
        )
        assert model.shared_blank is not None
        with torch.no_grad():
            model.shared_blank.bias.fill_(1000.0 if silent else 0.0)
        save_model(model, folder, fingerprints=trained_on or Fingerprints())
        return folder

    return make


@pytest.fixture(scope="session")
def real_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session keeps what it decodes and prepares of the real corpora."""
    return tmp_path_factory.mktemp("real")


@pytest.fixture
def prepared_corpora(real_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Corpus]:
    """Opens a real corpus by its name; each is prepared and decoded at most once per session."""
    root = os.environ.get("SPEECHTL_CORPORA")
    if not root:
        pytest.skip("no real corpora: set SPEECHTL_CORPORA to the absolute path of their folder")
    assert Path(root).is_absolute(), "SPEECHTL_CORPORA must be an absolute path"
    monkeypatch.setenv("SPEECHTL_CACHE", str(real_folder / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(real_folder / "data"))
    return lambda name: CorpusSpec(name).open()
