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
