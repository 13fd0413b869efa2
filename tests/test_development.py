import pytest
import torch
from conftest import DEVICES
from toy_speech import TINY, development, examples

from speechtl.development import DevScore, collapse_advice
from speechtl.features import FeatureSettings
from speechtl.models.acoustic import AcousticModel


def model(*languages: str) -> AcousticModel:
    _, _, tokenizers = examples(2, languages)
    return AcousticModel(TINY, FeatureSettings(), tokenizers).eval()


def test_a_model_of_blanks_has_only_deletions() -> None:
    silent = model("en")
    with torch.no_grad():
        silent.shared_blank.bias.fill_(1000.0)
    score = development(6)(silent)
    assert score.error == 1
    assert score.errors == {"en": 1}
    assert score.blank_share == 1
    assert score.length_ratio == 0


def test_the_error_is_the_mean_over_languages() -> None:
    half = model("en", "de")
    with torch.no_grad():
        half.shared_blank.bias.fill_(1000.0)
        half.head("de").units.bias.fill_(2000.0)
    score = development(8, ("en", "de"))(half)
    assert set(score.errors) == {"en", "de"}
    assert score.errors["en"] == 1
    assert score.error == pytest.approx(sum(score.errors.values()) / 2)


@pytest.mark.parametrize("device", DEVICES)
def test_the_score_is_the_same_on_every_device(device: str) -> None:
    scored = model("en", "de")
    expected = development(8, ("en", "de"))(scored)
    assert development(8, ("en", "de"))(scored.to(device)) == expected


def test_scoring_changes_neither_the_model_nor_the_random_numbers() -> None:
    scored = model("en")
    before = {name: tensor.clone() for name, tensor in scored.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = development(6)(scored)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(tensor, before[name]) for name, tensor in scored.state_dict().items())
    assert first == development(6)(scored)


def test_a_collapse_is_reported_with_what_to_do() -> None:
    blanks, babble = DevScore(1.0, {}, 0.999, 0.02), DevScore(4.0, {}, 0.1, 5.0)
    assert collapse_advice(blanks, 0.1) is None, "every CTC model starts with blanks"
    assert "--train.steps" in collapse_advice(blanks, 0.5)
    assert "--train.lr" in collapse_advice(babble, 0.5)
    assert collapse_advice(DevScore(0.4, {}, 0.7, 0.9), 1.0) is None
