"""What follows from the probabilities of a row: its score, its margin, and the likeliest class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.actions.meaning import Meaning
from monitor.store.observations.base import ScoredRows, StoredColumn
from monitor.store.observations.canonical import canonical


def score_of(meaning: Meaning, by_class: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64] | None:
    """What is binned as ``score``: binary: the positive class's probability; multiclass: the highest of all."""
    if not by_class or meaning.task == "regression":
        return None
    canonical_names = {(name if name == "" else canonical_text(name)): values for name, values in by_class.items()}
    if meaning.task == "binary":
        return positive_score(meaning, canonical_names)
    stacked = np.stack(list(canonical_names.values()))
    highest: NDArray[np.float64] = np.fmax.reduce(stacked)
    return highest


def says_likeliest(columns: Sequence[StoredColumn]) -> bool:
    """Whether a model sends probabilities and never a prediction."""
    roles = {column.role for column in columns}
    return "probability" in roles and "prediction" not in roles


def likeliest(meaning: Meaning, by_class: Mapping[str, NDArray[np.float64]], rows: int) -> pa.Array:
    """The class with the highest probability, of two the positive one from 1/2 on: pa.string [rows], null where no
    probability is known."""
    names: Sequence[str]
    if meaning.task == "binary":
        score = score_of(meaning, by_class) if meaning.classes else None
        if score is None:
            return pa.nulls(rows, pa.string())
        names, best, known = meaning.classes, (score >= 0.5).astype(np.int64), ~np.isnan(score)
    else:
        if meaning.task != "multiclass" or not by_class:
            return pa.nulls(rows, pa.string())
        names = [canonical_text(name) if name else name for name in by_class]
        stacked = np.nan_to_num(np.stack(list(by_class.values())), nan=-1.0)
        best, known = stacked.argmax(axis=0), stacked.max(axis=0) >= 0
    return pa.array(names, pa.string()).take(pa.array(best, mask=~known))


def with_prediction(meaning: Meaning, rows: ScoredRows) -> ScoredRows:
    """Rows whose prediction is the likeliest class where none is sent."""
    if not meaning.likeliest:
        return rows
    return replace(rows, prediction=likeliest(meaning, rows.probabilities, len(rows.hour)))


def margin_of(meaning: Meaning, by_class: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64] | None:
    """How far the highest of three or more probabilities is above the next; of two classes the score says it all."""
    if meaning.task != "multiclass" or len(by_class) < 3:
        return None
    ranked = np.sort(np.nan_to_num(np.stack(list(by_class.values())), nan=-1.0), axis=0)
    return np.where(ranked[-2] < 0, np.nan, ranked[-1] - ranked[-2])


def positive_score(meaning: Meaning, by_class: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64] | None:
    """The probability of the positive class, of canonical names; what that of the other one leaves."""
    if not meaning.classes:  # configured as binary, and no cuts were made yet: which is which is not known
        return by_class.get("")
    negative, positive = meaning.classes
    parts = [by_class[name] for name in ("", positive) if name in by_class]
    if negative in by_class:
        parts.append(1 - by_class[negative])
    if not parts:
        return None
    score: NDArray[np.float64] = reduce(lambda a, b: np.where(np.isnan(a), b, a), parts)
    return score


def canonical_text(name: str) -> str:
    """A class as predictions and labels name it."""
    return str(canonical(pa.array([name], pa.string()))[0].as_py())
