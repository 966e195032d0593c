"""A memory and its row: written with a salted digest over every field, and read back only if that still fits."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from typing import Final, cast

from edge_seal.errors import IntegrityError, NotFound
from edge_seal.records import Memory, Origin
from edge_seal.storage.database import SqlValue

Row = Sequence[SqlValue]

SELECT: Final = "SELECT id, text, origin, source, created_at, valid_from, valid_to, digest, salt FROM memories"
INSERT: Final = """
    INSERT INTO memories (text, origin, source, created_at, valid_from, valid_to, digest, salt)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    RETURNING id, text, origin, source, created_at, valid_from, valid_to, digest, salt
"""


def number_of(memory_id: str) -> int:
    """The number in `memory_id` (`m3`).

    Raises:
        NotFound: it is no such id.
    """
    digits = memory_id.removeprefix("m")
    # SQLite's integers end at 2 to the 63; no memory has more digits than 18.
    if not memory_id.startswith("m") or not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise NotFound(f"{memory_id!r} is no memory's id; m3 would be one", next_step="edge-seal memory list")
    return int(digits)


def memory_of(row: Row, *, damaged: bool = False) -> Memory:
    """The memory in `row`, whose columns are those of `SELECT`.

    Raises:
        IntegrityError: it is not what was written, unless `damaged` ones are wanted too.
    """
    for problem in () if damaged else problems(row):
        raise IntegrityError(problem, next_step=f"edge-seal forget m{row[0]}, or restore the database from a backup")
    _, text, origin, source, created_at, valid_from, valid_to, _, _ = row
    return Memory(
        f"m{row[0]}",
        cast("str", text),
        Origin(cast("str", origin)),
        cast("str | None", source),
        cast("str", created_at),
        cast("str", valid_from),
        cast("str | None", valid_to),
    )


def problems(row: Row) -> Iterator[str]:
    """What is wrong with `row`, in words that name the memory; nothing when it is what was written."""
    *fields, digest, salt = row
    if not isinstance(salt, str) or not isinstance(digest, str):
        yield f"memory m{row[0]} has no digest"
    elif not hmac.compare_digest(_digest_of(fields[1:], salt), digest):
        yield f"memory m{row[0]} is not what was written"


def digest_of(memory: Memory, salt: str) -> str:
    """The digest that is kept with `memory` and in the audit: HMAC-SHA256 of its fields under `salt`."""
    return _digest_of(
        (memory.text, memory.origin.value, memory.source, memory.created_at, memory.valid_from, memory.valid_to), salt
    )


def parameters(memory: Memory, salt: str) -> tuple[SqlValue, ...]:
    """What `INSERT` takes for `memory`."""
    return (
        memory.text,
        memory.origin.value,
        memory.source,
        memory.created_at,
        memory.valid_from,
        memory.valid_to,
        digest_of(memory, salt),
        salt,
    )


def _digest_of(fields: Sequence[SqlValue], salt: str) -> str:
    content = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    return hmac.new(salt.encode(), content, hashlib.sha256).hexdigest()
