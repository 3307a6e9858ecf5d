"""Sign in with a key."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
