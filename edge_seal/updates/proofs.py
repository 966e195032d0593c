"""Proofs about the ledger that fit into a small file and are checked without it: that an entry is in it, that it grew.

A proof leads to a Merkle root. Whoever has that root from elsewhere (`audit head`, noted before) knows by it that the
entry is in the ledger, or that nothing of the old ledger was changed in the new one, without seeing any other entry.
The form and a check with nothing of ours are in docs/ledger.md.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edge_seal.errors import IntegrityError, NotFound
from edge_seal.records import LedgerEntry
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.heads import Head
from edge_seal.updates.ledger import Ledger, entry_hash, hashed_bytes
from edge_seal.updates.merkle import (
    consistency_path,
    inclusion_path,
    is_consistent,
    leaf_hash,
    root_from_inclusion,
    root_of,
)

FORMAT: Final = 1

_Hash = Field(pattern=r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof shows, if `head` is a head that is trusted; `old` is the earlier head, of a proof of growth."""

    head: Head
    words: str
    old: Head | None = None
    entry: LedgerEntry | None = None


def prove_inclusion(ledger: Ledger, seq: int) -> dict[str, JsonValue]:
    """That entry `seq` is in the ledger as it is now.

    Raises:
        NotFound: there is no such entry.
        IntegrityError: the ledger is damaged.
    """
    head, leaves = _sound(ledger)
    if not 1 <= seq <= head.seq:
        raise NotFound(f"the ledger has no entry {seq}: it has {head.seq}", next_step="edge-seal audit export")
    entry = next(ledger.entries(start=seq))
    return {
        "format": FORMAT,
        "kind": "inclusion",
        "entry": asdict(entry),
        "size": head.seq,
        "head": _last_hash(ledger, head.seq),
        "root": head.root,
        "path": [step.hex() for step in inclusion_path(leaves[: head.seq], seq - 1)],
    }


def prove_consistency(ledger: Ledger, old_size: int) -> dict[str, JsonValue]:
    """That the ledger as it is now grew out of what it was with `old_size` entries.

    Raises:
        NotFound: it never had so many, or none.
        IntegrityError: the ledger is damaged.
    """
    head, leaves = _sound(ledger)
    if not 1 <= old_size <= head.seq:
        raise NotFound(f"the ledger has {head.seq} entries, so there is no proof from {old_size} on")
    return {
        "format": FORMAT,
        "kind": "consistency",
        "old_size": old_size,
        "old_head": _last_hash(ledger, old_size),
        "old_root": root_of(leaves[:old_size]).hex(),
        "size": head.seq,
        "head": _last_hash(ledger, head.seq),
        "root": head.root,
        "path": [step.hex() for step in consistency_path(leaves[: head.seq], old_size)],
    }


def check_proof(proof: object) -> Proven:
    """What `proof` shows.

    Raises:
        IntegrityError: it is no proof, or does not lead where it says.
    """
    try:
        given = _Proof.validate_python(proof)
        return _grown(given) if isinstance(given, _Consistency) else _included(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise IntegrityError(
            f"that is no proof of a ledger: {place}: {first['msg']}", next_step="edge-seal audit prove"
        ) from None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal[1]
    size: int = Field(ge=1)
    head: str = _Hash
    root: str = _Hash
    path: list[str] = Field(max_length=64)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    seq: int = Field(ge=1)
    at: str
    actor: str
    event: str
    subject: str
    body: str
    previous_hash: str = _Hash
    entry_hash: str = _Hash


class _Inclusion(_Strict):
    kind: Literal["inclusion"]
    entry: _Entry


class _Consistency(_Strict):
    kind: Literal["consistency"]
    old_size: int = Field(ge=1)
    old_head: str = _Hash
    old_root: str = _Hash


_Proof: TypeAdapter[_Inclusion | _Consistency] = TypeAdapter(
    Annotated[_Inclusion | _Consistency, Field(discriminator="kind")]
)


def _included(proof: _Inclusion) -> Proven:
    entry = LedgerEntry(**proof.entry.model_dump())
    if entry.entry_hash != entry_hash(entry):
        raise IntegrityError(f"the proof is false: entry {entry.seq} does not have the hash that it names")
    if entry.seq == proof.size and entry.entry_hash != proof.head:
        raise IntegrityError(
            f"the proof is false: entry {entry.seq} is the last, and another hash is named as the last"
        )
    root = root_from_inclusion(entry.seq - 1, proof.size, leaf_hash(hashed_bytes(entry)), _path(proof.path))
    if root is None or root.hex() != proof.root:
        raise IntegrityError(f"the proof is false: entry {entry.seq} does not lead to the root that it names")
    head = Head(proof.size, proof.head, proof.root)
    return Proven(head, head.words, entry=entry)


def _grown(proof: _Consistency) -> Proven:
    old, new = bytes.fromhex(proof.old_root), bytes.fromhex(proof.root)
    if not is_consistent(proof.old_size, proof.size, old, new, _path(proof.path)):
        raise IntegrityError(
            f"the proof is false: the ledger of {proof.size} entries did not grow out of the one of {proof.old_size}"
        )
    head = Head(proof.size, proof.head, proof.root)
    return Proven(head, head.words, old=Head(proof.old_size, proof.old_head, proof.old_root))


def _path(texts: list[str]) -> list[bytes]:
    try:
        path = [bytes.fromhex(text) for text in texts]
    except ValueError:
        path = [b""]
    if any(len(step) != 32 for step in path):
        raise IntegrityError("that is no proof of a ledger: path: a hash is 64 hexadecimal digits")
    return path


def _sound(ledger: Ledger) -> tuple[Head, list[bytes]]:
    check = ledger.verify()
    if check.reason is not None:
        raise IntegrityError(f"a damaged ledger proves nothing: {check.reason}", next_step="edge-seal audit verify")
    # What another process adds meanwhile is in the leaves, and cut off by whoever uses them.
    return Head(check.entries, check.head, check.root), ledger.leaves()


def _last_hash(ledger: Ledger, seq: int) -> str:
    return next(ledger.entries(start=seq)).entry_hash
