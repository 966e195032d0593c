"""The keymap file: other keys for what the interface does, checked before any of it is used.

`keymap.toml` in the config directory holds `"chat.correct" = "ctrl+r,f11"` lines: the id of a binding, as the help of
each screen and `docs/interface.md` list it, and one key or several. Ids that are not named keep their keys.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from textual.binding import Binding, BindingType
from textual.keys import Keys

from edge_seal.errors import ConfigError

_MODIFIERS: Final = frozenset({"ctrl", "alt", "shift", "super", "hyper", "meta"})
_NAMED: Final = frozenset(key.value for key in Keys)
_CHARACTER_NAME: Final = re.compile(r"[a-z]+(?:_[a-z]+)*")


def bindings_with_ids(groups: Mapping[str, Iterable[BindingType]]) -> dict[str, dict[str, Binding]]:
    """By group (what has the keyboard at one time), the bindings that can be given other keys, by id."""
    return {
        group: {binding.id: binding for binding in bindings if isinstance(binding, Binding) and binding.id is not None}
        for group, bindings in groups.items()
    }


def load_keymap(path: Path, known: Mapping[str, Mapping[str, Binding]]) -> dict[str, str]:
    """The keys of the file by binding id; none where there is no file.

    Args:
        known: as `bindings_with_ids` gives it; those of the group `app` hold beside every other group's.

    Raises:
        ConfigError: not TOML, an id or a key that does not exist, or one key for two things at once.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", next_step=f"correct {path}") from error
    ids = {binding_id: binding for group in known.values() for binding_id, binding in group.items()}
    keymap: dict[str, str] = {}
    for binding_id, keys in written.items():
        if binding_id not in ids:
            raise ConfigError(
                f"{path}: there is nothing called {binding_id!r}",
                next_step="F1 lists the ids; one with a dot stands in quotes",
            )
        if not isinstance(keys, str) or not keys.strip():
            raise ConfigError(f"{path}: {binding_id} needs a key, or several with commas between them")
        keymap[binding_id] = ",".join(_checked(key.strip(), binding_id, path) for key in keys.split(","))
        if ids[binding_id].priority and binding_id.partition(".")[0] in {"app", "go", "chat"}:
            _refuse_letters(keymap[binding_id], binding_id, path)
    _refuse_clashes(path, known, keymap)
    return keymap


def _checked(key: str, binding_id: str, path: Path) -> str:
    *modifiers, last = key.split("+") if key != "+" else ["plus"]
    is_key = last in _NAMED or (len(last) == 1 and last.isprintable()) or _CHARACTER_NAME.fullmatch(last) is not None
    if not set(modifiers) <= _MODIFIERS or not is_key or (len(last) > 1 and last not in _NAMED and not _is_named(last)):
        raise ConfigError(
            f"{path}: {binding_id}: there is no key {key!r}",
            next_step="keys are written like ctrl+r, f9, alt+x, shift+tab, question_mark",
        )
    return "plus" if key == "+" else key


def _refuse_letters(keys: str, binding_id: str, path: Path) -> None:
    """What is obeyed before what is written may not be a character alone: it could no longer be written."""
    for key in keys.split(","):
        if len(key) == 1 or (key not in _NAMED and _CHARACTER_NAME.fullmatch(key) is not None):
            raise ConfigError(
                f"{path}: {binding_id}: {key} could then not be typed any more",
                next_step="it needs a function key, or one with ctrl or alt",
            )


def _is_named(name: str) -> bool:
    """Whether `name` is a character's Unicode name as Textual writes it (`question_mark`)."""
    import unicodedata

    try:
        unicodedata.lookup(name.replace("_", " ").upper())
    except KeyError:
        return name in {"plus", "minus", "slash", "equals_sign"}
    return True


def _refuse_clashes(path: Path, known: Mapping[str, Mapping[str, Binding]], keymap: Mapping[str, str]) -> None:
    common = known.get("app", {})
    for group, bindings in known.items():
        owners: dict[str, str] = {}
        for binding_id, binding in {**common, **bindings}.items():
            for key in keymap.get(binding_id, binding.key).split(","):
                other = owners.setdefault(key, binding_id)
                clash = other != binding_id and (binding_id in keymap or other in keymap)
                if clash and binding.action != {**common, **bindings}[other].action:
                    raise ConfigError(
                        f"{path}: {key} would be both {other} and {binding_id} ({group})",
                        next_step="give one of them another key",
                    )
