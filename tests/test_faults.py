from speechtl.faults import Fault, describe


def test_faults_are_grouped_by_kind_with_their_cure_counts_and_places() -> None:
    faults = [
        Fault("no text", "write it", "a.csv:2"),
        Fault("no file", "fetch it", "a.csv:2", "b.wav"),
        Fault("no text", "write it", "a.csv:9"),
        Fault("language: 'xx1' is no tag", "", "a.csv:3"),
    ]
    assert describe(faults, "a.csv") == (
        "a.csv: 4 faults\n"
        "- no text; write it [2]:\n    a.csv:2\n    a.csv:9\n"
        "- no file; fetch it [1]:\n    a.csv:2 (b.wav)\n"
        "- language: 'xx1' is no tag [1]:\n    a.csv:3"
    )


def test_twenty_places_are_spelt_out() -> None:
    faults = [Fault("no text", "write it", f"a:{row}", row=row) for row in range(25)]
    lines = describe(faults, "a").splitlines()
    assert lines[0] == "a: 25 faults"
    assert lines[2:] == [*(f"    a:{row}" for row in range(20)), "    ... and 5 more"]


def test_a_fault_of_every_row_is_one_line_unless_its_details_differ() -> None:
    plain = [Fault("no text", "write it", f"a:{row}", row=row) for row in range(3)]
    assert describe(plain, "a", rows=3).endswith("[3]:\n    all 3 rows")
    assert describe(plain, "a", rows=4).endswith("    a:2")
    detailed = [Fault("no file", "", f"a:{row}", f"{row}.wav", row) for row in range(3)]
    assert "a:1 (1.wav)" in describe(detailed, "a", rows=3)


def test_half_a_character_can_be_printed() -> None:
    message = describe([Fault("unknown column '\ud83d'", "remove it", "a:1")], "a")
    assert "'\\ud83d'" in message
    message.encode()
