"""Values as bytes that are always the same: canonical JSON (RFC 8785), the form that everything is hashed in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Union, cast

import rfc8785

from edge_seal.errors import EdgeSealError

JsonValue = Union[None, bool, int, float, str, Sequence["JsonValue"], Mapping[str, "JsonValue"]]  # noqa: UP007


def canonical(value: JsonValue) -> bytes:
    """`value` as canonical JSON in UTF-8: sorted keys, no spaces, one form for each number.

    Raises:
        EdgeSealError: it has no such form (NaN, infinity, an integer beyond 2**53, a lone surrogate).
    """
    try:
        # The library's own annotation knows lists and dicts only; tuples and mappings are accepted by it too.
        return rfc8785.dumps(cast("dict[str, str]", _plain(value)))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise EdgeSealError(f"a record cannot be written as canonical JSON ({error})") from error


def digest(domain: str, value: JsonValue) -> str:
    """SHA-256 of `domain`, a line feed and the canonical JSON of `value`, as 64 hexadecimal digits.

    The domain keeps a hash of one kind of thing from ever being taken for a hash of another.
    """
    return hashlib.sha256(domain.encode() + b"\n" + canonical(value)).hexdigest()


def _plain(value: JsonValue) -> JsonValue:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
