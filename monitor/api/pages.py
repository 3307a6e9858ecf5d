"""Pages for people."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter()


def error_page(status: int, message: str) -> HTMLResponse:
    """What went wrong, in a sentence."""
    return HTMLResponse(f"<!doctype html><title>{status}</title><p>{escape(message)}</p>", status)
