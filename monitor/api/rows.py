"""The rows of a window as a file, for whoever trains."""

from __future__ import annotations

from itertools import chain

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse

from monitor.actions.rows_link import Window, is_signed
from monitor.actions.rows_parquet import rows_parquet
from monitor.api.access import OPEN, requires
from monitor.api.wire import moment, now_of, service_of
from monitor.errors import Invalid
from monitor.store import installation

router = APIRouter()
_KNOWN = ("start", "end", "version", "segment", "as_of", "token")


@router.get("/v1/models/{model}/rows.parquet", dependencies=[Depends(requires(OPEN))])
def get_rows(model: str, request: Request) -> Response:
    """Predictions with times in [start, end), of one version or of all, of one segment or of all, with their labels as
    known at ``as_of``. Needs the token of this very window, or a key that reads."""
    given, service, now = request.query_params, service_of(request), now_of(request)
    unknown = sorted(set(given) - set(_KNOWN))
    if unknown:
        raise Invalid(f"{unknown[0]!r} is not known here; there are {', '.join(_KNOWN)}", field=unknown[0])
    start, end, as_of = (moment(given.get(name), name) for name in ("start", "end", "as_of"))
    if start is None or end is None:
        raise Invalid("start and end say which rows", field="start" if start is None else "end")
    window = Window(model, given.get("version"), start, end, given.get("segment"))
    with service.database.read() as connection:
        secret = installation.known_secret(connection)
    if not is_signed(secret, window, given.get("token", ""), now):
        requires("read")(request)
    pieces = rows_parquet(service, window, now if as_of is None else min(as_of, now))
    first = next(pieces, b"")  # so that an answer begins only where the store gives rows
    return StreamingResponse(chain([first], pieces), media_type="application/vnd.apache.parquet")
