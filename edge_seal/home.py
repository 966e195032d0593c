"""Where things are kept. Reads no file: the settings in it are `edge_seal.config`'s, and take longer to load."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from edge_seal.errors import ConfigError

DEFAULT_PROFILE: Final = "default"
_PROFILE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Home:
    """The directories of one installation, or of one profile of it. Under `EDGE_SEAL_HOME` all four lie in it."""

    data: Path
    config: Path
    state: Path
    cache: Path
    profile: str = DEFAULT_PROFILE

    @property
    def database(self) -> Path:
        return self.data / "edge-seal.db"

    @property
    def adapters(self) -> Path:
        return self.data / "adapters"

    @property
    def models(self) -> Path:
        return self.data / "models"

    @property
    def config_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def lock_file(self) -> Path:
        return self.state / "write.lock"

    @property
    def occupancy_file(self) -> Path:
        return self.state / "open.lock"

    @property
    def settings_lock(self) -> Path:
        return self.state / "settings.lock"

    @property
    def settings_journal(self) -> Path:
        return self.state / "settings-change.json"

    @property
    def head_file(self) -> Path:
        return self.state / "ledger-head"

    @property
    def key_file(self) -> Path:
        return self.data / "key.json"

    @property
    def backups(self) -> Path:
        return self.data / "backups"

    @property
    def journal(self) -> Path:
        return self.data / "replacement.json"

    def create(self) -> None:
        """Makes the directories, readable by their owner only.

        Raises:
            ConfigError: a directory cannot be made or is not writable.
        """
        for directory in (self.data, self.config, self.state, self.cache):
            try:
                # `parents=True` gives the mode to the last directory only, and the home itself is the one above.
                directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                directory.mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                raise ConfigError(
                    f"cannot make the directory {directory}: {error.strerror}",
                    next_step="set EDGE_SEAL_HOME to a directory you can write to",
                ) from error


def locate_home(profile: str | None = None) -> Home:
    """The home named by `EDGE_SEAL_HOME`, or the platform's own user directories.

    `profile` (None: what `EDGE_SEAL_PROFILE` says, or the default one) is one of several in it, each with files of its
    own below `profiles/NAME`. The default profile's are where they would be without any.

    Raises:
        ConfigError: no profile can have that name.
    """
    name = checked_profile(profile or os.environ.get("EDGE_SEAL_PROFILE") or DEFAULT_PROFILE)
    base = _base_home()
    if name == DEFAULT_PROFILE:
        return base
    root = os.environ.get("EDGE_SEAL_HOME")
    if root:
        own = Path(root).expanduser().absolute() / "profiles" / name
        return Home(own / "data", own / "config", own / "state", own / "cache", name)
    below = Path("profiles") / name
    # On macOS data, config and state are one directory; below it each profile keeps them apart.
    return Home(
        base.data / below / "data",
        base.config / below / "config",
        base.state / below / "state",
        base.cache / below / "cache",
        name,
    )


def profiles() -> tuple[Home, ...]:
    """The default profile and every other one that has files, by name."""
    base = _base_home()
    root = os.environ.get("EDGE_SEAL_HOME")
    places = {Path(root).expanduser().absolute()} if root else {base.data, base.config}
    names = {
        entry.name
        for place in places
        if (place / "profiles").is_dir()
        for entry in (place / "profiles").iterdir()
        if entry.is_dir() and _PROFILE_NAME.fullmatch(entry.name) is not None and entry.name != DEFAULT_PROFILE
    }
    return (base, *(locate_home(name) for name in sorted(names)))


def checked_profile(name: str) -> str:
    """`name`, if a profile can be called so.

    Raises:
        ConfigError: it cannot; it could lead out of the directory, or differ from another only in a way that some
            file systems do not see.
    """
    if _PROFILE_NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{name!r} cannot name a profile",
            next_step="a name has 1 to 32 small letters, digits, - and _, and begins with a letter or a digit",
        )
    return name


def _base_home() -> Home:
    root = os.environ.get("EDGE_SEAL_HOME")
    if root:
        base = Path(root).expanduser().absolute()
        return Home(base / "data", base / "config", base / "state", base / "cache")
    directories = platformdirs.PlatformDirs("edge-seal", appauthor=False)
    return Home(
        directories.user_data_path,
        directories.user_config_path,
        directories.user_state_path,
        directories.user_cache_path,
    )


def shared_models(profile: str = DEFAULT_PROFILE) -> Path:
    """Where models are looked for when the home does not hold them, and only read.

    Model files are large, named by their hash and the same for everybody, so several homes may share them:
    `EDGE_SEAL_MODELS`; for a profile with a name, those of the default profile; or those of the user's default home.
    """
    named = os.environ.get("EDGE_SEAL_MODELS")
    if named:
        return Path(named).expanduser().absolute()
    own = _base_home().models
    if profile != DEFAULT_PROFILE and own.is_dir():
        return own
    return platformdirs.PlatformDirs("edge-seal", appauthor=False).user_data_path / "models"
