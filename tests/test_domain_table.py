"""The table of a run's domains says what was measured, and only that."""

from typing import Any

from speechtl.domain_table import domain_table

PROBE = {
    "value": 0.981,
    "chance": 0.5,
    "source_utterances": 40,
    "target_utterances": 30,
    "split_by": "speaker",
}
FOUND: dict[str, Any] = {
    "block": "encoder.1",
    "before": {"model": "source", "probe": PROBE, "within_classes": {"value": 0.9, "chance": 0.5}},
    "after": {
        "model": "trained",
        "probe": {**PROBE, "value": 0.613},
        "within_classes": {"value": 0.58, "chance": 0.5},
    },
    "control": "--method.weight 0",
    "domain_heads": {"domain": {"accuracy": 0.52, "chance": 0.55}},
    "label_free": {
        "step": 40,
        "information": 0.832,
        "most": 1.386,
        "kept": {"step": 60, "information": None, "most": 1.386},
    },
    "is_transductive": True,
    "transductive": {"far": 6, "near": 0},
    "outrun": "the head was outrun",
    "is_diverged": True,
    "reason": "the dev error is 60.0 %",
}


def test_all_that_was_measured_is_told() -> None:
    assert domain_table(FOUND).markdown().splitlines() == [
        "**labelled and unlabelled speech**",
        "",
        "| told apart | before | after | chance |",
        "| --- | ---: | ---: | ---: |",
        "| by a fresh probe | 98.1 % | 61.3 % | 50.0 % |",
        "| by one within a class | 90.0 % | 58.0 % | 50.0 % |",
        "| by the method's own head (domain) |  | 52.0 % | 55.0 % |",
        "",
        "before: the source model; features of encoder.1; 40 labelled and 30 unlabelled utterances, each "
        "asked about by a probe that has not heard its speaker",
        "control, the same batches without what the method adds: the same command and --method.weight 0",
        "label-free choice: step 40 (information 0.83 of at most 1.39 nats); kept: step 60 (information not "
        "a number of at most 1.39 nats)",
        "TRANSDUCTIVE: heard without labels: 6 of far",
        "OUTRUN: the head was outrun",
        "DIVERGED: the dev error is 60.0 %",
    ]


def test_a_head_is_named_after_what_it_tells() -> None:
    assert "by the method's own head (accent)" in domain_table({**FOUND, "hidden": "accent"}).markdown()


def test_a_probe_far_below_chance_is_explained() -> None:
    probe = {**FOUND["before"]["probe"], "value": 0.34}
    notes = domain_table({**FOUND, "before": {**FOUND["before"], "probe": probe}}).notes
    assert [note.partition(":")[0] for note in notes if "voices" in note] == [
        "the probe before is far below chance"
    ]


def test_what_was_not_measured_has_no_row() -> None:
    moment = {"model": "untrained", "probe": None, "within_classes": None}
    bare = {
        **FOUND,
        "outrun": "",
        "before": moment,
        "after": moment,
        "domain_heads": {},
        "control": "",
        "label_free": None,
        "is_transductive": False,
        "is_diverged": False,
    }
    table = domain_table(bare)
    assert table.rows == []
    assert table.notes == ["before: the untrained model; features of encoder.1"]
