"""whylogs: profiles of both tables, and its default drift scores of each column."""

import sys
import warnings

import pandas as pd
import whylogs
from common import Job, judged, measured, quiet
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores


def flagged(current, reference):
    """Columns in the drift category DRIFT of the algorithm that whylogs picks for them."""
    scores = calculate_drift_scores(target_view=current, reference_view=reference, with_thresholds=True)
    return sorted(name for name, score in scores.items() if score and score["drift_category"] == "DRIFT")


def profile(frame):
    return whylogs.log(frame).view()


def speed(folder, variant):
    assert variant == "default"
    reference, current = (pd.read_parquet(f"{folder}/{name}.parquet") for name in ("reference", "current"))
    measured(lambda: len(flagged(profile(current), profile(reference))))


def judge(file):
    """A profile of the reference, and one of each window."""
    judged(profile, lambda known, now: flagged(profile(now), known), Job(file))


if __name__ == "__main__":
    quiet()
    warnings.simplefilter("ignore")
    {"speed": speed, "judge": judge}[sys.argv[1]](*sys.argv[2:])
