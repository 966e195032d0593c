"""Downloads over HTTP survive what connections do, and never mix two files."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from edge_models.catalog import Catalog, HuggingFaceSource, Manifest, ManifestFile
from edge_models.errors import FetchFailed, HashMismatch, ModelError
from edge_models.sources.huggingface import Part, fetch_from_huggingface
from edge_models.store import ModelStore, PullProgress
from tests.support.file_server import ServedFile, serving

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
SOURCE = HuggingFaceSource(kind="huggingface", repo="some/repo", revision="v1", file="sub/model one.bin")
CONTENT = random.Random(1).randbytes(50_000)
OTHER = random.Random(2).randbytes(50_000)
CUT = 20_000


def fetch(part: Part, url: str, *, size: int | None = None, hash_known: bool = False) -> list[int]:
    """Fetches and returns the bytes done at each report."""
    heard: list[int] = []
    fetch_from_huggingface(
        SOURCE, part, lambda done, _: heard.append(done), size=size, hash_known=hash_known, base_url=url
    )
    return heard


@pytest.fixture
def part(tmp_path: Path) -> Part:
    return Part(tmp_path / "file.part")


def test_a_file_is_fetched_from_its_repository(part: Part) -> None:
    with serving(served := ServedFile(CONTENT)) as url:
        heard = fetch(part, url)
    assert part.path.read_bytes() == CONTENT
    assert heard == sorted(heard)
    assert heard[-1] == len(CONTENT)
    assert served.requests == [("/some/repo/resolve/v1/sub/model%20one.bin", None)]


def test_a_broken_download_continues_where_it_stopped(part: Part) -> None:
    with serving(served := ServedFile(CONTENT, cut_after=CUT)) as url:
        with pytest.raises(FetchFailed, match=f"after {CUT} ") as caught:
            fetch(part, url)
        assert "again" in (caught.value.next_step or "")
        served.cut_after = None
        fetch(part, url)
    assert served.requests[1][1] == f"bytes={CUT}-"
    assert part.path.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_starts_anew(part: Part) -> None:
    with serving(served := ServedFile(CONTENT, cut_after=CUT)) as url:
        with pytest.raises(FetchFailed):
            fetch(part, url)
        served.content, served.tag, served.cut_after = OTHER, '"v2"', None
        fetch(part, url)
    assert part.path.read_bytes() == OTHER


def test_a_server_that_ignores_ranges_starts_anew(part: Part) -> None:
    with serving(served := ServedFile(CONTENT, cut_after=CUT, ignores_ranges=True)) as url:
        with pytest.raises(FetchFailed):
            fetch(part, url)
        served.cut_after = None
        fetch(part, url)
    assert part.path.read_bytes() == CONTENT


def test_without_tag_and_hash_nothing_is_continued(part: Part) -> None:
    with serving(served := ServedFile(CONTENT, cut_after=CUT, tag=None)) as url:
        with pytest.raises(FetchFailed):
            fetch(part, url)
        served.content, served.cut_after = OTHER, None
        fetch(part, url)
    assert served.requests[1][1] is None
    assert part.path.read_bytes() == OTHER


def test_a_part_that_is_already_whole_is_taken_as_it_is(part: Part) -> None:
    with serving(served := ServedFile(CONTENT)) as url:
        fetch(part, url)
        fetch(part, url)
    assert served.requests[1][1] == f"bytes={len(CONTENT)}-"
    assert part.path.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_starts_anew(part: Part) -> None:
    part.path.write_bytes(OTHER + b"more")
    with serving(ServedFile(CONTENT)) as url:
        fetch(part, url, hash_known=True)
    assert part.path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "words"), [(404, "there is no"), (401, "account"), (403, "account"), (500, "answered 500")]
)
def test_a_refusal_is_said_in_words(part: Part, status: int, words: str) -> None:
    with serving(ServedFile(CONTENT, status=status)) as url, pytest.raises(FetchFailed, match=words):
        fetch(part, url)
    assert not part.path.exists()


def test_another_size_than_the_manifest_says_is_refused_before_the_body(part: Part) -> None:
    with serving(ServedFile(CONTENT)) as url, pytest.raises(FetchFailed, match="its manifest says 7"):
        fetch(part, url, size=7)
    assert not part.path.exists()


def test_a_body_without_a_length_is_bounded_by_the_manifest(part: Part) -> None:
    with serving(ServedFile(CONTENT, sends_length=False)) as url:
        with pytest.raises(FetchFailed, match="does not say how long"):
            fetch(part, url)
        with pytest.raises(FetchFailed, match="more than"):
            fetch(part, url, size=len(CONTENT) - 1)
        fetch(part, url, size=len(CONTENT))
    assert part.path.read_bytes() == CONTENT


def test_redirects_are_followed_with_the_range_but_not_off_this_machine(part: Part) -> None:
    with serving(served := ServedFile(CONTENT, cut_after=CUT, redirect_to="/moved/here")) as url:
        with pytest.raises(FetchFailed):
            fetch(part, url)
        served.cut_after = None
        fetch(part, url)
        assert served.requests[-1] == ("/moved/here", f"bytes={CUT}-")
        for elsewhere in ("http://192.0.2.1/file", "ftp://127.0.0.1/file", "file:///etc/hostname"):
            served.redirect_to = elsewhere
            with pytest.raises(FetchFailed):
                fetch(Part(part.path.with_name("elsewhere")), url)


def test_plain_http_is_refused_elsewhere(part: Part) -> None:
    with pytest.raises(FetchFailed, match="only HTTPS"):
        fetch(part, "http://192.0.2.1")


def test_no_server_is_said_in_words(part: Part) -> None:
    with serving(ServedFile(CONTENT)) as url:
        pass
    with pytest.raises(FetchFailed, match="cannot reach"):
        fetch(part, url)


def store(directory: Path, url: str, *, sha256: str | None = None) -> ModelStore:
    file = ManifestFile(name="model.onnx", sha256=sha256, sources=(SOURCE,))
    tokenizer = ManifestFile(
        name="tokenizer.json", sources=(HuggingFaceSource(kind="huggingface", repo="some/repo", file="t"),)
    )
    manifest = Manifest(
        name="theirs", title="Theirs", licence="MIT", kind="embedder", architecture="bert", files=(file, tokenizer)
    )
    return ModelStore(directory, catalog=Catalog([manifest]), huggingface_url=url)


def test_the_first_fetch_is_recorded_and_enforced_after(tmp_path: Path) -> None:
    with serving(served := ServedFile(CONTENT)) as url:
        models = store(tmp_path / "models", url)
        stored = models.pull("theirs")
        assert {file.sha256 for file in stored} == {hashlib.sha256(CONTENT).hexdigest()}
        stored[0].path.unlink()
        served.content, served.tag = OTHER, '"v2"'
        with pytest.raises(HashMismatch, match="its first fetch says"):
            models.pull("theirs")
        assert not stored[0].path.exists()
        assert list((tmp_path / "models" / "parts").iterdir()) == []
        served.content = CONTENT
        models.pull("theirs")
    assert models.locate("theirs")["model.onnx"].read_bytes() == CONTENT


def test_a_part_survives_ctrl_c_and_is_continued(tmp_path: Path) -> None:
    def interrupt(progress: PullProgress) -> None:
        if progress.phase == "fetching":
            raise KeyboardInterrupt

    with serving(served := ServedFile(CONTENT * 20)) as url:
        models = store(tmp_path / "models", url)
        with pytest.raises(KeyboardInterrupt):
            models.pull("theirs", interrupt)
        assert not models.list()[0].present
        models.pull("theirs")
    assert (served.requests[1][1] or "").startswith("bytes=")
    assert models.locate("theirs")["model.onnx"].read_bytes() == CONTENT * 20


def test_two_pulls_at_once_do_not_mix(tmp_path: Path) -> None:
    with serving(ServedFile(CONTENT)) as url:
        models, second = store(tmp_path / "models", url), store(tmp_path / "models", url)

        def pull_again(progress: PullProgress) -> None:
            with pytest.raises(ModelError, match="another process is fetching"):
                second.pull("theirs")

        models.pull("theirs", pull_again)
    assert second.list()[0].complete
