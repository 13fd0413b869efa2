"""What cells a study has, in which order, and which studies are refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from study_grid import write_cell, write_recipe

from speechtl.cli import main
from speechtl.corpus_spec import CorpusSpec
from speechtl.study import Amount, Study, Variant, load_study
from speechtl.study.cells import dev_lines, expand, untrained_sources
from speechtl.study.choosing import chosen_study
from speechtl.study.dry import planned
from speechtl.study.pace import AROUND, Pace


def test_the_cheapest_comes_first_and_every_cell_once(tmp_path: Path) -> None:
    long, short = (write_recipe(tmp_path, name, steps=steps) for name, steps in (("long", 90), ("short", 9)))
    study = Study("grid", (long, short), minutes=(0.2, 0.1), seeds=(1, 0))
    cells = expand(study, tmp_path)
    assert [cell.cost for cell in cells] == sorted(cell.cost for cell in cells)
    assert [cell.row for cell in cells] == [short] * 4 + [long] * 4
    places = [(str(cell.amount), cell.seed) for cell in cells[:4]]
    assert places == [("0.2 minutes", 0), ("0.1 minutes", 0), ("0.2 minutes", 1), ("0.1 minutes", 1)]
    assert len({cell.folder.path for cell in cells}) == 8
    assert cells[0].folder.path == tmp_path / "grid" / "short+minutes=0.2" / "seed-0"
    assert cells[0].experiment.target.minutes == 0.2


def test_folds_cost_more_trainings(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "one")
    study = Study("grid", (recipe,), minutes=(2, 10), seeds=(0,))
    plain = {cell.amount: cell.cost for cell in expand(study, tmp_path)}
    folded = {cell.amount: cell.cost for cell in expand(replace(study, dev="fold"), tmp_path)}
    training = plain[Amount("minutes", 2)] - 60
    assert training == 8 * 6
    assert folded == {Amount("minutes", 2): 60 + 4 * training, Amount("minutes", 10): 60 + 2 * training}


def test_flags_make_a_row_of_their_own(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "one")
    cells = expand(Study("grid", (recipe, f"{recipe} --train.lr 1e-4 --dev fold"), seeds=(0,)), tmp_path)
    changed = next(cell for cell in cells if cell.row != recipe).experiment
    assert (changed.name, changed.train.lr, changed.dev) == ("one+dev=fold+train.lr=0.0001", 1e-4, "fold")
    with pytest.raises(ValueError, match="has --seed, in whose place the study's seeds"):
        expand(Study("grid", (recipe, f"{recipe} --seed 0")), tmp_path)


def test_variants_bring_their_target_tests_and_dev(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "one")
    mine = CorpusSpec(str(tmp_path / "en.jsonl"), split="train")
    variants = (
        Variant("anna", mine, dev="fold", tests=(replace(mine, split="dev"),)),
        Variant("ben", mine),
    )
    study = Study("grid", (recipe,), utterances=(5,), seeds=(0,), variants=variants)
    anna, ben = sorted(expand(study, tmp_path), key=lambda cell: cell.variant)
    assert (anna.experiment.dev, anna.experiment.tests) == ("fold", (replace(mine, split="dev"),))
    assert anna.experiment.target == replace(mine, utterances=5)
    assert ben.experiment.tests[0].split == "test"
    assert ben.experiment.dev[0].split == "dev"
    assert anna.folder.path == tmp_path / "grid" / "anna" / "one+utterances=5" / "seed-0"
    told = dev_lines([anna, ben])
    assert len(told) == 2
    assert "folds of the target's own speech" in "".join(told)
    assert "en-dev, labelled speech in addition" in "".join(told)


def test_variants_with_more_sets_than_others_and_none_of_one_name_are_refused(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "one")
    specs = {name: CorpusSpec(str(tmp_path / f"{name}.jsonl"), split="train") for name in ("anna", "ben")}
    one = [Variant(name, spec, tests=(replace(spec, split="test"),)) for name, spec in specs.items()]
    study = Study("grid", (recipe,), seeds=(0,), variants=tuple(one))
    assert {cell.experiment.tests[0].set_name for cell in expand(study, tmp_path)} == {None}, "pooled later"
    more = replace(one[1], tests=(*one[1].tests, replace(specs["ben"], split="dev")))
    with pytest.raises(ValueError, match=r"anna has anna; ben has ben, ben-dev\. Give sets that"):
        expand(replace(study, variants=(one[0], more)), tmp_path)
    named = [
        replace(v, tests=tuple(replace(s, set_name="words") for s in v.tests[:1])) for v in (one[0], more)
    ]
    assert len(expand(replace(study, variants=tuple(named)), tmp_path)) == 2


def test_a_row_from_scratch_beside_sources_of_the_study_is_a_control(tmp_path: Path) -> None:
    base = write_recipe(tmp_path, "base")
    tuned = write_recipe(tmp_path, "tuned", more=f", source={base!r}")
    rows = (tuned, f"{tuned} --source None")
    cells = expand(Study("grid", rows, seeds=(0,), sources=(base,)), tmp_path)
    assert {cell.row: cell.experiment.source for cell in cells} == {rows[0]: base, rows[1]: None}


@pytest.mark.parametrize(
    ("flags", "changes", "message"),
    [
        (
            "--target.minutes 3",
            {"minutes": (10,)},
            "has --target.minutes, in whose place the study's minutes",
        ),
        ("--dev fold", {"dev": "none"}, "has --dev, in whose place the study's dev"),
        ("--source b", {"sources": ("base@0",)}, "has --source, in whose place the study's sources"),
    ],
)
def test_flags_of_a_row_that_the_study_would_override_are_refused(
    tmp_path: Path, flags: str, changes: dict[str, Any], message: str
) -> None:
    recipe = write_recipe(tmp_path, "one")
    study = Study("grid", (recipe, f"{recipe} {flags}"), seeds=(0,), **changes)
    with pytest.raises(ValueError, match=message):
        expand(study, tmp_path)


def test_every_seed_starts_from_a_base_of_its_own(tmp_path: Path) -> None:
    bases = tuple(write_recipe(tmp_path, f"base{seed}") for seed in (0, 1))
    scratch = write_recipe(tmp_path, "scratch")
    tuned = write_recipe(tmp_path, "tuned", more=f", source={bases[0]!r}")
    study = Study("grid", (scratch, tuned), seeds=(0, 1), sources=bases)
    cells = expand(study, tmp_path)
    assert {(c.row, c.seed): c.experiment.source for c in cells} == {
        (scratch, 0): None,
        (scratch, 1): None,
        (tuned, 0): bases[0],
        (tuned, 1): bases[1],
    }
    folders = [tmp_path / f"base{seed}" / "seed-0" for seed in (0, 1)]
    assert list(untrained_sources(cells, tmp_path)) == folders, "beside the study, for other studies too"
    with pytest.raises(ValueError, match="2 sources for seeds up to 2"):
        replace(study, seeds=(0, 2))
    assert replace(study, sources=("one",), seeds=(7,)).source(None, 7) == "one"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipes": ()}, "at least one recipe"),
        ({"name": "a/b"}, "a study's folder"),
        ({"seeds": ()}, "at least one"),
        ({"seeds": (0, 0)}, "seeds has 0 more than once"),
        ({"recipes": ("a", "a")}, "recipes has a more than once"),
        ({"minutes": (3,), "utterances": (3,)}, "choose one of them"),
        ({"sources": ("one", "two", "one")}, "one is a source more than once; .* one for all seeds"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Study(**({"name": "s", "recipes": ("a",)} | changes))


def test_a_bad_recipe_name_is_met_with_similar_ones_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["study", "--recipes", "taiwanese/scratch", "taiwanese/finetun", "--runs", str(tmp_path)]
    assert main(arguments) == 2
    assert "did you mean taiwanese/finetune" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_bad_flag_of_a_row_names_the_row(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "one")
    with pytest.raises(ValueError, match="setps 3' has flags"):
        expand(Study("grid", (f"{recipe} --train.setps 3",)), tmp_path)


def test_flags_change_a_study_file_and_leave_its_control(tmp_path: Path) -> None:
    one, two = (write_recipe(tmp_path, name) for name in ("one", "two"))
    path = tmp_path / "mine.py"
    path.write_text(
        f"from speechtl.study import Study\nstudy = Study('mine', ({one!r}, {two!r}), minutes=(3, 10))\n"
    )
    assert load_study(str(path)).rows == (one, two)
    changed = chosen_study(str(path), {"recipes": [two], "seeds": [4], "utterances": ["5", "all"]})
    assert (changed.rows, changed.seeds) == ((one, two), (4,))
    assert (changed.minutes, changed.utterances) == ((), (5, "all"))
    path.write_text(
        "from speechtl.corpus_spec import CorpusSpec\nfrom speechtl.study import Study, Variant\n"
        f"flags = (({one!r}, '--train.lr 1e-4'), ({two!r}, '--train.lr 1e-5'))\n"
        "anna = Variant('anna', CorpusSpec('en.jsonl'), flags=flags)\n"
        f"study = Study('mine', ({one!r}, {two!r}), seeds=(0,), variants=(anna,))\n"
    )
    lone = chosen_study(str(path), {"recipes": [one]})
    assert lone.variants[0].flags == ((one, "--train.lr 1e-4"),)
    (cell,) = expand(lone, tmp_path)
    assert (cell.row, cell.experiment.train.lr) == (one, 1e-4)
    with pytest.raises(ValueError, match="holds no `study`"):
        load_study(one)
    with pytest.raises(ValueError, match="no study given"):
        chosen_study(None, {})
    with pytest.raises(ValueError, match="--minutes ten: expected a number"):
        chosen_study(None, {"recipes": [one], "minutes": ["ten"]})


def test_variants_are_chosen_by_globs(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from speechtl.corpus_spec import CorpusSpec\nfrom speechtl.study import Study, Variant\n"
        "names = ('anna-first', 'anna-second', 'ben-first')\n"
        "study = Study('mine', ('one',), variants=tuple(Variant(n, CorpusSpec('en.jsonl')) for n in names))\n"
    )
    chosen = chosen_study(str(path), {"variants": ["*-first"]})
    assert [variant.name for variant in chosen.variants] == ["anna-first", "ben-first"]
    assert len(chosen_study(str(path), {}).variants) == 3
    with pytest.raises(
        ValueError, match=r"--variants carl: the study has no such variant; it has anna-first"
    ):
        chosen_study(str(path), {"variants": ["anna-*", "carl"]})
    with pytest.raises(ValueError, match="--variants chooses among those of a study"):
        chosen_study(None, {"variants": ["*"], "recipes": ["one"]})


def test_a_dry_study_lists_cells_and_time_by_what_finished_ones_took(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "one")
    study = Study("grid", (recipe,), minutes=(0.1, 0.2), seeds=(0, 1))
    cells = expand(study, tmp_path)
    for cell in cells[:3]:
        write_cell(cell, [1, 2], seconds=600)
    table, _ = planned(study, cells, tmp_path)
    assert [row[3] for row in table.rows] == ["finished", "finished", "finished", "to be run"]
    assert [row[4] for row in table.rows] == ["", "", "", "10 min"]
    assert "10 min for what is left; 3 of 4 cells are finished" in table.notes
    assert any(note.startswith("dev: en-dev") for note in table.notes)


def test_the_time_left_goes_by_a_cell_s_own_row_and_its_cost(tmp_path: Path) -> None:
    slow, quick = (write_recipe(tmp_path, name, steps=10) for name in ("slow", "quick"))
    long = write_recipe(tmp_path, "long", steps=30)
    cells = {cell.row: cell for cell in expand(Study("grid", (slow, quick, long), seeds=(0,)), tmp_path)}
    pace = Pace()
    assert pace.left(cells.values()) is None
    pace.add(cells[slow], 120)
    assert pace.seconds(cells[quick]) == 120, "as all others took"
    assert pace.seconds(cells[long]) == 240, "60 + 30 * 6 seconds of speech against 60 + 10 * 6"
    pace.add(cells[quick], 60)
    assert (pace.seconds(cells[slow]), pace.seconds(cells[quick])) == (120, 60)
    assert pace.left(cells.values()) == 120 + 60 + 180 + 3 * AROUND


def test_variants_bring_speech_without_labels_and_another_target_for_a_row(tmp_path: Path) -> None:
    mine = CorpusSpec(str(tmp_path / "en.jsonl"), split="train")
    other = replace(mine, split="other")
    more = f", unlabelled=(CorpusSpec({mine.corpus!r}, split='dev'),)"
    one, bound = write_recipe(tmp_path, "one", more=more), write_recipe(tmp_path, "bound", more=more)
    for path in (one, bound):
        text = Path(path).read_text()
        Path(path).write_text("from speechtl.corpus_spec import CorpusSpec\n" + text)
    variants = (
        Variant("anna", mine, unlabelled=(other,), others=((bound, other),)),
        Variant("ben", mine),
    )
    cells = expand(Study("grid", (one, bound), utterances=(5,), seeds=(0,), variants=variants), tmp_path)
    found = {(cell.row, cell.variant): cell.experiment for cell in cells}
    assert found[one, "anna"].target == replace(mine, utterances=5)
    assert found[bound, "anna"].target == replace(other, utterances=5)
    assert found[bound, "ben"].target == replace(mine, utterances=5)
    assert [found[one, name].unlabelled[0].split for name in ("anna", "ben")] == ["other", "dev"]
    longer = f"{bound} --train.steps 9"
    assert variants[0].in_place_of_target(longer) == other, "whatever flags follow"
    assert variants[0].in_place_of_target(f"{bound}-other") is None
    again = Study("grid", (one, longer), utterances=(5,), seeds=(0,), variants=variants)
    (mended,) = [c.experiment for c in expand(again, tmp_path) if (c.row, c.variant) == (longer, "anna")]
    assert (mended.target, mended.unlabelled) == (replace(other, utterances=5), ())
    assert dev_lines(cells) == ["dev: en-dev, labelled speech in addition to the target"]
    far = [
        replace(cell, experiment=replace(cell.experiment, unlabelled=(replace(other, as_domain="far"),)))
        for cell in cells
    ]
    (told,) = dev_lines(far)
    assert told.endswith("none of it is of the domain without labels, for which it chooses no settings")
    with pytest.raises(ValueError, match="variant anna has another target for 'x', which is not among"):
        Study("grid", ("a",), variants=(replace(variants[0], others=(("x", other),)),))
    path = tmp_path / "mine.py"
    path.write_text(
        "from speechtl.corpus_spec import CorpusSpec\nfrom speechtl.study import Study, Variant\n"
        f"spec = CorpusSpec('en.jsonl')\nanna = Variant('anna', spec, others=(({bound!r}, spec),))\n"
        f"study = Study('mine', ({one!r}, {bound!r}), seeds=(0,), variants=(anna,))\n"
    )
    assert chosen_study(str(path), {"recipes": [one]}).variants[0].others == ()
    asked = chosen_study(str(path), {"recipes": [one, longer]})
    assert [text for text, _ in asked.variants[0].others] == [bound]
