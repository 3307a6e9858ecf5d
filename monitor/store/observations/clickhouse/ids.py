"""Which ids are known, and since which batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.store.observations.base import StoredModel
from monitor.store.observations.clickhouse.engine import Engine, text
from monitor.store.observations.clickhouse.schema import IDS, table

AT_ONCE = 20_000  # ids that a statement carries

KNOWN = pa.schema([("id", pa.string()), ("ts", pa.int64()), ("batch", pa.int64())])


def known(engine: Engine, model: StoredModel, ids: pa.Array, before: int | None = None) -> pa.Table:
    """Those of the ids that are known, once each: ``id``, ``ts`` of the prediction, ``batch`` that brought it; those
    from before an append alone."""
    earlier = "" if before is None else f" AND batch > {-before}"
    found = [
        engine.rows(f"SELECT id, ts, batch FROM {table(IDS, model)} WHERE {of_hashes(some)}{earlier}", KNOWN)
        for some in parts(ids)
    ]
    rows = pa.concat_tables([KNOWN.empty_table(), *found])
    rows = rows.filter(pc.is_in(rows["id"], value_set=ids))
    return first_of_each(rows.sort_by([("batch", "descending")]))


def times(engine: Engine, model: StoredModel, ids: pa.Array) -> pa.Array:
    """The times of their predictions, null where there is none."""
    there = known(engine, model, ids)
    return there["ts"].combine_chunks().take(pc.index_in(ids, there["id"].combine_chunks()))


def parts(ids: pa.Array) -> Iterator[pa.Array]:
    """Distinct ids, as many at a time as a statement carries."""
    distinct = pc.unique(ids)
    return (distinct[start : start + AT_ONCE] for start in range(0, len(distinct), AT_ONCE))


def first_of_each(rows: pa.Table) -> pa.Table:
    """The first row of each id."""
    return rows.take(pa.array(firsts(rows["id"].combine_chunks())))


def firsts(ids: pa.Array) -> NDArray[np.int64]:
    """Row numbers of the first row of each id, increasing."""
    codes = ids.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return np.sort(np.unique(codes, return_index=True)[1]).astype(np.int64)


def of_hashes(ids: pa.Array) -> str:
    """A condition that rows of these ids meet, and hardly any others: by the hash, which is what tables are ordered
    by."""
    return f"hash IN (SELECT cityHash64(arrayJoin({_split(ids)})))"


def of_ids(ids: pa.Array) -> str:
    """A condition that rows of these ids meet."""
    return f"id IN (SELECT arrayJoin({_split(ids)}))"


def unnamed(ids: pa.Array) -> str:
    """A condition that rows of these ids meet, which does not name them: what deletes rows is kept in a file beside
    them for long, and would hold the ids that it was to be rid of."""
    digests = ",".join(hashlib.sha256(one.encode()).hexdigest() for one in ids.to_pylist())
    return f"lower(hex(SHA256(id))) IN (SELECT arrayJoin(splitByString(',', {text(digests)})))"


def hash_of(engine: Engine, prediction_id: str) -> str:
    """The hash of an id, as SQL has it."""
    statement = f"SELECT toString(cityHash64({text(prediction_id)})) AS hash"
    return str(engine.rows(statement, pa.schema([("hash", pa.string())]))["hash"][0].as_py())


def _split(ids: pa.Array) -> str:
    """The ids as one text that the engine splits: a list of literals takes it five times as long to read."""
    seen = pc.binary_join(pa.ListArray.from_arrays([0, len(ids)], ids), "")[0].as_py()
    mark = next(chr(code) for code in range(1, 0x110000) if chr(code) not in seen)
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(ids)], ids), mark)[0].as_py()
    return f"splitByString({text(mark)}, {text(joined)})"
