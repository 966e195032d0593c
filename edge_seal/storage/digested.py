"""Bytes behind their digest: what can be made anew is checked when it is read, and never used damaged.

Form: the SHA-256 (32 bytes) of `about` and the payload, then the payload. `about` is not stored: who reads it has to
know what it was made of, and it counts as damaged where that is something else.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Final

from edge_seal.errors import EngineError
from edge_seal.storage.durable_file import write_durably

log = logging.getLogger(__name__)

_BYTES: Final = hashlib.sha256().digest_size


def digested(payload: bytes, about: bytes = b"") -> bytes:
    """`payload` behind its digest."""
    return _digest(payload, about) + payload


def undigested(stored: bytes, about: bytes = b"") -> bytes | None:
    """The payload; None if it is not the one that was made `about` this."""
    digest, payload = stored[:_BYTES], stored[_BYTES:]
    return payload if _digest(payload, about) == digest else None


def kept(path: Path, about: bytes = b"") -> bytes | None:
    """The payload of the file in the cache at `path`; None where it has to be made anew."""
    try:
        payload = undigested(path.read_bytes(), about)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s is made anew: %s", path, error.strerror)
        return None
    if payload is None:
        log.warning("%s is damaged, or of another version, and made anew", path)
    return payload


def keep(path: Path, payload: bytes, about: bytes = b"") -> None:
    """Writes `payload` for `kept`. Where that fails nothing is lost: it is at hand, and is made anew the next time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(path, digested(payload, about))
    except (OSError, EngineError) as error:
        log.warning("%s could not be kept: %s", path, error)


def _digest(payload: bytes, about: bytes) -> bytes:
    return hashlib.sha256(about + payload).digest()
