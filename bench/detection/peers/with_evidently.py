"""Evidently's data drift preset."""

import sys
import warnings

import pandas as pd
from common import Job, judged, measured, quiet
from evidently import Report
from evidently.presets import DataDriftPreset

VARIANTS = {"default": {}, "ks_chi_square": {"num_method": "ks", "cat_method": "chisquare"}}


def drifted(result):
    """Names of the columns that the preset counts as drifted: p below, or distance at or above, its threshold."""
    found = []
    for metric in result.dict()["metrics"]:
        config = metric["config"]
        if config["type"].endswith("ValueDrift"):
            value, threshold = float(metric["value"]), config["threshold"]
            if value < threshold if config["method"].endswith("p_value") else value >= threshold:
                found.append(config["column"])
    return found


def speed(folder, variant):
    reference, current = (pd.read_parquet(f"{folder}/{name}.parquet") for name in ("reference", "current"))
    preset = DataDriftPreset(**VARIANTS[variant])
    measured(lambda: len(drifted(Report([preset]).run(current, reference))))


def judge(file):
    """Each window against the whole reference, as its users' scheduled reports do."""
    preset = DataDriftPreset()
    judged(lambda reference: reference, lambda known, now: drifted(Report([preset]).run(now, known)), Job(file))


if __name__ == "__main__":
    quiet()
    warnings.simplefilter("ignore")
    {"speed": speed, "judge": judge}[sys.argv[1]](*sys.argv[2:])
