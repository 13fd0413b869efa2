from dataclasses import replace

import numpy as np
from faulty_speech import Speech
from hypothesis import given
from hypothesis import strategies as st

from speechtl.doctor import examine
from speechtl.doctor.splits import equal_pairs
from speechtl.formats import read_corpus

rows_of = st.lists(st.tuples(st.integers(0, 2), st.sets(st.integers(0, 5), max_size=3)), max_size=12)


@given(rows_of, st.booleans())
def test_a_row_is_named_if_and_only_if_an_earlier_one_has_a_value_of_its_own(
    rows: list[tuple[int, set[int]]], only_across: bool
) -> None:
    ranks = np.array([rank for rank, _ in rows], dtype=np.int64)
    values = np.array([value for _, own in rows for value in sorted(own)], dtype=np.int64)
    owners = np.array([row for row, (_, own) in enumerate(rows) for _ in own], dtype=np.int64)
    pairs = equal_pairs(values, owners, ranks, only_across=only_across)
    expected = set()
    for row, (rank, own) in enumerate(rows):
        for value in own:
            sharing = [
                (other_rank, other) for other, (other_rank, theirs) in enumerate(rows) if value in theirs
            ]
            first_rank, first = min(sharing)
            if first != row and not (only_across and first_rank == rank):
                expected.add((row, first))
    named = list(zip(pairs.later.tolist(), pairs.earlier.tolist(), strict=True))
    assert set(named) <= expected
    assert [row for row, _ in named] == sorted({row for row, _ in expected})


def test_the_same_sound_is_worse_in_another_split_and_with_another_text(speech: Speech) -> None:
    first = speech.rows[0]
    speech.add(audio=first["audio"], text="oio", speaker="cleo en", split="test")
    (fault,) = examine(speech.write("speech.csv")).faults
    assert fault.kind == "duplicated audio across splits"
    assert fault.detail == (
        f"the same sound as u0, there with the text {first['text']!r}, here 'oio'; that is in train, this in "
        "test"
    )


def test_splits_that_claim_nothing_may_share_texts_and_speakers(speech: Speech) -> None:
    speech.add(split="test", text=speech.rows[0]["text"].upper(), speaker="anna en")
    manifest = speech.write("speech.csv")
    examination = examine(manifest)
    assert examination.is_clean
    assert {notice.kind for notice in examination.notices} == {
        "text in several splits",
        "speaker in several splits",
    }
    assert all("1 of 7 utterances" in notice.detail for notice in examination.notices)
    claiming = read_corpus(manifest)
    replace(claiming, split_by="speaker").save(speech.folder.parent / "data" / "claims")
    assert [fault.kind for fault in examine("claims").faults] == [
        "speaker in several splits that are split by speaker"
    ]
