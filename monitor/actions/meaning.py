"""What a model's predictions are: its task and classes, as configured or as its values show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from detectors.cuts import MOST_CLASSES


@dataclass(frozen=True)
class Meaning:
    """What a model's predictions are: ``classes`` canonical, for binary (negative, positive). ``likeliest``: none are
    sent, only probabilities; the likeliest class is the prediction."""

    task: str
    classes: tuple[str, ...] = ()
    likeliest: bool = False

    @property
    def positive(self) -> str | None:
        """The positive class of a binary model; None before its classes are known."""
        return self.classes[1] if self.task == "binary" and self.classes else None


def meaning_of(task: str | None, positive: str | None, values: Sequence[pa.Array]) -> Meaning:
    """Infer what is not configured from canonical predictions and labels (pa.string arrays).

    Fractional numbers: regression; at most two values: binary; else multiclass, but integers of more than 100 values
    are quantities: regression.
    """
    distinct = sorted({v for array in values for v in pc.unique(array).to_pylist() if v is not None})
    numbers = [_number(text) for text in distinct]
    if task is None:
        task = _infer_task(distinct, numbers)
    if task == "regression":
        return Meaning(task)
    if task == "binary":
        return Meaning(task, _two_classes(distinct, positive))
    return Meaning(task, tuple(distinct[:MOST_CLASSES]))


def _infer_task(distinct: Sequence[str], numbers: Sequence[float | None]) -> str:
    known = [number for number in numbers if number is not None]
    if known and len(known) == len(distinct) and any(number % 1 for number in known):
        return "regression"
    if len(distinct) <= 2:
        return "binary"
    return "regression" if len(known) == len(distinct) > MOST_CLASSES else "multiclass"


def _two_classes(distinct: Sequence[str], positive: str | None) -> tuple[str, str]:
    if positive is None:
        positive = "1" if "1" in distinct or not distinct else distinct[-1]
    others = [text for text in distinct if text != positive]
    return (others[0] if others else ("0" if positive == "1" else f"not {positive}"), positive)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
