"""`speechtl run --dry`: what would be done and what it takes, with nothing written among the runs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from toy_speech import PLAIN, QUICK, TINY, toy_experiment, write_manifest

from speechtl.cli import main
from speechtl.corpus_spec import corpus
from speechtl.dry_run import DryRun, dry_run
from speechtl.experiment import Experiment
from speechtl.models.settings import ModelSettings
from speechtl.run import run
from speechtl.transfer import LHUC
from speechtl.transfer.base import Transfer


@pytest.fixture(autouse=True)
def _places(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own_folders)
    monkeypatch.setattr("speechtl.doctor.cost.MEASURED", 1)
    for language, counts in (("en", (12, 4, 4)), ("de", (12, 4, 4))):
        for split, count in zip(("train", "dev", "test"), counts, strict=True):
            write_manifest(Path(f"{language}.jsonl").absolute(), count, split, language, speaker="me")


def experiment(language: str, **changes: object) -> Experiment:
    parts = {split: corpus(f"{language}.jsonl", split=split) for split in ("train", "dev", "test")}
    train = replace(QUICK, steps=20, evaluations=2)
    toy = Experiment(
        name=f"toy-{language}",
        target=parts["train"],
        dev=(parts["dev"],),
        tests=(parts["test"],),
        model=TINY,
        augment=PLAIN,
        train=train,
    )
    return replace(toy, **changes)


def advice(found: DryRun) -> list[str]:
    """What is told beside the texts and speakers that training and tests share."""
    return [note for note in found.notes if "the training knows" not in note]


def saved(toy: Experiment) -> str:
    path = Path(f"{toy.name}.json")
    path.write_text(json.dumps({"experiment": toy.to_dict()}))
    return str(path)


def test_a_source_that_is_not_there_is_told_with_its_own_cost(capsys: pytest.CaptureFixture[str]) -> None:
    source = saved(experiment("en"))
    recipe = saved(experiment("de", source=source, source_tests=None))
    assert main(["run", recipe, "--train.lr", "0.01", "--dry"]) == 0
    said = capsys.readouterr().out
    assert not Path("runs").exists()
    first, then = said.split("then toy-de+train.lr=0.01:")
    assert f"first, the source {source}:" in first
    assert "starts runs/toy-en/seed-0; takes about" in first
    assert "starts runs/toy-de+train.lr=0.01/seed-0; takes about" in then
    assert "GB: 20 steps of" in then
    (changed,) = [line for line in then.splitlines() if "train.lr " in line and "*" in line]
    assert "0.01" in changed
    assert "0.008" in changed
    assert "│   train.steps" in then, "what the recipe has is not marked"
    speech = [line.split("│")[1:-1] for line in then.splitlines() if "jsonl" not in line and " test " in line]
    cells = [[cell.strip() for cell in row] for row in speech if len(row) == 7]
    assert [row[:4] for row in cells] == [
        ["test de", "test", "de", "4"],
        ["source's test en", "test", "en", "4"],
    ]
    assert all(row[5] == "1" for row in cells), "speakers"


def test_blocks_and_what_of_them_is_trained() -> None:
    run(experiment("en"))
    found = dry_run(
        experiment("de", source="runs/toy-en/seed-0", method=Transfer(trains="head"), source_tests=None)
    )
    assert found.source is None
    assert found.source_folder == Path("runs/toy-en/seed-0")
    trained = {block.name for block in found.blocks if block.trained}
    assert trained == {"head.de"}
    assert sum(block.parameters for block in found.blocks) == sum(
        value.numel() for value in found.model.parameters()
    )
    assert found.cost is not None
    assert found.cost.minutes > 0


def test_it_would_start_resume_print_or_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = experiment("en")
    assert dry_run(toy).fate == "starts runs/toy-en/seed-0"

    def stops(*_: object) -> None:
        raise RuntimeError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr("speechtl.run._draw", stops)
        with pytest.raises(RuntimeError):
            run(toy)
    before = sorted(Path("runs").rglob("*"))
    assert dry_run(toy).fate == "resumes runs/toy-en/seed-0 at step 20 of 20"
    assert dry_run(toy).cost is None
    assert sorted(Path("runs").rglob("*")) == before
    run(toy)
    assert dry_run(toy).fate == "prints the report of the finished run in runs/toy-en/seed-0"
    assert dry_run(toy, fresh=True).fate == "moves runs/toy-en/seed-0 aside and starts anew"
    other = dry_run(replace(toy, seed=0, train=replace(toy.train, lr=1e-4)))
    assert other.is_refused
    assert "train.lr: the run has 0.008, you ask for 0.0001" in other.fate
    assert main(["run", saved(replace(toy, train=replace(toy.train, lr=1e-4))), "--dry"]) == 2


def test_too_few_steps_for_much_speech_are_told() -> None:
    found = dry_run(experiment("en", train=replace(QUICK, steps=1, evaluations=1, batch_seconds=1)))
    assert any("1 step hear" in note and "--train.steps" in note for note in found.notes)
    assert not advice(dry_run(experiment("en")))


def test_too_many_steps_for_seconds_of_a_language_that_the_source_knows_are_told() -> None:
    run(experiment("en", name="base"))
    often = replace(QUICK, steps=1000, batch_seconds=24)
    few = corpus("en.jsonl", split="train", utterances=2)
    adapting = experiment("en", source="runs/base/seed-0", target=few, train=often, name="adapted")
    (told,) = [note for note in dry_run(adapting).notes if "training speech" in note]
    assert "with so little of a speaker, errors on other words doubled" in told
    steps = int(told.partition("--train.steps ")[2].split()[0])
    kept = dry_run(replace(adapting, train=replace(often, steps=steps))).notes
    assert not any("with so little" in note for note in kept)
    scratch = dry_run(replace(adapting, source=None)).notes
    assert not any("with so little" in note for note in scratch)


def test_settings_that_the_source_overrules_are_told() -> None:
    run(experiment("en"))
    adapted = experiment("de", source="runs/toy-en/seed-0")
    (unmapped,) = advice(dry_run(adapted))
    assert unmapped.startswith("no unit of de corresponds to one of the source's heads")
    default = advice(dry_run(replace(adapted, model=ModelSettings())))
    assert default == [unmapped], "nobody asked for a default"
    other, note = advice(dry_run(replace(adapted, model=replace(TINY, dim=TINY.dim + 2))))
    assert other == unmapped
    assert note == (
        "the source brings its own model and features; without effect: "
        f"model.dim={TINY.dim + 2} (it has {TINY.dim})"
    )


def test_units_of_dev_and_tests_that_no_training_text_has_are_told() -> None:
    lines = Path("en.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    last = {split: max(i for i, row in enumerate(rows) if row["split"] == split) for split in ("dev", "test")}
    for where in last.values():
        rows[where]["text"] = "qq"
    Path("en.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    notes = advice(dry_run(experiment("en")))
    assert [note.partition(" utterances have units that no training text has")[0] for note in notes] == [
        "dev: 1 of 4",
        "en: 1 of 4",
    ]


def test_what_run_would_refuse_is_refused_and_what_is_shared_is_told() -> None:
    toy = experiment("en")
    assert not dry_run(toy).is_refused
    assert dry_run(toy).notes == (
        "dev: the training knows the texts of 1 and the speakers of 4 utterances",
        "en: the training knows the texts of 3 and the speakers of 4 utterances",
    )
    other = dry_run(replace(toy, dev=(corpus("de.jsonl", split="dev"),)))
    assert other.is_refused
    assert "is refused: dev is in de, the target in en" in other.fate
    again = dry_run(replace(toy, tests=(corpus("en.jsonl", split="train", split_by="text"),)))
    assert again.is_refused
    assert "texts that were trained on in 12 utterances" in again.fate
    apart = dry_run(replace(toy, tests=(corpus("en.jsonl", split="test", split_by="speaker"),)))
    assert "speakers who were trained on in 4 utterances" in apart.fate
    with pytest.raises(ValueError, match="dev is in de, the target in en"):
        run(replace(toy, dev=(corpus("de.jsonl", split="dev"),)))
    rows = [json.loads(line) for line in Path("en.jsonl").read_text().splitlines()]
    rows[0]["text"] = "aeio" * 30
    Path("en.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "is refused: too short for the labels: 1 utterance" in dry_run(toy).fate


def test_the_same_files_on_two_sides_are_told_before_they_are_decoded() -> None:
    for name in ("dev", "test"):
        write_manifest(Path("toy.jsonl"), 4, name)
    write_manifest(Path("toy.jsonl"), 8, "train")
    dev = (corpus("toy.jsonl", split="dev"),)
    twice = dry_run(toy_experiment(Path("toy.jsonl"), dev=dev, tests=dev))
    assert twice.is_refused
    assert "identical audio in dev in 4 utterances" in twice.fate
    train = (corpus("toy.jsonl", split="train"),)
    assert "identical audio in 8 utterances" in dry_run(toy_experiment(Path("toy.jsonl"), tests=train)).fate


def test_a_test_set_may_be_named_dev() -> None:
    """As one from `dev.jsonl` is; dev itself may be the same file, which is then refused in a sentence."""
    write_manifest(Path("dev.jsonl"), 4, "test", seed=9)
    tests = (corpus("dev.jsonl"),)
    write_manifest(Path("toy.jsonl"), 8, "train")
    write_manifest(Path("toy.jsonl"), 4, "dev")
    toy = toy_experiment(Path("toy.jsonl"), tests=tests)
    assert not dry_run(toy).is_refused
    assert not dry_run(replace(toy, dev="none")).is_refused
    assert "identical audio in dev in 4 utterances" in dry_run(replace(toy, dev=tests)).fate


def test_without_a_dev_it_is_told_what_of_the_target_is_not_used() -> None:
    for name, count in (("train", 8), ("dev", 4), ("test", 4)):
        write_manifest(Path("toy.jsonl"), count, name)
    toy = toy_experiment(Path("toy.jsonl"), target=corpus("toy.jsonl"), dev="none", tests=())
    found = dry_run(toy)
    assert any("not used: 4 utterances of the split dev" in note for note in found.notes)
    assert {row.split for role, row in found.data if role == "target"} == {"train"}
    write_manifest(Path("other.jsonl"), 4, "test", seed=9)
    whole = dry_run(replace(toy, tests=(corpus("other.jsonl"),)))
    assert any("all of it is trained on, its own dev and test too" in note for note in whole.notes)


def test_where_only_a_test_is_wanted_only_that_need_be_carved() -> None:
    write_manifest(Path("toy.jsonl"), 12, "train")
    rows = [json.loads(line) for line in Path("toy.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["text"] = ("ai", "eo")[number % 2]
        row.pop("speaker", None)
    Path("few.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    toy = toy_experiment(Path("few.jsonl"), target=corpus("few.jsonl"), dev=(), tests=())
    with pytest.raises(
        ValueError, match=r"dev and test cannot be carved.*or keep the last weights by --dev none"
    ):
        dry_run(toy)
    assert not dry_run(replace(toy, dev="none")).is_refused


def test_splits_that_no_side_has_are_told() -> None:
    rows = [json.loads(line) for line in Path("en.jsonl").read_text().splitlines()]
    rows[0]["split"] = "eval"
    Path("odd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = dry_run(replace(experiment("en"), target=corpus("odd.jsonl"), dev=(), tests=()))
    (account,) = [note for note in found.notes if "its own splits" in note]
    assert account.endswith("; not used: 1 utterance of the split eval")


def test_what_a_method_inserts_is_among_the_blocks() -> None:
    run(experiment("en", train=replace(QUICK, steps=1, evaluations=1)))
    adapted = experiment("de", source="runs/toy-en/seed-0", method=LHUC(by="speaker"))
    blocks = {block.name: block for block in dry_run(adapted).blocks}
    assert blocks["lhuc.encoder.0"].trained == blocks["lhuc.encoder.0"].parameters == TINY.dim
    assert blocks["encoder.0"].trained == 0
