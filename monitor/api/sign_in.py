"""Sign in with a key, and out again."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards import pages as templates
from dashboards.views import SignIn, Viewer
from monitor import clock
from monitor.actions import manage_keys
from monitor.api.access import COOKIE, OPEN, requires, same_site
from monitor.api.pages import sent_form
from monitor.api.wire import now_of, service_of

router = APIRouter()
WRONG = "This key is not known here, was revoked, or has no scope to read"


@router.get("/sign-in", dependencies=[Depends(requires(OPEN))], include_in_schema=False)
def get_sign_in(request: Request) -> Response:
    """The form."""
    return HTMLResponse(_form(request, request.query_params.get("next", "/")))


@router.post("/sign-in", dependencies=[Depends(requires(OPEN))], include_in_schema=False)
async def post_sign_in(request: Request) -> Response:
    """A key for a session cookie; a wrong key is told and nothing else."""
    same_site(request)
    form = await request.form(max_files=0, max_fields=5)
    secret, target = str(form.get("key", "")).strip(), local(str(form.get("next", "/")))
    service = service_of(request)
    value = await run_in_threadpool(manage_keys.open_session, service.database, secret, now_of(request))
    if value is None:
        return HTMLResponse(_form(request, target, WRONG), 401)
    answer = RedirectResponse(target, 303)
    answer.set_cookie(
        COOKIE,
        value,
        max_age=manage_keys.SESSION // clock.SECOND,
        httponly=True,
        samesite="lax",
        secure=service.settings.public_url.startswith("https:"),
    )
    return answer


@router.post("/sign-out", dependencies=[Depends(requires(OPEN))], include_in_schema=False)
async def post_sign_out(request: Request) -> Response:
    """End the session in this browser."""
    same_site(request)
    await sent_form(request)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


def local(target: str) -> str:
    """The address, if it is one of this service's own pages; else the fleet's."""
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if safe else "/"


def _form(request: Request, target: str, problem: str | None = None) -> str:
    viewer = Viewer(now=now_of(request), links=())
    return templates.sign_in(viewer, SignIn(local(target), problem))
