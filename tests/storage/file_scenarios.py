"""What is cut off in `test_durable_file_faults`."""

from __future__ import annotations

from pathlib import Path

from edge_seal.storage.durable_file import publish_directory, sweep_temporary, temporary_beside, write_durably

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
