"""As much of JSON Schema as `docs/patch-manifest.schema.json` uses; anything else in it is an error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None),
}  # fmt: skip
_KNOWN = {
    "$schema", "title", "$defs", "type", "required", "additionalProperties", "properties", "items", "const", "pattern",
    "$ref",
}  # fmt: skip


def violations(value: object, schema: Mapping[str, Any], root: Mapping[str, Any], at: str = "$") -> Iterator[str]:
    """Where `value` is not what `schema` says, in words."""
    if "$ref" in schema:
        yield from violations(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, at)
        return
    assert set(schema) <= _KNOWN, f"{at}: this validator does not know {set(schema) - _KNOWN}"
    if "const" in schema and value != schema["const"]:
        yield f"{at} is {value!r}, not {schema['const']!r}"
    names = schema.get("type", list(_TYPES))
    if not any(_is(value, name) for name in ([names] if isinstance(names, str) else names)):
        yield f"{at} is {value!r}, not {names}"
        return
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at} is {value!r}, which does not match {schema['pattern']}"
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from violations(item, schema.get("items", {}), root, f"{at}[{place}]")
    if isinstance(value, dict):
        yield from _of_object(value, schema, root, at)


def _of_object(value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], at: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    yield from (f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value)
    for name, item in value.items():
        if name in properties:
            yield from violations(item, properties[name], root, f"{at}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{at}.{name} is not known"


def _is(value: object, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and not (name == "integer" and isinstance(value, bool))
