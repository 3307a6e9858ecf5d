"""Stored readings."""

from __future__ import annotations

from typing import get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from alerting.reading import to_json
from alerting.words import Verdict
from monitor.actions import models as known_models
from monitor.api.access import requires
from monitor.api.wire import answer, limit_of, moment, number_cursor, page, service_of
from monitor.config.document import KINDS
from monitor.errors import Invalid
from monitor.store import readings

router = APIRouter()
_FILTERS = ("check", "kind", "feature", "segment", "version", "metric", "verdict")
_WORDS = {"kind": KINDS, "verdict": get_args(Verdict)}
_KNOWN = {*_FILTERS, "start", "end", "revisions", "limit", "cursor"}


@router.get("/v1/models/{model}/readings", dependencies=[Depends(requires("read"))])
def get_readings(model: str, request: Request) -> Response:
    """Readings, per series and window the newest knowledge; ``revisions=all`` gives all."""
    given = request.query_params
    unknown = sorted(set(given) - _KNOWN)
    if unknown:
        raise Invalid(f"{unknown[0]!r} is no filter here; there are {', '.join(sorted(_KNOWN))}", field=unknown[0])
    if given.get("revisions", "newest") not in ("newest", "all"):
        raise Invalid("revisions is all, or left out", field="revisions")
    for name, words in _WORDS.items():
        if given.get(name, words[0]) not in words:
            raise Invalid(f"{name} is one of {', '.join(words)}", field=name)
    limit = limit_of(given.get("limit"))
    query = readings.Query(
        **{name: given.get(name) for name in _FILTERS},
        start=moment(given.get("start"), "start"),
        end=moment(given.get("end"), "end"),
        all_revisions=given.get("revisions") == "all",
        after_id=number_cursor(given.get("cursor")),
        limit=limit + 1,
    )
    with service_of(request).database.read() as connection:
        found = readings.find(connection, known_models.get(connection, model).id, query)
    more = found[limit - 1].id if len(found) > limit else None
    items = [to_json(one.reading) | {"config_version": one.config_version} for one in found[:limit]]
    return answer(page(items, more))
