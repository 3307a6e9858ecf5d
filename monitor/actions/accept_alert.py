"""Accepting what an alert found as the new normal: the log since the change began becomes the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alerting.episode import ACCEPTED
from alerting.words import in_words
from detectors.measurement import MINIMUM_ROWS
from monitor import clock
from monitor.actions.answer_alert import NOBODY, By, open_alert
from monitor.actions.end_episode import end_episode
from monitor.actions.frame import Frame
from monitor.actions.new_normal import Stretch, references_of, stretch_of
from monitor.actions.pinned_labels import Joined, before_of, joined_of
from monitor.actions.prepare_reference import pin_reference
from monitor.errors import Conflict
from monitor.service import Service
from monitor.store import locks, models, references
from monitor.store.database import Connection

LONG_ENOUGH = 14 * clock.DAY


def accept(service: Service, alert_id: str, now: int, by: By = NOBODY) -> dict[str, Any]:
    """Make the log from the change to the newest prediction the newest version of every reference that the alert's
    readings were compared with, and end the episode; the alert, its ``references`` (the first as ``reference``, too),
    ``since`` and ``warnings``.

    Later windows are compared with them; older readings keep the reference that they had. Raises NotFound, and Conflict
    for an alert that is over or cannot be accepted, and where too few hours have passed since the change.
    """
    with service.database.read() as connection:
        alert = open_alert(connection, alert_id)
        frame = _frame(service, connection, alert)
        names, stretch = references_of(frame, alert), stretch_of(frame, alert)
        before = _of_versions(frame)
    made = [pin_reference(service, alert["model"], name, stretch.start, stretch.end, now) for name in names]
    with service.database.write(locks.model(alert["model"])) as connection:
        open_alert(connection, alert_id)
        url, said = service.settings.public_url, _said(made, stretch)
        frame = _frame(service, connection, alert)
        late = _late_labels(frame, names, now)
        reason = ". ".join([f"{by.words('accepted as the new normal')}; {said}", *late])
        ended = end_episode(
            connection, alert_id, ACCEPTED, at=now, now=now, public_url=url, reason=reason, details=by.details
        )
        after = _of_versions(frame)
    return {
        **ended,
        "reference": made[0],
        "references": made,
        "since": clock.render(stretch.start),
        "warnings": [*late, *_warnings(stretch, before, after)],
    }


def why_not(service: Service, connection: Connection, alert: dict[str, Any]) -> tuple[list[str], str | None]:
    """The references that accepting an alert would set, or why it cannot be accepted at all; whether hours enough have
    passed is not asked."""
    try:
        return references_of(_frame(service, connection, alert), alert), None
    except Conflict as error:
        return [], error.message


def _frame(service: Service, connection: Connection, alert: dict[str, Any]) -> Frame:
    model = models.find(connection, alert["model"])
    frame = None if model is None else Frame.load(service, connection, model)
    if frame is None or not frame.known:
        raise Conflict("This model has no reference that a new one could follow")
    return frame


def _said(made: list[dict[str, Any]], stretch: Stretch) -> str:
    named = " and ".join(f"version {one['version']} of {one['name']}" for one in made)
    return f"what came since {in_words(stretch.start)} is {named} now"


def _of_versions(frame: Frame) -> dict[str, str]:
    """What rows of each model version are compared with by checks that name no reference."""
    chosen = {
        version: references.choose(frame.known, frame.model.default_reference, None, version)
        for version in frame.versions
    }
    return {version: found[0].name for version, found in chosen.items() if found is not None}


def _warnings(stretch: Stretch, before: dict[str, str], after: dict[str, str]) -> list[str]:
    found = [
        f"Rows {f'of version {version}' if version else 'without a version'} are compared with {name} by every check "
        f"that names no reference, as {before.get(version, 'no reference')} has none of them"
        for version, name in after.items()
        if before.get(version) != name
    ]
    if stretch.end - stretch.start >= LONG_ENOUGH:
        return found
    return [
        f"The new reference covers {_long(stretch)}: until a longer one is set, the ups and downs of days and weeks "
        "are not known, and the tolerance of longer windows is 5 %",
        *found,
    ]


def _late_labels(frame: Frame, names: Sequence[str], now: int) -> list[str]:
    """What the new versions cannot be used for yet, as their labels are still coming."""
    found = []
    for reference in frame.known if frame.model.n_labels else ():
        joined = joined_of(frame, reference, now) if reference.name in names else None
        if joined is not None and joined.by is not None:
            known = f"{joined.labelled:,} of the {joined.rows:,} predictions of the new {reference.name} have a label"
            found.append(f"{known} by now. {_until(frame, reference, joined, now)}")
    return found


def _until(frame: Frame, reference: references.Reference, joined: Joined, now: int) -> str:
    assert joined.by is not None
    text = f"The others join as they come, enough of them by {in_words(joined.by)}"
    if joined.usable >= MINIMUM_ROWS:
        return f"{text}; until then performance is compared with the oldest {joined.usable:,}"
    before = before_of(frame, reference, now)
    if before is not None:
        return f"{text}; until there are some, performance is compared with version {before.version}"
    return f"{text}; until there are some, performance cannot be judged (no_reference)"


def _long(stretch: Stretch) -> str:
    """``4 days``, ``15 hours``."""
    if stretch.hours < 48:
        return f"{stretch.hours} hours"
    return f"{round(stretch.hours / 24)} days"
