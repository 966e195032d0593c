"""Heads of the ledger: what a few words say of a whole history, and where they are kept outside the database.

A head is how many entries there are, the hash of the last, and the Merkle root over all. Whoever noted one can tell
later whether the ledger grew out of what it was then. Beside its newest head a kept record has checkpoints, hashes of
earlier entries: dense at the end, then ever further apart. They tell where two histories parted.

The words of a head are 96 bits of a hash over it: enough to be sure that a ledger is the noted one, and short enough to
be written down by hand.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge_seal.errors import ConfigError, IntegrityError
from edge_seal.updates.proquints import proquints

GENESIS_HASH: Final = "0" * 64

_WORDS_DOMAIN: Final = b"edge-seal ledger head v1\n"
_WORDS_BYTES: Final = 12
_DENSE: Final = 32
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_WORDS: Final = re.compile(r"[a-z]{5}(-[a-z]{5}){5}")


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a ledger with `seq` entries. `root` is None where only the chain's hash is known."""

    seq: int
    entry_hash: str
    root: str | None = None

    @property
    def line(self) -> str:
        """The head in one line: what `audit head` prints."""
        return " ".join((str(self.seq), self.entry_hash, *(() if self.root is None else (self.root,))))

    @property
    def words(self) -> str:
        """The head as a number and six words; needs the root."""
        digest = hashlib.sha256(_WORDS_DOMAIN + self.line.encode()).digest()
        return f"{self.seq} {proquints(digest[:_WORDS_BYTES])}"


@dataclass(frozen=True, slots=True)
class NotedHead:
    """A head as a person noted it: the whole line, its first two parts, or the words."""

    seq: int
    entry_hash: str | None = None
    root: str | None = None
    words: str | None = None

    def fits(self, head: Head) -> bool:
        """Whether `head` is the one that was noted."""
        if self.words is not None:
            return head.words == f"{self.seq} {self.words}"
        return head.seq == self.seq and head.entry_hash == self.entry_hash and self.root in (None, head.root)


def noted_head(text: str) -> NotedHead:
    """What a person noted, as it was printed.

    Raises:
        ConfigError: it is no head.
    """
    parts = text.strip().lower().split()
    if parts and parts[0].isascii() and parts[0].isdecimal() and len(parts[0]) <= 15:
        seq, rest = int(parts[0]), parts[1:]
        if len(rest) in (1, 2) and all(_HASH.fullmatch(part) for part in rest):
            return NotedHead(seq, rest[0], rest[1] if len(rest) == 2 else None)
        if len(rest) == 1 and _WORDS.fullmatch(rest[0]):
            return NotedHead(seq, words=rest[0])
    raise ConfigError(
        "that is no head of a ledger: it is a number with hashes or with six words after it",
        next_step="edge-seal audit head prints one",
    )


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A head that is kept outside the database; `place` says where, `checkpoints` are earlier entries' hashes."""

    head: Head
    place: str
    checkpoints: Mapping[int, str] = field(default_factory=dict[int, str])

    @property
    def text(self) -> str:
        """What is written: the head's line, then a line for each checkpoint, newest first."""
        earlier = (f"{seq} {self.checkpoints[seq]}" for seq in sorted(self.checkpoints, reverse=True))
        return "\n".join((self.head.line, *earlier)) + "\n"

    def parted(self, hashes: Mapping[int, str]) -> tuple[int, int] | None:
        """The newest entry that this record and `hashes` (seq: hash) agree on, and the oldest on which they do not.

        None where they do not contradict each other. Entry 0 is agreed on by all.
        """
        known = {**self.checkpoints, self.head.seq: self.head.entry_hash}
        wrong = [seq for seq, digest in known.items() if seq in hashes and hashes[seq] != digest]
        if not wrong:
            return None
        first = min(wrong)
        return max((seq for seq in known if seq in hashes and seq < first), default=0), first


def checkpoint_seqs(seq: int) -> Sequence[int]:
    """The entries whose hashes are kept beside the head `seq`, newest first; about 32 + log2(seq) of them."""
    dense = range(seq - 1, max(0, seq - _DENSE), -1)
    sparse = (seq - (1 << power) for power in range(5, seq.bit_length()))
    return sorted({*dense, *(at for at in sparse if at > 0), *((1,) if seq > 1 else ())}, reverse=True)


def read_kept(path: Path) -> KeptHead | None:
    """The head file; None where there is none.

    Raises:
        IntegrityError: it holds something else.
    """
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise IntegrityError(f"the ledger's head file {path} cannot be read ({error})") from error
    return kept_from(text, str(path))


def kept_from(text: str, place: str) -> KeptHead:
    """The record that `text` is; also the form of earlier versions, which has no root and no checkpoints.

    Raises:
        IntegrityError: it is none.
    """
    changed = IntegrityError(f"the ledger's head file {place} was changed")
    first, *lines = text.removesuffix("\n").split("\n")
    newest = _numbered(first)
    if newest is None or len(newest[1]) > 2 or not text.endswith("\n"):
        raise changed
    seq, (digest, *root) = newest
    checkpoints: dict[int, str] = {}
    for line in lines:
        earlier = _numbered(line)
        if earlier is None or len(earlier[1]) != 1:
            raise changed
        checkpoints[earlier[0]] = earlier[1][0]
    # Exactly what is written for this head, so that no line can be taken out unseen. Earlier versions wrote one.
    if (lines or root) and (list(checkpoints) != list(checkpoint_seqs(seq)) or len(lines) != len(checkpoints)):
        raise changed
    return KeptHead(Head(seq, digest, root[0] if root else None), place, checkpoints)


def _numbered(line: str) -> tuple[int, list[str]] | None:
    """A number and the hashes after it, at least one; None if the line is something else."""
    number, *hashes = line.split(" ")
    if not hashes or not all(_HASH.fullmatch(text) for text in hashes):
        return None
    if not number.isdecimal() or len(number) > 15 or str(int(number)) != number:
        return None
    return int(number), hashes
