"""What is measured inside Plimsoll's own interpreter: floors, and Plimsoll's comparison of two tables.

python -m bench.detection.subjects NAME FOLDER      (run by bench.detection.speed)
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.stats

from bench.detection.peers.common import measured
from detectors import summary
from detectors.binning import make_binning
from detectors.cuts import ScoreLayout
from detectors.registry import TWO_SAMPLE
from detectors.sample import sample_of
from detectors.summary import ColumnValues
from detectors.two_frames import compare_frames

Columns = dict[str, np.ndarray]


def read(folder: Path, name: str) -> tuple[Columns, Columns]:
    """Numbers as float64 and texts as int32 codes in the order of their names: what a floor starts from."""
    table = pq.read_table(folder / f"{name}.parquet")
    texts = {name: np.asarray(table[name].unique().sort()) for name in table.column_names if name.startswith("t")}
    codes = {name: np.searchsorted(known, table[name].to_numpy()).astype(np.int32) for name, known in texts.items()}
    return {name: table[name].to_numpy() for name in table.column_names if name not in texts}, codes


def both(folder: Path) -> tuple[tuple[Columns, Columns], tuple[Columns, Columns]]:
    """Reference and current."""
    return read(folder, "reference"), read(folder, "current")


def ks_by_search(then: np.ndarray, now: np.ndarray) -> float:
    """Sort both, look one up in the other: exact, ties included."""
    then, now = np.sort(then), np.sort(now)
    ranks = np.arange(len(then) + 1) / len(then)
    up_to = np.searchsorted(now, then, side="right")
    tied = now[np.maximum(up_to - 1, 0)] == then
    below = np.searchsorted(now, then, side="left") if tied.any() else up_to
    return float(max((ranks[1:] - up_to / len(now)).max(), (below / len(now) - ranks[:-1]).max()))


def chi_square(then: np.ndarray, now: np.ndarray) -> float:
    """Pearson's statistic of two samples of codes."""
    size = 1 + max(then.max(), now.max())
    counts = np.stack([np.bincount(part, minlength=size) for part in (then, now)])
    counts = counts[:, counts.sum(axis=0) > 0]
    expected = counts.sum(axis=0) * counts.sum(axis=1, keepdims=True) / counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())


def numpy_floor(folder: Path) -> Callable[[], object]:
    """Exact KS and chi-square in plain numpy; texts are codes already."""
    (then, codes), (now, other) = both(folder)

    def work() -> int:
        found = [ks_by_search(then[name], now[name]) for name in then]
        return len(found + [chi_square(codes[name], other[name]) for name in codes])

    return work


def sort_floor(folder: Path) -> Callable[[], object]:
    """Sorting the numbers of both, and nothing else."""
    (then, _), (now, _) = both(folder)
    return lambda: sum(len(np.sort(part[name])) for name in then for part in (then, now))


def plimsoll(folder: Path) -> Callable[[], object]:
    """compare --method ks,chi_square, from Arrow tables with plain texts to measurements."""
    then, now = (pq.read_table(folder / f"{name}.parquet") for name in ("reference", "current"))
    assert scipy.stats.kstwo is not None  # loaded before the clock starts, like the peers' imports
    return lambda: len(compare_frames(then, now, methods=["ks", "chi_square"]))


CELLS = 2048


def c_floor(folder: Path) -> Callable[[], object]:
    """Count the current rows in 64 quantile bins and per category, in C; the reference is prepared."""
    library = _compiled(folder)
    (then, codes), (now, other) = both(folder)
    grids = {name: _grid(np.unique(np.quantile(then[name], np.arange(1, 64) / 64))) for name in then}
    levels = {name: int(codes[name].max()) + 1 for name in codes}

    def work() -> int:
        total = 0
        for name, (low, scale, base, cut, bins) in grids.items():
            counts = np.zeros(bins, np.int64)
            call = (now[name], len(now[name]), low, scale, len(base), base, cut, counts, bins)
            library.count_numbers(*map(_argument, call))
            total += int(counts.sum())
        for name, size in levels.items():
            counts = np.zeros(size, np.int64)
            library.count_codes(*map(_argument, (other[name], len(other[name]), counts, size)))
            total += int(counts.sum())
        return total

    return work


def _grid(cuts: np.ndarray) -> tuple[float, float, np.ndarray, np.ndarray, int]:
    low, width = cuts[0], (cuts[-1] - cuts[0]) or 1.0
    starts = low + width / CELLS * np.arange(CELLS)
    base = np.searchsorted(cuts, starts).astype(np.int32)
    base[0] = 0
    cut = np.append(cuts, np.inf)[base]
    return float(low), CELLS / width, base, cut, len(cuts) + 1


def _argument(value: object) -> object:
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    return ctypes.c_double(value) if isinstance(value, float) else ctypes.c_int64(value)


def _compiled(folder: Path) -> ctypes.CDLL:
    library = folder / "floor.so"
    source = Path(__file__).with_name("floor.c")
    command = ["gcc", "-O3", "-march=native", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def plimsoll_prepared(folder: Path) -> Callable[[], object]:
    """Count the current rows as the service counts an hour (cuts, moments, extremes; not the pairs of features, which
    no peer looks at), then KS and chi-square."""
    then, now = (_columns(folder, name) for name in ("reference", "current"))
    kinds = {name: "numeric" if name.startswith("feature.n") else "categorical" for name in then}
    binning = replace(make_binning(then, kinds, ScoreLayout("binary")), pairs=())  # type: ignore[arg-type]
    known = _count(binning, then)
    references = {name: sample_of(binning, name, known) for name in kinds}

    def work() -> int:
        counts = _count(binning, now)
        done = 0
        for name, kind in kinds.items():
            test = TWO_SAMPLE["ks" if kind == "numeric" else "chi_square"]
            done += test.compare(references[name], sample_of(binning, name, counts)).value >= 0
        return done

    return work


def _columns(folder: Path, name: str) -> dict[str, ColumnValues]:
    table = pq.read_table(folder / f"{name}.parquet", read_dictionary=[f"t{place}" for place in range(5)])
    nothing = np.empty(0, np.int64), np.empty(0, np.uint8)
    return {f"feature.{one}": ColumnValues(table[one].combine_chunks(), *nothing) for one in table.column_names}


def _count(binning: object, columns: dict[str, ColumnValues]) -> np.ndarray:
    rows = len(next(iter(columns.values())).values)
    return summary.summarise(binning, np.zeros(rows, np.int64), columns).counts[0]  # type: ignore[arg-type]


SUBJECTS: dict[str, Callable[[Path], Callable[[], object]]] = {
    "numpy_floor": numpy_floor,
    "sort_floor": sort_floor,
    "plimsoll": plimsoll,
    "c_floor": c_floor,
    "plimsoll_prepared": plimsoll_prepared,
}


if __name__ == "__main__":
    assert pa.__version__
    measured(SUBJECTS[sys.argv[1]](Path(sys.argv[2])))
