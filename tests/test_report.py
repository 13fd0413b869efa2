import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from speechtl.metrics import Counts
from speechtl.report import (
    LABEL_FREE,
    Hypothesis,
    Metric,
    Report,
    SetReport,
    TrainSummary,
    kaldi_lines,
    load_hypotheses,
    render,
    save_hypotheses,
)

WER = Metric(0.42611, 0.41, 0.44, errors=4210, total=9880, sub=2836, del_=1024, ins=350)
SYLLABLE = Metric(0.5, 0.25, 0.75, errors=2, total=4, sub=2, del_=0, ins=0)
REPORT = Report(
    sets={"words": SetReport("nan-Latn-tailo", 500, {"wer": WER, "syllable": SYLLABLE}, shared_texts=3)},
    train=TrainSummary(100, 50.0, 10.0, 5.0, None, {"step": 90}),
    source_sets={
        "digits": SetReport(
            "en", 20, {"wer": replace(WER, low=None, high=None)}, "speakers", shared_speakers=1
        )
    },
    hypotheses={"words": (Hypothesis("a", "nan-Latn-tailo", None, "khì", "", {"wer": Counts(1, 1, 0, 1)}),)},
)


def test_a_report_is_read_as_it_was_written_without_its_hypotheses(tmp_path: Path) -> None:
    REPORT.save(tmp_path / "run" / "report.json")
    assert Report.load(tmp_path / "run" / "report.json") == replace(REPORT, hypotheses={})
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["report.json"]


def test_ids_may_hold_any_separator_of_lines(tmp_path: Path) -> None:
    (entry,) = REPORT.hypotheses["words"]
    odd = replace(entry, id="a\u2028b\u0085c", speaker="d\x0be")
    save_hypotheses(tmp_path / "h.jsonl", [odd, entry])
    assert load_hypotheses(tmp_path / "h.jsonl") == [odd, entry]


def test_report_json_has_the_documented_keys(tmp_path: Path) -> None:
    REPORT.save(tmp_path / "report.json")
    stored = json.loads((tmp_path / "report.json").read_text())
    assert set(stored) == {"sets", "train", "source_sets"}
    words = stored["sets"]["words"]
    assert (words["language"], words["utterances"]) == ("nan-Latn-tailo", 500)
    assert words["metrics"]["wer"] == {
        "value": 0.42611,
        "low": 0.41,
        "high": 0.44,
        "errors": 4210,
        "total": 9880,
        "sub": 2836,
        "del": 1024,
        "ins": 350,
    }
    times = ("audio_seconds", "wall_seconds", "audio_seconds_per_second", "source_wall_seconds")
    assert {"steps", *times} < set(stored["train"])


def test_kaldi_lines_are_kaldi_s() -> None:
    assert kaldi_lines(REPORT) == [
        "%WER 42.61 [ 4210 / 9880, 350 ins, 1024 del, 2836 sub ] words",
        "%SYL 50.00 [ 2 / 4, 0 ins, 0 del, 2 sub ] words",
        "%WER 42.61 [ 4210 / 9880, 350 ins, 1024 del, 2836 sub ] digits",
    ]


def test_the_table_shows_each_error_with_its_interval_and_the_source_s_sets() -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(render(REPORT))
    table = capture.get()
    assert "words: the training knows the texts of 3 utterances" in table
    assert "digits: the training knows the speakers of 1 utterance\n" in re.sub(" +\n", "\n", table)
    for expected in (
        "42.6 %",
        "41.0 – 44.0",
        "4210 / 9880",
        "source: digits",
        "over speakers (digits), utterances (words)",
    ):
        assert expected in table


@pytest.mark.parametrize(
    "content", ['{"sets": {"a": {"lang', "[1, 2]", '{"sets": {"a": {"language": "en"}}}', '{"results": 3}']
)
def test_a_foreign_or_truncated_report_is_one_clear_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"report.json is not a report of speechtl.*speechtl evaluate"):
        Report.load(path)
    with pytest.raises(FileNotFoundError, match="missing; expected a finished run"):
        Report.load(tmp_path / "none" / "report.json")


def test_hypotheses_survive_their_file_and_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "words.jsonl"
    entries = [
        Hypothesis("a", "en", "ann", "stop", "top", {"cer": Counts(1, 4, 0, 1)}, closed="stop"),
        Hypothesis("b", "en", None, "go", "go", {"cer": Counts(0, 2)}),
    ]
    save_hypotheses(path, entries)
    assert load_hypotheses(path) == entries
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first["counts"]["cer"] == {"errors": 1, "total": 4, "sub": 0, "del": 1, "ins": 0}
    assert set(second) == {"id", "language", "speaker", "ref", "hyp", "counts"}
    path.write_text(path.read_text() + '{"id": "c"')
    with pytest.raises(ValueError, match="line 3"):
        load_hypotheses(path)


def test_a_report_tells_what_speech_without_labels_had_to_do_with_it(tmp_path: Path) -> None:
    assert REPORT.train is not None
    train = replace(
        REPORT.train,
        best={"step": 60, "error": 0.1, "errors": {}},
        label_free={"step": 40, "information": 1.2},
        is_transductive=True,
        diverged="the dev error is 60.0 %",
    )
    told = replace(REPORT, train=train).joined(REPORT.renamed(LABEL_FREE))
    assert set(told.sets) == {"words", "words.label-free"}
    assert told.sets["words"] == told.sets["words.label-free"]
    told.save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json").train == train
    console = Console(width=120)
    with console.capture() as capture:
        console.print(render(told))
    table = capture.get()
    assert ".label-free: weights of step 40, chosen without labels; kept are those of 60" in table
    assert "TRANSDUCTIVE: tests may hold the unlabelled speech itself" in table
    assert "DIVERGED: the dev error is 60.0 %" in table


def test_a_report_without_these_fields_is_read(tmp_path: Path) -> None:
    """As reports are that were written before there was speech without labels."""
    path = tmp_path / "report.json"
    REPORT.save(path)
    stored = json.loads(path.read_text())
    for name in ("label_free", "is_transductive", "diverged"):
        del stored["train"][name]
    path.write_text(json.dumps(stored))
    assert Report.load(path).train == REPORT.train


def test_an_error_of_few_utterances_is_told_to_be_one() -> None:
    console = Console(width=120)
    few = SetReport("en", 1, {"wer": WER})
    with console.capture() as capture:
        console.print(render(replace(REPORT, sets={"few": few, "many": replace(few, utterances=10)})))
    assert "few: an error of 1 utterance says little of others" in capture.get()
    assert "many: an error" not in capture.get()
