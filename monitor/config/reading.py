"""YAML or JSON to a Document; a mistake names file, line and key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from monitor.config.document import FORMS, Document
from monitor.config.mistakes import mistakes
from monitor.errors import Invalid

Lines = dict[tuple[str, ...], int]
_MEMBERS = {"str", "int", "float", "bool", "[key]"}  # what pydantic adds to a place: no keys of the document


def from_yaml(text: str, file: str) -> Document:
    """Read a document.

    Raises Invalid with ``file:line: key: what is wrong``; ``field`` is the key's path.
    """
    return _validated(*_parsed(text, file), file)


def from_object(data: Any, source: str = "configuration") -> Document:
    """The same from JSON that has been read."""
    return _validated(data, {}, source)


def placed(error: Invalid, text: str, file: str) -> Invalid:
    """The same mistake with file and line, for one that was found after reading (``field`` is the key's path)."""
    if error.field is None or error.message.startswith(file):
        return error
    lines = {".".join(place): line for place, line in _parsed(text, file)[1].items()}
    known = error.field
    while known and known not in lines:
        known = known.rpartition(".")[0]
    where = f"{file}:{lines[known]}" if known else file
    return Invalid(f"{where}: {error.message}", field=error.field, code=error.code)


def _parsed(text: str, file: str) -> tuple[Any, Lines]:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: Lines = {}
        _number(node, (), lines, file)
        return yaml.safe_load(text), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise Invalid(f"{file}{line}: this is not YAML ({getattr(error, 'problem', error)}).") from error
    except (RecursionError, ValueError) as error:
        raise Invalid(f"{file}: this cannot be read ({error}).") from error


def _validated(data: Any, lines: Lines, source: str) -> Document:
    data = {} if data is None else data
    if not isinstance(data, dict):
        raise Invalid(f"{source}: a configuration is a mapping with models, channels, triggers.", field="")
    try:
        document = Document.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = place_of(first)
        raise Invalid(_sentence(source, lines, place, words_of(first)), field=".".join(place)) from error
    for place, words in mistakes(document):
        raise Invalid(_sentence(source, lines, place, words), field=".".join(place))
    return document


def place_of(error: Any) -> tuple[str, ...]:
    """The path of the key that a validation error speaks of."""
    parts = (str(part) for part in error["loc"])
    place = tuple(part for part in parts if part not in FORMS)  # which form a key has is no key
    while error["type"] not in ("missing", "extra_forbidden") and place and place[-1] in _MEMBERS:
        place = place[:-1]
    return place


def words_of(error: Any) -> str:
    """What a validation error says."""
    if error["type"] == "extra_forbidden":
        return "there is no such key"
    return str(error["msg"]).removeprefix("Value error, ")


def _sentence(source: str, lines: Lines, place: Sequence[str], words: str) -> str:
    known = tuple(place)
    while known and known not in lines:
        known = known[:-1]
    where = f"{source}:{lines[known]}" if known in lines else source
    return f"{where}: {'.'.join(place) or 'document'}: {words}. Nothing was changed."


def _number(node: yaml.Node | None, path: tuple[str, ...], lines: Lines, file: str) -> None:
    """Note the line of every key; one that stands twice in a mapping is a mistake, since the first would be lost."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place, line = (*path, str(key.value)), key.start_mark.line + 1
            if place in lines:
                words = f"this key stands here twice, first in line {lines[place]}. Nothing was changed."
                raise Invalid(f"{file}:{line}: {'.'.join(place)}: {words}", field=".".join(place))
            lines[place] = line
            _number(value, place, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            place = (*path, str(index))
            lines[place] = item.start_mark.line + 1
            _number(item, place, lines, file)
