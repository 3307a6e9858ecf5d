"""Distances of two distributions in plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dashboards.words import number, percent


def said(sides: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """(title, value, p-value, words) of each distance that ``distributions`` found."""
    found = []
    for method, one in sides["distances"].items():
        value = one["value"]
        words = "cannot be had for these counts" if value is None else _WORDS.get(method, _plain)(one)
        found.append((one["title"], number(value), _p(one["p_value"]), words))
    return found


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 1e-12" if value < 1e-12 else f"{value:.2g}"


def _moved(one: Mapping[str, Any]) -> str:
    between = ""
    if one["lower"] is not None and one["upper"] is not None:
        between = f" (between {percent(one['lower'])} and {percent(one['upper'])})"
    text = f"{percent(one['value'])} % of rows moved{between}"
    details = one["details"]
    if isinstance(details.get("cut"), int | float):
        return f"{text}, most across {number(details['cut'])}"
    return f"{text}, most in {details['category']}" if details.get("category") is not None else text


def _wasserstein(one: Mapping[str, Any]) -> str:
    per_sd = one["details"].get("per_sd")
    text = f"rows moved by {number(one['value'])} on average"
    return text if per_sd is None else f"{text}, {number(per_sd)} standard deviations of the reference"


def _psi(one: Mapping[str, Any]) -> str:
    size = "little" if one["value"] < 0.1 else "some" if one["value"] < 0.25 else "much"
    return f"{size} change by the usual reading (0.1 and 0.25)"


def _share(words: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda one: f"{percent(one['value'])} % {words}"


def _chi_square(one: Mapping[str, Any]) -> str:
    return "how far the counts are from the reference's shares; grows with the number of rows"


def _jensen_shannon(one: Mapping[str, Any]) -> str:
    return "0 for equal distributions, 0.83 for ones that share no value"


def _hellinger(one: Mapping[str, Any]) -> str:
    return "0 for equal distributions, 1 for ones that share no value"


def _kullback_leibler(one: Mapping[str, Any]) -> str:
    return "information lost by taking the reference for the window, in nats"


def _energy(one: Mapping[str, Any]) -> str:
    return "0 for equal distributions; in the square root of the feature's unit"


def _plain(one: Mapping[str, Any]) -> str:
    return "0 for equal distributions"


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "ks": _moved,
    "l_infinity": _moved,
    "total_variation": _share("of rows would have to change their value"),
    "psi": _psi,
    "wasserstein": _wasserstein,
    "energy": _energy,
    "chi_square": _chi_square,
    "jensen_shannon": _jensen_shannon,
    "hellinger": _hellinger,
    "kullback_leibler": _kullback_leibler,
}
