"""river's ADWIN at its default delta, one per column, fed every value in order of time; texts as codes."""

import sys

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from common import Job, cpu, quiet, say
from river.drift import ADWIN


def values(table, name, levels):
    """float64 without missing values, and the rows that they are of."""
    column = table[name]
    if levels is not None:
        column = pc.index_in(column, value_set=levels)
    numbers = column.cast("float64").to_numpy()
    rows = np.flatnonzero(~np.isnan(numbers))
    return numbers[rows].tolist(), rows


def alarms(reference, monitored, name):
    """Rows of the monitored table at which the detector, which saw the reference first, says drift."""
    levels = None
    if str(reference[name].type) in ("string", "large_string"):
        levels = reference[name].unique().sort()
    detector = ADWIN()
    for value in values(reference, name, levels)[0]:
        detector.update(value)
    found = []
    for value, row in zip(*values(monitored, name, levels), strict=True):
        detector.update(value)
        if detector.drift_detected:
            found.append(row)
    return found


def judge(file):
    """A run flags the columns with an alarm inside its window."""
    job = Job(file)
    began = cpu()
    tables = [pq.read_table(f"{job.folder}/{name}.parquet") for name in ("reference", "monitored")]
    hours = (tables[1]["timestamp"].to_numpy() - np.datetime64(job.start)) / np.timedelta64(1, "h")
    found = {name: hours[alarms(*tables, name)] for name in job.columns}
    for end in job.runs:
        inside = {name: ((at >= end - job.window_hours) & (at < end)).any() for name, at in found.items()}
        say({"at": end, "flags": sorted(name for name, red in inside.items() if red)})
    say({"cpu": cpu() - began})


if __name__ == "__main__":
    quiet()
    {"judge": judge}[sys.argv[1]](*sys.argv[2:])
