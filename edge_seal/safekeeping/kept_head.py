"""The head of the ledger in the keychain of the operating system: a third place, which no copy of the home takes along.

Whoever puts a whole older home back, database and head file together, contradicts it. It is written when a process ends
that has written entries, so it may lag behind, as the head file may; and like that file it is never overwritten where
it contradicts the chain, but on demand.
"""

from __future__ import annotations

import hashlib
import logging

from edge_seal.config import Home
from edge_seal.errors import EdgeSealError, IntegrityError
from edge_seal.storage.keychain import SERVICE, Keychain
from edge_seal.updates.heads import KeptHead, kept_from, read_kept
from edge_seal.updates.ledger import Ledger

log = logging.getLogger(__name__)


def entry_name(home: Home) -> str:
    """The name of the entry: it is of this place, whatever database lies there."""
    return f"ledger-head-{hashlib.sha256(str(home.data.resolve()).encode()).hexdigest()[:16]}"


def place_of(keychain: Keychain, home: Home) -> str:
    """Where the head is kept, in words."""
    return f"{keychain.name} (entry {SERVICE}/{entry_name(home)})"


def read(home: Home) -> KeptHead | None:
    """The head that the keychain has for this home; None where there is none, or no keychain.

    Raises:
        EngineError: the keychain is locked or does not answer.
        IntegrityError: what it has is no head.
    """
    keychain = Keychain.found()
    text = None if keychain is None else keychain.text(entry_name(home))
    if keychain is None or text is None:
        return None
    try:
        return kept_from(text, place_of(keychain, home))
    except IntegrityError:
        raise IntegrityError(
            f"the head of the ledger in {place_of(keychain, home)} was changed",
            next_step="edge-seal audit head --keep writes it anew, if you trust the ledger as it is",
        ) from None


def keep(home: Home, ledger: Ledger, *, anyway: bool = False) -> str | None:
    """Keeps the head in the keychain, and gives where; None where there is none.

    Unless `anyway`, a head that contradicts the chain stays as it is, for it is evidence.

    Raises:
        EngineError: the keychain is locked or does not answer.
        IntegrityError: what it has is no head, or contradicts the ledger; nothing was changed.
    """
    keychain = Keychain.found()
    if keychain is None:
        return None
    place = place_of(keychain, home)
    kept = None if anyway else read(home)
    if kept is not None and ledger.hash_of(kept.head.seq) != kept.head.entry_hash:
        raise IntegrityError(f"the ledger contradicts {place}", next_step="edge-seal audit verify")
    newest = ledger.kept_head(place)
    if newest.head.root is None:
        raise IntegrityError("the chain is broken, so it has no head", next_step="edge-seal audit verify")
    if kept is None or kept.head != newest.head:
        keychain.keep_text(entry_name(home), newest.text)
    return place


def follow_head_file(home: Home) -> None:
    """Keeps what the head file says, after a backup took the place of what was; fails nothing."""
    try:
        keychain, in_file = Keychain.found(), read_kept(home.head_file)
        if keychain is not None and in_file is not None:
            keychain.keep_text(entry_name(home), in_file.text)
    except EdgeSealError as error:
        log.info("the ledger's head was not kept in the keychain: %s", error.message)


def keep_if_possible(home: Home, ledger: Ledger) -> None:
    """As `keep`; that it could not be done fails nothing."""
    try:
        keep(home, ledger)
    except EdgeSealError as error:
        log.info("the ledger's head was not kept in the keychain: %s", error.message)
