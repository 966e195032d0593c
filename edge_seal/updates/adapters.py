"""Adapters on the disk, named by what they contain.

`<directory>/<sha256 of the adapter>/adapter.gguf` with `manifest.json` beside it. Two updates can train the very same
bytes (the same lessons taught again after a rollback); the later one's manifest then lies beside the first as
`manifest-<sha256 of the manifest>.json`.

Invariants: what has its final name is complete; an adapter is named in the database only after it is on the disk, and
leaves the disk only after nothing names it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from edge_seal.errors import EngineError, IntegrityError
from edge_seal.storage.durable_file import (
    copy_hashed,
    publish_directory,
    sha256_of,
    sweep_temporary,
    temporary_beside,
    write_durably,
)
from edge_seal.updates.canonical import JsonValue, canonical

ADAPTER_NAME: Final = "adapter.gguf"
MANIFEST_NAME: Final = "manifest.json"

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredAdapter:
    """An adapter that is on the disk: hash of its file, hash of its manifest, and where the file is."""

    sha256: str
    manifest_sha256: str
    path: Path


class AdapterStore:
    """The adapters below one directory, which is made when the first one arrives."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, adapter: Path, manifest: Mapping[str, JsonValue]) -> StoredAdapter:
        """Copies the file `adapter` into the store, durably, with `manifest` (`adapter_sha256` is added to it).

        A copy that is already there is used, or made whole again if it was damaged.

        Raises:
            IntegrityError: `manifest` names another `adapter_sha256`.
            EngineError: the system refused; nothing new has a final name.
        """
        staged = self._stage()
        try:
            sha256 = copy_hashed(adapter, staged / ADAPTER_NAME)
            text = _manifest_bytes(manifest, sha256)
            final = self._directory / sha256
            if final.is_dir():
                self._join(final, staged / ADAPTER_NAME, text)
            else:
                write_durably(staged / MANIFEST_NAME, text)
                publish_directory(staged, final)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        return StoredAdapter(sha256, hashlib.sha256(text).hexdigest(), final / ADAPTER_NAME)

    def path(self, sha256: str) -> Path:
        """Where the adapter's file is (or would be).

        Raises:
            IntegrityError: `sha256` is no hash, so it could lead anywhere.
        """
        if _SHA256.fullmatch(sha256) is None:
            raise IntegrityError(f"{sha256!r} is no SHA-256 of an adapter", next_step="edge-seal audit verify")
        return self._directory / sha256 / ADAPTER_NAME

    def verify(self, sha256: str, manifest_sha256: str) -> str | None:
        """What is wrong with the stored adapter, in words; None when file and manifest are what they should be."""
        try:
            path = self.path(sha256)
            if not path.is_file():
                return f"the adapter {path} is missing"
            if sha256_of(path) != sha256:
                return f"the adapter {path} was changed"
            return self._manifest_problem(path.parent, manifest_sha256)
        except (EngineError, IntegrityError) as error:
            return error.message

    def manifest(self, sha256: str, manifest_sha256: str | None = None) -> Mapping[str, JsonValue]:
        """The manifest of the adapter: the first one, or the one that has the hash `manifest_sha256`.

        Raises:
            IntegrityError: there is none, or it is no JSON object.
        """
        directory = self.path(sha256).parent
        for path in _manifest_files(directory):
            if manifest_sha256 is not None and sha256_of(path) != manifest_sha256:
                continue
            try:
                value: object = json.loads(path.read_bytes())
            except (OSError, ValueError):
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
        directory = self.path(sha256).parent
        if directory.is_dir() and self._manifest_problem(directory, wanted) is not None:
            write_durably(directory / f"manifest-{wanted}.json", text)
        return wanted

    def remove_unnamed_manifests(self, sha256: str, named: Collection[str]) -> int:
        """Removes the adapter's manifests whose hash is not in `named`, and says how many; under the write lock."""
        unnamed = [file for file in _manifest_files(self.path(sha256).parent) if sha256_of(file) not in named]
        for file in unnamed:
            file.unlink(missing_ok=True)
        return len(unnamed)

    def discard(self, sha256: str, manifest_sha256: str, *, named: Collection[tuple[str, str]]) -> None:
        """Removes the manifest, and the adapter with it, unless a pair of hashes in `named` still needs them."""
        directory = self.path(sha256).parent
        if not any(adapter == sha256 for adapter, _ in named):
            self._remove(directory)
        elif (sha256, manifest_sha256) not in named:
            for path in _manifest_files(directory):
                if sha256_of(path) == manifest_sha256:
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
        return sweep_temporary(self._directory)

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
        if not stored.is_file() or sha256_of(stored) != final.name:
            write_durably(stored, adapter.read_bytes())
        wanted = hashlib.sha256(manifest).hexdigest()
        if self._manifest_problem(final, wanted) is None:
            return
        first = final / MANIFEST_NAME
        write_durably(first if not first.exists() else final / f"manifest-{wanted}.json", manifest)

    def _manifest_problem(self, directory: Path, manifest_sha256: str) -> str | None:
        files = _manifest_files(directory)
        if not files:
            return f"the manifest {directory / MANIFEST_NAME} is missing"
        if any(sha256_of(path) == manifest_sha256 for path in files):
            return None
        named = directory / f"manifest-{manifest_sha256}.json"
        return f"the manifest {named if named in files else directory / MANIFEST_NAME} was changed"


def _manifest_files(directory: Path) -> tuple[Path, ...]:
    """The first manifest, then those of later updates with the same adapter."""
    first = directory / MANIFEST_NAME
    return (*((first,) if first.is_file() else ()), *sorted(directory.glob("manifest-*.json")))


def _manifest_bytes(manifest: Mapping[str, JsonValue], sha256: str) -> bytes:
    """The manifest as it is stored: the same bytes for the same values."""
    if manifest.get("adapter_sha256", sha256) != sha256:
        raise IntegrityError(f"a manifest names another adapter than the file that came with it, {sha256}")
    return canonical({**manifest, "adapter_sha256": sha256})
