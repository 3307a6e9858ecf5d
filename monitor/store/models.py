"""Models, their columns, versions and counters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, func, insert, select, text, update
from sqlalchemy import delete as sql_delete

from monitor.errors import Invalid
from monitor.store import installation, tables
from monitor.store.database import Database
from monitor.store.observations.base import Erased, Held, StoredColumn, StoredModel

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Model:
    """A model as stored; times are microseconds, None where there is nothing yet."""

    id: int
    name: str
    task: str | None
    classes: list[str] | None
    settings: dict[str, Any]
    created_at: int
    n_predictions: int
    n_labels: int
    n_quarantined: int
    oldest_prediction: int | None
    newest_prediction: int | None
    newest_label: int | None
    binning_id: int | None
    default_reference: str | None
    first_reference_at: int | None
    change: int
    rows_since: int | None
    columns: tuple[StoredColumn, ...]

    @property
    def stored(self) -> StoredModel:
        """What the store of predictions and labels needs to know."""
        return StoredModel(self.id, self.name, self.columns)


@dataclass(frozen=True)
class Version:
    """A model version; ``version`` is '' for rows that have none."""

    version: str
    first_prediction: int
    newest_prediction: int
    n_predictions: int


def check_name(name: str) -> str:
    """The name, if it may be one; raises Invalid otherwise."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:100]!r} is no model name: at most 100 letters, digits, dots, dashes and underscores, beginning "
            "with a letter or digit",
            field="model",
        )
    return name


# Statements that every run needs are built once: building one costs more than running it.
_BY_NAME = select(tables.models).where(tables.models.c.name == bindparam("name"))
_COLUMNS = (
    select(*(tables.columns.c[name] for name in ("role", "name", "position", "storage", "type", "dimension")))
    .where(tables.columns.c.model_id == bindparam("id"))
    .order_by(tables.columns.c.position)
)


def find(connection: Connection, name: str) -> Model | None:
    """The model of that name, None if there is none."""
    row = connection.execute(_BY_NAME, {"name": name}).one_or_none()
    return None if row is None else _model(connection, row)


def exists(connection: Connection, model_id: int) -> bool:
    """Whether the model of that number is still there."""
    return connection.execute(select(tables.models.c.id).where(tables.models.c.id == model_id)).first() is not None


def of_id(connection: Connection, model_id: int) -> Model:
    """The model of that number, which there is."""
    row = connection.execute(select(tables.models).where(tables.models.c.id == model_id)).one()
    return _model(connection, row)


def ensure(connection: Connection, name: str, now: int) -> Model:
    """The model of that name, made if it is new; raises Invalid for an impossible name."""
    known = find(connection, check_name(name))
    if known is not None:
        return known
    connection.execute(insert(tables.models).values(**free_number(connection), name=name, settings={}, created_at=now))
    made = find(connection, name)
    assert made is not None
    return made


def free_number(connection: Connection) -> dict[str, int]:
    """The number of a new model, where the engine would give that of a deleted one again: tables, in whatever store
    they are, are named after it."""
    last = installation.last_model(connection)
    if connection.dialect.name != "sqlite" or not last:
        return {}
    highest = connection.execute(select(func.coalesce(func.max(tables.models.c.id), 0))).scalar_one()
    return {"id": max(int(highest), last) + 1}


def list_page(connection: Connection, limit: int, after: str = "") -> list[Model]:
    """At most ``limit`` models in order of name, beginning behind ``after``."""
    query = select(tables.models).where(tables.models.c.name > after).order_by(tables.models.c.name).limit(limit)
    return [_model(connection, row) for row in connection.execute(query).all()]


def every(database: Database) -> Iterator[Model]:
    """All models in order of name, read a hundred at a time."""
    after, size = "", 100
    while size == 100:
        with database.read() as connection:
            page = list_page(connection, 100, after)
        yield from page
        size = len(page)
        after = page[-1].name if page else after


def _model(connection: Connection, row: Row[Any]) -> Model:
    found = connection.execute(_COLUMNS, {"id": row.id})
    return Model(**row._mapping, columns=tuple(StoredColumn(*column) for column in found))


def add_columns(connection: Connection, model_id: int, columns: Sequence[StoredColumn]) -> None:
    """Note new columns; the model's own table gets them by ``Observations.ensure_model``."""
    if columns:
        rows = [
            {
                "model_id": model_id,
                "role": c.role,
                "name": c.name,
                "position": c.position,
                "storage": c.storage,
                "dimension": c.dimension,
                "type": c.type,
            }
            for c in columns
        ]
        connection.execute(insert(tables.columns), rows)


def set_column_types(connection: Connection, model_id: int, types: Mapping[str, str]) -> None:
    """Fix features as numeric or categorical, known ones and those to come. A column that already stores text cannot
    become numeric and keeps its type."""
    settings = connection.execute(select(tables.models.c.settings).where(tables.models.c.id == model_id)).scalar_one()
    known = settings.get("features", {})
    features = {**known, **{name: {**known.get(name, {}), "type": type_} for name, type_ in types.items()}}
    connection.execute(
        update(tables.models).where(tables.models.c.id == model_id).values(settings={**settings, "features": features})
    )
    table = tables.columns
    for name, type_ in types.items():
        plain, vector = table.c.storage != "vector", table.c.storage == "vector"
        fits = {"numeric": table.c.storage == "number", "embedding": vector}.get(type_, plain)
        connection.execute(
            update(table)
            .where(table.c.model_id == model_id, table.c.role == "feature", table.c.name == name, fits)
            .values(type=type_)
        )


def configured_types(settings: Mapping[str, Any]) -> dict[str, str]:
    """Types of features as the configuration gives them: ``{name: type}`` or ``{name: {"type": type}}``."""
    features = settings.get("features") or {}
    named = {name: entry.get("type") if isinstance(entry, Mapping) else entry for name, entry in features.items()}
    return {name: type_ for name, type_ in named.items() if type_ is not None}


def note_predictions(connection: Connection, model_id: int, versions: Mapping[str, tuple[int, int, int]]) -> None:
    """Count accepted predictions, by version: rows, first and newest time."""
    if not versions:
        return
    counts, firsts, newests = zip(*versions.values(), strict=True)
    connection.execute(
        text(
            "UPDATE models SET n_predictions = n_predictions + :rows,"
            " oldest_prediction = CASE WHEN oldest_prediction < :first THEN oldest_prediction ELSE :first END,"
            " newest_prediction = CASE WHEN newest_prediction > :newest THEN newest_prediction ELSE :newest END"
            " WHERE id = :id"
        ),
        {"rows": sum(counts), "first": min(firsts), "newest": max(newests), "id": model_id},
    )
    connection.execute(
        text(
            "INSERT INTO versions (model_id, version, first_prediction, newest_prediction, n_predictions)"
            " VALUES (:id, :version, :first, :newest, :rows)"
            " ON CONFLICT (model_id, version) DO UPDATE SET"
            " n_predictions = versions.n_predictions + excluded.n_predictions,"
            " first_prediction = CASE WHEN versions.first_prediction < excluded.first_prediction"
            " THEN versions.first_prediction ELSE excluded.first_prediction END,"
            " newest_prediction = CASE WHEN versions.newest_prediction > excluded.newest_prediction"
            " THEN versions.newest_prediction ELSE excluded.newest_prediction END"
        ),
        [
            {"id": model_id, "version": version, "rows": rows, "first": first, "newest": newest}
            for version, (rows, first, newest) in versions.items()
        ],
    )


def note_labels(connection: Connection, model_id: int, rows: int, newest: int) -> None:
    """Count accepted labels and the newest of their times."""
    connection.execute(
        text(
            "UPDATE models SET n_labels = n_labels + :rows,"
            " newest_label = CASE WHEN newest_label > :newest THEN newest_label ELSE :newest END WHERE id = :id"
        ),
        {"rows": rows, "newest": newest, "id": model_id},
    )


def list_versions(connection: Connection, model_id: int) -> list[Version]:
    """The model's versions in order of their first prediction."""
    table = tables.versions
    query = select(table.c.version, table.c.first_prediction, table.c.newest_prediction, table.c.n_predictions)
    found = connection.execute(
        query.where(table.c.model_id == model_id).order_by(table.c.first_prediction, table.c.version)
    )
    return [Version(*row) for row in found]


def bump_change(connection: Connection, model_id: int) -> int:
    """Count a write to the model's rows; the new count."""
    table = tables.models
    counted = update(table).where(table.c.id == model_id).values(change=table.c.change + 1)
    return int(connection.execute(counted.returning(table.c.change)).scalar_one())


def mark_dirty(connection: Connection, model_id: int, hours: Iterable[int], change: int, labels_only: bool) -> None:
    """Hours to be summarised again. Marking labels alone never takes back a whole mark."""
    rows = [{"model_id": model_id, "hour": int(hour), "change": change, "labels_only": labels_only} for hour in hours]
    if rows:
        connection.execute(
            text(
                "INSERT INTO dirty_hours (model_id, hour, change, labels_only)"
                " VALUES (:model_id, :hour, :change, :labels_only) ON CONFLICT (model_id, hour) DO UPDATE SET"
                " change = excluded.change, labels_only = dirty_hours.labels_only AND excluded.labels_only"
            ),
            rows,
        )


def count_ingest(
    connection: Connection, model_id: int, rejected: Mapping[int, int], conflicting: Mapping[int, int]
) -> None:
    """Add rejects and resends of other content to the counts of their hours."""
    rows = [
        {"model_id": model_id, "hour": hour, "rejected": rejected.get(hour, 0), "conflicting": conflicting.get(hour, 0)}
        for hour in sorted({*rejected, *conflicting})
    ]
    if rows:
        connection.execute(
            text(
                "INSERT INTO ingest_counts (model_id, hour, rejected, conflicting)"
                " VALUES (:model_id, :hour, :rejected, :conflicting) ON CONFLICT (model_id, hour) DO UPDATE SET"
                " rejected = ingest_counts.rejected + excluded.rejected,"
                " conflicting = ingest_counts.conflicting + excluded.conflicting"
            ),
            rows,
        )


def count(connection: Connection) -> int:
    """How many models there are."""
    return int(connection.execute(select(func.count()).select_from(tables.models)).scalar_one())


def with_columns(model: Model, new: Sequence[StoredColumn]) -> StoredModel:
    """The model as the store of predictions knows it, once it has these columns too."""
    return StoredModel(model.id, model.name, (*model.columns, *new))


def decide_types(connection: Connection, model_id: int, types: Mapping[str, str | None]) -> None:
    """Fix what kind each feature is, where that is not decided yet."""
    table = tables.columns
    for name, type_ in types.items():
        mine = (table.c.model_id == model_id) & (table.c.role == "feature") & (table.c.name == name)
        connection.execute(update(table).where(mine, table.c.type.is_(None)).values(type=type_))


def settle_meaning(connection: Connection, model_id: int, task: str, classes: Sequence[str]) -> None:
    """What the model's predictions are."""
    mine = tables.models.c.id == model_id
    connection.execute(update(tables.models).where(mine).values(task=task, classes=list(classes)))


def put_settings(connection: Connection, model_id: int, settings: Mapping[str, Any]) -> None:
    """Replace the model's part of the configuration."""
    mine = tables.models.c.id == model_id
    connection.execute(update(tables.models).where(mine).values(settings=dict(settings)))


def note_pruned(connection: Connection, model_id: int, gone: int, rows_since: int, oldest: int) -> None:
    """Predictions before hour ``rows_since`` were deleted, and all that is known of the time before ``oldest``."""
    t = tables.models.c
    earlier = case((t.oldest_prediction < oldest, oldest), else_=t.oldest_prediction)
    values = {"n_predictions": t.n_predictions - gone, "oldest_prediction": earlier, "rows_since": rows_since}
    connection.execute(update(tables.models).where(t.id == model_id).values(**values))


def note_erased(connection: Connection, model_id: int, erased: Erased) -> None:
    """Count a prediction and labels less."""
    t, versions = tables.models.c, tables.versions
    rows = int(erased.timestamp is not None)
    values = {"n_predictions": t.n_predictions - rows, "n_labels": t.n_labels - erased.labels}
    connection.execute(update(tables.models).where(t.id == model_id).values(**values))
    mine = (versions.c.model_id == model_id) & (versions.c.version == erased.version)
    connection.execute(update(versions).where(mine).values(n_predictions=versions.c.n_predictions - rows))


def delete(connection: Connection, model_id: int) -> None:
    """A model and all that refers to it; what it sent and what waits to be sent, too."""
    connection.execute(sql_delete(tables.outbox).where(tables.outbox.c.model_id == model_id))
    connection.execute(sql_delete(tables.models).where(tables.models.c.id == model_id))


def recount(connection: Connection, model_id: int, held: Held) -> None:
    """Set the counts of predictions by what the store of them holds. What was deleted by age stays counted with the
    versions and labels that it was of, so those only grow."""
    known = {one.version: one for one in list_versions(connection, model_id)}
    note_predictions(connection, model_id, _beyond(held.versions, known))
    rows = sum(rows for rows, _, _ in held.versions.values())
    table = tables.models
    connection.execute(update(table).where(table.c.id == model_id).values(n_predictions=rows))
    if held.newest_label is not None:
        n_labels = connection.execute(select(table.c.n_labels).where(table.c.id == model_id)).scalar_one()
        note_labels(connection, model_id, max(held.labels - n_labels, 0), held.newest_label)


def _beyond(held: Mapping[str, tuple[int, int, int]], known: Mapping[str, Version]) -> dict[str, tuple[int, int, int]]:
    """Rows of each version that are not counted yet, with the first and newest time."""
    counted = {version: known[version].n_predictions if version in known else 0 for version in held}
    return {v: (max(rows - counted[v], 0), first, newest) for v, (rows, first, newest) in held.items()}
