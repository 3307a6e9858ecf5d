"""Why a model got worse, in sentences: the same on pages and in the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerting.words import number, percent

Json = Mapping[str, Any]

NEEDED = 200
_LOSSES = {
    "wrong_share": "The share of wrong predictions",
    "brier": "The mean squared error of the probability",
    "absolute_error": "The mean absolute error",
}
_LESS = {"wrong_share": "wrong less often", "brier": "wrong less often", "absolute_error": "nearer to the truth"}
_MOST_SLICES = 3


def sentences(told: Json) -> list[str]:
    """An explanation (as the API shows it) for people."""
    if told["reason"] is not None:
        return [f"Cannot be explained: {_why_not(told)}"]
    found = [_rise(told), _parts(told), *_slices(told)]
    return [*found, _retraining(told)]


def slice_name(where: Sequence[Json]) -> str:
    """``carrier = UA and temp above 71``."""
    return " and ".join(_condition(one) for one in where)


def _condition(one: Json) -> str:
    name, low, high = one["feature"], one["above"], one["up_to"]
    if one["missing"]:
        return f"{name} missing"
    if one["value"] is not None:
        return f"{name} = {one['value']}"
    if low is None or high is None:
        return f"{name} above {number(low)}" if low is not None else f"{name} up to {number(high)}"
    return f"{name} {number(low)} to {number(high)}"


def _why_not(told: Json) -> str:
    if told["reason"] == "immature_labels":
        return "of one class next to no label is known yet"
    if told["reason"] == "no_reference":
        return "there is no reference to compare with"
    rows = f"{told['n_current']:,} labelled rows of this time and {told['n_reference']:,} of the reference"
    return f"{rows}; {NEEDED} of each are needed, over some hours, and a feature"


def _rise(told: Json) -> str:
    parts = told["parts"]
    value, rise = parts["value"], parts["rise"]
    way = "rose" if rise["value"] >= 0 else "fell"
    sign = 1 if rise["value"] >= 0 else -1
    amount = f"{way} by {_amount(told, rise, sign)}, from {_level(told, parts['reference_value'])}"
    return f"{_LOSSES[told['loss']]} {amount} to {_level(told, value)}"


def _parts(told: Json) -> str:
    parts = told["parts"]
    concept, covariate = parts["concept"], parts["covariate"]
    text = (
        f"{_amount(told, concept)} because the same inputs turn out otherwise (concept drift), "
        f"{_amount(told, covariate)} because other inputs come (covariate shift)"
    )
    if parts["shared_support"]:
        text += "; compared on the inputs that both have, as few rows of the reference look like the new ones"
    doubtful = [name for name, one in (("first", concept), ("second", covariate)) if not _sure(one)]
    if len(doubtful) == 2:
        return f"{text}; neither is sure"
    return f"{text}; the {doubtful[0]} is not sure" if doubtful else text


def _slices(told: Json) -> list[str]:
    if not told["slices"]:
        return ["No value of a feature and no pair of values got surely worse than the rest"]
    return [_slice(told, one) for one in told["slices"][:_MOST_SLICES]]


def _slice(told: Json, one: Json) -> str:
    share, part = percent(one["share"]), _size(told, one["contribution"])
    amount = _amount(told, {**one, "value": one["effect"]})
    return f"Worse where {one['name']}: {amount} in {share} % of the rows, {part} of the whole"


def _retraining(told: Json) -> str:
    found = told["retraining"]
    if found is None:
        return "Whether retraining would help cannot be told from these rows"
    gain = _amount(told, found["gain"])
    if (found["gain"]["lower"] or 0.0) > 0:
        small = "on new rows a small model fitted on the newest labels is"
        return f"Retraining will help: {small} {_LESS[told['loss']]} by {gain} than one fitted on the reference"
    small = "on new rows a small model fitted on the newest labels gains"
    return f"Retraining is not shown to help: {small} {gain} over one fitted on the reference"


def _sure(one: Json) -> bool:
    lower, upper = one["lower"], one["upper"]
    return lower is not None and upper is not None and (lower > 0 or upper < 0)


def _amount(told: Json, one: Json, sign: int = 1) -> str:
    """``8.1 points (5.2 to 11)``."""
    value, low, high = (None if one[name] is None else sign * one[name] for name in ("value", "lower", "upper"))
    low, high = (high, low) if sign < 0 else (low, high)
    text = _size(told, value or 0.0)
    if low is None or high is None:
        return text
    write = number if told["loss"] == "absolute_error" else percent
    return f"{text} ({write(low)} to {write(high)})"


def _size(told: Json, value: float) -> str:
    return number(value) if told["loss"] == "absolute_error" else f"{percent(value)} points"


def _level(told: Json, value: float) -> str:
    return f"{percent(value)} %" if told["loss"] == "wrong_share" else number(value)
