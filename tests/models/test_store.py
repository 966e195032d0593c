"""What lies under a final name is whole and verified; every interruption leaves the store as it was."""

from __future__ import annotations

import hashlib
import os
import resource
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_models import durable
from edge_models.catalog import Catalog, Manifest, ManifestFile, PathSource
from edge_models.errors import DamagedFile, FetchFailed, HashMismatch, ModelError, NotPulled, UnknownModel
from edge_models.store import ModelStore, PullProgress
from tests.support.tiny_gguf import write_tiny_gguf

NAME = "tiny.gguf"


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    directory = tmp_path / "origin"
    directory.mkdir()
    return write_tiny_gguf(directory / NAME)


def catalog(origin: Path, *, sha256: str | None = "", size: int | None = None, also: tuple[Path, ...] = ()) -> Catalog:
    """One chat model whose file comes from `origin`, by default with its hash."""
    sha256 = durable.sha256_of(origin) if sha256 == "" else sha256
    sources = tuple(PathSource(kind="path", path=path) for path in (*also, origin))
    file = ManifestFile(name=NAME, size=size, sha256=sha256, sources=sources)
    return Catalog(
        [Manifest(name="tiny", title="Tiny", licence="MIT", kind="chat", architecture="llama", files=(file,))]
    )


@pytest.fixture
def store(tmp_path: Path, origin: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", tmp_path / "shared", catalog=catalog(origin))


def files_in(directory: Path) -> list[str]:
    """Every file but the lock and the stamps."""
    names = (path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
    return sorted(name for name in names if name not in (".lock", "stamps.json"))


def age(path: Path) -> None:
    """Puts the file's time back, so that its stamp is one that may be kept."""
    os.utime(path, ns=(10**18, 10**18))


def flip_a_byte(path: Path, place: int = -100) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_pulled_model_is_found_under_its_hash(store: ModelStore, origin: Path) -> None:
    with pytest.raises(NotPulled, match=NAME) as caught:
        store.locate("tiny")
    assert caught.value.next_step == "edge-seal models pull tiny"
    assert not store.list()[0].complete
    (stored,) = store.pull("tiny")
    assert stored.path == store.directory / durable.sha256_of(origin) / NAME
    assert stored.path.read_bytes() == origin.read_bytes()
    assert store.locate("tiny") == {NAME: stored.path}
    assert store.list()[0].complete
    assert stored.path.stat().st_mode & 0o777 == 0o600
    assert {path.stat().st_mode & 0o777 for path in (store.directory, stored.path.parent)} == {0o700}


def test_what_is_there_is_not_fetched_again(store: ModelStore, origin: Path) -> None:
    store.pull("tiny")
    origin.unlink()
    heard: list[PullProgress] = []
    store.pull("tiny", heard.append)
    assert [progress.phase for progress in heard] == ["present"]


def test_an_unknown_name_is_an_error(store: ModelStore) -> None:
    for ask in (store.locate, store.pull, store.verify):
        with pytest.raises(UnknownModel):
            ask("absent")


@pytest.mark.parametrize("wrong", ["hash", "size", "structure"])
def test_a_wrong_file_never_gets_a_final_name(tmp_path: Path, origin: Path, wrong: str) -> None:
    if wrong == "structure":
        origin.write_bytes(origin.read_bytes()[:-1000])
    known = catalog(origin, sha256="0" * 64 if wrong == "hash" else "", size=origin.stat().st_size + (wrong == "size"))
    store = ModelStore(tmp_path / "models", catalog=known)
    with pytest.raises(DamagedFile if wrong == "structure" else HashMismatch, match="tiny"):
        store.pull("tiny")
    assert files_in(store.directory) == []
    with pytest.raises(NotPulled):
        store.locate("tiny")


def test_a_changed_file_is_noticed_and_pull_repairs_it(store: ModelStore, origin: Path) -> None:
    (stored,) = store.pull("tiny")
    flip_a_byte(stored.path)
    with pytest.raises(HashMismatch, match="is damaged") as caught:
        store.locate("tiny")
    assert caught.value.next_step == "edge-seal models pull tiny"
    assert [check.state for check in store.verify("tiny")] == ["damaged"]
    store.pull("tiny")
    assert store.locate("tiny")[NAME].read_bytes() == origin.read_bytes()


def test_a_stamp_spares_the_hashing_until_the_file_changes(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    (stored,) = store.pull("tiny")
    age(stored.path)
    store.locate("tiny")
    hashed: list[Path] = []
    whole = durable.sha256_of

    def counted(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
        hashed.append(path)
        return whole(path, on_bytes)

    monkeypatch.setattr(durable, "sha256_of", counted)
    store.locate("tiny")
    assert hashed == []
    assert [check.state for check in store.verify("tiny")] == ["verified"]
    assert hashed == [stored.path]
    # The same length and the same times: only the time of the change itself, which nobody can set, gives it away.
    flip_a_byte(stored.path)
    age(stored.path)
    with pytest.raises(HashMismatch):
        store.locate("tiny")


def test_damaged_stamps_are_only_a_lost_cache(store: ModelStore) -> None:
    (stored,) = store.pull("tiny")
    stamps = store.directory / "stamps.json"
    for text in ("", "[", "[]", '{"a": 1}', '{"' + str(stored.path) + '": []}'):
        stamps.write_text(text, encoding="utf-8")
        assert store.locate("tiny") == {NAME: stored.path}


def test_a_shared_store_is_read_and_never_written(tmp_path: Path, origin: Path, store: ModelStore) -> None:
    shared = ModelStore(tmp_path / "shared", catalog=catalog(origin))
    (stored,) = shared.pull("tiny")
    before = files_in(tmp_path / "shared")
    assert store.locate("tiny") == {NAME: stored.path}
    assert store.pull("tiny")[0].path == stored.path
    assert files_in(tmp_path / "shared") == before
    flip_a_byte(stored.path)
    with pytest.raises(HashMismatch):
        store.locate("tiny")
    (own,) = store.pull("tiny")
    assert own.path.is_relative_to(store.directory)
    assert store.locate("tiny") == {NAME: own.path}


def test_ctrl_c_at_any_report_leaves_nothing(store: ModelStore) -> None:
    reports: list[PullProgress] = []
    ModelStore(store.directory.with_name("dry"), catalog=store.catalog).pull("tiny", reports.append)
    for last in range(len(reports) - 1):
        heard: list[PullProgress] = []

        def interrupt(progress: PullProgress, heard: list[PullProgress] = heard, last: int = last) -> None:
            heard.append(progress)
            if len(heard) > last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.pull("tiny", interrupt)
        assert files_in(store.directory) == []
    store.pull("tiny")


@contextmanager
def files_no_larger_than(size: int) -> Generator[None]:
    """The kernel refuses to let a file grow beyond `size`: what a full disk looks like to a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_in_words_and_leaves_nothing(store: ModelStore) -> None:
    with files_no_larger_than(10_000), pytest.raises(ModelError, match="disk is full"):
        store.pull("tiny")
    assert files_in(store.directory) == []
    store.pull("tiny")


def test_too_little_space_is_said_before_anything_is_fetched(tmp_path: Path, origin: Path) -> None:
    store = ModelStore(tmp_path / "models", catalog=catalog(origin, size=1 << 41))
    with pytest.raises(ModelError, match="needs 2097152 MiB"):
        store.pull("tiny")


def test_what_a_crash_left_is_swept_by_the_next_pull(store: ModelStore) -> None:
    store.directory.mkdir()
    durable.temporary_path(store.directory, NAME).write_bytes(b"half")
    left = durable.temporary_path(store.directory, "pip")
    left.mkdir()
    (left / "wheel").write_bytes(b"half")
    (stored,) = store.pull("tiny")
    assert files_in(store.directory) == [stored.path.relative_to(store.directory).as_posix()]


def test_sources_are_tried_in_order(tmp_path: Path, origin: Path) -> None:
    absent = tmp_path / "absent"
    store = ModelStore(tmp_path / "models", catalog=catalog(origin, also=(absent, tmp_path)))
    store.pull("tiny")
    nowhere = ModelStore(tmp_path / "other", catalog=catalog(origin, also=(absent,)))
    origin.unlink()
    with pytest.raises(FetchFailed, match="no source gave"):
        nowhere.pull("tiny")


def test_a_local_file_without_a_hash_is_recorded_at_first_and_enforced_after(tmp_path: Path, origin: Path) -> None:
    store = ModelStore(tmp_path / "models", catalog=catalog(origin, sha256=None))
    (stored,) = store.pull("tiny")
    assert stored.sha256 == hashlib.sha256(origin.read_bytes()).hexdigest()
    assert store.locate("tiny") == {NAME: stored.path}
    stored.path.unlink()
    flip_a_byte(origin)
    with pytest.raises(HashMismatch, match="its first fetch says"):
        store.pull("tiny")
    (store.directory / "first-fetches.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DamagedFile, match="first-fetches"):
        store.pull("tiny")


def test_a_home_that_cannot_be_written_is_hashed_each_time(tmp_path: Path, origin: Path, store: ModelStore) -> None:
    (stored,) = ModelStore(tmp_path / "shared", catalog=catalog(origin)).pull("tiny")
    age(stored.path)
    store.directory.write_text("a file where the directory should be", encoding="utf-8")
    for _ in range(2):
        assert store.locate("tiny") == {NAME: stored.path}
