"""What every transfer method must do, whatever it does."""

import copy
import inspect
import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from speaking import ROUGH
from toy_speech import PLAIN, TINY, development, examples

import speechtl.transfer
from speechtl.batches import Examples
from speechtl.checkpoint import save_model
from speechtl.features import FeatureSettings
from speechtl.leakage import Fingerprints
from speechtl.method_json import method_from_json, method_to_json
from speechtl.models.acoustic import AcousticModel
from speechtl.models.inputs import DomainInput
from speechtl.models.settings import ModelSettings
from speechtl.text import TextSettings, Tokenizer
from speechtl.train import FitResult, fit
from speechtl.transfer import Composed, InputAffine, LoRA, PseudoLabels, SourceReplay, Transfer
from speechtl.transfer.data import TransferData
from speechtl.transfer.labelling import read_guesses
from speechtl.transfer.pseudo_labels import FOLDER
from speechtl.transfer.receipt import Beginning, require_sound
from speechtl.whole_files import write_json

DEFAULTS: dict[str, Transfer] = {
    "Composed": Composed(methods=(InputAffine(), SourceReplay())),
    "LoRA": LoRA(rank=2),
    "PseudoLabels": PseudoLabels(threshold=0.0, among="texts"),
}
"""For methods whose own defaults are no example, or too large for a toy."""
KNOWN_LANGUAGE_ONLY = {"VTLN"}
"""They choose by the target's labels through the source's head."""
BILSTM, CLASSIFIER = replace(TINY, encoder="bilstm"), replace(TINY, head="classifier")
TEXTS = ("aei", "oia", "eoa", "iae")
NAMES = sorted(speechtl.transfer.__all__)
every_method = pytest.mark.parametrize("name", NAMES)
BLIND = """
import json
import sys
from pathlib import Path

sys.modules["speechtl.transfer"] = None
import numpy as np
import torch

torch.set_num_threads(1)
from speechtl.batches import Examples
from speechtl.checkpoint import load_model

for folder in Path(sys.argv[1]).iterdir():
    model = load_model(folder / "model").model
    wave = np.array(json.loads((folder / "wave.json").read_text()), dtype=np.int16)
    batch = Examples.unlabelled([wave], model.languages[0], speaker="ann").batch([0])
    torch.save(model.encode(batch).states["main"], folder / "states.pt")
"""


def method_of(name: str) -> Transfer:
    return DEFAULTS.get(name) or getattr(speechtl.transfer, name)()


def source() -> AcousticModel:
    labelled, _, tokenizers = examples(6, ("en", "fr"), seed=3)
    model = AcousticModel(TINY, FeatureSettings(), tokenizers, seed=7)
    model.train().encode(labelled.batch(range(6)))
    return model.eval()


def material(name: str, language: str = "de") -> TransferData:
    """Ten target utterances of two speakers, and other speech for those who need it."""
    language = "en" if name in KNOWN_LANGUAGE_ONLY else language
    labelled, _, tokenizers = examples(10, (language,), letters="äéíö" if language == "de" else "aeio")
    spoken = replace(labelled, speakers=["ann", "bob"] * 5)
    data = TransferData(spoken, tokenizers)
    if method_of(name).needs_source_speech:
        heard, _, _ = examples(8, ("en", "fr"), seed=5)
        data = replace(data, source=replace(heard, is_target=False))
    if method_of(name).hears_unlabelled:
        elsewhere, _, _ = examples(10, (language,), seed=6)
        silent = replace(elsewhere, labels=[[]] * 10, speakers=["cat", "dan"] * 5, domains=["elsewhere"] * 10)
        data = replace(data, unlabelled=silent)
    return data


def trained(
    name: str, folder: Path, steps: int = 3, last: int | None = None
) -> tuple[FitResult, Beginning, TransferData]:
    method, data, start = method_of(name), material(name), source()
    model = method.adapt(source(), data, 0, start.state_dict().keys())
    begun = Beginning.of(model, start)
    language = data.target.languages[0]
    fitted = fit(
        model,
        method,
        data,
        replace(ROUGH, steps=steps),
        folder,
        evaluate_dev=development(2, (language,), "äéíö" if language == "de" else "aeio"),
        augment=PLAIN,
        seed=0,
        source=start,
        last=last,
    )
    return fitted, begun, data


def test_self_training_on_this_material_has_labels_to_train_on(tmp_path: Path) -> None:
    """Without any it would be the mixed batches, and so are they that would be tested below."""
    _, _, data = trained("PseudoLabels", tmp_path)
    _, kept = read_guesses(tmp_path / FOLDER / "round-1.jsonl", data.unlabelled_speech)
    assert len(kept) > 0


@every_method
def test_its_settings_have_sentences_and_come_back_from_json(name: str) -> None:
    method = method_of(name)
    assert method_from_json(json.loads(json.dumps(method_to_json(method)))) == method
    kind = type(method)
    assert kind.__doc__
    text = "".join(map(inspect.getsource, kind.__mro__[: kind.__mro__.index(Transfer)]))
    own = {field.name for field in fields(kind)} - {field.name for field in fields(Transfer)}
    for field in own:
        after = text.split(f"    {field}:", 1)[1].split("\n", 1)[1].lstrip()
        assert after.startswith('"""'), f"{name}.{field} has no sentence under it"
    if kind is not Transfer and kind is not Composed:
        assert "Source" in (kind.__doc__ or "") or "control" in (kind.__doc__ or ""), f"{name} cites nothing"


@every_method
def test_it_does_what_its_plan_says_and_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    """Under weight decay, momentum, dropout and batch norm; the teacher and the source stay as they were."""
    fitted, begun, _ = trained(name, tmp_path)
    require_sound(begun.receipt(fitted.model, name, "source"), tmp_path)
    assert len(fitted.model.helpers) == 0
    assert not any("parametrizations" in key for key in fitted.model.state_dict())
    assert not fitted.model.training
    assert all(value.requires_grad for value in fitted.model.parameters())
    assert set(source().languages) <= set(fitted.model.languages)


@every_method
def test_so_it_does_in_a_conformer_with_a_softmax_per_language_and_an_input_of_the_domain_s_own(
    name: str, tmp_path: Path
) -> None:
    """On a language that the source knows; half of the speech comes through the other input."""
    method, plain = method_of(name), material(name, "en")
    data = replace(plain, target=replace(plain.target, domains=["phone", None] * 5))
    if name == "DomainBatchNorm":
        data = plain  # the labelled speech is of one domain
    if data.unlabelled is not None:
        data = replace(data, unlabelled=replace(data.unlabelled, domains=["phone"] * 10))
    if data.source is not None:
        data = replace(data, source=replace(data.source, domains=(["phone"] * 2 + [None] * 2) * 2))
    labelled, _, tokenizers = examples(6, ("en", "fr"), seed=3)
    settings = replace(TINY, encoder="conformer", heads="separate")
    phone = DomainInput("phone", FeatureSettings(mels=40, f_max=4000.0))
    start = AcousticModel(settings, FeatureSettings(), tokenizers, inputs=(phone,), seed=7)
    start.train().encode(labelled.batch(range(6)))
    start.eval()
    model = method.adapt(copy.deepcopy(start), data, 0, start.state_dict().keys())
    begun = Beginning.of(model, start)
    fitted = fit(
        model,
        method,
        data,
        replace(ROUGH, steps=3),
        tmp_path,
        evaluate_dev=development(2, ("en",)),
        augment=PLAIN,
        seed=0,
        source=start,
    )
    require_sound(begun.receipt(fitted.model, name, "source"), tmp_path)
    assert fitted.non_finite == 0
    assert all(torch.isfinite(value).all() for value in fitted.model.parameters())


@every_method
@pytest.mark.parametrize("settings", [BILSTM, CLASSIFIER], ids=["bilstm", "classifier"])
def test_so_it_does_with_two_target_languages_and_two_domains(
    name: str, settings: ModelSettings, tmp_path: Path
) -> None:
    """One of the languages is the source's, the other is new."""
    method, languages = method_of(name), ("en", "fr" if name in KNOWN_LANGUAGE_ONLY else "de")
    start = AcousticModel(settings, FeatureSettings(), tokenizers_in(settings, ("en", "fr")), seed=7)
    start.train().encode(spoken_in(settings, 6, ("en", "fr"), seed=3).batch(range(6)))
    start.eval()
    target = replace(
        spoken_in(settings, 10, languages, seed=0), speakers=["ann", "bob"] * 5, domains=["us"] * 10
    )
    data = TransferData(target, tokenizers_in(settings, languages))
    if method.needs_source_speech:
        data = replace(data, source=replace(spoken_in(settings, 8, ("en", "fr"), seed=5), is_target=False))
    if method.hears_unlabelled:
        silent = spoken_in(settings, 10, languages, seed=6)
        silent = replace(silent, labels=[[]] * 10, speakers=["cat", "dan"] * 5, domains=["uk", "uk2"] * 5)
        data = replace(data, unlabelled=silent)
    model = method.adapt(copy.deepcopy(start), data, 0, start.state_dict().keys())
    begun = Beginning.of(model, start)
    few = replace(ROUGH, steps=3)
    fitted = fit(model, method, data, few, tmp_path, evaluate_dev=None, augment=PLAIN, seed=0, source=start)
    require_sound(begun.receipt(fitted.model, name, "source"), tmp_path)
    assert fitted.non_finite == 0
    assert {"en", "fr", *languages} == set(fitted.model.languages)
    assert all(torch.isfinite(value).all() for value in fitted.model.parameters())


def tokenizers_in(settings: ModelSettings, languages: tuple[str, ...]) -> dict[str, Tokenizer]:
    """Units for CTC, whole texts for a classifier."""
    if settings.head == "classifier":
        return {tag: Tokenizer.fit(TEXTS, tag, TextSettings(units="whole")) for tag in languages}
    return {tag: Tokenizer.fit(list("aeio"), tag) for tag in languages}


def spoken_in(settings: ModelSettings, count: int, languages: tuple[str, ...], seed: int) -> Examples:
    """Toy speech; for a classifier its labels are the texts in turn, whatever is said."""
    found, _, _ = examples(count, languages, seed=seed)
    if settings.head != "classifier":
        return found
    return replace(found, labels=[[1 + row % len(TEXTS)] for row in range(count)])


@every_method
def test_a_stopped_run_ends_with_the_same_bits(name: str, tmp_path: Path) -> None:
    whole, _, _ = trained(name, tmp_path / "whole", steps=4)
    trained(name, tmp_path / "stopped", steps=4, last=2)
    resumed, _, _ = trained(name, tmp_path / "stopped", steps=4)
    found, expected = resumed.model.state_dict(), whole.model.state_dict()
    assert found.keys() == expected.keys()
    assert [key for key, value in expected.items() if not torch.equal(found[key], value)] == []


@every_method
def test_its_plan_needs_no_audio(name: str) -> None:
    """As where a plan is shown, or a run is only looked at, before anything is decoded."""
    data = material(name)
    silent = replace(
        data,
        target=replace(data.target, waveforms=[]),
        source=None if data.source is None else replace(data.source, waveforms=[]),
        unlabelled=None if data.unlabelled is None else replace(data.unlabelled, waveforms=[]),
    )
    method, known = method_of(name), source().state_dict().keys()
    heard, unheard = (method.adapt(source(), one, 0, known) for one in (data, silent))
    assert heard.fates == unheard.fates
    assert {n: v.shape for n, v in heard.state_dict().items()} == {
        n: v.shape for n, v in unheard.state_dict().items()
    }
    assert len(method.stages(unheard)) >= 1


@every_method
def test_its_draws_are_the_seed_s_alone(name: str) -> None:
    """Adapting twice gives the same bits, and leaves torch's own generator where it was."""
    data, known = material(name), source().state_dict().keys()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = method_of(name).adapt(source(), data, 4, known).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second = method_of(name).adapt(source(), data, 4, known).state_dict()
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())


def test_what_they_trained_loads_without_them(tmp_path: Path) -> None:
    """In one process for all of them, which cannot import a method."""
    expected = {}
    for name in NAMES:
        fitted, _, data = trained(name, tmp_path / name, steps=3)  # one for each round
        save_model(fitted.model, tmp_path / name / "model", fingerprints=Fingerprints())
        wave, language = data.target.waveforms[0], fitted.model.languages[0]
        write_json(tmp_path / name / "wave.json", wave.tolist())
        batch = Examples.unlabelled([wave], language, speaker="ann").batch([0])
        expected[name] = fitted.model.encode(batch).states["main"]
    done = subprocess.run(
        [sys.executable, "-c", BLIND, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-1500:]
    for name, states in expected.items():
        assert torch.equal(torch.load(tmp_path / name / "states.pt"), states), name
