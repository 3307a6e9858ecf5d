"""Forgetting the episodes of a stretch, so that it can be replayed anew. Those who were told of one are told that it is
over, whether the replay delivers or not: an incident elsewhere would stay open for ever."""

from __future__ import annotations

from alerting.episode import SUPERSEDED
from monitor import clock
from monitor.actions.end_episode import end_episodes
from monitor.store import alerts, outbox, threads, verdicts
from monitor.store.database import Connection


def forget_episodes(connection: Connection, model_id: int, start: int, *, now: int, public_url: str) -> int:
    """Forget a model's episodes from ``start`` on, and end those that are open since before; how many of those that
    were open somebody had been told of.

    What is still to be sent about an alert that is forgotten leads to the model's page.
    """
    open_now = alerts.open_of(connection, model_id)
    begun = [one for one in open_now if clock.parse(one["started_at"]) >= start]
    earlier = [one for one in open_now if clock.parse(one["started_at"]) < start]
    at = max([start, *(clock.parse(one["fired_at"]) for one in earlier if one["fired_at"])])
    for ending, moment in ((earlier, at), (begun, now)):
        words: dict[str, tuple[str, str | None]] = {one["id"]: (SUPERSEDED, None) for one in ending}
        end_episodes(connection, model_id, words, at=moment, now=now, public_url=public_url)
    threads.lead_to_model(connection, verdicts.forget(connection, model_id, start))
    return sum(bool(outbox.told_of(connection, one["id"])) for one in open_now)
