"""What the scripts beside this one share: how cost is measured. Runs in an environment without Plimsoll (Linux)."""

import json
import os
import re
import resource
import sys
import time


def cpu():
    """CPU seconds of this process, all threads, and of its children."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _memory(line):
    with open("/proc/self/status", encoding="utf-8") as status:
        return int(re.search(line + r":\s+(\d+) kB", status.read()).group(1)) / 1000


def measured(work):
    """Run ``work`` and print what it cost: CPU and wall seconds, MB by which the peak rose, and its answer."""
    with open("/proc/self/clear_refs", "w", encoding="utf-8") as refs:
        refs.write("5")  # the kernel's high-water mark starts anew
    before, wall, used = _memory("VmRSS"), time.perf_counter(), cpu()
    answer = work()
    cost = {"cpu": cpu() - used, "wall": time.perf_counter() - wall, "added_mb": _memory("VmHWM") - before}
    say({**cost, "answer": answer})


def say(message):
    """One JSON line to the process that asked."""
    print(json.dumps(message), flush=True)


def quiet():
    """Keep what packages print away from the answers."""
    answers = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(answers, "w", encoding="utf-8")


class Job:
    """One stream to judge: files, columns, the start of the monitored time, and the runs (hours since, ends of windows
    of ``window_hours``), columns to slice by."""

    def __init__(self, file):
        with open(file, encoding="utf-8") as source:
            told = json.load(source)
        self.folder, self.columns, self.start = told["folder"], told["columns"], told["start"]
        self.runs, self.window_hours, self.segments = told["runs"], told["window_hours"], told["segments"]

    def frames(self, timestamp=False):
        """Reference and monitored rows, pandas."""
        import pandas as pd

        extra = ["timestamp"] if timestamp else []
        reference = pd.read_parquet(f"{self.folder}/reference.parquet", columns=self.columns + extra)
        return reference, pd.read_parquet(f"{self.folder}/monitored.parquet", columns=[*self.columns, "timestamp"])

    def windows(self, monitored):
        """(end of the window, its rows) for each run; ``monitored`` is sorted by time."""
        import pandas as pd

        start = pd.Timestamp(self.start)
        for end in self.runs:
            span = [start + pd.Timedelta(hours=hours) for hours in (end - self.window_hours, end)]
            first, last = monitored["timestamp"].searchsorted(span)
            yield end, monitored.iloc[first:last][self.columns]


def judged(fit, flag, job):
    """Fit on the reference, then tell of each run which columns are flagged, and at last what it cost."""
    reference, monitored = job.frames()
    began = cpu()
    fitted = fit(reference)
    fitting = cpu() - began
    for end, window in job.windows(monitored):
        say({"at": end, "flags": sorted(map(str, flag(fitted, window)))})
    say({"fit_cpu": fitting, "cpu": cpu() - began})
