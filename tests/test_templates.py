"""The template for users' own data: one command from a corpus to a report, whatever the corpus brings."""

import json
import re
from pathlib import Path

import pytest
from toy_speech import toy_experiment, write_manifest

import recipes
from speechtl.checkpoint import load_model
from speechtl.cli import main
from speechtl.experiment import load_recipe
from speechtl.recipe_flags import parse_recipe
from speechtl.report import Report
from speechtl.run import run
from speechtl.transfer import LHUC, Adapters

FEW_STEPS = ("--train.steps", "6", "--train.evaluations", "1", "--train.batch-seconds", "6")


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`en` in three splits for the source, `de` in one, as a user has it."""
    folder = tmp_path_factory.mktemp("speech")
    for split, count in (("train", 20), ("dev", 5), ("test", 5)):
        write_manifest(folder / "en.jsonl", count, split, "en")
    write_manifest(folder / "de.jsonl", 40, "train", "de")
    write_manifest(folder / "more.jsonl", 40, "train", "en", seed=5)
    return folder


@pytest.fixture(scope="module")
def source(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on `en`."""
    runs = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHTL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        run(toy_experiment(speech / "en.jsonl", name="toy-source"), runs)
    return runs / "toy-source"


@pytest.fixture(autouse=True)
def _places(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHTL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("SPEECHTL_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("SPEECHTL_CORPORA", raising=False)
    monkeypatch.chdir(tmp_path)


def finetune(*flags: str | Path) -> int:
    return main(["run", "finetune", *map(str, flags), *FEW_STEPS])


def named(name: str) -> Path:
    """The folder of a run of `finetune` with these steps."""
    (found,) = Path("runs").glob(f"{name}+train.batch_seconds=6+train.evaluations=1+train.steps=6/seed-0")
    return found


def test_a_manifest_alone_is_enough(speech: Path, source: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert finetune("--target.corpus", speech / "de.jsonl", "--source", source) == 0
    (folder,) = Path("runs").glob("finetune-de+source=*/seed-0")
    report = Report.load(folder / "report.json")
    assert set(report.sets) == {"de"}
    assert set(report.source_sets) == {"en"}, "what it costs on the source's own tests"
    (account,) = json.loads((folder / "experiment.json").read_text())["held_out"]
    assert account in caplog.text
    assert "de.jsonl: dev and test: carved out of 40 utterances by text; " in account
    assert "test has 2 texts, whose error says little" in account
    assert f"test: {report.sets['de'].utterances} utterances" in account
    model = load_model(folder)
    assert model.model.languages == ["en", "de"]
    coverage = json.loads((folder / "coverage.json").read_text())
    assert coverage[0]["mapped"] == 0, "no letter of de is one of en"


def test_a_language_that_the_source_knows_keeps_its_head_and_trains_it(speech: Path, source: Path) -> None:
    assert finetune("--target.corpus", speech / "more.jsonl", "--source", source / "seed-0") == 0
    (folder,) = Path("runs").glob("finetune-more+source=*/seed-0")
    before, after = load_model(source / "seed-0").model, load_model(folder).model
    assert after.languages == ["en"]
    assert after.head("en").units.weight.shape == before.head("en").units.weight.shape
    assert not after.head("en").units.weight.equal(before.head("en").units.weight)
    assert not (folder / "coverage.json").exists()


def test_the_source_may_be_a_recipe_and_is_trained_first(
    speech: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = json.loads((source / "seed-0" / "experiment.json").read_text())["experiment"]
    recipe["train"] |= {"steps": 3, "evaluations": 1}
    Path("own_source.json").write_text(json.dumps({"experiment": recipe}))
    assert finetune("--target.corpus", speech / "de.jsonl", "--source", "own_source.json") == 0
    assert Path("runs/toy-source/seed-0/report.json").is_file()
    report = Report.load(named("finetune-de+source=own_source.json") / "report.json")
    assert set(report.source_sets) == {"en"}


def test_without_a_corpus_it_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "finetune"]) == 2
    said = capsys.readouterr().err
    assert "finetune is a template and needs your corpus: --target.corpus PATH" in said
    assert "--target.language TAG" in said
    assert not Path("runs").exists()


@pytest.mark.parametrize("is_carved", [False, True])
def test_a_source_s_tests_that_are_not_here_are_left_out(
    is_carved: bool, speech: Path, source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Be they named, or carved out of what it was trained on."""
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("model", "experiment.json"):
        (moved / name).symlink_to(source / "seed-0" / name)
    stored = json.loads((source / "seed-0" / "experiment.json").read_text())
    if is_carved:
        stored["experiment"]["tests"] = []
        stored["experiment"]["target"]["corpus"] = "nowhere"
    else:
        stored["experiment"]["tests"][0]["corpus"] = "nowhere"
    (moved / "experiment.json").unlink()
    (moved / "experiment.json").write_text(json.dumps(stored))
    assert finetune("--target.corpus", speech / "de.jsonl", "--source", "elsewhere") == 0
    assert "the source's test corpus nowhere is not here" in caplog.text
    assert not Report.load(named("finetune-de+source=elsewhere") / "report.json").source_sets


def test_utterances_as_long_as_recordings_are_refused_together(
    speech: Path, source: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import numpy as np

    from speechtl.audio import write_audio

    lines = (speech / "de.jsonl").read_text().splitlines()
    for number in range(2):
        write_audio(tmp_path / f"{number}.wav", 0.1 * np.random.default_rng(0).normal(size=61 * 800), 800)
        row = json.loads(lines[number]) | {"id": f"long{number}", "audio": str(tmp_path / f"{number}.wav")}
        lines.append(json.dumps(row))
    Path("long.jsonl").write_text("\n".join(lines) + "\n")
    assert finetune("--target.corpus", "long.jsonl", "--source", source) == 2
    said = capsys.readouterr().err
    assert "too long to be trained on: 2 utterances of over 60 s" in said
    assert "long0: 61 s" in said
    assert "Split them at sentences" in said
    assert "--target.longest 60" in said
    assert finetune("--target.corpus", "long.jsonl", "--source", source, "--target.longest", "60") == 0
    (folder,) = Path("runs").glob("finetune-long+*longest*/seed-0")
    (account,) = json.loads((folder / "experiment.json").read_text())["held_out"]
    assert account.endswith("left out: 2 longer than 60 s")
    assert finetune("--target.corpus", "long.jsonl", "--source", source, "--target.longest", "0.01") == 2
    assert "no utterance of at most 0.01 s" in capsys.readouterr().err


def test_a_method_is_named_by_its_class_or_by_a_recipe(speech: Path, source: Path) -> None:
    given = ["--target.corpus", str(speech / "de.jsonl"), "--source", str(source)]
    by_class = parse_recipe("finetune", [*given, "--method", "LHUC", "--method.by", "language"])
    assert by_class.method == LHUC(by="language")
    assert by_class.train == load_recipe("finetune").train
    assert by_class.name.startswith("finetune-lhuc-de+method.by=language+source=")
    combined = ["english/shift/dann_domain_batch_norm", ["--method.level=frame", "--method.is-conditional"]]
    dann = parse_recipe(*combined).method.methods[0]
    assert (dann.level, dann.is_conditional) == ("frame", True), "a setting that one of the methods has"
    assert parse_recipe(combined[0], ["--method.affine", "shared"]).method.methods[1].affine == "shared"
    with pytest.raises(SystemExit):
        parse_recipe(combined[0], ["--method.height", "frame"])
    by_recipe = parse_recipe("finetune", [*given, "--method=taiwanese/joint"])
    joint = load_recipe("taiwanese/joint")
    assert (by_recipe.method, by_recipe.train) == (joint.method, joint.train)
    assert by_recipe.target.corpus == str(speech / "de.jsonl")
    assert by_recipe.name.startswith("finetune-taiwanese-joint-de+source=")
    two = parse_recipe("finetune", [*given, "--method", "LHUC", "--method", "Adapters", "--train.steps", "5"])
    assert (two.method, two.name[:20]) == (Adapters(), "finetune-adapters-de")
    scratch = parse_recipe("taiwanese/scratch", ["--method", "LHUC", "--source", "multilingual"])
    assert (scratch.source, scratch.name) == ("multilingual", "taiwanese-scratch-lhuc+source=multilingual")
    folded = parse_recipe("finetune", [*given, "--method", "LHUC", "--dev", "fold"])
    assert folded.dev == "fold"
    assert folded.name.startswith("finetune-lhuc-de+dev=fold+source=")
    with pytest.raises(ValueError, match="needs a source"):
        parse_recipe("taiwanese/scratch", ["--method", "LHUC"])
    far = ["--unlabelled.0.corpus", "far.csv", "--tests.0.corpus", "far.csv", "--tests.0.split", "test"]
    heard = parse_recipe("finetune", [*given, "--method", "DANN", *far])
    assert [spec.corpus for spec in heard.unlabelled] == ["far.csv"]
    assert finetune(*given, "--method", "taiwanese/adapters", "--name", "own") == 0
    assert load_model("runs/own/seed-0").model.inserted.insertions
    with pytest.raises(FileNotFoundError, match=r"LHUV is neither a method nor a recipe: did you mean LHUC"):
        parse_recipe("finetune", ["--method", "LHUV"])
    with pytest.raises(FileNotFoundError, match=r"l2sp is neither .*: did you mean L2SP"):
        parse_recipe("finetune", ["--method", "l2sp"])
    with pytest.raises(ValueError, match="--method needs a method"):
        parse_recipe("finetune", ["--method"])
    with pytest.raises(ValueError, match="Composed: it needs settings"):
        parse_recipe("finetune", ["--method", "Composed"])


def test_the_method_of_the_documentation_is_run_and_without_strength_is_fine_tuning(
    speech: Path, source: Path
) -> None:
    page = (Path(recipes.__file__).parent.parent / "docs" / "methods.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    Path("near_states.py").write_text(code, encoding="utf-8")
    given = ["--target.corpus", str(speech / "de.jsonl"), "--source", str(source), *FEW_STEPS]
    assert main(["run", "near_states.py", *given, "--name", "near"]) == 0
    lines = [json.loads(line) for line in Path("runs/near/seed-0/metrics.jsonl").read_text().splitlines()]
    assert any(line.get("losses", line).get("near", 0) > 0 for line in lines)
    assert main(["plan", "runs/near/seed-0"]) == 0
    assert main(["run", "near_states.py", *given, "--method.strength", "0", "--name", "zero"]) == 0
    assert main(["run", "finetune", *given, "--name", "plain"]) == 0
    zero, plain = (load_model(f"runs/{name}/seed-0").model.state_dict() for name in ("zero", "plain"))
    assert all(value.equal(plain[name]) for name, value in zero.items())


def test_the_table_of_taiwanese_serves_taiwanese_alone() -> None:
    from recipes.taiwanese.units import LANGUAGES, UNITS
    from speechtl.transfer.base import TransferData

    template = load_recipe("finetune")
    assert template.unit_table == "recipes.taiwanese.units"
    assert (template.dev, template.tests, template.source_tests) == ((), (), None)
    assert template.train == load_recipe("taiwanese/finetune").train
    data = TransferData(None, {}, UNITS, LANGUAGES)
    assert data.table_of("nan-Latn-pehoeji") is UNITS
    assert data.table_of("hak-Latn") is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("words.csv", "finetune-words"),
        ("/data/my words/kai.jsonl", "finetune-kai"),
        ("cv-corpus-17.0-2024-03-15/nan-tw", "finetune-nan-tw"),
        ("hf:google/fleurs", "finetune-fleurs"),
        ("語料.csv", "finetune-語料"),
    ],
)
def test_runs_are_named_after_the_corpus(path: str, name: str) -> None:
    from speechtl.cli import _parse_recipe

    flags = ["--target.corpus", path, "--target.minutes", "10"]
    chosen = _parse_recipe("finetune", flags)
    assert chosen.name == f"{name}+target.minutes=10"
    assert _parse_recipe("finetune", [*flags, "--name", "mine"]).name == "mine"
    replayed = chosen.with_overrides_in_name(chosen)
    assert replayed == chosen
