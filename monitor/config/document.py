"""The shape of a configuration document (CONTRACT.md section 6)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from alerting.rules import parse_for
from monitor import clock, cron

MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}")

Kind = Literal["data_drift", "prediction_drift", "data_quality", "performance", "serving", "fairness"]
KINDS: tuple[Kind, ...] = ("data_drift", "prediction_drift", "data_quality", "performance", "serving", "fairness")


def _duration(text: str) -> str:
    clock.parse_duration(text)
    return text


def _some_time(text: str) -> str:
    if clock.parse_duration(text) == 0:
        raise ValueError(f"{text!r} is no time at all; leave it out to be told once")
    return text


def _whole_hours(text: str) -> str:
    length = clock.parse_duration(text)
    if length == 0 or length % clock.HOUR:
        raise ValueError(f"{text!r} is not a whole number of hours; windows are")
    return text


def _gap(text: str) -> str:
    if clock.parse_duration(text) % clock.HOUR:
        raise ValueError(f"{text!r} is not a whole number of hours; a gap is")
    return text


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no name: letters, digits, space, dot, dash, underscore; at most 100")
    return text


def _no_truth(given: object) -> object:
    """True is no 1."""
    return str(given) if isinstance(given, bool) else given


def _for(given: int | str) -> int | str:
    count, among = parse_for(given)
    return count if among is None else f"{count} of {among}"


Duration = Annotated[str, AfterValidator(_duration)]
Window = Annotated[str, AfterValidator(_whole_hours)]
Gap = Annotated[str, AfterValidator(_gap)]
Cron = Annotated[str, AfterValidator(cron.check)]
Name = Annotated[str, AfterValidator(_name)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, allow_inf_nan=False)


class Feature(_Strict):
    """``numeric`` or ``categorical``; overrides what the first values suggest. ``importance`` ranks what moved.
    ``privacy``: what is stored instead of its values; ``bins`` of ``summary_only``."""

    type: Literal["numeric", "categorical", "embedding"] | None = None
    importance: Annotated[float, Field(ge=0)] | None = None
    privacy: Literal["drop", "hash", "summary_only"] | None = None
    bins: list[float] | list[str] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Feature:
        if self.privacy in ("hash", "summary_only") and self.type not in (None, "categorical"):
            raise ValueError(f"what is stored under privacy {self.privacy} are categories; leave type out")
        if self.bins is not None and self.privacy != "summary_only":
            raise ValueError("bins are for privacy summary_only")
        if self.bins is not None and (not self.bins or len(set(self.bins)) < len(self.bins)):
            raise ValueError("bins names each bin once, and at least one")
        numbers = [one for one in self.bins or () if not isinstance(one, str)]
        if numbers != sorted(numbers):
            raise ValueError("bins are the upper ends, in increasing order")
        return self


class Threshold(_Strict):
    """One of: p_value; drop; warning with an optional critical (on the value)."""

    p_value: Annotated[float, Field(gt=0, lt=1)] | None = None
    drop: Annotated[float, Field(ge=0)] | None = None
    warning: float | None = None
    critical: float | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Threshold:
        forms = [self.p_value is not None, self.drop is not None, self.warning is not None or self.critical is not None]
        if sum(forms) != 1:
            raise ValueError("write one of {p_value: x}, {drop: x}, {warning: x, critical: y}")
        if self.critical is not None and self.warning is None:
            raise ValueError("critical needs a warning bound beside it")
        return self


class Trailing(_Strict):
    """The model's own rows as a reference: ``trailing`` long, ending ``gap`` before the window begins."""

    trailing: Window
    gap: Gap = "0h"

    def __str__(self) -> str:
        return f"trailing {self.trailing}"


FORMS = ("(name)", "(trailing)")


def _form(reference: Any) -> str:
    return FORMS[isinstance(reference, dict | Trailing)]


Reference = Annotated[
    Annotated[str, Tag(FORMS[0])] | Annotated[Trailing, Tag(FORMS[1])],
    Discriminator(_form),
]


class Check(_Strict):
    """What is measured, and when."""

    name: Name
    kind: Kind
    features: list[str] | None = None
    metric: str | None = None
    segment: str | None = None
    method: str = "auto"
    window: Window | None = None
    schedule: Cron = "5 * * * *"
    threshold: Threshold | None = None
    reference: Reference | None = None
    enabled: bool = True


class Rule(_Strict):
    """When people are told of a check, and whom."""

    name: Name
    check: str
    at: Literal["warning", "critical"] = "warning"
    for_: Annotated[int | str, BeforeValidator(_no_truth), AfterValidator(_for), Field(alias="for")] = 1
    notify: list[str] | None = None
    trigger: str | None = None
    cooldown: Duration = "24h"
    remind: Annotated[str, AfterValidator(_some_time)] | None = None


class Model(_Strict):
    """One model's part of the document."""

    task: Literal["binary", "multiclass", "regression"] | None = None
    positive_label: str | int | float | bool | None = None
    owner: str | None = None
    false_alarms_per_month: Annotated[float, Field(gt=0)] = 1.0
    tolerance: Annotated[float, Field(ge=0, lt=0.15)] = 0.02
    features: dict[str, Feature] = Field(default_factory=dict)
    segments: list[str] = Field(default_factory=list)
    min_label_coverage: Share = 0.8
    label_horizon: Duration = "30d"
    retention: Duration | None = None
    summary_retention: Duration | None = None
    checks: list[Check] = Field(default_factory=list)
    rules: list[Rule] = Field(default_factory=list)


class Document(_Strict):
    """A whole document, or a part that replaces the named things in it."""

    default_notify: list[str] | None = None
    models: dict[str, Model] = Field(default_factory=dict)
    channels: dict[str, dict[str, Any]] = Field(default_factory=dict)
    triggers: dict[str, dict[str, Any]] = Field(default_factory=dict)
