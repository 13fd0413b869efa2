"""`speechtl plan`: of recipes before training, and of runs after it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from toy_speech import QUICK, toy_experiment, write_manifest

from speechtl.cli import main
from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment
from speechtl.planning import check_run, is_run, plan_of
from speechtl.run import run
from speechtl.transfer.base import Transfer
from speechtl.transfer.receipt import Receipt, totals

SHORT = replace(QUICK, steps=8, evaluations=1)
RECIPE = """
from dataclasses import dataclass, replace

from speechtl.corpus_spec import corpus
from speechtl.experiment import Experiment
from speechtl.models.settings import ModelSettings
from speechtl.train_settings import TrainSettings
from speechtl.transfer.base import Transfer
from speechtl.transfer.rules import Rule
from speechtl.transfer.stages import Stage


@dataclass(frozen=True)
class TopFirst(Transfer):
    '''Trains the top block and the head first, then all.'''

    first: float = 0.5

    def stages(self, model):
        lower = (Rule("input", frozen=True), Rule("encoder.0", frozen=True))
        return (Stage(self.first, lower), Stage(1 - self.first, restarts=True))


experiment = Experiment(
    name="top-first",
    source={source!r},
    target=corpus({target!r}, split="train"),
    dev=(corpus({target!r}, split="dev"),),
    tests=(corpus({target!r}, split="test"),),
    method=TopFirst(),
    train=TrainSettings(steps=8, batch_seconds=6, evaluations=1, threads=1, precision="fp32"),
)
"""


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Manifests in two languages by their tags."""
    folder = tmp_path_factory.mktemp("speech")
    for language in ("en", "de"):
        for split, count in (("train", 16), ("dev", 4), ("test", 4)):
            write_manifest(folder / f"{language}.jsonl", count, split, language)
    return {language: folder / f"{language}.jsonl" for language in ("en", "de")}


@pytest.fixture(scope="module", autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory) -> None:
    patch = pytest.MonkeyPatch()
    patch.setenv("SPEECHTL_CACHE", str(tmp_path_factory.mktemp("cache")))
    patch.setenv("SPEECHTL_DATA", str(tmp_path_factory.mktemp("data")))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def source(speech: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("source")
    run(toy_experiment(speech["en"], train=SHORT), runs)
    return runs / "toy" / "seed-0"


def tuning(speech: dict[str, Path], source: Path, *rules: str) -> Experiment:
    return toy_experiment(
        speech["de"], name="tuned", source=str(source), method=Transfer(plan=rules), train=SHORT
    )


def test_a_plan_is_made_without_training_and_holds_in_the_run(
    speech: dict[str, Path], source: Path, tmp_path: Path
) -> None:
    experiment = tuning(speech, source, "input=freeze", "encoder.0=lr*0.5")
    planned = plan_of(experiment, tmp_path)
    assert list(tmp_path.iterdir()) == []
    run(experiment, tmp_path)
    ((_, receipt, faults),) = check_run(str(tmp_path / "tuned" / "seed-0"))
    assert faults == []
    before = {t.name: (t.block, t.fate, t.frozen, t.lr, t.values) for t in planned.receipt.tensors}
    assert before == {t.name: (t.block, t.fate, t.frozen, t.lr, t.values) for t in receipt.tensors}
    assert totals(planned.receipt.tensors) == totals(receipt.tensors)
    assert any(t.drift > 0 for t in receipt.tensors)
    assert all(t.drift == 0 for t in planned.receipt.tensors)


def test_a_tampered_model_and_receipt_are_found_out(
    speech: dict[str, Path], source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tuning(speech, source, "norm=freeze"), tmp_path)
    folder = tmp_path / "tuned" / "seed-0"
    assert main(["plan", str(folder)]) == 0
    assert "the digest of each is that before training" in " ".join(capsys.readouterr().out.split())
    document = json.loads((folder / "plan.json").read_text())
    frozen = next(entry for entry in document["tensors"] if entry["name"] == "norm.weight")
    frozen["sha256"] = "0" * 64
    (folder / "plan.json").write_text(json.dumps(document))
    assert main(["plan", str(tmp_path / "tuned")]) == 2  # all seeds of the run
    shown = capsys.readouterr()
    assert "norm.weight was to stay frozen" in shown.err
    assert "norm.weight has other values" in shown.err
    assert "the digest of each is" not in shown.out


def test_a_receipt_tells_what_moved_and_that_nothing_did(
    speech: dict[str, Path], source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Running statistics go far, and are not what was learned; without a step nothing is called trained."""
    run(tuning(speech, source, "norm=freeze"), tmp_path)
    receipt = Receipt.read(tmp_path / "tuned" / "seed-0")
    moved = [one for one in receipt.tensors if one.block == "encoder.0" and not one.is_buffer]
    assert main(["plan", str(tmp_path / "tuned")]) == 0
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if "encoder.0" in line]
    assert f"{max(one.drift for one in moved):.3g}" in line
    assert main(["plan", str(tmp_path / "tuned"), "--tensors"]) == 0
    tensors = capsys.readouterr().out
    for name, told in (("running_mean", "updated"), ("spectrogram.window", "fixed")):
        lines = [line for line in tensors.splitlines() if name in line]
        assert lines, name
        assert all(told in line for line in lines), name
    still = tuning(speech, source)
    run(replace(still, name="still", train=replace(still.train, steps=0)), tmp_path)
    assert main(["plan", str(tmp_path / "still")]) == 0
    shown = capsys.readouterr().out
    assert "no step is taken" in shown
    assert "are trained" not in shown
    assert Receipt.read(tmp_path / "still" / "seed-0").steps == 0


def test_a_recipe_s_plan_shows_blocks_stages_and_the_trained_share(
    speech: dict[str, Path], source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.py"
    recipe.write_text(
        RECIPE.replace("{source!r}", repr(str(source))).replace("{target!r}", repr(str(speech["de"])))
    )
    assert main(["plan", str(recipe), "--runs", str(tmp_path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "TopFirst from" in shown
    assert "stage 1, 50 % of the steps: trains encoder.1, norm, head.de" in shown
    assert (
        "stage 2, 50 % of the steps: trains input, encoder.0, encoder.1, norm, head.de, its learning" in shown
    )
    assert (
        main(["plan", str(recipe), "--tensors", "--method.first", "0.25", "--method.plan", "norm=freeze"])
        == 0
    )
    shown = " ".join(capsys.readouterr().out.split())
    assert "stage 1, 25 % of the steps: trains encoder.1, head.de" in shown
    assert "encoder.1.convolution.weight" in shown
    assert (
        main(["run", str(recipe), "--runs", str(tmp_path)]) == 0
    )  # the method of a file needs no other line
    assert is_run(str(tmp_path / "top-first"))


def test_the_plan_of_an_untrained_source_is_made_from_its_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], speech: dict[str, Path]
) -> None:
    assert main(["plan", "no/such/recipe"]) == 2
    assert "no recipe is named" in capsys.readouterr().err
    assert main(["plan"]) == 2
    assert "nothing to plan" in capsys.readouterr().err


def test_a_plan_says_what_the_run_would_say(
    speech: dict[str, Path], source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "mine.json"
    adapted = tuning(speech, source, "head.en=train")
    recipe.write_text(json.dumps({"experiment": adapted.to_dict()}))
    assert main(["plan", str(recipe), "--model.dim", "99"]) == 0
    told = capsys.readouterr().err
    assert "no training speech is of en, whose head the plan trains all the same" in told
    assert "the source brings its own model and features; without effect: model.dim=99" in told
    assert "no unit of de corresponds to one of the source's heads" in told


def test_rules_that_match_nothing_are_told_before_training(
    speech: dict[str, Path], source: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ValueError, match=r"'encoder.9' matches no block and no tensor; the nearest are encoder"
    ):
        plan_of(tuning(speech, source, "encoder.9=freeze"), tmp_path)


def test_steps_of_which_nothing_is_trained_are_refused_by_plan_and_run(
    speech: dict[str, Path], source: Path, tmp_path: Path
) -> None:
    frozen = tuning(speech, source, "*=freeze")
    for refused in (plan_of, run):
        with pytest.raises(ValueError, match=r"every parameter is frozen by the plan.*--train\.steps 0"):
            refused(frozen, tmp_path)
    assert plan_of(replace(frozen, train=replace(frozen.train, steps=0)), tmp_path)


def test_weights_of_another_model_are_remembered_as_ancestors(
    speech: dict[str, Path], source: Path, tmp_path: Path
) -> None:
    """What that model was trained on may not be tested on either."""
    theirs = tmp_path / "theirs.jsonl"
    for split, count in (("train", 16), ("dev", 4), ("test", 4)):
        write_manifest(theirs, count, split, "en", seed=5)
    run(toy_experiment(theirs, name="other", train=SHORT), tmp_path)
    rules = (f"{tmp_path / 'other' / 'seed-0'}:encoder",)
    leak = toy_experiment(
        speech["de"], name="leak", source=str(source), method=Transfer(plan=rules), train=SHORT
    )
    seen = replace(leak, source_tests=(corpus(str(theirs), split="train"),))
    with pytest.raises(ValueError, match=r"trained on"):
        run(seen, tmp_path)
    run(leak, tmp_path / "again")
    config = json.loads((tmp_path / "again" / "leak" / "seed-0" / "model" / "config.json").read_text())
    assert [ancestor["run"] for ancestor in config["ancestry"]] == ["toy", "other", "leak"]


def test_a_method_that_needs_a_source_says_so_from_scratch(speech: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"takes weights of x, and there is no source"):
        toy_experiment(speech["en"], method=Transfer(plan=("x:encoder",)))


def test_runs_that_were_set_aside_are_no_seeds(speech: dict[str, Path], source: Path, tmp_path: Path) -> None:
    for seed in (2, 10):
        run(replace(tuning(speech, source), seed=seed), tmp_path)
    aside = tmp_path / "tuned" / "seed-2.20240101-000000-000000"
    aside.mkdir()
    (aside / "experiment.json").write_bytes((tmp_path / "tuned" / "seed-2" / "experiment.json").read_bytes())
    checked = [place.name for place, _, _ in check_run(str(tmp_path / "tuned"))]
    assert checked == ["seed-2", "seed-10"]
