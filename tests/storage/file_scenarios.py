"""What is cut off in `test_durable_file_faults`."""

from __future__ import annotations

from pathlib import Path

from edge_seal.storage.durable_file import publish_directory, sweep_temporary, temporary_beside, write_durably
from edge_seal.storage.replacement import Move, Replacement

OLD, NEW = b"old" * 1000, b"new" * 2000


class Overwrite:
    """A file gets other bytes."""

    def prepare(self, directory: Path) -> None:
        write_durably(directory / "file", OLD)

    def act(self, directory: Path) -> None:
        write_durably(directory / "file", NEW)

    def judge(self, directory: Path, ended: str) -> str:
        sweep_temporary(directory)
        assert [entry.name for entry in directory.iterdir()] == ["file"]
        return {OLD: "before", NEW: "after"}[(directory / "file").read_bytes()]


class Publish:
    """A directory of two files appears."""

    def prepare(self, directory: Path) -> None:
        pass

    def act(self, directory: Path) -> None:
        staged = temporary_beside(directory / "final")
        try:
            staged.mkdir()
            (staged / "one").write_bytes(OLD)
            (staged / "two").write_bytes(NEW)
        except OSError:
            # The staging is the caller's; only the publishing is under test.
            return
        publish_directory(staged, directory / "final")

    def judge(self, directory: Path, ended: str) -> str:
        sweep_temporary(directory)
        found = {path.name: path.read_bytes() for path in directory.glob("final/*")}
        return {(): "before", (("one", OLD), ("two", NEW)): "after"}[tuple(sorted(found.items()))]


class Replace:
    """Of two files one gets other bytes and one goes, and a third appears, all at once: what encrypting a home does."""

    def prepare(self, directory: Path) -> None:
        for name in ("one", "two"):
            write_durably(directory / name, OLD)

    def act(self, directory: Path) -> None:
        staged = [temporary_beside(directory / name) for name in ("one", "three")]
        try:
            for file in staged:
                file.write_bytes(NEW)
        except OSError:
            # The staging is the caller's; only the replacing is under test.
            return
        moves = [
            Move(directory / "one", staged[0], wipe=True),
            Move(directory / "two", wipe=True),
            Move(directory / "inside" / "three", staged[1]),
        ]
        Replacement(directory / "journal", {"data": directory}).replace(moves)

    def judge(self, directory: Path, ended: str) -> str:
        Replacement(directory / "journal", {"data": directory}).finish()
        sweep_temporary(directory)
        files = (path for path in directory.rglob("*") if path.is_file())
        found = {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}
        if found == {"one": OLD, "two": OLD}:
            return "before"
        return "after" if found == {"one": NEW, "inside/three": NEW} else repr(sorted(found))
