"""Alibi Detect's TabularDrift: KS and chi-square, p < 0.05, Bonferroni over the features of one call."""

import sys
import warnings

import pandas as pd
from alibi_detect.cd import TabularDrift
from common import Job, judged, measured, quiet


def to_array(frame, levels):
    """Categories as codes, which is what the detector takes."""
    coded = {name: pd.Categorical(frame[name], categories=known).codes for name, known in levels.items()}
    return frame.assign(**coded).to_numpy(dtype=float)


def detector(reference):
    texts = [name for name in reference if not pd.api.types.is_numeric_dtype(reference[name])]
    levels = {name: sorted(reference[name].dropna().unique()) for name in texts}
    places = {reference.columns.get_loc(name): None for name in texts}
    return TabularDrift(to_array(reference, levels), categories_per_feature=places or None), levels


def flagged(found, columns):
    """Features below the corrected threshold."""
    data = found["data"]
    return [name for name, p in zip(columns, data["p_val"], strict=True) if p < data["threshold"]]


def speed(folder, variant):
    assert variant == "default"
    reference, current = (pd.read_parquet(f"{folder}/{name}.parquet") for name in ("reference", "current"))

    def work():
        drift, levels = detector(reference)
        return len(flagged(drift.predict(to_array(current, levels)), reference.columns))

    measured(work)


def judge(file):
    """One fit; missing numbers become the reference's median, as the detector takes none."""
    job = Job(file)

    def fit(reference):
        middle = reference.median(numeric_only=True)
        return *detector(reference.fillna(middle)), middle

    def flag(fitted, window):
        drift, levels, middle = fitted
        return flagged(drift.predict(to_array(window.fillna(middle), levels)), job.columns)

    judged(fit, flag, job)


if __name__ == "__main__":
    quiet()
    warnings.simplefilter("ignore")
    {"speed": speed, "judge": judge}[sys.argv[1]](*sys.argv[2:])
