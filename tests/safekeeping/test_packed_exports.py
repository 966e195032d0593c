"""Files in an encrypted export: they come back as they were, and nothing lands outside of where they belong."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from edge_seal.errors import IntegrityError
from edge_seal.safekeeping import exports


def archive_of(member: tarfile.TarInfo, content: bytes = b"x") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        member.size = len(content) if member.isreg() else 0
        archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return made.getvalue()


def link_to(target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo("adapter.gguf")
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def test_files_come_back_as_they_were(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "adapter").mkdir(parents=True)
    target.mkdir()
    (source / "adapter" / "weights").write_bytes(bytes(range(256)) * 5)
    (source / "manifest.json").write_text("{}", encoding="utf-8")
    exports.unpack(exports.packed(source), target, "it")
    found = {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert found == {"adapter/weights": bytes(range(256)) * 5, "manifest.json": b"{}"}


@pytest.mark.parametrize(
    "hostile",
    [
        archive_of(tarfile.TarInfo("../outside")),
        archive_of(tarfile.TarInfo("a/../../outside")),
        archive_of(tarfile.TarInfo("/tmp/edge-seal-outside")),  # noqa: S108  # where it must not land
        archive_of(link_to("/etc/passwd")),
        b"no archive at all",
        archive_of(tarfile.TarInfo("whole"), b"y" * 4000)[:2000],
    ],
    ids=["above", "above by a detour", "absolute", "link", "not an archive", "cut off"],
)
def test_what_is_no_export_is_refused_and_nothing_lands_outside(tmp_path: Path, hostile: bytes) -> None:
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(IntegrityError):
        exports.unpack(hostile, target, "it")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and target not in path.parents] == []
    assert not Path("/tmp/edge-seal-outside").exists()  # noqa: S108  # where it must not land
