"""Adapters on the disk, named by what they contain.

`<directory>/<sha256 of the adapter>/adapter.gguf` with `manifest.json` beside it. Two updates can train the very same
bytes (the same lessons taught again after a rollback); the later one's manifest then lies beside the first as
`manifest-<sha256 of the manifest>.json`.

Invariants: what has its final name is complete; an adapter is named in the database only after it is on the disk, and
leaves the disk only after nothing names it.

With a key both files are sealed (storage/sealing.py). Hashes are of the plain bytes all the same: encrypting a home
changes no identity, and what the audit trail says of an adapter stays true.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from edge_seal.errors import EngineError, IntegrityError
from edge_seal.storage.durable_file import (
    TEMPORARY_PREFIX,
    copy_hashed,
    publish_directory,
    sha256_of,
    sweep_temporary,
    temporary_beside,
    write_durably,
)
from edge_seal.storage.sealing import DataKey, is_sealed
from edge_seal.updates.canonical import JsonValue, canonical

ADAPTER_NAME: Final = "adapter.gguf"
MANIFEST_NAME: Final = "manifest.json"
PURPOSE: Final = "adapter"
"""What the files of adapters are sealed for."""

# Of a scratch directory without the write lock, and after how many seconds a crash must have left it.
_UNLOCKED_PREFIX: Final = ".scratch-"
_UNLOCKED_S: Final = 3600.0
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108  # directories with random names are made in it, 0700

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredAdapter:
    """An adapter that is on the disk: hash of its file, hash of its manifest, and the file as it lies there."""

    sha256: str
    manifest_sha256: str
    path: Path


class AdapterStore:
    """The adapters below one directory, which is made when the first one arrives."""

    def __init__(self, directory: Path, key: DataKey | None = None) -> None:
        self._directory = directory
        self._key = key
        # Unsealed adapters that were asked for by their path: open files that no name leads to.
        self._opened: dict[str, int] = {}

    def close(self) -> None:
        """Lets go of unsealed adapters; the paths that were given out for them end here."""
        while self._opened:
            os.close(self._opened.popitem()[1])

    @contextlib.contextmanager
    def scratch(self, *, locked: bool = True) -> Generator[Path]:
        """A directory for an adapter that is not stored yet; gone after the block.

        Where adapters are sealed it lies in memory, if the system has a place there; otherwise beside the others, under
        a temporary name: a crash leaves nothing outside the home, and nothing in it beyond the next start. Whoever does
        not hold the write lock (`locked`) is not swept away by another's start; what a crash of it leaves goes an hour
        later.
        """
        in_memory = self._key is not None and os.access(_SHARED_MEMORY, os.W_OK)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = _SHARED_MEMORY if in_memory else self._directory
        with tempfile.TemporaryDirectory(
            prefix=TEMPORARY_PREFIX if locked else _UNLOCKED_PREFIX, dir=place
        ) as directory:
            yield Path(directory)

    def put(self, adapter: Path, manifest: Mapping[str, JsonValue]) -> StoredAdapter:
        """Copies the file `adapter` into the store, durably, with `manifest` (`adapter_sha256` is added to it).

        A copy that is already there is used, or made whole again if it was damaged.

        Raises:
            IntegrityError: `manifest` names another `adapter_sha256`.
            EngineError: the system refused; nothing new has a final name.
        """
        staged = self._stage()
        try:
            sha256 = self._copied(adapter, staged / ADAPTER_NAME)
            text = _manifest_bytes(manifest, sha256)
            final = self._directory / sha256
            if final.is_dir():
                self._join(final, staged / ADAPTER_NAME, text)
            else:
                write_durably(staged / MANIFEST_NAME, self._sealed(text))
                publish_directory(staged, final)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        return StoredAdapter(sha256, hashlib.sha256(text).hexdigest(), final / ADAPTER_NAME)

    def path(self, sha256: str) -> Path:
        """A path to open the adapter's plain bytes by, valid while the store is not closed.

        The file itself (or where it would be); of a sealed one a file without a name, in memory on Linux.

        Raises:
            IntegrityError: `sha256` is no hash, so it could lead anywhere; or a sealed adapter was changed.
        """
        path = self._file(sha256)
        if self._key is None or not path.is_file():
            return path
        descriptor = self._opened.get(sha256)
        if descriptor is None:
            content = self._content(path)
            if hashlib.sha256(content).hexdigest() != sha256:
                raise IntegrityError(f"the adapter {path} was changed", next_step="edge-seal audit verify")
            descriptor = self._opened[sha256] = _nameless_file(content)
        os.lseek(descriptor, 0, os.SEEK_SET)  # macOS: who opens it shares our place in it
        return Path(f"/proc/self/fd/{descriptor}" if sys.platform == "linux" else f"/dev/fd/{descriptor}")

    def content(self, sha256: str) -> bytes:
        """The adapter's plain bytes, not verified.

        Raises:
            EngineError: they cannot be read.
            IntegrityError: a sealed adapter was changed.
        """
        return self._content(self._file(sha256))

    def manifest_content(self, sha256: str, manifest_sha256: str) -> bytes:
        """The plain bytes of the manifest that has this hash.

        Raises:
            IntegrityError: there is none.
        """
        for path in _manifest_files(self._file(sha256).parent):
            content = self._content(path)
            if hashlib.sha256(content).hexdigest() == manifest_sha256:
                return content
        raise IntegrityError(f"the manifest of adapter {sha256} was changed", next_step="edge-seal audit verify")

    def files(self, sha256: str) -> tuple[Path, ...]:
        """The files that are there of the adapter, as they lie on the disk."""
        path = self._file(sha256)
        return (*((path,) if path.is_file() else ()), *_manifest_files(path.parent))

    def stored(self) -> tuple[str, ...]:
        """The hashes of all adapters on the disk, named or not."""
        if not self._directory.is_dir():
            return ()
        names = (entry.name for entry in self._directory.iterdir() if entry.is_dir())
        return tuple(sorted(name for name in names if _SHA256.fullmatch(name) is not None))

    def verify(self, sha256: str, manifest_sha256: str) -> str | None:
        """What is wrong with the stored adapter, in words; None when file and manifest are what they should be."""
        try:
            path = self._file(sha256)
            if not path.is_file():
                return f"the adapter {path} is missing"
            if self._sha256(path) != sha256:
                return f"the adapter {path} was changed"
            return self._manifest_problem(path.parent, manifest_sha256)
        except (EngineError, IntegrityError) as error:
            return error.message

    def manifest(self, sha256: str, manifest_sha256: str | None = None) -> Mapping[str, JsonValue]:
        """The manifest of the adapter: the first one, or the one that has the hash `manifest_sha256`.

        Raises:
            IntegrityError: there is none, or it is no JSON object.
        """
        for path in _manifest_files(self._file(sha256).parent):
            try:
                content = self._content(path)
                if manifest_sha256 is not None and hashlib.sha256(content).hexdigest() != manifest_sha256:
                    continue
                value: object = json.loads(content)
            except (EngineError, IntegrityError, ValueError):
                break
            if isinstance(value, dict):
                return cast("dict[str, JsonValue]", value)
        raise IntegrityError(
            f"the manifest of adapter {sha256} is missing or damaged", next_step="edge-seal audit verify"
        )

    def add_manifest(self, sha256: str, manifest: Mapping[str, JsonValue]) -> str:
        """Writes one more manifest of a stored adapter, durably; returns its hash.

        Raises:
            IntegrityError: `manifest` names another adapter.
            EngineError: the system refused.
        """
        text = _manifest_bytes(manifest, sha256)
        wanted = hashlib.sha256(text).hexdigest()
        directory = self._file(sha256).parent
        if directory.is_dir() and self._manifest_problem(directory, wanted) is not None:
            write_durably(directory / f"manifest-{wanted}.json", self._sealed(text))
        return wanted

    def remove_unnamed_manifests(self, sha256: str, named: Collection[str]) -> int:
        """Removes the adapter's manifests whose hash is not in `named`, and says how many; under the write lock."""
        files = _manifest_files(self._file(sha256).parent)
        unnamed = [file for file in files if not any(self._is_whole(file, wanted) for wanted in named)]
        for file in unnamed:
            file.unlink(missing_ok=True)
        return len(unnamed)

    def discard(self, sha256: str, manifest_sha256: str, *, named: Collection[tuple[str, str]]) -> None:
        """Removes the manifest, and the adapter with it, unless a pair of hashes in `named` still needs them."""
        directory = self._file(sha256).parent
        if not any(adapter == sha256 for adapter, _ in named):
            self._remove(directory)
        elif (sha256, manifest_sha256) not in named:
            for path in _manifest_files(directory):
                if self._is_whole(path, manifest_sha256):
                    path.unlink(missing_ok=True)

    def remove_unnamed(self, named: Collection[str]) -> tuple[str, ...]:
        """Removes every adapter whose hash is not in `named`, and says which; only for who holds the write lock."""
        if not self._directory.is_dir():
            return ()
        unnamed = [
            entry
            for entry in self._directory.iterdir()
            if entry.name not in named and _SHA256.fullmatch(entry.name) is not None
        ]
        for entry in unnamed:
            self._remove(entry)
        return tuple(sorted(entry.name for entry in unnamed))

    def sweep(self) -> int:
        """Removes what crashes left half-made; only for who holds the write lock."""
        left = sweep_temporary(self._directory)
        for entry in self._directory.glob(f"{_UNLOCKED_PREFIX}*"):
            with contextlib.suppress(OSError):
                if time.time() - entry.stat().st_mtime > _UNLOCKED_S:
                    shutil.rmtree(entry, ignore_errors=True)
                    left += 1
        return left

    def _remove(self, directory: Path) -> None:
        # Renamed first: a crash half-way leaves a temporary name, not half an adapter under a good one.
        doomed = temporary_beside(directory)
        try:
            directory.rename(doomed)
        except FileNotFoundError:
            return
        except OSError as error:
            raise EngineError(f"could not remove the adapter {directory}: {error.strerror or error}") from error
        shutil.rmtree(doomed, ignore_errors=True)

    def _file(self, sha256: str) -> Path:
        if _SHA256.fullmatch(sha256) is None:
            raise IntegrityError(f"{sha256!r} is no SHA-256 of an adapter", next_step="edge-seal audit verify")
        return self._directory / sha256 / ADAPTER_NAME

    def _content(self, path: Path) -> bytes:
        """The plain bytes of a file of the store."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise EngineError(f"could not read {path}: {error.strerror or error}") from error
        if self._key is None:
            return content
        if not is_sealed(content):
            raise IntegrityError(f"{path} is not encrypted, but this home is", next_step="edge-seal audit verify")
        return self._key.unseal(content, PURPOSE, str(path))

    def _sha256(self, path: Path) -> str:
        return sha256_of(path) if self._key is None else hashlib.sha256(self._content(path)).hexdigest()

    def _sealed(self, content: bytes) -> bytes:
        return content if self._key is None else self._key.seal(content, PURPOSE)

    def _copied(self, source: Path, target: Path) -> str:
        """Copies `source` to the new file `target` of the store; the hash of its plain bytes."""
        if self._key is None:
            return copy_hashed(source, target)
        try:
            content = source.read_bytes()
        except OSError as error:
            raise EngineError(f"could not read {source}: {error.strerror or error}") from error
        write_durably(target, self._sealed(content))
        return hashlib.sha256(content).hexdigest()

    def _stage(self) -> Path:
        staged = self._directory / temporary_beside(self._directory / ADAPTER_NAME).name
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            staged.mkdir(mode=0o700)
        except OSError as error:
            raise EngineError(f"could not make {staged}: {error.strerror or error}") from error
        return staged

    def _join(self, final: Path, adapter: Path, manifest: bytes) -> None:
        """Adds `manifest` to the stored adapter `final`, which gets the bytes of `adapter` back if it lost them."""
        stored = final / ADAPTER_NAME
        if not self._is_whole(stored, final.name):
            write_durably(stored, adapter.read_bytes())
        wanted = hashlib.sha256(manifest).hexdigest()
        if self._manifest_problem(final, wanted) is None:
            return
        first = final / MANIFEST_NAME
        write_durably(first if not first.exists() else final / f"manifest-{wanted}.json", self._sealed(manifest))

    def _is_whole(self, path: Path, sha256: str) -> bool:
        try:
            return path.is_file() and self._sha256(path) == sha256
        except IntegrityError:
            return False

    def _manifest_problem(self, directory: Path, manifest_sha256: str) -> str | None:
        files = _manifest_files(directory)
        if not files:
            return f"the manifest {directory / MANIFEST_NAME} is missing"
        if any(self._is_whole(path, manifest_sha256) for path in files):
            return None
        named = directory / f"manifest-{manifest_sha256}.json"
        return f"the manifest {named if named in files else directory / MANIFEST_NAME} was changed"


def _manifest_files(directory: Path) -> tuple[Path, ...]:
    """The first manifest, then those of later updates with the same adapter."""
    first = directory / MANIFEST_NAME
    return (*((first,) if first.is_file() else ()), *sorted(directory.glob("manifest-*.json")))


def _nameless_file(content: bytes) -> int:
    """An open file that holds `content` and has no name: in memory, where the system knows such files."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("edge-seal-adapter")
    else:
        descriptor, name = tempfile.mkstemp(prefix="edge-seal-")
        os.unlink(name)  # noqa: PTH108  # there is only its name
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _manifest_bytes(manifest: Mapping[str, JsonValue], sha256: str) -> bytes:
    """The manifest as it is stored: the same bytes for the same values."""
    if manifest.get("adapter_sha256", sha256) != sha256:
        raise IntegrityError(f"a manifest names another adapter than the file that came with it, {sha256}")
    return canonical({**manifest, "adapter_sha256": sha256})
