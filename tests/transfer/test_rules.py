"""The short forms of rules."""

import pytest

from speechtl.transfer.base import Transfer
from speechtl.transfer.rules import Rule, Weights, parse


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("encoder.*=freeze", Rule("encoder.*", frozen=True)),
        ("encoder.[0-3]=train,lr*0.1", Rule("encoder.[0-3]", frozen=False, lr=0.1)),
        ("input=random,lr*2", Rule("input", start="random", lr=2.0)),
        ("head.nan-*=map", Rule("head.nan-*", start="map")),
        ("*.bias=copy", Rule("*.bias", start="source")),
        ("encoder.1=random-frozen", Rule("encoder.1", start="random", frozen=True, is_control=True)),
        ("runs/a/seed-0:encoder", Weights("runs/a/seed-0", "encoder")),
        ("m::head.en", Weights("m", "", "head.en")),
        (
            "m:encoder:encoder:encoder.1,encoder.2",
            Weights("m", "encoder", "encoder", ("encoder.1", "encoder.2")),
        ),
        ("runs/a+lr=0.1/seed-0:norm", Weights("runs/a+lr=0.1/seed-0", "norm")),
    ],
)
def test_both_forms_are_read(text: str, rule: Rule | Weights) -> None:
    assert parse(text) == rule


@pytest.mark.parametrize(
    "text",
    [
        "encoder.0",
        "encoder=freez",
        "encoder=lr*a",
        "encoder=lr*inf",
        "encoder=lr*nan",
        "=freeze",
        ":encoder",
        "a:b:c:d:e",
    ],
)
def test_what_is_neither_names_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match=r"no form that is known; expected GLOB=ACTION.*freeze.*PATH:FROM"):
        parse(text)


def test_all_rules_that_cannot_be_read_are_named_at_once() -> None:
    with pytest.raises(
        ValueError, match=r"(?s)'input=freez'.*'head=lr\*0'.*contradicts.*\nexpected GLOB"
    ) as told:
        Transfer(plan=("input=freez", "encoder.0=freeze", "head=lr*0", "encoder.1=freeze,train"))
    assert "encoder.0=" not in str(told.value)


@pytest.mark.parametrize("action", ["lr*0", "lr*0.0", "train,lr*0"])
def test_a_rate_of_zero_is_called_by_its_name(action: str) -> None:
    with pytest.raises(ValueError, match=r"has the rate lr\*0.*expected a number above 0, or freeze"):
        parse(f"encoder.0={action}")


@pytest.mark.parametrize("actions", ["freeze,train", "copy,random", "lr*2,lr*3", "random,map"])
def test_a_rule_that_contradicts_itself_is_refused(actions: str) -> None:
    with pytest.raises(ValueError, match="contradicts itself about"):
        parse(f"encoder.0={actions}")
