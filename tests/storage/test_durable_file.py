from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from edge_seal.errors import EngineError, IntegrityError
from edge_seal.storage.durable_file import (
    TEMPORARY_PREFIX,
    publish_directory,
    sha256_of,
    sweep_temporary,
    write_durably,
)


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def staged(directory: Path, **files: bytes) -> Path:
    made = directory / f"{TEMPORARY_PREFIX}staged"
    made.mkdir()
    for name, content in files.items():
        (made / name).write_bytes(content)
    return made


def test_a_file_is_replaced_whole_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_durably(path, b"old")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["file"]


def test_a_write_that_cannot_be_done_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "directory"
    target.mkdir()
    (target / "inside").touch()
    with pytest.raises(EngineError, match="could not write"):
        write_durably(target, b"a file cannot replace a directory")
    assert names(tmp_path) == ["directory"]
    with pytest.raises(EngineError, match="No such file"):
        write_durably(tmp_path / "nowhere" / "file", b"")


def test_a_staged_directory_gets_its_final_name(tmp_path: Path) -> None:
    publish_directory(staged(tmp_path, a=b"1", b=b"2"), tmp_path / "final")
    assert names(tmp_path) == ["final"]
    assert names(tmp_path / "final") == ["a", "b"]


def test_publishing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    publish_directory(staged(tmp_path, a=b"1"), tmp_path / "final")
    inode = (tmp_path / "final" / "a").stat().st_ino
    publish_directory(staged(tmp_path, a=b"1"), tmp_path / "final")
    assert names(tmp_path) == ["final"]
    assert (tmp_path / "final" / "a").stat().st_ino == inode


def test_publishing_over_other_content_is_refused(tmp_path: Path) -> None:
    publish_directory(staged(tmp_path, a=b"1"), tmp_path / "final")
    with pytest.raises(IntegrityError, match="other content"):
        publish_directory(staged(tmp_path, a=b"2"), tmp_path / "final")
    assert (tmp_path / "final" / "a").read_bytes() == b"1"


def test_leftovers_are_swept_and_nothing_else(tmp_path: Path) -> None:
    staged(tmp_path, a=b"1")
    (tmp_path / f"{TEMPORARY_PREFIX}file").touch()
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "kept").touch()
    (tmp_path / f"{TEMPORARY_PREFIX}link").symlink_to(outside)
    write_durably(tmp_path / "kept", b"")
    assert sweep_temporary(tmp_path) == 3
    assert names(tmp_path) == ["kept"]
    assert names(outside) == ["kept"]
    assert sweep_temporary(tmp_path / "nowhere") == 0


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()
    with pytest.raises(EngineError, match="could not read"):
        sha256_of(tmp_path / "nowhere")
