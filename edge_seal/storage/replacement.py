"""Several files replaced as one: all of them, or none.

Everything new is written under temporary names first. Then a journal that lists what takes whose place gets its name,
in one rename: that is the moment at which the change happens. What follows only carries it out, can be done again from
any point, and is done again by the next start. Before the journal nothing has happened, and the temporary names are
swept. So what a crash leaves is the state before or the state after, whatever the number of files.

Only for who has the home to itself (`occupancy.alone`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge_seal.errors import EngineError, IntegrityError
from edge_seal.storage.durable_file import TEMPORARY_PREFIX, sync_file, write_durably

_ZEROS: Final = bytes(1 << 20)


@dataclass(frozen=True, slots=True)
class Move:
    """`staged`, complete and synced, takes the place of `final`, on the same file system.

    `staged` None: `final` is removed. `wipe`: the bytes that were there are overwritten before their name goes.
    """

    final: Path
    staged: Path | None = None
    wipe: bool = False


class _Move(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    root: str
    final: str
    staged: str | None
    wipe: bool


class _Journal(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["edge-seal replacement v1"]
    moves: list[_Move]


class Replacement:
    """The journal `journal` over files below `roots`, whose names it uses: a home that was moved stays readable."""

    def __init__(self, journal: Path, roots: Mapping[str, Path]) -> None:
        self._journal = journal
        self._roots = roots

    def replace(self, moves: Sequence[Move]) -> None:
        """Carries out all `moves`, or none of them.

        Raises:
            EngineError: the system refused. If it did so after the journal had its name, the next start goes on.
        """
        for move in moves:
            if move.final.is_symlink():
                # Its name would be replaced, and what it leads to stay as it is: plain, where a home is encrypted.
                raise EngineError(
                    f"{move.final} is a link; {move.final.readlink()} would stay as it is, so nothing was changed",
                    next_step="put the file itself there, or link its directory instead",
                )
        directories = {move.staged.parent for move in moves if move.staged is not None}
        for directory in sorted(directories):
            sync_file(directory)
        listed = [self._written(move) for move in moves]
        journal = _Journal(format="edge-seal replacement v1", moves=listed)
        write_durably(self._journal, journal.model_dump_json(indent=1).encode())
        self.finish()

    def finish(self) -> bool:
        """Carries out what a journal lists, if there is one; whether there was.

        Raises:
            IntegrityError: the journal is damaged.
            EngineError: the system refused; the next start tries again.
        """
        try:
            content = self._journal.read_bytes()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise EngineError(f"cannot read {self._journal}: {error.strerror or error}") from error
        try:
            moves = [self._read(move) for move in _Journal.model_validate_json(content).moves]
        except (ValidationError, ValueError) as error:
            raise IntegrityError(
                f"{self._journal} is damaged ({type(error).__name__})", next_step="restore the home from a backup"
            ) from None
        try:
            for move in moves:
                _carry_out(move)
            for directory in sorted({move.final.parent for move in moves if move.final.parent.is_dir()}):
                sync_file(directory)
            self._journal.unlink()
            sync_file(self._journal.parent)
        except OSError as error:
            raise EngineError(
                f"could not finish replacing files: {error}", next_step="check the disk; the next command goes on"
            ) from error
        return True

    def _written(self, move: Move) -> _Move:
        for name, root in self._roots.items():
            if move.final.is_relative_to(root):
                staged = None if move.staged is None else move.staged.relative_to(root).as_posix()
                return _Move(root=name, final=move.final.relative_to(root).as_posix(), staged=staged, wipe=move.wipe)
        raise ValueError(f"{move.final} lies in none of the directories of the home")

    def _read(self, move: _Move) -> Move:
        root = self._roots.get(move.root)
        if root is None:
            raise ValueError("a directory that is not the home's")
        staged = None if move.staged is None else root / _inside(move.staged)
        if staged is not None and not staged.name.startswith(TEMPORARY_PREFIX):
            raise ValueError("a staged file without a temporary name")
        return Move(root / _inside(move.final), staged, move.wipe)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError("a path that leads out of the home")
    return path


def _carry_out(move: Move) -> None:
    if move.staged is None:
        if move.wipe:
            wipe(move.final)
        move.final.unlink(missing_ok=True)
    elif move.staged.exists():
        # Else it was moved before the crash: then nothing of the old bytes is left to wipe, and `final` is new.
        if move.wipe:
            wipe(move.final)
        move.final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        move.staged.replace(move.final)


def wipe(path: Path) -> None:
    """Overwrites the bytes in place, as far as the system lets us: a drive or a snapshot may keep the old ones."""
    with contextlib.suppress(OSError):
        status = path.lstat()
        # A file with a second name is somebody's copy on purpose; a link leads to what is not ours.
        if status.st_nlink != 1 or path.is_symlink() or not path.is_file():
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "wb") as file:
            left = status.st_size
            while left > 0:
                left -= file.write(_ZEROS[: min(left, len(_ZEROS))])
            file.flush()
            os.fsync(file.fileno())
