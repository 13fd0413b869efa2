import unicodedata

import torch
from toy_speech import TINY

from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel
from speechtl.text import Tokenizer
from speechtl.transfer.head_rows import Coverage, copy_rows, corresponding_rows


def source(*tokenizers: Tokenizer, heads: str = "tagged") -> AcousticModel:
    from dataclasses import replace

    return AcousticModel(
        replace(TINY, heads=heads), FeatureSettings(), {one.language: one for one in tokenizers}
    )


EN, FR = Tokenizer("en", ("a", "b", "é")), Tokenizer("fr", ("b", "c"))


def test_rows_come_from_the_table_and_are_the_mean_of_what_it_lists() -> None:
    model, new = source(EN, FR), Tokenizer("de", ("p", "q", "z"))
    table = {"p": (("en", "b"), ("fr", "b")), "q": (("fr", "c"), ("xx", "c"), ("en", "nothing"))}
    coverage = corresponding_rows(model, new, table)
    assert coverage.rows == {"p": (("en", "b"), ("fr", "b")), "q": (("fr", "c"),), "z": ()}
    assert coverage.mapped == 2
    random = model.add_head(new, seed=1).units.weight.clone()
    copy_rows(model, coverage)
    head, en, fr = (model.head(tag).units for tag in ("de", "en", "fr"))
    assert torch.allclose(head.weight[0], (en.weight[1] + fr.weight[0]) / 2)
    assert torch.allclose(head.bias[0], (en.bias[1] + fr.bias[0]) / 2)
    assert torch.equal(head.weight[1], fr.weight[1])
    assert torch.equal(head.weight[2], random[2]), "a unit without a source stays new"


def test_without_a_table_equal_symbols_match_across_unicode_forms() -> None:
    decomposed = unicodedata.normalize("NFD", "é")
    assert decomposed != "é"
    model, new = source(EN, FR), Tokenizer("de", (decomposed, "b", "x"))
    coverage = corresponding_rows(model, new, None)
    model.add_head(new, seed=0)
    copy_rows(model, coverage)
    head, en, fr = (model.head(tag).units for tag in ("de", "en", "fr"))
    assert torch.equal(head.weight[0], en.weight[2])
    assert torch.allclose(head.weight[1], (en.weight[1] + fr.weight[0]) / 2)
    assert coverage.mapped == 2


def test_a_table_matches_across_unicode_forms_too() -> None:
    decomposed = unicodedata.normalize("NFD", "é")
    coverage = corresponding_rows(source(EN), Tokenizer("de", ("é",)), {decomposed: (("en", decomposed),)})
    assert coverage.mapped == 1


def test_the_blank_starts_from_the_sources_blank() -> None:
    tagged, separate = source(EN, FR), source(EN, FR, heads="separate")
    for model in (tagged, separate):
        model.add_head(Tokenizer("de", ("x",)), seed=0)
        copy_rows(model, Coverage("de", {"x": ()}))
    assert torch.equal(tagged.head("de").blank.weight, tagged.shared_blank.weight)
    mean = (separate.head("en").blank.weight + separate.head("fr").blank.weight) / 2
    assert torch.allclose(separate.head("de").blank.weight, mean)


def test_the_blank_of_another_new_language_is_no_source() -> None:
    model = source(EN, FR, heads="separate")
    for tag in ("de", "nl"):
        model.add_head(Tokenizer(tag, ("x",)), seed=0)
    mean = (model.head("en").blank.weight + model.head("fr").blank.weight) / 2
    for tag in ("de", "nl"):
        copy_rows(model, Coverage(tag, {"x": ()}), ("de", "nl"))
        assert torch.allclose(model.head(tag).blank.weight, mean)


def test_the_coverage_table_can_be_saved() -> None:
    coverage = Coverage("de", {"p": (("en", "b"),), "z": ()})
    assert coverage.to_dict() == {
        "language": "de",
        "rows": {"p": (("en", "b"),), "z": ()},
        "mapped": 1,
        "units": 2,
    }
