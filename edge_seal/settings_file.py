"""One setting changed in `config.toml`: comments, order and spacing stay as the user wrote them.

Invariant: what is written is a file that `config.load_settings` accepts; a value that does not fit changes nothing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import tomlkit
from pydantic import BaseModel, ValidationError
from tomlkit.exceptions import TOMLKitError

from edge_seal.config import Settings, describe
from edge_seal.errors import ConfigError, EngineError, IntegrityError
from edge_seal.storage.durable_file import write_durably

SettingValue = bool | int | float | str


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A change that fits: `key` is `section.name`; `before` is what held until now, the default included."""

    path: Path
    key: str
    before: SettingValue
    after: SettingValue
    settings: Settings
    text: str
    former_text: str | None

    def write(self) -> None:
        """Writes the file, durably.

        Raises:
            EngineError: the system refused; the file is as it was.
        """
        write_durably(self.path, self.text.encode())

    def note(self, journal: Path, entry_hash: str) -> None:
        """Keeps what the file was, and the hash of the entry that records the change, until both are on the disk."""
        write_durably(journal, json.dumps({"entry": entry_hash, "former": self.former_text}).encode())


def take_back(path: Path, journal: Path, is_recorded: Callable[[str], bool]) -> None:
    """After a crash: the settings file `path` as it was, if the change in `journal` was not recorded.

    Raises:
        IntegrityError: the journal is no such file.
        EngineError: the system refused.
    """
    try:
        noted: object = json.loads(journal.read_bytes())
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise _damaged(journal) from error
    told = cast("dict[str, object]", noted) if isinstance(noted, dict) else {}
    entry, former = told.get("entry"), told.get("former")
    if not isinstance(entry, str) or not isinstance(former, str | None):
        raise _damaged(journal)
    if not is_recorded(entry):
        _put_back(path, former)
    # What is left of it is read again at the next start, and says the same.
    with contextlib.suppress(OSError):
        journal.unlink(missing_ok=True)


def _put_back(path: Path, former: str | None) -> None:
    if former is not None:
        write_durably(path, former.encode())
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise EngineError(
            f"could not remove {path}: {error.strerror or error}", next_step="check its rights"
        ) from error


def _damaged(journal: Path) -> IntegrityError:
    return IntegrityError(
        f"{journal} is damaged: a change of the settings was cut off",
        next_step=f"look at config.toml, delete {journal}",
    )


def planned_change(path: Path, section: str, name: str, value: str) -> SettingChange:
    """The change of `section.name` in the settings file `path` to what `value` says.

    Raises:
        ConfigError: the file is damaged, there is no such setting, or the value does not fit it.
    """
    key = f"{section}.{name}"
    former = _read(path)
    try:
        document = tomlkit.parse(former or "")
        before = _setting(Settings.model_validate(document.unwrap()), section, name)
    except TOMLKitError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", next_step=f"correct {path}") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {describe(error)}", next_step=f"correct {path}") from error
    wanted = {**document.unwrap()}
    wanted[section] = {**cast("dict[str, object]", wanted.get(section, {})), name: value}
    try:
        settings = Settings.model_validate(wanted)
    except ValidationError as error:
        raise ConfigError(f"{describe(error)}; nothing was changed", next_step=f"{key} is {before} now") from error
    after = _setting(settings, section, name)
    if section not in document:
        document[section] = tomlkit.table()
    cast("dict[str, object]", document[section])[name] = after
    return SettingChange(path, key, before, after, settings, tomlkit.dumps(document), former)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error


def _setting(settings: Settings, section: str, name: str) -> SettingValue:
    part = cast("object", getattr(settings, section, None))
    known = list(type(part).model_fields) if isinstance(part, BaseModel) else []
    if name not in known:
        raise ConfigError(
            f"there is no setting {section}.{name}",
            next_step=f"the settings of {section} are {', '.join(known)}" if known else "edge-seal config show",
        )
    return cast("SettingValue", getattr(part, name))
