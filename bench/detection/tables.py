"""The two tables of the speed comparison: 45 numeric and 5 categorical columns, three of which drift a little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NUMBERS, TEXTS = 45, 5
LEVELS = (3, 5, 8, 20, 50)
DRIFTING = (0, 20, 40)


def table(rows: int, seed: int, shift: float = 0.0) -> pa.Table:
    """``rows`` rows: of the numbers a third normal, a third log-normal, a third with 30 % zeros; texts."""
    random = np.random.default_rng(seed)
    columns = {f"n{place:02}": _numbers(random, place, rows, shift) for place in range(NUMBERS)}
    for place, levels in enumerate(LEVELS):
        weights = 1 / np.arange(1, levels + 1)
        codes = random.choice(levels, rows, p=weights / weights.sum()).astype(np.int32)
        names = pa.array([f"level {level}" for level in range(levels)])
        columns[f"t{place}"] = pa.DictionaryArray.from_arrays(codes, names)
    return pa.table(columns)


def _numbers(random: np.random.Generator, place: int, rows: int, shift: float) -> np.ndarray:
    values = random.standard_normal(rows)
    if place in DRIFTING:
        values += shift
    if place % 3 == 1:
        return np.exp(values)
    if place % 3 == 2:
        values[random.random(rows) < 0.3] = 0.0
    return values


def write(folder: Path, rows: int) -> None:
    """reference.parquet and current.parquet, texts as plain strings; made once."""
    for seed, (name, shift) in enumerate((("reference", 0.0), ("current", 0.05))):
        file = folder / f"{name}.parquet"
        if not file.exists():
            made = table(rows, seed, shift)
            plain = {name: made[name].cast(pa.string()) for name in made.column_names if name.startswith("t")}
            pq.write_table(pa.table({name: plain.get(name, made[name]) for name in made.column_names}), file)
