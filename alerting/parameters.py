"""What a retraining is started with: texts with placeholders, and whether a job takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing.exceptions import Unresolvable

from alerting.secrets import texts

PLACEHOLDERS = ("model", "version", "alert", "window_start", "window_end", "data_url", "summary")
HOLDERS = ("parameters", "conf", "run_config", "inputs")  # settings that hold parameters, whatever a job calls them

# What stands in for them while a job is asked whether it takes its parameters.
EXAMPLES: Mapping[str, str] = {
    "model": "model",
    "version": "v1",
    "alert": "alert-0",
    "window_start": "2026-01-01T00:00:00Z",
    "window_end": "2026-01-02T00:00:00Z",
    "data_url": "https://plimsoll.invalid/rows.parquet",
    "summary": "what drifted",
}

# {name}, but neither the ${NAME} of a secret nor the {{name}} of somebody else's templates.
_PLACEHOLDER = re.compile(r"(?<![${])\{([A-Za-z_][A-Za-z0-9_]*)\}(?!\})")


def fields(body: Mapping[str, Any], data_url: str = "") -> dict[str, str]:
    """What fills in the placeholders of parameters; empty where there is nothing to say."""
    (one,) = body["entries"]
    alert, readings = one["alert"], one["readings"]
    window = readings[0]["window"] if readings else {}
    return {
        "model": str(alert["model"]),
        "version": str(alert.get("version") or ""),
        "alert": str(alert["id"]),
        "window_start": str(window.get("start", "")),
        "window_end": str(window.get("end", "")),
        "data_url": data_url,
        "summary": str(alert.get("summary") or ""),
    }


def fill(value: Any, fields: Mapping[str, str]) -> Any:
    """The value with every placeholder in its texts, however deep, replaced; others are left as they are."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: fields.get(match[1], match[0]), value)
    if isinstance(value, Mapping):
        return {key: fill(inner, fields) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [fill(inner, fields) for inner in value]
    return value


def unknown_placeholders(value: Any) -> list[str]:
    """Placeholders that nothing fills in, each once."""
    found = dict.fromkeys(name for text in texts(value) for name in _PLACEHOLDER.findall(text))
    return [name for name in found if name not in PLACEHOLDERS]


def as_text(value: Any) -> str:
    """A parameter for systems whose parameters are texts: JSON words for what is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def misfit(schema: Mapping[str, Any], values: Mapping[str, Any]) -> str | None:
    """Why values do not fit a JSON schema, in a sentence; None where they do, or the schema itself is not one."""
    try:
        error = best_match(Draft202012Validator(schema).iter_errors(values))
    except (SchemaError, Unresolvable, re.error, TypeError, ValueError, AttributeError, RecursionError):
        return None  # what cannot be checked here, the orchestrator checks when it is asked
    if error is None:
        return None
    where = ".".join(str(part) for part in error.absolute_path)
    return f"{where}: {error.message}" if where else str(error.message)
