"""Real data made driftless: whole weeks in random order, so that cycles and dependence stay and no drift can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bench.detection.streams import START, Scenario, Stream

REFERENCE_WEEKS, WEEKS = 12, 20
FEATURES = {
    "electricity": ("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"),
    "bike_sharing": ("temp", "atemp", "hum", "windspeed", "weathersit", "cnt"),
}
FILES = {
    "electricity": "electricity/electricity.parquet",
    "bike_sharing": "bike_sharing/bike_sharing_hour.parquet",
}
FIRST = {"electricity": "1997-05-12", "bike_sharing": "2011-01-03"}  # Mondays; before it three columns are constant
SCENARIOS = {f"N4-{name}": Scenario(f"weeks of {name.replace('_', ' ')} in random order") for name in FILES}


def make(name: str, seed: int, data: Path) -> Stream:
    """12 weeks of reference and 20 monitored ones, drawn without repetition from the whole weeks of the data."""
    source = name.removeprefix("N4-")
    frame = pd.read_parquet(data / FILES[source])
    since = frame["timestamp"] - pd.Timestamp(FIRST[source])
    frame = frame.assign(week=since // pd.Timedelta(weeks=1), into=since % pd.Timedelta(weeks=1))
    counts = frame.loc[since >= pd.Timedelta(0), "week"].value_counts()
    full = np.sort(counts.index[counts >= 0.95 * counts.max()])
    drawn = np.random.default_rng(seed).permutation(full)[: REFERENCE_WEEKS + WEEKS]
    parts = []
    for place, week in enumerate(drawn):
        part = frame[frame["week"] == week]
        parts.append(part.assign(timestamp=START + (place - REFERENCE_WEEKS) * pd.Timedelta(weeks=1) + part["into"]))
    rows = pd.concat(parts).reset_index(drop=True)
    columns = FEATURES[source]
    truth = rows["label"] if "label" in rows else (rows["cnt"] > rows["cnt"].median()).astype("int8")
    rows = rows[["timestamp", *columns]].assign(prediction=truth, id=[f"r{row}" for row in range(len(rows))])
    past = rows["timestamp"] < START
    reference = rows[past].assign(label=rows.loc[past, "prediction"])
    labels = rows.loc[~past, ["id", "timestamp"]].assign(label=0)[:0]
    return Stream(SCENARIOS[name], columns, reference, rows[~past], labels, WEEKS * 168)
