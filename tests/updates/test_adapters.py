from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from edge_seal.errors import EdgeSealError, EngineError, IntegrityError
from edge_seal.updates.adapters import AdapterStore, StoredAdapter


@pytest.fixture
def store(tmp_path: Path) -> AdapterStore:
    return AdapterStore(tmp_path / "adapters")


def put(store: AdapterStore, tmp_path: Path, content: bytes = b"weights", update: str = "u1") -> StoredAdapter:
    source = tmp_path / "trained.gguf"
    source.write_bytes(content)
    return store.put(source, {"update": update, "gate": {"passed": True}})


def everything(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_an_adapter_is_named_by_its_content_and_private(store: AdapterStore, tmp_path: Path) -> None:
    stored = put(store, tmp_path)
    sha256 = hashlib.sha256(b"weights").hexdigest()
    assert stored.sha256 == sha256
    assert stored.path == store.path(sha256) == tmp_path / "adapters" / sha256 / "adapter.gguf"
    assert stored.path.read_bytes() == b"weights"
    manifest = stored.path.with_name("manifest.json").read_bytes()
    assert hashlib.sha256(manifest).hexdigest() == stored.manifest_sha256
    assert json.loads(manifest) == {"update": "u1", "gate": {"passed": True}, "adapter_sha256": sha256}
    assert store.manifest(sha256) == json.loads(manifest)
    assert store.verify(sha256, stored.manifest_sha256) is None
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "adapters").rglob("*")} == {0}


@pytest.mark.parametrize("name", ["adapter.gguf", "manifest.json"])
def test_a_flipped_byte_is_named(store: AdapterStore, tmp_path: Path, name: str) -> None:
    stored = put(store, tmp_path)
    path = stored.path.with_name(name)
    content = bytearray(path.read_bytes())
    for position in range(len(content)):
        content[position] ^= 1
        path.write_bytes(content)
        problem = store.verify(stored.sha256, stored.manifest_sha256)
        assert problem is not None
        assert f"{path} was changed" in problem
        content[position] ^= 1


@pytest.mark.parametrize("name", ["adapter.gguf", "manifest.json"])
def test_a_missing_file_is_named(store: AdapterStore, tmp_path: Path, name: str) -> None:
    stored = put(store, tmp_path)
    stored.path.with_name(name).unlink()
    problem = store.verify(stored.sha256, stored.manifest_sha256)
    assert problem is not None
    assert f"{name} is missing" in problem


def test_the_same_adapter_of_two_updates_keeps_both_manifests(store: AdapterStore, tmp_path: Path) -> None:
    first, second = put(store, tmp_path, update="u1"), put(store, tmp_path, update="u2")
    assert first.path == second.path
    assert store.verify(first.sha256, first.manifest_sha256) is None
    assert store.verify(second.sha256, second.manifest_sha256) is None
    assert store.manifest(first.sha256)["update"] == "u1"
    assert store.manifest(first.sha256, second.manifest_sha256)["update"] == "u2"
    before = everything(tmp_path)
    assert put(store, tmp_path, update="u2") == second
    assert everything(tmp_path) == before


def test_discarding_one_of_two_updates_keeps_the_other(store: AdapterStore, tmp_path: Path) -> None:
    first, second = put(store, tmp_path, update="u1"), put(store, tmp_path, update="u2")
    store.discard(first.sha256, first.manifest_sha256, named={(second.sha256, second.manifest_sha256)})
    assert store.verify(second.sha256, second.manifest_sha256) is None
    assert store.verify(first.sha256, first.manifest_sha256) is not None
    assert store.manifest(first.sha256)["update"] == "u2"
    store.discard(second.sha256, second.manifest_sha256, named=set())
    assert everything(tmp_path / "adapters") == []


def test_putting_a_damaged_adapter_again_makes_it_whole(store: AdapterStore, tmp_path: Path) -> None:
    stored = put(store, tmp_path)
    stored.path.write_bytes(b"wreckage")
    assert put(store, tmp_path) == stored
    assert store.verify(stored.sha256, stored.manifest_sha256) is None


def test_what_cannot_be_stored_leaves_nothing(store: AdapterStore, tmp_path: Path) -> None:
    source = tmp_path / "trained.gguf"
    with pytest.raises(EngineError, match="could not copy"):
        store.put(source, {})
    source.write_bytes(b"weights")
    with pytest.raises(IntegrityError, match="names another adapter"):
        store.put(source, {"adapter_sha256": "0" * 64})
    with pytest.raises(EdgeSealError, match="canonical JSON"):
        store.put(source, {"loss": float("inf")})
    assert everything(tmp_path / "adapters") == []


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "A" * 64, "a" * 63])
def test_a_name_that_is_no_hash_leads_nowhere(store: AdapterStore, name: str) -> None:
    with pytest.raises(IntegrityError, match="no SHA-256"):
        store.path(name)
    assert store.verify(name, "0" * 64) is not None


def test_only_adapters_that_nobody_names_are_removed(store: AdapterStore, tmp_path: Path) -> None:
    kept, gone = put(store, tmp_path, b"kept"), put(store, tmp_path, b"gone")
    (tmp_path / "adapters" / "notes of the user").mkdir()
    assert store.remove_unnamed({kept.sha256}) == (gone.sha256,)
    assert store.verify(kept.sha256, kept.manifest_sha256) is None
    assert sorted(entry.name for entry in (tmp_path / "adapters").iterdir()) == sorted(
        [kept.sha256, "notes of the user"]
    )


def test_a_damaged_manifest_is_an_integrity_error(store: AdapterStore, tmp_path: Path) -> None:
    stored = put(store, tmp_path)
    for content in (b"{", b"[]", b"\xff"):
        stored.path.with_name("manifest.json").write_bytes(content)
        with pytest.raises(IntegrityError, match="missing or damaged"):
            store.manifest(stored.sha256)
