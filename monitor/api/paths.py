"""Parts of a path that may be any text: Starlette's own ``path`` ends at a line's end."""

from __future__ import annotations

from starlette.convertors import PathConvertor, register_url_convertor

TEXT = "text"


class _Text(PathConvertor):
    regex = r"[\s\S]*"


register_url_convertor(TEXT, _Text())
