"""The model that is watched: will this flight arrive more than 15 minutes late?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict

from examples.flights.data import CATEGORICAL, NUMERIC

SEED = 2013
FEATURES = [*CATEGORICAL, *NUMERIC]


def _classifier() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        categorical_features=list(range(len(CATEGORICAL))),
        max_iter=40,
        learning_rate=0.2,
        early_stopping=False,
        random_state=SEED,
    )


def _inputs(flights: pd.DataFrame) -> np.ndarray:
    """Codes of the categories, then the numbers: float64 [n, features]."""
    return np.column_stack(
        [*(flights[name].cat.codes for name in CATEGORICAL), *(flights[name] for name in NUMERIC)]
    ).astype(np.float64)


def train(flights: pd.DataFrame) -> HistGradientBoostingClassifier:
    """Fit on the flights whose outcome is known."""
    known = flights[flights["label"].notna()]
    return _classifier().fit(_inputs(known), known["label"] == "late")


def score(model: HistGradientBoostingClassifier, flights: pd.DataFrame, version: str) -> pd.DataFrame:
    """The flights with ``probability`` (of late), ``prediction`` and ``version``."""
    return _scored(flights, model.predict_proba(_inputs(flights))[:, 1], version)


def score_out_of_fold(model: HistGradientBoostingClassifier, flights: pd.DataFrame, version: str) -> pd.DataFrame:
    """The training flights, each scored by a model that has not seen its day; cancelled ones by the model itself."""
    known = flights["label"].notna().to_numpy()
    probability = model.predict_proba(_inputs(flights))[:, 1]
    probability[known] = cross_val_predict(
        _classifier(),
        _inputs(flights[known]),
        flights.loc[known, "label"] == "late",
        groups=flights.loc[known, "timestamp"].dt.dayofyear,
        cv=GroupKFold(3, shuffle=True, random_state=SEED),
        method="predict_proba",
    )[:, 1]
    return _scored(flights, probability, version)


def _scored(flights: pd.DataFrame, probability: np.ndarray, version: str) -> pd.DataFrame:
    late = np.where(probability > 0.5, "late", "on time")
    return flights.assign(probability=probability.round(6), prediction=late, version=version)
