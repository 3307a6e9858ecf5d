"""Counting in the engine: rows by version, hour and bin, without reading them.

Numbers are grouped by GROUPING SETS, one set per number; a bin is told by the greatest bound at or below a number. What
is added up is whole numbers, so that the answer is that of numpy to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.store.observations.base import HourCounts, Number, StoredModel, arrow_type
from monitor.store.observations.clickhouse.engine import Engine, text
from monitor.store.observations.clickhouse.schema import PREDICTIONS, each_once

_KEY = [("version", pa.string()), ("hour", pa.int64())]
_BINS = pa.schema([*_KEY, ("number", pa.int64()), ("bound", pa.float64()), ("rows", pa.int64())])
_LEAST = -1.7976931348623157e308  # below every cut: the bound of the first bin
_TOLD = {
    "finite": "toFloat64(countIf(isFinite({x})))",
    "null": "toFloat64(countIf(isNull({x})))",
    "pos_inf": "toFloat64(countIf({x} = inf))",
    "neg_inf": "toFloat64(countIf({x} = -inf))",
    "below": "toFloat64(countIf(isFinite({x}) AND {x} < {minimum}))",
    "above": "toFloat64(countIf(isFinite({x}) AND {x} > {maximum}))",
    "low": "minOrNullIf({x}, isFinite({x}))",
    "high": "maxOrNullIf({x}, isFinite({x}))",
}


def counts(
    engine: Engine, model: StoredModel, hours: tuple[int, int], numbers: Sequence[Number], texts: Sequence[str]
) -> HourCounts:
    """See ``Counting.counts``."""
    groups, told = _groups(engine, model, hours, numbers)
    types = {column.physical: arrow_type(column) for column in model.columns}
    by_text = {}
    for name in texts:
        schema = pa.schema([*_KEY, ("value", types.get(name, pa.string())), ("rows", pa.int64())])
        query = f"SELECT v AS version, hour, {name} AS value, toInt64(count()) AS rows FROM {_rows(model, hours)}"
        by_text[name] = _placed(groups, engine.rows(f"{query} GROUP BY v, hour, value", schema))
    odd = engine.rows(
        f"SELECT v AS version, hour, odd FROM {_rows(model, hours)} WHERE odd IS NOT NULL",
        pa.schema([*_KEY, ("odd", pa.string())]),
    )
    return HourCounts(groups, _bins(engine, model, hours, groups, numbers), by_text, _placed(groups, odd), told)


def _rows(model: StoredModel, hours: tuple[int, int]) -> str:
    first, last = hours
    where = f"hour >= {first} AND hour < {last}"
    return f"(SELECT *, ifNull(version, '') AS v FROM {each_once(PREDICTIONS, model)} WHERE {where})"


def _groups(
    engine: Engine, model: StoredModel, hours: tuple[int, int], numbers: Sequence[Number]
) -> tuple[pa.Table, dict[str, NDArray[np.float64]]]:
    """The groups, and what is told of each number in each."""
    fixed = [*_KEY, ("rows", pa.int64()), ("newest", pa.int64())]
    names = [f"{name}{place}" for place in range(len(numbers)) for name in _TOLD]
    told = (
        form.format(x=_value(number), minimum=_float(number.minimum), maximum=_float(number.maximum))
        for number in numbers
        for form in _TOLD.values()
    )
    more = "".join(f", {one} AS {name}" for one, name in zip(told, names, strict=True))
    found = engine.rows(
        f"SELECT v AS version, hour, toInt64(count()) AS rows, max(ts) AS newest{more} FROM {_rows(model, hours)}"
        " GROUP BY v, hour ORDER BY v, hour",
        pa.schema([*fixed, *((name, pa.float64()) for name in names)]),
    )
    by_name = {
        name: np.stack([found[f"{name}{place}"].to_numpy() for place in range(len(numbers))], axis=1)
        if numbers
        else np.empty((len(found), 0))
        for name in _TOLD
    }
    return found.select([name for name, _ in fixed]), by_name


def _bins(
    engine: Engine, model: StoredModel, hours: tuple[int, int], groups: pa.Table, numbers: Sequence[Number]
) -> pa.Table:
    if not numbers:
        return pa.table({name: pa.array([], pa.int64()) for name in ("at", "number", "place", "rows")})
    inner = ",".join(f"{_bound(number)} AS b{place}" for place, number in enumerate(numbers))
    sets = ",".join(f"(v, hour, b{place})" for place in range(len(numbers)))
    which = " + ".join(f"{place} * (1 - grouping(b{place}))" for place in range(len(numbers)))
    bound = " + ".join(f"b{place}" for place in range(len(numbers)))  # of those that are not in the set: 0
    found = engine.rows(
        f"SELECT v AS version, hour, toInt64({which}) AS number, {bound} AS bound, toInt64(count()) AS rows"
        f" FROM (SELECT v, hour, {inner} FROM {_rows(model, hours)}) GROUP BY GROUPING SETS ({sets})",
        _BINS,
    )
    found = _placed(groups, found.filter(pc.is_finite(found["bound"])))
    number, bounds = found["number"].to_numpy(), found["bound"].to_numpy()
    places = np.zeros(len(found), np.int64)
    for place, one in enumerate(numbers):
        mine = number == place
        places[mine] = np.searchsorted(_above(one), bounds[mine], side="right")
    return found.append_column("place", pa.array(places))


def sums(
    engine: Engine, model: StoredModel, counted: HourCounts, numbers: Sequence[Number], shifts: NDArray[np.int32]
) -> NDArray[np.int64]:
    """See ``Counting.sums``; a version at a time, since every hour of it has steps of its own."""
    found = np.zeros(shifts.shape, np.int64)
    versions, hours = counted.groups["version"].combine_chunks(), counted.groups["hour"].to_numpy()
    names = [f"s{place}_{power}" for place in range(len(numbers)) for power in (1, 2)]
    for version in pc.unique(versions).to_pylist() if numbers else ():
        mine = np.flatnonzero(pc.equal(versions, version).to_numpy(zero_copy_only=False))
        at = f"[{','.join(map(str, hours[mine].tolist()))}]"
        parts = []
        for place, number in enumerate(numbers):
            x = _value(number)
            for power, raised in ((0, x), (1, f"{x} * {x}")):
                # In two factors, since one could be beyond what a double holds.
                half = shifts[mine, place, power] // 2
                factors = (_factors(at, one) for one in (half, shifts[mine, place, power] - half))
                scaled = f"roundBankers({' * '.join([f'if(isFinite({raised}), {raised}, 0.)', *factors])})"
                parts.append(f"sumIf(toInt64(ifNull({scaled}, 0.)), isFinite({x})) AS s{place}_{power + 1}")
        rows = _rows(model, (int(hours[mine].min()), int(hours[mine].max()) + 1))
        table_ = engine.rows(
            f"SELECT hour, {','.join(parts)} FROM {rows} WHERE v = {text(version)} GROUP BY hour ORDER BY hour",
            pa.schema([("hour", pa.int64()), *((name, pa.int64()) for name in names)]),
        )
        found[mine] = np.stack([table_[name].to_numpy() for name in names], axis=1).reshape(len(mine), -1, 2)
    return found


def _factors(hours: str, powers: NDArray[np.int32]) -> str:
    """2 to a power that depends on the hour."""
    numbers = ",".join(map(repr, np.ldexp(1.0, powers).tolist()))
    return f"transform(hour, {hours}, [{numbers}], 0.)"


def products(
    engine: Engine,
    model: StoredModel,
    counted: HourCounts,
    numbers: Sequence[Number],
    codes: Sequence[NDArray[np.int8]],
    pairs: Sequence[tuple[int, int]],
) -> NDArray[np.int64]:
    """See ``Counting.products``."""
    if not pairs or not len(counted.groups):
        return np.zeros((len(counted.groups), len(pairs), 6), np.int64)
    used = sorted({place for pair in pairs for place in pair})
    inner = []
    for place in used:
        bounds = ",".join(map(_float, [_LEAST, *_above(numbers[place]).tolist()]))
        code = ",".join(map(str, codes[place].tolist()))
        inner.append(f"toInt64(isFinite(ifNull({_value(numbers[place])}, nan))) AS t{place}")
        inner.append(f"t{place} * toInt64(transform({_bound(numbers[place])}, [{bounds}], [{code}], 0)) AS k{place}")
    outer = [
        f"sum({one})"
        for a, b in pairs
        for one in (f"t{a}*t{b}", f"k{a}*t{b}", f"t{a}*k{b}", f"k{a}*k{a}*t{b}", f"t{a}*k{b}*k{b}", f"k{a}*k{b}")
    ]
    hours = counted.groups["hour"].to_numpy()
    found = engine.rows(
        f"SELECT v AS version, hour, {','.join(f'{one} AS s{place}' for place, one in enumerate(outer))} FROM"
        f" (SELECT v, hour, {','.join(inner)} FROM {_rows(model, (int(hours.min()), int(hours.max()) + 1))})"
        " GROUP BY v, hour ORDER BY v, hour",
        pa.schema([*_KEY, *((f"s{place}", pa.int64()) for place in range(len(outer)))]),
    )
    each = [found[f"s{place}"].to_numpy() for place in range(len(outer))]
    return np.stack(each, axis=1).reshape(len(found), len(pairs), 6)


def _value(number: Number) -> str:
    terms = [f"(1 - {name})" if complement else name for name, complement in number.terms]
    return terms[0] if len(terms) == 1 else f"coalesce({','.join(terms)})"


def _bound(number: Number) -> str:
    """The greatest bound at or below a finite number, NaN of all else."""
    x, bounds = _value(number), ",".join(map(_float, [_LEAST, *_above(number).tolist()]))
    return f"if(isFinite(ifNull({x}, nan)), roundDown(ifNull({x}, 0.), [{bounds}]), nan)"


def _above(number: Number) -> NDArray[np.float64]:
    """The least numbers above the cuts: a bin begins there."""
    found: NDArray[np.float64] = np.nextafter(number.cuts, np.inf)
    return found


def _float(value: float) -> str:
    """As SQL has it: the shortest digits that read back as the same double."""
    return f"({value!r})" if np.isfinite(value) else ("inf" if value > 0 else "(-inf)")


def _placed(groups: pa.Table, rows: pa.Table) -> pa.Table:
    """Rows with ``at``, the place of their group, for version and hour."""
    versions = pc.unique(groups["version"].combine_chunks())
    hours = groups["hour"].to_numpy()
    span = int(hours.max()) + 1 if len(hours) else 1

    def keys(some: pa.Table) -> NDArray[np.int64]:
        codes = pc.index_in(some["version"], value_set=versions).to_numpy()
        found: NDArray[np.int64] = codes.astype(np.int64) * span + some["hour"].to_numpy()
        return found

    return rows.drop_columns(["version", "hour"]).append_column(
        "at", pa.array(np.searchsorted(keys(groups), keys(rows)))
    )
