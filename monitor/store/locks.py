"""Names of what a unit of work holds for itself alone while it lasts, where the engine can hold less than everything.

SQLite has one writer at a time, whatever it writes. On PostgreSQL a unit of work takes these by name, so that posts to
one model wait neither for another model's posts nor for a run.
"""

from __future__ import annotations

HOUSE = "house"  # keys, silences, configuration
BEATS = "beats"  # signs of life, and trying whether the store takes writes
OUTBOX = "outbox"  # messages, and what becomes of retraining runs


def model(name: str) -> str:
    """Summaries, references, readings and alerts of a model."""
    return f"model:{name}"


def posts(name: str) -> str:
    """Rows, columns and counters of a model."""
    return f"posts:{name}"


def tables(model_id: int) -> str:
    """The tables of a model's own, where they are given what those of an earlier version lack."""
    return f"tables:{model_id}"


def claims(name: str) -> str:
    """Who runs what is due of a model."""
    return f"claims:{name}"
