"""NannyML's univariate drift calculator."""

import sys
import warnings

import nannyml
import pandas as pd
from common import Job, cpu, measured, quiet, say

VARIANTS = {
    "default": {},
    "ks_chi_square": {"continuous_methods": ["kolmogorov_smirnov"], "categorical_methods": ["chi2"]},
}

PERIODS = {1: "h", 24: "D"}  # by the hours of a window


def alerts(result, columns):
    """Per chunk of the analysis period: when it starts (if it has times), the columns with an alert by any method."""
    frame = result.filter(period="analysis").to_df()
    red = frame.loc[:, frame.columns.get_level_values(-1) == "alert"].fillna(False).astype(bool)
    flags = [sorted({name[0] for name in red.columns[row]} & set(columns)) for row in red.to_numpy()]
    starts = frame["chunk", "chunk", "start_date"].tolist()
    return list(zip(starts, flags, strict=True))


def calculate(reference, current, **settings):
    columns = list(reference.columns.drop("timestamp", errors="ignore"))
    calculator = nannyml.UnivariateDriftCalculator(column_names=columns, **settings).fit(reference)
    return alerts(calculator.calculate(current), columns)


def speed(folder, variant):
    reference, current = (pd.read_parquet(f"{folder}/{name}.parquet") for name in ("reference", "current"))
    measured(lambda: sum(len(flags) for _, flags in calculate(reference, current, **VARIANTS[variant])))


def judge(file):
    """One fit on the reference, both in chunks of a day (or an hour); the calculator itself goes over the chunks."""
    job = Job(file)
    began = cpu()
    reference, monitored = job.frames(timestamp=True)
    found = calculate(reference, monitored, timestamp_column_name="timestamp", chunk_period=PERIODS[job.window_hours])
    for start, flags in found:
        chunk = (start - pd.Timestamp(job.start)) // pd.Timedelta(hours=job.window_hours)
        end = job.window_hours * (1 + chunk)
        if end in job.runs:
            say({"at": end, "flags": flags})
    say({"cpu": cpu() - began})


if __name__ == "__main__":
    quiet()
    warnings.simplefilter("ignore")
    {"speed": speed, "judge": judge}[sys.argv[1]](*sys.argv[2:])
