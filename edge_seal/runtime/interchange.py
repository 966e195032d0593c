"""Adapters out to other programs, and in from anywhere.

What comes in is hostile until it was checked: it is copied first, so that what was checked is what is used; its form,
sizes, names, shapes and values are checked before a native library sees it; it has to be known for which model file it
is; and then it waits for a person, whatever the gate says.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

from edge_seal.errors import ConfigError, EdgeSealError, EngineError, IntegrityError
from edge_seal.plain_text import plain_text
from edge_seal.records import Progress, Update
from edge_seal.runtime.construction import models_as_ours
from edge_seal.runtime.learning import Learning
from edge_seal.safekeeping import exports
from edge_seal.storage.durable_file import copy_hashed, publish_directory, temporary_beside, write_durably
from edge_seal.updates.canonical import JsonValue

if TYPE_CHECKING:
    from edge_models.adapted_base import AdaptedBase
    from edge_models.adapter import LoraTensors
    from edge_seal.adaptation.imported import ImportReport

AdapterFormat = Literal["gguf", "peft", "mlx"]

MAX_ADAPTER_BYTES: Final = 1 << 30
MAX_MANIFEST_BYTES: Final = 1 << 24
MAX_NAME_CHARACTERS: Final = 120
MANIFEST: Final = "manifest.json"
"""The manifest's name in an exported directory; beside a GGUF file it is `<file>.manifest.json`."""

_PACKED: Final = ("adapter", "adapter.gguf")
"""What an adapter is called within an encrypted export: the directory, and the file."""
_HASH: Final = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class _Brought:
    """Copies of what was given, all below one scratch directory: `main` is the GGUF file, or the directory."""

    main: Path
    is_directory: bool
    files: tuple[tuple[str, str], ...]
    manifest: Mapping[str, JsonValue] | None
    manifest_sha256: str | None


class Interchange(Learning):
    """Exports and imports adapters."""

    def export_adapter(self, update_id: str, path: Path, form: AdapterFormat = "gguf") -> tuple[Path, Path]:
        """The adapter of an update as a file (`gguf`) or a directory (`peft`, `mlx`), with its manifest.

        Returns the paths of the adapter and of the manifest. Nothing is overwritten.

        Raises:
            EdgeSealError: it has no adapter, something is there already, or another model file is in use; or it
                learned what was forgotten since.
            IntegrityError: the stored adapter is damaged.
        """
        update = self.releases.get(update_id)
        if self.forgetting.notice(update) is not None:
            raise EdgeSealError(
                f"update {update.id} learned what you forgot, so it is not given out",
                next_step="edge-seal learn trains anew without it",
            )
        if update.adapter_sha256 is None or update.manifest_sha256 is None:
            raise EdgeSealError(f"update {update.id} has no adapter", next_step="edge-seal updates list")
        problem = self.adapters.verify(update.adapter_sha256, update.manifest_sha256)
        if problem is not None:
            raise IntegrityError(f"{update.id} cannot be exported: {problem}", next_step="edge-seal audit verify")
        told = self.adapters.manifest_content(update.adapter_sha256, update.manifest_sha256)
        manifest = path.with_name(f"{path.name}.manifest.json") if form == "gguf" else path / MANIFEST
        for target in (path, manifest):
            if target.exists():
                raise EdgeSealError(f"{target} exists already", next_step="name another one with --output")
        if form == "gguf":
            write_durably(path, self.adapters.content(update.adapter_sha256))
            write_durably(manifest, told)
            return path, manifest
        return self._export_directory(update, update.adapter_sha256, path, form, told), manifest

    def export_sealed_adapter(self, update_id: str, path: Path, form: AdapterFormat = "gguf") -> Path:
        """As `export_adapter`, as one file behind a new passphrase, which `import_adapter` takes in any home.

        Raises:
            ConfigError: nobody gave a passphrase, or it is too short.
            EdgeSealError, IntegrityError: see `export_adapter`.
        """
        if path.exists():
            raise EdgeSealError(f"{path} exists already", next_step="name another one with --output")
        if self.passphrases is None:
            raise ConfigError("there is nobody to ask for a passphrase")
        with self.adapters.scratch(locked=False) as scratch:
            self.export_adapter(update_id, scratch / _PACKED[form == "gguf"], form)
            sealed = exports.sealed_export(exports.packed(scratch), self.passphrases.chosen())
        write_durably(path, sealed)
        return path

    def _export_directory(
        self, update: Update, adapter_sha256: str, path: Path, form: Literal["peft", "mlx"], manifest: bytes
    ) -> Path:
        from edge_models.adapter import read_gguf_adapter
        from edge_models.adapter_directories import write_adapter_directory

        if update.base_sha256 != self.base_sha256:
            raise EdgeSealError(
                f"update {update.id} is for the model file {update.base_sha256}, and its heads are needed for {form}",
                next_step="edge-seal models use the model it was learned on",
            )
        staged = temporary_beside(path)
        try:
            staged.mkdir(mode=0o700, parents=True)
            with models_as_ours():
                lora = read_gguf_adapter(self.adapters.path(adapter_sha256))
                write_adapter_directory(staged, form, lora, self._adapted_base())
            write_durably(staged / MANIFEST, manifest)
            publish_directory(staged, path)
        except OSError as error:
            raise EngineError(f"cannot write {path}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        return path

    def import_adapter(
        self, path: Path, *, base: str | None = None, on_progress: Callable[[Progress], None] | None = None
    ) -> ImportReport:
        """Checks and measures the adapter at `path` and keeps it as an update that waits for approval.

        Args:
            path: a GGUF file, or the directory of a PEFT or an mlx-lm adapter; a manifest of ours beside it is
                verified and says for which model it is. Or what `export_sealed_adapter` made of either.
            base: where there is no manifest: the SHA-256 of the model file it was trained for (its beginning is
                enough), or the name of the model in use.
            on_progress: what the gate is doing.

        Raises:
            ConfigError: it is not known for which model the adapter is.
            EdgeSealError: it is for another model, or is no adapter that can be taken over.
            IntegrityError: its bytes contradict each other or its manifest.
        """
        if not exports.is_sealed_export(path):
            return self._import_plain(path, base, on_progress)
        if path.stat().st_size > MAX_ADAPTER_BYTES:
            raise EdgeSealError(f"{path} is larger than any adapter: {path.stat().st_size} bytes")
        with self.adapters.scratch(locked=False) as scratch:
            exports.unpack(exports.opened_export(path.read_bytes(), self.passphrases, str(path)), scratch, str(path))
            held = next((scratch / name for name in _PACKED if (scratch / name).exists()), None)
            if held is None:
                raise IntegrityError(f"{path} holds no adapter", next_step="edge-seal adapters export … --encrypt")
            return self._import_plain(held, base, on_progress)

    def _import_plain(
        self, path: Path, base: str | None, on_progress: Callable[[Progress], None] | None
    ) -> ImportReport:
        from edge_seal.adaptation.imported import Provenance, import_adapter

        with self.writing(), self.adapters.scratch() as scratch:
            brought = _copied(path, scratch)
            known_by = self._require_base(path, brought, base)
            with models_as_ours():
                form, lora = _read(brought, self._adapted_base())
                _require_as_told(path, brought, lora, scratch)
            self._served = None  # the gate sets adapters of its own
            try:
                return import_adapter(
                    lora,
                    Provenance(form, brought.files, known_by, brought.manifest_sha256),
                    engine=self.engine,
                    releases=self.releases,
                    adapters=self.adapters,
                    bounds=self.settings.gate,
                    cache=self.home.cache,
                    clock=self.clock,
                    on_progress=on_progress or _hear_nothing,
                )
            finally:
                self.engine.use_adapter(None)

    def _adapted_base(self) -> AdaptedBase:
        from edge_models.adapted_base import read_base
        from edge_models.gguf_file import GgufFile

        with GgufFile.open(self.model_path) as file:
            return read_base(file)

    def _require_base(self, path: Path, brought: _Brought, stated: str | None) -> str:
        """How it is known that the adapter is for the model in use: `manifest` or `stated`."""
        told = None if brought.manifest is None else brought.manifest.get("base_sha256")
        if told is not None and told != self.base_sha256:
            raise EdgeSealError(
                f"{path} is for the model file {str(told)[:64]}, in use is {self.base_sha256}",
                next_step="edge-seal models list",
            )
        if stated is not None:
            fits = stated == self.settings.model.name or (
                _HASH.fullmatch(stated) is not None and self.base_sha256.startswith(stated)
            )
            if not fits:
                raise EdgeSealError(
                    f"--base says {stated!r}; in use is {self.settings.model.name}, {self.base_sha256}",
                    next_step="edge-seal models list",
                )
        if told is None and stated is None:
            raise ConfigError(
                f"{path} does not say for which model file it is",
                next_step=f"if it was trained for the model in use: --base {self.base_sha256[:16]}",
            )
        return "stated" if told is None else "manifest"


def _copied(path: Path, scratch: Path) -> _Brought:
    """The files of the adapter and its manifest, copied and hashed.

    Raises:
        EdgeSealError: there is none, or it is too large.
    """
    from edge_models.adapter_directories import CONFIG, WEIGHTS

    weights = [path.name] if path.is_file() else [CONFIG, *WEIGHTS.values()]
    if path.is_file() and path.suffix != ".gguf":
        if path.suffix != ".safetensors":
            raise EdgeSealError(
                f"{path.name} is neither a .gguf file nor a directory of PEFT or mlx-lm; pickled files are never opened"
            )
        return _copied(path.absolute().parent, scratch)  # its description lies beside it
    directory = path.parent if path.is_file() else path
    main = scratch / "brought"
    main.mkdir(mode=0o700)
    files: list[tuple[str, str]] = []
    for name in weights:
        if not (directory / name).is_file():
            continue
        _require_size(directory / name, MAX_ADAPTER_BYTES)
        files.append((_told_name(name), copy_hashed(directory / name, main / name)))
    if not files:
        raise EdgeSealError(f"there is no adapter at {path}", next_step="edge-seal adapters import --help")
    beside = path.with_name(f"{path.name}.manifest.json") if path.is_file() else path / MANIFEST
    manifest, sha256 = _manifest(beside)
    return _Brought(main / path.name if path.is_file() else main, path.is_dir(), tuple(files), manifest, sha256)


def _told_name(name: str) -> str:
    """The name of a file as the audit trail and every export may keep it: one line, short, nothing withheld in it.

    Whoever made the file chose it.
    """
    from edge_seal.adaptation.guardian import Purpose, judge, redacted

    line = " ".join(plain_text(name).split())[:MAX_NAME_CHARACTERS]
    return redacted(line, judge(line, purpose=Purpose.TRAIN)) or "a file without a name"


def _require_size(path: Path, most: int) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror or error}") from error
    if size > most:
        raise EdgeSealError(f"{path} has {size >> 20} MiB; an adapter has at most {most >> 20}")


def _manifest(path: Path) -> tuple[Mapping[str, JsonValue] | None, str | None]:
    if not path.is_file():
        return None, None
    _require_size(path, MAX_MANIFEST_BYTES)
    try:
        content = path.read_bytes()
        found: object = json.loads(content)
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"the manifest {path} is no JSON") from error
    if not isinstance(found, dict) or cast("dict[str, object]", found).get("format") != "edge-seal-patch/1":
        raise IntegrityError(f"{path} is no manifest of a patch (edge-seal-patch/1)")
    manifest = cast("dict[str, JsonValue]", found)
    for key in ("base_sha256", "adapter_sha256"):
        value = manifest.get(key)
        if not isinstance(value, str) or re.fullmatch(r"[0-9a-f]{64}", value) is None:
            raise IntegrityError(f"the manifest {path} has no {key}")
    return manifest, hashlib.sha256(content).hexdigest()


def _read(brought: _Brought, base: AdaptedBase) -> tuple[AdapterFormat, LoraTensors]:
    from edge_models.adapter import read_gguf_adapter
    from edge_models.adapter_directories import read_adapter_directory

    if brought.is_directory:
        return read_adapter_directory(brought.main, base)
    lora = read_gguf_adapter(brought.main)
    base.require_fit(lora)
    return "gguf", lora


def _require_as_told(path: Path, brought: _Brought, lora: LoraTensors, scratch: Path) -> None:
    """The manifest names the hash of the adapter as we write it, in whatever form it came."""
    from edge_models.adapter import write_gguf_adapter

    if brought.manifest is None:
        return
    written = write_gguf_adapter(scratch / "as-told.gguf", lora)
    found, told = hashlib.sha256(written.read_bytes()).hexdigest(), brought.manifest["adapter_sha256"]
    written.unlink()
    if found != told:
        raise IntegrityError(
            f"{path} is not what its manifest says: the adapter has the hash {found}, the manifest names {told}"
        )


def _hear_nothing(_: Progress) -> None:
    """Takes progress that nobody asked for."""
