"""YAML or JSON to a Document; a mistake names file, line and key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from monitor.config.document import Document, check_endpoints
from monitor.errors import Invalid


def from_yaml(text: str, file: str) -> Document:
    """Read a document.

    Raises Invalid with ``file:line: key: what is wrong``; ``field`` is the key's path.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise Invalid(f"{file}{line}: this is not YAML ({getattr(error, 'problem', error)}).") from error
    return _validated({} if data is None else data, file, _lines(node))


def from_object(data: Any, source: str = "configuration") -> Document:
    """The same from JSON that has been read."""
    return _validated(data, source, {})


def _validated(data: Any, source: str, lines: dict[tuple[str, ...], int]) -> Document:
    if not isinstance(data, dict):
        raise Invalid(f"{source}: a configuration is a mapping with models, channels, triggers.", field="")
    try:
        document = Document.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(str(part) for part in first["loc"])
        raise Invalid(_sentence(source, lines, place, _words(first)), field=".".join(place)) from error
    mistakes = check_endpoints(document)
    if mistakes:
        place, words = mistakes[0]
        raise Invalid(_sentence(source, lines, place, words), field=".".join(place))
    return document


def _words(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such key"
    return str(error["msg"]).removeprefix("Value error, ")


def _sentence(source: str, lines: dict[tuple[str, ...], int], place: Sequence[str], words: str) -> str:
    known = tuple(place)
    while known and known not in lines:
        known = known[:-1]
    where = f"{source}:{lines[known]}" if known in lines else source
    return f"{where}: {'.'.join(place) or 'document'}: {words}. Nothing was changed."


def _lines(node: yaml.Node | None, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*path, str(key.value))
            found[place] = key.start_mark.line + 1
            found |= _lines(value, place)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            place = (*path, str(index))
            found[place] = item.start_mark.line + 1
            found |= _lines(item, place)
    return found
