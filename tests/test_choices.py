"""Words that a field does not list are refused in Python as on the command line."""

from dataclasses import dataclass
from typing import Literal

import pytest

from speechtl.augment import AugmentSettings
from speechtl.choices import refuse_unknown_words
from speechtl.experiment import load_recipe, recipe_names
from speechtl.models.settings import ModelSettings
from speechtl.train_settings import TrainSettings
from speechtl.transfer import DANN, LHUC, Composed, LayerTransfer, MixedBatches


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LHUC(by="speakers"), r"LHUC: by='speakers'; expected one of .*did you mean 'speaker'"),
        (lambda: LayerTransfer(start="scratch"), "start='scratch'; expected one of source, random"),
        (lambda: LayerTransfer(rest="freeze"), "did you mean 'frozen'"),
        (lambda: DANN(over="accents"), "did you mean 'accent'"),
        (lambda: ModelSettings(encoder="lstm"), "ModelSettings: encoder='lstm'.*did you mean 'bilstm'"),
        (lambda: TrainSettings(schedule="linear"), "TrainSettings: schedule='linear'"),
        (lambda: AugmentSettings(noise_kinds=("pink", "brown")), "noise_kinds='brown'"),
    ],
)
def test_a_word_that_is_not_listed_is_named_with_those_that_are(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@dataclass(frozen=True)
class Mixed:
    """Fields of several kinds."""

    free: str = "anything"
    amount: float | Literal["all"] = "all"
    named: Literal["a", "b"] | None = None
    either: str | Literal["a"] = "z"


def test_fields_that_take_other_things_are_left_alone() -> None:
    for settings in (Mixed(), Mixed(amount=3.0, named="a")):
        refuse_unknown_words(settings)
    with pytest.raises(ValueError, match="amount='most'; expected one of all"):
        refuse_unknown_words(Mixed(amount="most"))


def test_all_recipes_have_listed_words() -> None:
    for name in recipe_names():
        load_recipe(name)
    Composed(methods=(LHUC(by="speaker"), MixedBatches()))
