"""Interpolation of source and fine-tuned weights: its ends, its middle, and the errors in between."""

import copy
import re
import runpy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_speech import PLAIN, QUICK, SETTINGS, TINY, development, examples, toy_experiment, write_manifest

from speechtl.checkpoint import load_model
from speechtl.choice import EvaluateDev
from speechtl.corpus_spec import corpus
from speechtl.development import DevScore
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.run import run
from speechtl.train import fit
from speechtl.transfer import L2SP, Composed, Interpolated, Transfer
from speechtl.transfer.data import TransferData
from speechtl.transfer.interpolation import move

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "interpolation.py"
FEW = replace(SETTINGS, steps=6, evaluations=1, checkpoint_seconds=1000)


def source() -> AcousticModel:
    return AcousticModel(TINY, FeatureSettings(), examples(2, ("en", "fr"))[2], seed=7).eval()


def tuned(
    method: Transfer, folder: Path, steps: int = 6, evaluate_dev: EvaluateDev | None = None
) -> dict[str, torch.Tensor]:
    """The state after training on German."""
    labelled, _, tokenizers = examples(12, ("de",), letters="äéíö")
    data = TransferData(labelled, tokenizers)
    fitted = fit(
        method.adapt(source(), data, seed=5),
        method,
        data,
        replace(FEW, steps=steps),
        folder,
        evaluate_dev=evaluate_dev or development(4, ("de",), "äéíö"),
        augment=PLAIN,
        seed=0,
        source=source(),
    )
    return fitted.model.state_dict()


def test_the_ends_are_the_source_and_fine_tuning_bit_for_bit(tmp_path: Path) -> None:
    """Batch-norm statistics too; the new language's head is the trained one at either end."""
    plain, start = tuned(Transfer(), tmp_path / "plain"), source().state_dict()
    none, whole = (tuned(Interpolated(share=a), tmp_path / str(a)) for a in (0.0, 1.0))
    assert all(torch.equal(value, whole[name]) for name, value in plain.items())
    assert all(torch.equal(value, none[name]) for name, value in start.items())
    assert torch.equal(none["heads.de.units.weight"], plain["heads.de.units.weight"])
    assert not torch.equal(plain["encoder.0.norm.running_mean"], start["encoder.0.norm.running_mean"])


@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "composed"])
def test_dev_is_read_with_the_weights_that_would_be_kept(tmp_path: Path, wrapped: bool) -> None:
    seen: list[dict[str, torch.Tensor]] = []

    def evaluate(model: AcousticModel) -> DevScore:
        seen.append(copy.deepcopy(model.state_dict()))
        return DevScore(0.5, {"de": 0.5}, 0.5, 1.0)

    method: Transfer = Interpolated(share=0.25)
    method = Composed(methods=(method, L2SP())) if wrapped else method
    start, fitted = source(), tuned(method, tmp_path, evaluate_dev=evaluate)
    (dev,) = seen
    assert all(torch.equal(dev[name], value) for name, value in fitted.items())
    assert not torch.equal(dev["encoder.0.norm.weight"], start.state_dict()["encoder.0.norm.weight"])


def test_in_between_every_weight_is_the_weighted_mean(tmp_path: Path) -> None:
    plain, start = tuned(Transfer(), tmp_path / "plain"), source().state_dict()
    middle = tuned(Interpolated(share=0.25), tmp_path / "middle")
    for name, value in start.items():
        if value.is_floating_point():
            torch.testing.assert_close(middle[name], 0.75 * value + 0.25 * plain[name], rtol=1e-5, atol=1e-6)


def test_without_a_step_the_model_equals_the_source_at_every_share(tmp_path: Path) -> None:
    after = tuned(Interpolated(share=0.3), tmp_path, steps=0)
    assert all(torch.equal(value, after[name]) for name, value in source().state_dict().items())


def test_what_stayed_frozen_stays_the_source_s_bit_for_bit(tmp_path: Path) -> None:
    """The mean of equal weights is these weights, so that a receipt's proof holds."""
    after = tuned(Interpolated(share=0.3, plan=("encoder.0=freeze",)), tmp_path)
    start = source().state_dict()
    frozen = [name for name in start if name.startswith("encoder.0.")]
    assert frozen
    assert all(torch.equal(start[name], after[name]) for name in frozen)
    assert not torch.equal(start["encoder.1.convolution.weight"], after["encoder.1.convolution.weight"])


def test_weights_of_a_model_that_is_no_ancestor_are_refused() -> None:
    wide = AcousticModel(replace(TINY, dim=16), FeatureSettings(), examples(2, ("en", "fr"))[2]).eval()
    before = copy.deepcopy(source())
    with pytest.raises(ValueError, match=r"cannot be interpolated: .*encoder\.0.* Give the source that"):
        move(model := source(), wide, 0.5)
    assert all(torch.equal(v, model.state_dict()[n]) for n, v in before.state_dict().items())
    german = AcousticModel(TINY, FeatureSettings(), examples(2, ("de",), letters="äéíö")[2]).eval()
    with pytest.raises(ValueError, match=r"heads\.en\.units\.weight"):
        move(german, source(), 0.5)


def test_weights_that_are_trained_as_a_change_are_refused_before_training() -> None:
    labelled, _, tokenizers = examples(4, ("de",), letters="äéíö")
    model = source()
    torch.nn.utils.parametrize.register_parametrization(
        model.encoder[0].convolution, "weight", torch.nn.Tanh()
    )
    with pytest.raises(ValueError, match="such as LoRA, that trains a change of each weight"):
        Interpolated().adapt(model, TransferData(labelled, tokenizers), seed=0)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_shares_off_the_line_are_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"expected a share of the fine-tuned weights from 0 to 1"):
        Interpolated(share=share)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finished runs: `toy-en`, and `toy-de` from it."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHTL_CACHE", str(folder / "cache"))
        patch.setenv("SPEECHTL_DATA", str(folder / "data"))
        for language in ("en", "de"):
            for split, count in (("train", 24), ("dev", 6), ("test", 6)):
                write_manifest(folder / f"{language}.jsonl", count, split, language, seed=count)
        english = toy_experiment(folder / "en.jsonl", name="toy-en")
        run(english, folder)
        german = toy_experiment(
            folder / "de.jsonl",
            name="toy-de",
            source=str(folder / "toy-en" / "seed-0"),
            source_tests=english.tests,
            train=replace(QUICK, steps=40),
        )
        run(german, folder)
    return folder


@pytest.fixture
def _cache(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(runs / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(runs / "data"))


@pytest.mark.usefixtures("_cache")
def test_a_finished_run_has_errors_all_along_the_line(runs: Path) -> None:
    first, last = (load_model(runs / name / "seed-0") for name in ("toy-en", "toy-de"))
    before = copy.deepcopy(last.model.state_dict())
    sets = {tag: corpus(str(runs / f"{tag}.jsonl"), split="test").open() for tag in ("en", "de")}
    found = runpy.run_path(str(SCRIPT))["errors_between"](first, last, sets, (0.0, 0.5, 1.0))
    assert list(found) == [0.0, 0.5, 1.0]
    from speechtl.evaluate import evaluate

    assert found[0.0].sets["en"].metrics == evaluate(first, {"en": sets["en"]}).sets["en"].metrics
    assert found[1.0].sets == evaluate(last, sets).sets
    german = [report.sets["de"].metrics["cer"].value for report in found.values()]
    assert german[2] < german[0], "training on German helped"
    assert all(torch.equal(value, before[name]) for name, value in last.model.state_dict().items())


@pytest.mark.usefixtures("_cache")
def test_the_command_prints_and_draws_both_errors(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(runs / name / "seed-0") for name in ("toy-en", "toy-de")]
    picture = tmp_path / "line.png"
    options = ["--points", "3", "--split", "test", "--out", str(picture)]
    runpy.run_path(str(SCRIPT))["main"]([*folders, *options])
    printed = capsys.readouterr().out
    rows = re.findall(r"^ +(\d\.\d\d) +([\d.]+) % +([\d.]+) %$", printed, re.MULTILINE)
    assert [row[0] for row in rows] == ["0.00", "0.50", "1.00"]
    target = [float(row[1]) for row in rows]
    assert f"least target error at a = {rows[target.index(min(target))][0]} on test" in printed
    report = load_report(runs / "toy-de")
    assert target[-1] == pytest.approx(100 * report.sets["de"].metrics["cer"].value, abs=0.05)
    cost = 100 * report.source_sets["en"].metrics["cer"].value
    assert float(rows[-1][2]) == pytest.approx(cost, abs=0.05)
    assert picture.read_bytes().startswith(b"\x89PNG")


def load_report(folder: Path) -> object:
    from speechtl.report import Report

    return Report.load(folder / "seed-0" / "report.json")
