"""The model that is watched: will this flight arrive more than 15 minutes late?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from examples.flights.data import CATEGORICAL, NUMERIC

SEED = 2013
FEATURES = [*CATEGORICAL, *NUMERIC]


def _classifier() -> Pipeline:
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, max_categories=60, dtype=np.float64)
    columns = make_column_transformer((codes, CATEGORICAL), ("passthrough", NUMERIC))
    trees = HistGradientBoostingClassifier(
        categorical_features=list(range(len(CATEGORICAL))),
        max_iter=40,
        learning_rate=0.2,
        early_stopping=False,
        random_state=SEED,
    )
    return make_pipeline(columns, trees)


def train(flights: pd.DataFrame) -> Pipeline:
    """Fit on the flights whose outcome is known."""
    known = flights[flights["label"].notna()]
    return _classifier().fit(known[FEATURES], known["label"] == "late")


def score(model: Pipeline, flights: pd.DataFrame, version: str) -> pd.DataFrame:
    """The flights with ``probability`` (of late), ``prediction`` and ``version``."""
    return _scored(flights, model.predict_proba(flights[FEATURES])[:, 1], version)


def score_out_of_fold(model: Pipeline, flights: pd.DataFrame, version: str) -> pd.DataFrame:
    """The training flights, each scored by a model that has not seen its day; cancelled ones by the model itself."""
    known = flights["label"].notna().to_numpy()
    days = flights["timestamp"].dt.floor("D")[known]
    probability = model.predict_proba(flights[FEATURES])[:, 1]
    probability[known] = cross_val_predict(
        _classifier(),
        flights.loc[known, FEATURES],
        flights.loc[known, "label"] == "late",
        groups=days,
        cv=GroupKFold(3, shuffle=True, random_state=SEED),
        method="predict_proba",
    )[:, 1]
    return _scored(flights, probability, version)


def _scored(flights: pd.DataFrame, probability: np.ndarray, version: str) -> pd.DataFrame:
    late = np.where(probability > 0.5, "late", "on time")
    return flights.assign(probability=probability.round(6), prediction=late, version=version)
