"""From stored rows to counts: which column of the table feeds which column of the binning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors import summary
from detectors.binning import make_binning, score_layout
from detectors.cuts import Binning, Column, EmbeddingColumn, NumericColumn, ScoreLayout
from detectors.performance import scored
from detectors.profile import ReferenceProfile, join
from detectors.summary import ColumnValues, HourlySummaries
from monitor.actions.from_probabilities import (
    canonical_text,
    likeliest,
    margin_of,
    positive_score,
    score_of,
    with_prediction,
)
from monitor.actions.labels_without_number import NUMBER
from monitor.actions.meaning import Meaning
from monitor.store.observations.base import ScoredRows, StoredColumn
from monitor.store.observations.canonical import canonical_stored
from monitor.store.observations.odd import odd_codes

NOTHING = (np.empty(0, np.int64), np.empty(0, np.uint8))


def column_values(columns: Sequence[StoredColumn], meaning: Meaning, table: pa.Table) -> dict[str, ColumnValues]:
    """The columns of a chunk of rows under the names that binnings use."""
    found: dict[str, ColumnValues] = {
        "latency_ms": _plain(table, "latency_ms"),
        "error": _plain(table, "error"),
    }
    for column in columns:
        if column.physical not in table.column_names:
            continue
        if column.role in ("feature", "metric"):
            found[f"{column.role}.{column.name}"] = _values(table, column.physical)
        elif column.role == "prediction":
            found["prediction"] = _prediction(table, column, meaning)
    by_class = {c.name: _floats(table, c.physical) for c in _probabilities(columns, table)}
    if meaning.likeliest:
        said = likeliest(meaning, by_class, table.num_rows)
        found["prediction"] = ColumnValues(said, *NOTHING)
    for name, derived in (("score", score_of(meaning, by_class)), ("margin", margin_of(meaning, by_class))):
        if derived is not None:
            found[name] = ColumnValues(pa.array(derived, pa.float64(), from_pandas=True), *NOTHING)
    return found


def _probabilities(columns: Sequence[StoredColumn], table: pa.Table) -> list[StoredColumn]:
    return [c for c in columns if c.role == "probability" and c.physical in table.column_names]


def _floats(table: pa.Table, physical: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = _one(table, physical).to_numpy(zero_copy_only=False)
    return values


def _one(table: pa.Table, name: str) -> pa.Array:
    chunks = table.column(name)
    return chunks.combine_chunks() if isinstance(chunks, pa.ChunkedArray) else chunks


def _plain(table: pa.Table, name: str) -> ColumnValues:
    return ColumnValues(_one(table, name), *NOTHING)


def _values(table: pa.Table, physical: str) -> ColumnValues:
    return ColumnValues(_one(table, physical), *odd_codes(_one(table, "odd"), physical))


def _prediction(table: pa.Table, column: StoredColumn, meaning: Meaning) -> ColumnValues:
    values = _values(table, column.physical)
    if meaning.task == "regression":
        usable = values.values if column.storage == "number" else pa.nulls(table.num_rows, pa.float64())
        return ColumnValues(usable, values.odd_rows, values.odd_codes)
    return ColumnValues(canonical_stored(values.values, column.storage), values.odd_rows, values.odd_codes)


def binning_of(columns: Sequence[StoredColumn], meaning: Meaning, tables: Sequence[pa.Table]) -> Binning:
    """New cuts, from the rows of the newest references (no tables: before any reference)."""
    table = pa.concat_tables(tables, promote_options="default") if tables else None
    values = column_values(columns, meaning, table) if table is not None else {}
    kinds: dict[str, str] = {}
    for column in columns:
        if column.role == "feature":
            kinds[f"feature.{column.name}"] = column.type or likely(column.storage)
        elif column.role == "prediction":
            kinds["prediction"] = "numeric" if meaning.task == "regression" else "categorical"
        elif column.role == "metric":
            kinds[f"metric.{column.name}"] = "numeric"
    if "score" in values or (table is None and any(c.role == "probability" for c in columns)):
        kinds["score"] = "numeric"
    if meaning.likeliest:
        kinds["prediction"] = "categorical"
    if "margin" in values:
        kinds["margin"] = "numeric"
    kinds |= {"latency_ms": "numeric", "error": "categorical"}
    ranked = values.get("prediction" if meaning.task == "regression" else "score")
    score = None if ranked is None else pc.cast(ranked.values, pa.float64()).to_numpy(zero_copy_only=False)
    said = values["prediction"].values if meaning.task == "binary" and "prediction" in values else None
    layout = score_layout(meaning.task, meaning.classes, score, said)
    return make_binning(values, kinds, layout)  # type: ignore[arg-type]


def likely(storage: str) -> str:
    """The kind of a column before a reference decides it."""
    return {"number": "numeric", "vector": "embedding"}.get(storage, "categorical")


def kind_of(column: Column) -> str:
    """What a column is counted as."""
    if isinstance(column, NumericColumn):
        return "numeric"
    return "embedding" if isinstance(column, EmbeddingColumn) else "categorical"


def by_version(table: pa.Table) -> dict[str, pa.Table]:
    """Rows apart by model version ('' for none), each in the order they came."""
    versions = pc.fill_null(_one(table, "version"), "")
    distinct = pc.unique(versions).to_pylist()
    if len(distinct) == 1:
        return {distinct[0]: table}
    return {version: table.filter(pc.equal(versions, version)) for version in sorted(distinct)}


def count(binning: Binning, columns: Sequence[StoredColumn], meaning: Meaning, table: pa.Table) -> HourlySummaries:
    """Hourly counts of a chunk of rows of one version."""
    hours = _one(table, "hour").to_numpy(zero_copy_only=False)
    return summary.summarise(binning, hours, column_values(columns, meaning, table))


@dataclass(frozen=True)
class LabelGroups:
    """Label summaries of several (code, hour, known hour) groups of one version; the codes are all 0 where rows were
    not counted apart by any."""

    codes: NDArray[np.int64]
    hours: NDArray[np.int64]
    known_hours: NDArray[np.int64]
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_]) -> LabelGroups:
        """Some of the groups."""
        codes, hours, known = self.codes[chosen], self.hours[chosen], self.known_hours[chosen]
        return LabelGroups(codes, hours, known, self.counts[chosen], self.sums[chosen])


def label_counts(
    layout: ScoreLayout, meaning: Meaning, rows: ScoredRows, codes: NDArray[np.int64] | None = None
) -> dict[str, LabelGroups]:
    """Labelled predictions by version, hour and the hour their label became known; a correction is −1 and +1.

    With ``codes`` [n] also by code; rows with a negative one are left out.
    """
    return {version: _grouped(layout, one) for version, one in labelled(meaning, rows, codes)}


@dataclass(frozen=True)
class Labelled:
    """Labelled rows of one version, a correction being two of them: what they are counted by, int64 [n] each, and their
    ``values`` as ``count_scored`` takes them: truth, prediction, score, sign, highest score."""

    hours: NDArray[np.int64]
    known_hours: NDArray[np.int64]
    codes: NDArray[np.int64] | None
    values: tuple[pa.Array, pa.Array, NDArray[np.float64], NDArray[np.int8], NDArray[np.float64] | None]


def labelled(
    meaning: Meaning, rows: ScoredRows, codes: NDArray[np.int64] | None = None
) -> Iterator[tuple[str, Labelled]]:
    """Labelled rows by version; see ``label_counts``."""
    keep, sign, known = _revisions(rows)
    if codes is not None:
        inside = codes[keep] >= 0
        keep, sign, known = keep[inside], sign[inside], known[inside]
    versions = pc.fill_null(rows.version, "").take(pa.array(keep))
    for version in pc.unique(versions).to_pylist():
        mine = pc.equal(versions, version).to_numpy(zero_copy_only=False)
        some = keep[mine]
        truth, predicted, score, highest = labelled_values(meaning, rows, some)
        values = truth, predicted, score, sign[mine], highest
        yield version, Labelled(rows.hour[some], known[mine], None if codes is None else codes[some], values)


def _revisions(rows: ScoredRows) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int64]]:
    """Row numbers with a sign and the hour from which they count. Of two revisions that became known in one hour the
    later stands; each that is replaced later is taken back then."""
    n = len(rows.hour)
    ids = rows.ids.dictionary_encode().indices.to_numpy(zero_copy_only=False) if n else np.empty(0, np.int64)
    same_id = np.zeros(n, bool)
    same_id[:-1] = ids[1:] == ids[:-1]  # the next row is a later revision of this one
    replaced_at_once = np.zeros(n, bool)
    replaced_at_once[:-1] = same_id[:-1] & (rows.known_hour[1:] == rows.known_hour[:-1])
    standing = np.flatnonzero(~replaced_at_once)
    following = np.zeros(len(standing), bool)
    following[:-1] = ids[standing[1:]] == ids[standing[:-1]]
    taken_back = standing[following]
    back_at = rows.known_hour[standing[1:]][following[:-1]] if len(standing) else np.empty(0, np.int64)
    keep = np.concatenate([standing, taken_back])
    sign = np.concatenate([np.ones(len(standing), np.int8), -np.ones(len(taken_back), np.int8)])
    return keep, sign, np.concatenate([rows.known_hour[standing], back_at])


def _grouped(layout: ScoreLayout, rows: Labelled) -> LabelGroups:
    keys = [rows.hours, rows.known_hours] if rows.codes is None else [rows.hours, rows.known_hours, rows.codes]
    distinct, group = np.unique(np.stack(keys, axis=1), axis=0, return_inverse=True)
    found, counts, sums = scored.count_scored(layout, group.ravel().astype(np.int64), *rows.values)
    of_code = np.zeros(len(found), np.int64) if rows.codes is None else distinct[found, 2]
    return LabelGroups(of_code, distinct[found, 0], distinct[found, 1], counts, sums)


def labelled_values(
    meaning: Meaning, rows: ScoredRows, keep: NDArray[np.int64]
) -> tuple[pa.Array, pa.Array, NDArray[np.float64], NDArray[np.float64] | None]:
    """Truth and prediction of those rows (canonical; of a regression float64), the score, and the highest one; as
    ``count_scored`` takes them."""
    taken = pa.array(keep)
    truth, predicted = rows.label.take(taken), with_prediction(meaning, rows).prediction.take(taken)
    score, highest = _score_for_labels(meaning, rows, truth, taken, len(keep))
    if meaning.task == "regression":
        truth, predicted = _numbers(truth), _numbers(predicted)
    return truth, predicted, score, highest


def _numbers(texts: pa.Array) -> pa.Array:
    numeric = pc.match_substring_regex(texts, NUMBER)
    return pc.cast(pc.if_else(numeric, texts, None), pa.float64())


def _score_for_labels(
    meaning: Meaning, rows: ScoredRows, truth: pa.Array, taken: pa.Array, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """The probability of the positive (binary) or true class, and with several classes the highest one."""
    order = taken.to_numpy()
    by_class = {canonical_text(k) if k else k: v[order] for k, v in rows.probabilities.items()}
    none = np.full(n, np.nan)
    if meaning.task == "binary":
        score = positive_score(meaning, by_class)
        return none if score is None else score, None
    if meaning.task != "multiclass":
        return none, None
    score = none
    for name, values in by_class.items():
        mine = pc.fill_null(pc.equal(truth, name), False).to_numpy(zero_copy_only=False)
        score[mine] = values[mine]
    return score, score_of(meaning, by_class)


HOURS_AT_ONCE = 500  # dense counts of so many hours are in memory while a reference is counted


def profile_of(
    binning: Binning,
    columns: Sequence[StoredColumn],
    meaning: Meaning,
    table: pa.Table,
    timed: bool,
) -> ReferenceProfile:
    """A reference's rows on the cuts, with its labelled rows (column ``label``, canonical)."""
    hours = _one(table, "hour").to_numpy(zero_copy_only=False)
    order = np.argsort(hours, kind="stable")
    first_of_hour = np.flatnonzero(np.diff(hours[order], prepend=hours[order[:1]] - 1))
    starts = [*first_of_hour[::HOURS_AT_ONCE].tolist(), len(order)]
    parts = [
        _profile_part(binning, columns, meaning, table.take(pa.array(order[start:end])), timed)
        for start, end in pairwise(starts)
    ]
    return join(parts)


def _profile_part(
    binning: Binning, columns: Sequence[StoredColumn], meaning: Meaning, table: pa.Table, timed: bool
) -> ReferenceProfile:
    summaries = count(binning, columns, meaning, table)
    groups = label_counts(binning.scores, meaning, labelled_rows(columns, table)).get("")
    if groups is None:
        empty = scored.no_labels(binning.scores)
        labelled = (np.empty(0, np.int64), empty.counts[None][:0], empty.sums[None][:0])
    else:
        labelled = (groups.hours, groups.counts, groups.sums)
    return ReferenceProfile.of(summaries, labelled, timed=timed)


def labelled_rows(columns: Sequence[StoredColumn], table: pa.Table, more: Sequence[StoredColumn] = ()) -> ScoredRows:
    """The labelled rows of a reference (column ``label``, canonical), with the values of ``more`` columns."""
    hours = _one(table, "hour").to_numpy(zero_copy_only=False)
    label = _one(table, "label")
    has = pc.is_valid(label).to_numpy(zero_copy_only=False).nonzero()[0]
    taken = pa.array(has)
    prediction = [c for c in columns if c.role == "prediction" and c.physical in table.column_names]
    predicted = (
        canonical_stored(_one(table, prediction[0].physical), prediction[0].storage)
        if prediction
        else pa.nulls(table.num_rows, pa.string())
    )
    return ScoredRows(
        ids=pa.array(np.arange(len(has)).astype(str)),
        hour=hours[has],
        known_hour=np.zeros(len(has), np.int64),
        version=pa.array([""] * len(has), pa.string()),
        prediction=predicted.take(taken),
        label=label.take(taken),
        probabilities={c.name: _floats(table, c.physical)[has] for c in _probabilities(columns, table)},
        columns={c.physical: _one(table, c.physical).take(taken) for c in more if c.physical in table.column_names},
    )
