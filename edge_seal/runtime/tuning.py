"""The model in use in the type that is fastest on this machine: measured, chosen, recorded, and taken back.

The file as it was shipped stays. An adapter belongs to one file, so what was learned does not answer on another one
until `learn` has retrained its lessons.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge_seal.errors import ConfigError
from edge_seal.runtime.construction import models_as_ours
from edge_seal.runtime.upkeep import Upkeep
from edge_seal.runtime.values import USER
from edge_seal.settings_file import SettingChange
from edge_seal.storage.durable_file import write_durably
from edge_seal.updates.canonical import JsonValue

if TYPE_CHECKING:
    from edge_models.catalog import Manifest
    from edge_models.store import StoredFile
    from edge_seal.adaptation.tuning import TunedFile
    from edge_seal.engines.engine import Engine

DEFAULT_TYPES: Final = ("Q4_0", "Q8_0")
DEFAULT_BOUND_NATS: Final = 0.1

_TYPE_AT_THE_END: Final = re.compile(r"[.-](?:[IT]?Q[0-9]_[0-9A-Z_]+|B?F16|F32)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TuneReport:
    """What was measured and chosen. `change` is None where the model in use stays the one it was."""

    original: str
    measured: tuple[TunedFile, ...]
    chosen: TunedFile
    bound_nats: float
    change: SettingChange | None
    notices: tuple[str, ...]


class Tuning(Upkeep):
    """Chooses the fastest file of the model in use."""

    def tune(
        self,
        types: Sequence[str] = DEFAULT_TYPES,
        bound_nats: float = DEFAULT_BOUND_NATS,
        on_progress: Callable[[str], None] = lambda _words: None,
    ) -> TuneReport:
        """Measures the model's file as shipped and in other `types`, and switches to the fastest within the bound.

        Raises:
            ConfigError: a type that is not known.
            EngineError: a file cannot be made or measured; nothing has changed.
            Busy: another process is writing.
        """
        from edge_seal.adaptation.tuning import ORIGINAL, fastest, measure
        from edge_seal.engines.requantize import FILE_TYPES, requantize

        wanted = tuple(dict.fromkeys(name.strip().upper() for name in types))
        unknown = [name for name in wanted if name not in FILE_TYPES]
        if unknown or not wanted:
            raise ConfigError(f"--types names {', '.join(unknown) or 'nothing'}; there are {', '.join(FILE_TYPES)}")
        with self.writing(), models_as_ours():
            original = self._original()
            shipped = self._gguf(original)
            stem = _TYPE_AT_THE_END.sub("", shipped.stem)
            with self.store.workplace() as place:
                files = {ORIGINAL: shipped, **{name: place / f"{stem}.{name}.gguf" for name in wanted}}
                for name in wanted:
                    on_progress(f"making {files[name].name}")
                    requantize(shipped, files[name], name)
                measured = measure(
                    files,
                    self._opened,
                    self.home.cache,
                    lambda done, total, name: on_progress(f"measuring: {done} of {total}, {name}"),
                )
                chosen = fastest(measured, bound_nats)
                name = original.name
                if chosen.name != ORIGINAL:
                    name = self._keep(original, chosen.name, self.store.adopt(files[chosen.name]))
            change = self._switch(name, original, measured, bound_nats)
        notices = () if change is None else self.learned_elsewhere(self._gguf_of(name).parent.name)
        return TuneReport(original.name, measured, chosen, bound_nats, change, notices)

    def undo_tuning(self) -> tuple[SettingChange, tuple[str, ...]]:
        """Goes back to the file as it was shipped; with what the user should know then.

        Raises:
            ConfigError: the model in use was not made by tuning.
        """
        with models_as_ours():
            original = self.store.catalog.manifest(self.settings.model.name).tuned_from
        if original is None:
            raise ConfigError(
                f"{self.settings.model.name} is the file as it was shipped", next_step="edge-seal models list"
            )
        change = self.use_model(original)
        return change, self.learned_elsewhere(self._gguf_of(original).parent.name)

    def _original(self) -> Manifest:
        manifest = self.store.catalog.manifest(self.settings.model.name)
        return manifest if manifest.tuned_from is None else self.store.catalog.manifest(manifest.tuned_from)

    def _gguf(self, manifest: Manifest) -> Path:
        if manifest.gguf_name is None:
            raise ConfigError(f"{manifest.name} does not answer questions", next_step="edge-seal models list")
        return self.store.locate(manifest.name)[manifest.gguf_name]

    def _gguf_of(self, name: str) -> Path:
        self.__dict__.pop("store", None)  # its catalog is older than the manifest
        with models_as_ours():
            return self._gguf(self.store.catalog.manifest(name))

    def _opened(self, path: Path) -> Engine:
        from edge_seal.engines.selection import open_engine

        return open_engine(path, self.settings.model)

    def _keep(self, original: Manifest, type_name: str, stored: StoredFile) -> str:
        """Writes the manifest of the file that was made; returns its name."""
        name = f"{original.name[: 63 - len(type_name)]}.{type_name.lower()}"
        lines = [
            f"name = {_toml(name)}",
            f"title = {_toml(f'{original.title}, as {type_name}'[:200])}",
            f"licence = {_toml(original.licence)}",
            'kind = "chat"',
            f"architecture = {_toml(original.architecture)}",
            *([] if original.context_tokens is None else [f"context_tokens = {original.context_tokens}"]),
            "",
            "[[files]]",
            f"name = {_toml(stored.name)}",
            f"size = {stored.size}",
            f"sha256 = {_toml(stored.sha256)}",
            "",
            "[[files.sources]]",
            'kind = "tuned"',
            f"original = {_toml(original.name)}",
            f"type = {_toml(type_name)}",
        ]
        directory = self.home.config / "models"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(directory / f"{name}.toml", ("\n".join(lines) + "\n").encode())
        return name

    def _switch(
        self, name: str, original: Manifest, measured: Sequence[TunedFile], bound_nats: float
    ) -> SettingChange | None:
        """Records the figures, and makes `name` the model in use where it is not yet."""
        told: dict[str, JsonValue] = {
            "original": original.name,
            "bound_nats": _figure(bound_nats),
            "measured": [
                {
                    "name": one.name,
                    "prefill_tokens_s": _figure(one.prefill_tokens_s),
                    "decode_tokens_s": _figure(one.decode_tokens_s),
                    "nats": _figure(one.divergence.nats),
                    "top_1_agreement": _figure(one.divergence.top_1_agreement),
                }
                for one in measured
            ],
        }
        if name != self.settings.model.name:
            return self._set("models.tuned", "model", "name", name, told)
        body: dict[str, JsonValue] = {"before": name, "after": name, **told}
        with self.database.transaction():
            self.ledger.append("models.tuned", actor=USER, subject="model.name", body=body)
        return None


def _figure(value: float) -> str:
    return f"{value:.6g}"


def _toml(text: str) -> str:
    """A basic string: JSON's is one of TOML's."""
    return json.dumps(text, ensure_ascii=False)
