"""One tree of errors for people, each with the HTTP status that says the same to a program."""

from __future__ import annotations


class PlimsollError(Exception):
    """Something went wrong that a person can act on. ``message`` says what happened and what to do."""

    status = 500
    code = "internal"

    def __init__(self, message: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        if code is not None:
            self.code = code

    def body(self) -> dict[str, object]:
        """The error as CONTRACT names it: ``{"error": {"code", "message", "field"?}}``."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.field is not None:
            error["field"] = self.field
        return {"error": error}


class BadRequest(PlimsollError):
    """The body cannot be read at all as what it says it is."""

    status, code = 400, "bad_request"


class Unauthorized(PlimsollError):
    """No key, or one that is not known."""

    status, code = 401, "unauthorized"


class Forbidden(PlimsollError):
    """A known key whose scope does not reach this."""

    status, code = 403, "forbidden"


class NotFound(PlimsollError):
    """No such thing."""

    status, code = 404, "not_found"


class Conflict(PlimsollError):
    """The thing is in a state that does not allow this."""

    status, code = 409, "conflict"


class TooLarge(PlimsollError):
    """A body over the limit, before or after decompression: a ``fact``, and what to do where smaller bodies help."""

    status, code = 413, "too_large"

    def __init__(self, fact: str, advice: str = "") -> None:
        super().__init__(f"{fact} {advice}" if advice else fact)
        self.fact, self.advice = fact, advice


class UnsupportedMediaType(PlimsollError):
    """A content type or encoding that is not read here."""

    status, code = 415, "unsupported_media_type"


class Invalid(PlimsollError):
    """Readable, but nothing acceptable in it; ``field`` names the culprit."""

    status, code = 422, "invalid"


class Overloaded(PlimsollError):
    """Too much at once: try again after ``retry_after`` seconds."""

    status, code = 429, "overloaded"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreUnavailable(PlimsollError):
    """The store cannot be reached; nothing was stored."""

    status, code = 503, "store_unavailable"

    def __init__(self, message: str, retry_after: int = 2) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreBusy(StoreUnavailable):
    """Another unit of work held for too long what this one needed; the store itself is well."""


class Full(PlimsollError):
    """No room or no place left, whoever asks: try again after ``retry_after`` seconds."""

    status, code = 503, "full"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooSlow(PlimsollError):
    """A body that does not come."""

    status, code = 408, "too_slow"


class SchemaOutdated(PlimsollError):
    """The store's schema is older than the program."""

    status, code = 503, "schema_outdated"
