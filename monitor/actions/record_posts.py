"""Store many small bodies in one transaction, each with the answer that it would have had alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.actions import manage_keys
from monitor.actions.labels_without_number import said_of_them, without_number
from monitor.actions.private import protected
from monitor.actions.record_labels import store_labels
from monitor.actions.record_predictions import NOTHING, PATIENCE, Stored, answer, store_predictions
from monitor.actions.several import begins_of, owners, within
from monitor.errors import StoreBusy, StoreUnavailable, Unauthorized
from monitor.ingest import conform
from monitor.ingest.records import Records, columns_of
from monitor.service import Service
from monitor.store import locks, models
from monitor.store.database import Connection
from monitor.store.observations.arriving import ArrivingLabels, ArrivingPredictions, Reject
from monitor.store.observations.base import Appended
from monitor.store.observations.fit import fit, new_columns

Kind = Literal["predictions", "labels"]


class Later(Exception):
    """Not now: a larger body of the same model is being stored."""


Answer = dict[str, Any] | Exception


class Post(NamedTuple):
    """A small body that was read, and what let it in: the secret of a key, None where none was needed. ``by_memory``:
    that was not asked of the store just now, so it is asked again."""

    model: str
    kind: Kind
    records: Records
    secret: str | None = None
    by_memory: bool = False


def record_posts(service: Service, posts: Sequence[Post], now: int) -> list[Answer]:
    """Store bodies in the order of their arrival, a model's predictions before its labels; an answer for each, or why
    none of it was stored: ``Later`` where its model is held by another writer. Durable when it returns.

    A body that cannot be stored takes no other with it: those around it are stored apart.
    """
    names = {post.model: locks.posts(post.model) for post in posts}
    try:
        with service.database.write_free(list(names.values()), PATIENCE) as (connection, held):
            return _store(service, connection, posts, {name for name, lock in names.items() if lock in held}, now)
    except StoreUnavailable as error:
        if len(names) > 1 and isinstance(error, StoreBusy):  # a model that is held keeps no other out
            return _apart(service, posts, now)
        # Each is raised by a request of its own.
        return [StoreUnavailable(error.message, error.retry_after) for _ in posts]
    except Exception as error:
        if len(posts) == 1:
            return [error]
        half = len(posts) // 2
        return [*record_posts(service, posts[:half], now), *record_posts(service, posts[half:], now)]


def _apart(service: Service, posts: Sequence[Post], now: int) -> list[Answer]:
    """Each model's bodies in a transaction of their own."""
    places: dict[str, list[int]] = {}
    for place, post in enumerate(posts):
        places.setdefault(post.model, []).append(place)
    answers: dict[int, Answer] = {}
    for mine in places.values():
        told = record_posts(service, [posts[place] for place in mine], now)
        answers |= dict(zip(mine, told, strict=True))
    return [answers[place] for place in range(len(posts))]


def _store(service: Service, connection: Connection, posts: Sequence[Post], free: Set[str], now: int) -> list[Answer]:
    answers: list[Answer | None] = [None if post.model in free else Later() for post in posts]
    for place in _locked_out(connection, posts):
        answers[place] = Unauthorized("This key was revoked; send one that is valid")
    groups: dict[tuple[str, bool], list[int]] = {}
    for place, post in enumerate(posts):
        if answers[place] is None:
            groups.setdefault((post.model, post.kind == "labels"), []).append(place)
    for (name, are_labels), places in sorted(groups.items()):
        store = _store_labels if are_labels else _store_predictions
        told = store(service, connection, name, [posts[place].records for place in places], now)
        for place, one in zip(places, told, strict=True):
            answers[place] = one
    return [one for one in answers if one is not None]


def _locked_out(connection: Connection, posts: Sequence[Post]) -> Iterable[int]:
    """Posts whose key was revoked since it was last looked at."""
    asked = {post.secret for post in posts if post.by_memory}
    gone = asked - manage_keys.reaching(connection, asked, "ingest") if asked else set()
    return [place for place, post in enumerate(posts) if post.by_memory and post.secret in gone] if gone else ()


def _store_predictions(
    service: Service, connection: Connection, name: str, bodies: Sequence[Records], now: int
) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    while bodies:
        rows = conform.predictions(columns_of(bodies), now)
        if not len(rows.ids) and not rows.rejects:
            return [*told, *(answer(0, 0, (), body.warnings) for body in bodies)]
        model = models.ensure(connection, name, now)
        taken = bodies[: _alike(rows, model, bodies)]
        if len(taken) < len(bodies):
            rows = conform.predictions(columns_of(taken), now)
        stored = store_predictions(service, connection, model, rows, now, begins_of(taken))
        told += _prediction_answers(taken, rows, stored, partial(_alone, connection, model, now))
        bodies = bodies[len(taken) :]
    return told


def _alone(connection: Connection, model: models.Model, now: int, body: Records) -> ArrivingPredictions:
    """One body's rows, as they may be stored."""
    return protected(connection, model, conform.predictions(columns_of([body]), now))


def _alike(rows: ArrivingPredictions, model: models.Model, bodies: Sequence[Records]) -> int:
    """How many bodies may be stored as one: those before the first that brings a new column, or that one alone, since
    the body that brings a column says of which type it is."""
    new = new_columns(rows, model.columns, models.configured_types(model.settings)) if len(bodies) > 1 else ()
    if not new:
        return len(bodies)
    filled = np.zeros(len(rows.ids), np.bool_)
    for column in new:
        filled |= rows.columns[column.role, column.name].filled()
    return max(1, int(owners(rows.positions[filled], begins_of(bodies)).min()))


def _prediction_answers(
    bodies: Sequence[Records],
    rows: ArrivingPredictions,
    stored: Stored,
    alone: Callable[[Records], ArrivingPredictions],
) -> list[dict[str, Any]]:
    begins = begins_of(bodies)
    mine = owners(rows.positions, begins)
    odd = set(mine[stored.odd].tolist()) if stored.warnings else set()
    silent, unsaid = (
        np.bincount(mine[some], minlength=len(bodies)).tolist() for some in (conform.silent(rows), conform.unsaid(rows))
    )
    unsaid = unsaid if stored.says_predictions else [0] * len(bodies)

    def warnings(place: int) -> tuple[str, ...]:
        always = (*bodies[place].warnings, *conform.said_of_silent(silent[place]))
        always = (*always, *conform.said_of_unsaid(unsaid[place]))
        return always if place not in odd else (*always, *fit(alone(bodies[place]), stored.columns)[1])

    parts = _parts(mine, stored.appended, rows.rejects, begins)
    return [
        answer(accepted, again, rejects, warnings(place)) for place, (accepted, again, _, rejects) in enumerate(parts)
    ]


def _store_labels(
    service: Service, connection: Connection, name: str, bodies: Sequence[Records], now: int
) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    while bodies:
        rows = conform.labels(columns_of(bodies), now)
        taken = bodies[: _before_repeat(rows, bodies)]
        if len(taken) < len(bodies):
            rows = conform.labels(columns_of(taken), now)
        appended, begins, odd = NOTHING, begins_of(taken), np.zeros(len(rows.batch.ids), np.bool_)
        if len(rows.batch.ids) or rows.rejects:
            model = models.ensure(connection, name, now)
            appended = store_labels(service, connection, model, rows, now, begins)
            odd = without_number(model, rows.batch)
        mine = owners(rows.batch.positions, begins)
        parts = _parts(mine, appended, rows.rejects, begins)
        without = np.bincount(mine[odd], minlength=len(taken)).tolist()
        told += [
            {**answer(accepted, again, rejects, (*body.warnings, *said_of_them(count))), "unmatched": unmatched}
            for body, count, (accepted, again, unmatched, rejects) in zip(taken, without, parts, strict=True)
        ]
        bodies = bodies[len(taken) :]
    return told


def _before_repeat(rows: ArrivingLabels, bodies: Sequence[Records]) -> int:
    """How many bodies have no id of a body before them: what a second label of an id does depends on the first."""
    mine = owners(rows.batch.positions, begins_of(bodies))
    codes = rows.batch.ids.dictionary_encode().indices.to_numpy()
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    later = mine[mine > mine[first][place]]
    return int(later.min()) if len(later) else len(bodies)


def _parts(
    of: NDArray[np.int64], appended: Appended, rejects: Sequence[Reject], begins: NDArray[np.int64]
) -> list[tuple[int, int, int, list[Reject]]]:
    """What became of each body: how many rows were accepted, known already and unmatched, and its rejects with their
    places in it."""
    bodies = len(begins) - 1
    mine: list[list[Reject]] = [[] for _ in range(bodies)]
    for body, reject in within(rejects, begins):
        mine[body].append(reject)
    rows = np.bincount(of, minlength=bodies)
    fresh = np.bincount(of[appended.fresh], minlength=bodies) if len(appended.fresh) else np.zeros(bodies, np.int64)
    alone = np.bincount(of[~appended.matched], minlength=bodies) if len(appended.matched) else np.zeros_like(fresh)
    return list(zip(fresh.tolist(), (rows - fresh).tolist(), alone.tolist(), mine, strict=True))
