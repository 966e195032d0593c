"""A home to oneself, for what replaces its files, and the clearing up after what a crash left."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

from edge_seal.config import Home
from edge_seal.errors import ConfigError, EdgeSealError
from edge_seal.storage import occupancy
from edge_seal.storage.durable_file import TEMPORARY_PREFIX, sweep_temporary
from edge_seal.storage.replacement import Replacement, wipe
from edge_seal.updates import write_lock


@contextlib.contextmanager
def alone_in(home: Home) -> Generator[Replacement]:
    """The home without any other process for the block; what a crash left is cleared up first.

    What an error in the block leaves is cleared up too: staged files go, unless it was decided already that they
    take their places.

    Raises:
        Busy: another process is in it; nothing was changed.
    """
    home.create()
    with occupancy.alone(home.occupancy_file), write_lock.hold(home.lock_file):
        clear_up(home)
        try:
            yield replacement(home)
        except BaseException:
            # The error that brought us here is the one to report; the next start clears up again.
            with contextlib.suppress(EdgeSealError, OSError):
                clear_up(home)
            raise


def replacement(home: Home) -> Replacement:
    """Replaces several of the home's files as one."""
    return Replacement(home.journal, {"data": real(home.data), "state": real(home.state)})


def clear_up(home: Home) -> None:
    """Finishes what was cut off after it was decided, and removes what was cut off before; only for who is alone."""
    replacement(home).finish()
    adapters = home.adapters.iterdir() if home.adapters.is_dir() else ()
    for directory in (home.data, home.state, home.backups, *(entry for entry in adapters if entry.is_dir())):
        if directory.is_dir():
            for leftover in directory.glob(f"{TEMPORARY_PREFIX}*"):
                # It may be a decrypted copy that was not to be.
                for file in leftover.rglob("*") if leftover.is_dir() else (leftover,):
                    wipe(file)
            sweep_temporary(directory)


def real(directory: Path) -> Path:
    """The directory itself, where a link leads to it."""
    try:
        return directory.resolve(strict=True)
    except OSError as error:
        raise ConfigError(f"cannot find {directory}: {error.strerror or error}") from error
