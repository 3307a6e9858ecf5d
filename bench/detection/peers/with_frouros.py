"""Frouros: its KS and chi-square detectors, one per feature; it returns p-values, people compare them with 0.05."""

import sys
import warnings

import pandas as pd
from common import Job, judged, measured, quiet
from frouros.detectors.data_drift import ChiSquareTest, KSTest

LEVEL = 0.05


def detectors(reference):
    """One fitted detector per column."""
    made = {}
    for name in reference:
        made[name] = KSTest() if pd.api.types.is_numeric_dtype(reference[name]) else ChiSquareTest()
        made[name].fit(X=reference[name].dropna().to_numpy())
    return made


def flagged(made, current):
    return [name for name, one in made.items() if one.compare(X=current[name].dropna().to_numpy())[0].p_value < LEVEL]


def speed(folder, variant):
    assert variant == "default"
    reference, current = (pd.read_parquet(f"{folder}/{name}.parquet") for name in ("reference", "current"))
    measured(lambda: len(flagged(detectors(reference), current)))


def judge(file):
    """One fit; values that are missing are left out, as the tests would answer NaN."""
    judged(detectors, flagged, Job(file))


if __name__ == "__main__":
    quiet()
    warnings.simplefilter("ignore")
    {"speed": speed, "judge": judge}[sys.argv[1]](*sys.argv[2:])
