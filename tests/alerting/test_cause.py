"""Explanations in sentences."""

from __future__ import annotations

from typing import Any

from alerting.cause import sentences, slice_name

RISE = {"value": 0.081, "lower": 0.052, "upper": 0.11}
NONE = {"value": 0.004, "lower": -0.01, "upper": 0.018}


def told(**more: Any) -> dict[str, Any]:
    parts = {"reference_value": 0.12, "value": 0.201, "rise": RISE, "covariate": NONE, "concept": RISE}
    found = {
        "reason": None,
        "loss": "wrong_share",
        "n_current": 120,
        "n_reference": 5000,
        "parts": {**parts, "shared_support": False},
        "slices": [],
        "retraining": None,
    }
    return {**found, **more}


def condition(feature: str, **more: Any) -> dict[str, Any]:
    return {"feature": feature, "value": None, "above": None, "up_to": None, "missing": False, **more}


def test_what_rose_and_why() -> None:
    rise, parts, slices, retraining = sentences(told())
    assert rise == "The share of wrong predictions rose by 8.1 points (5.2 to 11), from 12 % to 20 %"
    assert parts.startswith(
        "8.1 points (5.2 to 11) because the same inputs turn out otherwise (concept drift), 0.4 points"
    )
    assert parts.endswith("; the second is not sure")
    assert slices == "No value of a feature and no pair of values got surely worse than the rest"
    assert "cannot be told" in retraining


def test_a_loss_that_fell_is_said_to_have_fallen() -> None:
    fell = {"value": -0.05, "lower": -0.08, "upper": -0.02}
    found = told()
    found["parts"] |= {"rise": fell, "value": 0.07, "shared_support": True}
    said = sentences(found)
    assert said[0] == "The share of wrong predictions fell by 5 points (2 to 8), from 12 % to 7 %"
    assert "compared on the inputs that both have" in said[1]


def test_slices_and_retraining() -> None:
    one = {"name": "plant = B", "effect": 0.3, "lower": 0.2, "upper": 0.4, "share": 0.25, "contribution": 0.075}
    said = sentences(told(slices=[one] * 5, retraining={"gain": RISE}))
    assert said[2] == "Worse where plant = B: 30 points (20 to 40) in 25 % of the rows, 7.5 points of the whole"
    assert len(said) == 6  # the three worst
    assert said[-1].startswith("Retraining will help: ")
    assert "wrong less often by 8.1 points (5.2 to 11)" in said[-1]
    assert sentences(told(retraining={"gain": NONE}))[-1].startswith("Retraining is not shown to help: ")


def test_a_regression_speaks_in_the_unit_of_the_label() -> None:
    wide = {"value": 4.2, "lower": None, "upper": None}
    said = sentences(told(loss="absolute_error", retraining={"gain": wide}))
    assert said[0].startswith("The mean absolute error rose by 0.081 (0.052 to 0.11), from 0.12 to 0.201")
    assert "gains 4.2 over" in said[-1]


def test_why_there_is_none() -> None:
    (said,) = sentences(told(reason="too_few_rows"))
    assert said.startswith(
        "Cannot be explained: 120 labelled rows of this time and 5,000 of the reference; 200 of each"
    )
    assert len({sentences(told(reason=one))[0] for one in ("too_few_rows", "immature_labels", "no_reference")}) == 3


def test_names_of_slices() -> None:
    where = [condition("carrier", value="UA"), condition("temp", above=71.25), condition("age", above=1.0, up_to=2.5)]
    assert slice_name(where) == "carrier = UA and temp above 71.2 and age 1 to 2.5"
    assert slice_name([condition("x", up_to=3.0), condition("y", missing=True)]) == "x up to 3 and y missing"
