"""How much of a gap is closed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from study_grid import benchmark, write_cell, write_recipe, write_reports

from speechtl.corpus_spec import corpus
from speechtl.stats import Interval
from speechtl.study import Study, Variant
from speechtl.study.cells import Cell, expand
from speechtl.study.gap import closed_share, gap_of, gap_table
from speechtl.study.results import results
from speechtl.study.scores import Grid


def rows(*rates: float, seeds: int = 3, speakers: int = 12, spread: float = 0.0) -> list[np.ndarray]:
    """(seeds, speakers, 2) of each rate, errors of a hundred."""
    random = np.random.default_rng(0)
    hard = random.normal(0, spread, (1, speakers))
    made = []
    for rate in rates:
        errors = np.round(100 * (rate + hard + random.normal(0, spread / 2, (seeds, speakers)))).clip(0, 100)
        made.append(np.stack([errors, np.full_like(errors, 100)], axis=2))
    return made


def test_ends_of_the_gap_are_none_and_all_of_it() -> None:
    source, bound, worse = rows(0.5, 0.1, 0.6)
    assert closed_share(source, source, bound)[0].value == 0
    assert closed_share(source, bound, bound)[0].value == 1
    assert closed_share(source, worse, bound)[0].value == pytest.approx(-0.25)


def test_the_share_is_of_means_over_seeds_of_pooled_rates() -> None:
    source = np.array([[[4, 10], [2, 2]], [[8, 10], [0, 2]]], dtype=float)
    method = np.array([[[3, 10], [1, 2]], [[2, 10], [0, 2]]], dtype=float)
    bound = np.zeros_like(source)
    bound[..., 1] = source[..., 1]
    share = closed_share(source, method, bound)[0].value
    assert share == pytest.approx(((6 + 8) / 24 - (4 + 2) / 24) / ((6 + 8) / 24))


def test_intervals_hold_the_share_and_are_wider_with_few_speakers_and_other_seeds() -> None:
    def width(speakers: int, spread: float) -> tuple[float, float]:
        three = rows(0.5, 0.25, 0.1, speakers=speakers, spread=spread)
        intervals = closed_share(*three)
        for one in intervals:
            assert one is not None
            assert one.low <= one.value <= one.high
        return tuple(one.high - one.low for one in intervals if one is not None)

    few, many = width(8, 0.1), width(200, 0.1)
    assert few[0] > 2 * many[0]
    assert few[1] >= few[0]
    assert width(8, 0.0)[0] == 0


def test_an_interval_covers_the_true_share_about_as_often_as_it_should() -> None:
    inside, repetitions, random = 0, 150, np.random.default_rng(1)
    for _ in range(repetitions):
        rate = random.beta(2, 6, 60)
        three = [
            np.stack([random.binomial(40, np.clip(rate * factor, 0, 1)), np.full(60, 40)], axis=1)[None]
            for factor in (1.0, 0.6, 0.3)
        ]
        interval = closed_share(*[one.astype(float) for one in three], resamples=300)[0]
        inside += interval.low <= 0.4 / 0.7 <= interval.high
    assert 0.88 <= inside / repetitions <= 0.99


def test_few_seeds_that_differ_are_covered_too() -> None:
    """Where seeds alone vary; resampled seeds would cover 64 % with two, 76 with three and 83 with five."""
    random, inside = np.random.default_rng(2), {2: 0, 3: 0, 5: 0}
    for seeds in inside:
        for _ in range(150):
            rates = [np.clip(random.normal(mean, 0.03, seeds), 0, 1) for mean in (0.5, 0.3, 0.1)]
            three = [
                np.stack([np.stack([1000 * r, np.full(seeds, 1000.0)], axis=1)] * 4, axis=1) for r in rates
            ]
            interval = closed_share(*three, resamples=1000)[1]
            assert interval is not None
            inside[seeds] += interval.low <= 0.5 <= interval.high
    assert all(0.88 <= count / 150 <= 0.99 for count in inside.values()), inside
    assert closed_share(*[one[:1] for one in three])[1] is None


def test_no_gap_is_refused_and_a_gap_that_may_be_none_has_no_ends() -> None:
    with pytest.raises(ValueError, match=r"no gap to close: the source alone has an error of 10.0 %, and"):
        closed_share(*rows(0.1, 0.1, 0.2))
    source, method, bound = rows(0.2, 0.2, 0.2, speakers=6)
    source[:, 0, 0] += 5
    found = closed_share(source, method, bound)[0]
    assert found.low == -np.inf
    assert found.high == np.inf


@pytest.fixture
def finished(tmp_path: Path) -> tuple[Study, tuple[Cell, ...]]:
    names = ("unadapted", "dann", "target")
    paths = [write_recipe(tmp_path, name, steps=4 + i) for i, name in enumerate(names)]
    study = Study("grid", tuple(paths), seeds=(0, 1))
    cells = expand(study, tmp_path / "runs")
    errors = {"unadapted": [3, 3, 2, 2], "dann": [2, 2, 1, 1], "target": [1, 1, 0, 0]}
    for cell in cells:
        write_cell(cell, errors[Path(cell.row).stem])
    return study, cells


@pytest.mark.parametrize("voices", ["abc def", "abc abc"])
def test_speakers_of_all_variants_together_are_resampled_in_the_table_as_in_the_gap(
    tmp_path: Path, voices: str
) -> None:
    """Three men each: six are enough to resample, and three are not."""
    paths = [write_recipe(tmp_path, name, steps=4 + i) for i, name in enumerate(("alone", "it", "bound"))]
    men = dict(zip(("first", "second"), voices.split(), strict=True))
    speech = corpus(str(tmp_path / "en.jsonl"))
    halves = tuple(Variant(name, speech, tests=(replace(speech, ids=(f"{name}*",)),)) for name in men)
    study = Study("s", tuple(paths), seeds=(0, 1, 2), variants=halves)
    cells = expand(study, tmp_path / "runs")
    for cell in cells:
        errors = [3 - paths.index(cell.row)] * 12
        write_cell(cell, errors)
        write_reports(cell.folder.path, {"words": errors}, speakers=[*men[cell.variant]])
    grid = Grid.of(study, cells)
    (found,) = gap_of(grid, "words", paths[0], paths[2])
    (table,) = results(grid)
    are_enough = voices == "abc def"
    assert found.are_speakers == are_enough
    assert found.resampled == (6 if are_enough else 24)
    assert table.resampled == ("speakers" if are_enough else "utterances")


def test_a_study_is_read_with_its_rows_and_seeds(finished: tuple[Study, tuple[Cell, ...]]) -> None:
    study, cells = finished
    (found,) = gap_of(Grid.of(study, cells), "words", study.rows[0], study.rows[2])
    assert (found.row, found.error) == (study.rows[1], 6 / 16)
    assert found.over_both is not None
    assert found.over_speakers.value == found.over_both.value == 0.5
    assert found.over_seeds is not None
    assert found.over_seeds.value == 0.5
    table = gap_table(study, "words", [found], study.rows[0], study.rows[2]).markdown()
    assert "50 %" in table
    assert "over utterances and seeds" in table
    assert "fewer than 5 speakers are known, or texts are held out: what other speakers would" in table
    assert "4 utterances are few: percentiles over them claim too much" in table
    assert "no ends" not in table
    endless = replace(found, over_speakers=Interval(0.5, -np.inf, np.inf))
    table = gap_table(study, "words", [endless], study.rows[0], study.rows[2]).markdown()
    assert "| 50 % | no ends |" in table
    assert "no ends: among the 95 % are draws that leave no gap to close" in table
    with pytest.raises(ValueError, match="no seed of 'x' is finished on the set 'words'"):
        gap_of(Grid.of(study, cells), "words", "x", study.rows[2])


def test_weights_that_were_chosen_without_labels_are_measured_in_the_same_gap(
    finished: tuple[Study, tuple[Cell, ...]],
) -> None:
    study, cells = finished
    for cell in cells:
        if Path(cell.row).stem == "dann":
            write_reports(cell.folder.path, {"words": [2, 2, 1, 1], "words.label-free": [1, 1, 0, 0]})
    (found,) = gap_of(Grid.of(study, cells), "words.label-free", study.rows[0], study.rows[2])
    assert found.over_speakers.value == 1


@pytest.mark.parametrize("others", [{"hash_": "other"}, {"id_": "v"}])
@pytest.mark.parametrize(("row", "seeds"), [("dann", (0, 1)), ("dann", (1,)), ("target", (0,))])
def test_rows_that_were_tested_on_something_else_are_refused_by_name(
    finished: tuple[Study, tuple[Cell, ...]], others: dict[str, str], row: str, seeds: tuple[int, ...]
) -> None:
    """As many utterances, so that they could be taken for pairs."""
    study, cells = finished
    changed = [cell for cell in cells if Path(cell.row).stem == row and cell.seed in seeds]
    for cell in changed:
        write_reports(cell.folder.path, {"words": [2, 2, 1, 1]}, **others)
    with pytest.raises(ValueError, match="on words, these were tested on other utterances") as told:
        gap_of(Grid.of(study, cells), "words", study.rows[0], study.rows[2])
    listed = ", ".join(f"{cell.row!r}, seed {cell.seed}" for cell in sorted(changed, key=lambda c: c.seed))
    assert f"references than {study.rows[0]!r}, seed 0: {listed}. Move the folders" in str(told.value)


def test_the_same_utterances_are_known_beside_other_sets_and_under_the_set_s_name(
    finished: tuple[Study, tuple[Cell, ...]],
) -> None:
    """An id begins with its corpus, and with its set too where several sets have it."""
    study, cells = finished
    errors = {"unadapted": [3, 3, 2, 2], "dann": [2, 2, 1, 1], "target": [1, 1, 0, 0]}
    for cell in cells:
        sets = {"words": errors[Path(cell.row).stem]}
        if Path(cell.row).stem == "dann":
            sets["words.label-free"] = sets["words"]
        write_reports(cell.folder.path, sets, id_="words/u")
    for name in ("words", "words.label-free"):
        (found,) = gap_of(Grid.of(study, cells), name, study.rows[0], study.rows[2])
        assert found.over_speakers.value == 0.5
    assert [one.notices for one in results(Grid.of(study, cells))] == [(), ()]


def test_the_command_prints_the_gap(
    finished: tuple[Study, tuple[Cell, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, _ = finished
    path = tmp_path / "grid_study.py"
    path.write_text(
        f"from speechtl.study import Study\nstudy = Study('grid', {study.recipes!r}, seeds=(0, 1))\n"
    )
    rows = ["--source", study.rows[0], "--bound", study.rows[2]]
    benchmark("gap").main([str(path), "--runs", str(tmp_path / "runs"), *rows])
    printed = capsys.readouterr().out
    assert "| 37.5 % | 50 % |" in printed
    for cell in finished[1]:
        if Path(cell.row).stem == "target":
            write_reports(cell.folder.path, {"words": [3, 3, 3, 3]})
    benchmark("gap").main([str(path), "--runs", str(tmp_path / "runs"), *rows])
    told = capsys.readouterr().err
    assert f"study grid: {study.rows[1]} on words, seed 0, 1: there is no gap to close" in told
    for runs, source, message in (("runs", "x", "'x' is no row of"), ("gone", "x", "no finished cell under")):
        with pytest.raises(SystemExit, match=message):
            benchmark("gap").main([str(path), "--runs", str(tmp_path / runs), "--source", source])
