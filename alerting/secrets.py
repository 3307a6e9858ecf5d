"""Secrets in settings: written as ``${NAME}``, read from the environment when something is sent, never shown."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

MASK = "••••"
SECRET_KEYS = ("secret", "token", "password", "routing_key", "signing_secret")
ADDRESS_KEYS = ("url", "webhook_url")

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class MissingSecret(LookupError):
    """A variable that settings refer to is not in the environment."""


class BadSecret(ValueError):
    """A secret that is no Standard Webhooks secret."""


def references(settings: Mapping[str, Any]) -> list[str]:
    """Names of the variables that settings refer to, in order, each once."""
    return list(dict.fromkeys(name for text in texts(settings) for name in _REFERENCE.findall(text)))


def is_reference(value: Any) -> bool:
    """Whether a value is one reference and nothing else."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def resolve(settings: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Settings with every reference replaced.

    Raises MissingSecret that names the variable, never its value.
    """

    def value_of(match: re.Match[str]) -> str:
        if not environment.get(match[1]):
            raise MissingSecret(f"{match[1]} is not set in the environment of the service")
        return environment[match[1]]

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return _REFERENCE.sub(value_of, value)
        if isinstance(value, Mapping):
            return {key: filled(inner) for key, inner in value.items()}
        return [filled(inner) for inner in value] if isinstance(value, list) else value

    return {key: filled(value) for key, value in settings.items()}


def texts(value: Any) -> Iterator[str]:
    """Every text in a value, however deep; keys are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as people may see them: references stay, a literal secret or the path of an address is masked."""
    return {key: _shown(key, value) for key, value in settings.items()}


def _shown(key: str, value: Any) -> Any:
    if not isinstance(value, str) or is_reference(value):
        return value
    if key in SECRET_KEYS:
        return MASK
    if key in ADDRESS_KEYS:
        scheme, _, rest = value.partition("://")
        host = _PARTS.split(rest.split("/")[0].split("@")[-1])[0]
        return value if rest.rstrip("/") == host else f"{scheme}://{host}/{MASK}"
    return value


def signing_key(secret: str) -> bytes:
    """The key in ``whsec_`` + base64 of 24 to 64 bytes.

    Raises BadSecret for anything else; the message does not repeat it.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise BadSecret("the secret is not whsec_ followed by base64 of 24 to 64 bytes")
    return key


def masked(text: str, settings: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """A text of somebody else without the values that the settings refer to, parts of secret addresses among them,
    without credentials and without addresses."""
    for secret in _secrets(settings, environment):
        text = text.replace(secret, MASK)
    return _ADDRESS.sub(MASK, _CREDENTIALS.sub(MASK, text))


def page(url: str | None, settings: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """The address of a page that may be kept and shown: of the web, without a name or password, and without a value
    that the settings refer to or a part of a secret address; None where it is another."""
    try:
        parts = urlsplit(url or "")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    if url is None or parts.scheme not in ("http", "https") or not parts.hostname or len(url) > LONGEST_PAGE:
        return None
    shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return None if any(secret in shown for secret in _secrets(settings, environment)) else shown


def _secrets(settings: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """The values that settings refer to; of addresses what stands before and after the host, too."""
    values = [value for name in references(settings) if (value := environment.get(name))]
    parts = [part for value in values if "://" in value for part in _around_host(value.partition("://")[2])]
    return sorted({*values, *(part for part in parts if len(part) >= LEAST_SECRET)}, key=len, reverse=True)


def _around_host(address: str) -> list[str]:
    host = _PATH.split(address, maxsplit=1)[0]
    return [*host.rpartition("@")[0].split(":"), *_PARTS.split(address[len(host) :])]


LONGEST_PAGE = 2000
LEAST_SECRET = 6  # characters of a part of an address that is taken for a secret: "api" is none
_PATH = re.compile(r"[/?#]")
_PARTS = re.compile(r"[/?&=@]")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_CREDENTIALS = re.compile(r"\b(?:Bearer|Basic) \S+", re.IGNORECASE)
