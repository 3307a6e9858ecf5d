"""Of the stored readings of a check what rules look at: enough to step any rule over them, and no more."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from alerting.reading import Reading
from monitor.store.readings import judged
from monitor.store.tables import readings

IMMATURE_LABELS = "immature_labels"
TOLD = ("ok", "warning", "critical")
AT_SEVERITY = ("warning", "critical")
AT_ONCE = 5000  # rows of a stream


@dataclass(frozen=True)
class History:
    """Windows that end from ``start`` (microseconds) on, in which ``stored`` readings were judged; ``whole``: from the
    moment on that was asked for. ``readings``: of every series that was ever at severity all, as known now, and one
    more of each window that could be told: the others never decide whether a rule fires or resolves."""

    start: int
    stored: int
    whole: bool
    readings: list[Reading]


def history(connection: Connection, model_id: int, check: str, start: int, end: int, most: int) -> History:
    """The windows of a check that end in [start, end]; of the newest of them as many as ``most`` readings allow."""
    known, cut = _of_series(connection, _judged(model_id, check, start, end), most)
    first = start if cut is None else cut
    told, cut_again = _newest(connection, _one_of_each_window(_judged(model_id, check, first, end)), most)
    if cut_again is not None:
        first, known = cut_again, [row for row in known if row.window_end >= cut_again]
    mine = _judged(model_id, check, first, end)
    stored = connection.execute(select(func.count()).select_from(readings).where(*mine)).scalar_one()
    newest: dict[Any, Row[Any]] = {}
    for row in [*told, *known]:  # of each series and window the newest revision comes last
        newest[row.metric, row.feature, row.segment, row.version, row.window_start, row.window_end] = row
    return History(first, int(stored), cut is cut_again is None, [_reading(check, row) for row in newest.values()])


def _judged(model_id: int, check: str, start: int, end: int) -> tuple[ColumnElement[bool], ...]:
    t = readings.c
    judged = (t.verdict.is_not(None), or_(t.reason.is_(None), t.reason != IMMATURE_LABELS))
    return (t.model_id == model_id, t.check_name == check, t.window_end >= start, t.window_end <= end, *judged)


def _of_series(
    connection: Connection, mine: Iterable[ColumnElement[bool]], most: int
) -> tuple[list[Row[Any]], int | None]:
    """Every reading of the series that were ever at severity, oldest first; where they are too many, the newest, and
    the end of the oldest window of which all are there."""
    t = readings.c
    names = (t.metric, t.feature, t.segment, t.version)
    bad = {tuple(row) for row in connection.execute(select(*names).where(*mine, t.verdict.in_(AT_SEVERITY)).distinct())}
    if not bad:
        return [], None
    # what may be one of them; a join with them all is slower by far
    around = [column.in_({one[place] for one in bad}) for place, column in enumerate(names[:3])]
    return _newest(connection, _looked_at().where(*mine, *around), most, bad)


def _newest(
    connection: Connection, query: Select[Any], most: int, series: Collection[tuple[Any, ...]] | None = None
) -> tuple[list[Row[Any]], int | None]:
    """What a query finds, of these ``series`` alone where given, oldest first; where it is too much, the newest, and
    the end of the oldest window of which all is there."""
    t = readings.c
    found: list[Row[Any]] = []
    newest_first = query.order_by(t.window_end.desc(), t.as_of.desc(), t.revision.desc())
    with connection.execute(newest_first, execution_options={"yield_per": AT_ONCE}) as rows:
        for row in rows:
            if series is None or (row.metric, row.feature, row.segment, row.version) in series:
                found.append(row)
            if len(found) > most:
                break
        else:
            return found[::-1], None
    partly = found[-1].window_end
    whole = [row for row in found if row.window_end > partly]
    return whole[::-1], whole[-1].window_end if whole else partly + 1


def _one_of_each_window(mine: Iterable[ColumnElement[bool]]) -> Select[Any]:
    t = readings.c
    ids = select(func.min(t.id)).where(*mine, t.verdict.in_(TOLD))
    return _looked_at().where(t.id.in_(ids.group_by(t.version, t.segment, t.window_start, t.window_end)))


def _looked_at() -> Select[Any]:
    t = readings.c
    of = (t.kind, t.metric, t.feature, t.segment, t.version, t.window_start, t.window_end, t.as_of, t.revision)
    seen = (t.value, t.p_value, t.verdict, t.reason, t.n_current)
    said = (t.details["summary"].as_string().label("summary"), t.details["judged"].as_string().label("judged"))
    return select(*of, *seen, *said, t.details["effect_lower"].as_float().label("effect_lower"))


def _reading(check: str, row: Row[Any]) -> Reading:
    said = {name: getattr(row, name) for name in ("summary", "judged", "effect_lower")}
    return Reading(
        **judged(row),
        check=check,
        lower=None,
        upper=None,
        threshold=None,
        alpha=None,
        n_reference=0,
        mde=None,
        reference_name=None,
        reference_version=None,
        details={name: value for name, value in said.items() if value is not None},
    )
