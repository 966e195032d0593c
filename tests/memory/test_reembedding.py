"""Changing the embedder: nothing stops, nothing mixes, what is killed goes on, nothing of the former one is left."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from edge_seal.config import Home
from edge_seal.engines.engine import EmbedderUnavailable, FloatArray, TextNotEmbedded
from edge_seal.errors import Busy
from edge_seal.memory import reembedding
from edge_seal.records import Origin
from edge_seal.runtime import Runtime
from edge_seal.storage import erasure
from edge_seal.storage.database import Database
from edge_seal.updates import write_lock
from tests.memory.conftest import Shelf
from tests.memory.word_embedder import WordEmbedder
from tests.support.embedding_server import EmbeddingServer, serving

ROOT = Path(__file__).parents[2]


def keep(shelf: Shelf, count: int) -> None:
    memories = shelf.memories()
    for number in range(count):
        memories.remember(f"memory number {number} about topic{number}", Origin.TYPED)


def test_former_vectors_stay_until_all_is_embedded_and_then_their_bytes_go(shelf: Shelf) -> None:
    first = shelf.embedder
    assert first is not None
    keep(shelf, 100)
    (former,) = shelf.database.rows("SELECT embedding FROM memory_vectors WHERE memory_id = 50")[0]
    assert isinstance(former, bytes)

    second = shelf.embedder = WordEmbedder("another", 200)
    memories = shelf.memories()
    steps = iter([False, True])
    assert memories.embed_missing(enough=lambda: next(steps)).embedded == 64
    # Half-way: those that are embedded are found by meaning, the others by words, none by a former vector.
    found = {item.memory.id: item.similarity for item in memories.search("topic7 topic90", 100, "hybrid")}
    assert found["m8"] is not None
    assert found["m91"] is None
    assert all(similarity is None for memory, similarity in found.items() if int(memory[1:]) > 64)
    # Going back costs nothing.
    shelf.embedder = first
    assert shelf.memories().missing_vectors() == 0
    assert shelf.memories().search("topic50", mode="vector")[0].memory.id == "m51"

    assert memories.embed_missing().embedded == 36
    assert reembedding.former(shelf.database, second) == 100
    assert reembedding.remove_former(shelf.database, second) == 100
    assert shelf.database.rows("SELECT count(*) FROM memory_vectors") == [(100,)]
    assert memories.problems() == ()
    files = b"".join(path.read_bytes() for path in shelf.path.parent.glob("edge-seal.db*"))
    assert former not in files
    assert former[:64] not in files
    assert memories.search("topic50", mode="vector")[0].memory.id == "m51"


def test_removing_that_is_cut_short_goes_on_and_the_file_is_written_anew(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reembedding, "REMOVED_AT_ONCE", 10)
    keep(shelf, 30)
    second = shelf.embedder = WordEmbedder("another")
    shelf.memories().embed_missing()
    steps = iter([False, True, True])
    assert reembedding.remove_former(shelf.database, second, enough=lambda: next(steps)) == 10
    # What is gone already leaves the file at the next start, whoever ended this.
    assert erasure.pending(shelf.database)
    assert reembedding.remove_former(shelf.database, second) == 20
    assert not erasure.pending(shelf.database)


def test_a_refused_text_keeps_no_other_from_being_embedded(shelf: Shelf) -> None:
    class Picky(WordEmbedder):
        def embed(self, texts: Sequence[str]) -> FloatArray:
            if any("topic3 " in f"{text} " for text in texts):
                raise TextNotEmbedded("it is too long")
            return super().embed(texts)

    keep(shelf, 10)
    shelf.embedder = Picky("another")
    memories = shelf.memories()
    assert memories.embed_missing() == reembedding.Done(9, (4,))
    assert memories.missing_vectors() == 1
    assert [item.memory.id for item in memories.search("topic3", 1)] == ["m4"]


def test_an_embedder_that_fails_for_all_stops_it(shelf: Shelf) -> None:
    class Broken(WordEmbedder):
        def embed(self, texts: Sequence[str]) -> FloatArray:
            raise TextNotEmbedded("status 500")

    keep(shelf, 3)
    shelf.embedder = Broken("another")
    with pytest.raises(EmbedderUnavailable, match="status 500"):
        shelf.memories().embed_missing()


def test_what_is_kept_while_the_embedder_is_away_is_found_by_words(shelf: Shelf) -> None:
    class Away(WordEmbedder):
        def embed(self, texts: Sequence[str]) -> FloatArray:
            raise EmbedderUnavailable("it cannot be reached")

    keep(shelf, 3)
    shelf.embedder = Away()
    memories = shelf.memories()
    kept = memories.remember("The spare key hangs behind the clock", Origin.TYPED)
    assert memories.embedder_problem is not None
    assert [item.memory.id for item in memories.search("spare key")] == [kept.id]
    assert [item.memory.id for item in memories.recall("Where is the spare key?", 99, len)] == [kept.id]
    with pytest.raises(EmbedderUnavailable, match="cannot be reached"):
        memories.search("spare key", mode="vector")
    shelf.embedder = WordEmbedder()
    assert shelf.memories().embed_missing().embedded == 1


# Through the runtime, by a server -----------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with serving(EmbeddingServer()) as running:
        yield running


def configure(home: Home, server: EmbeddingServer, **others: object) -> None:
    lines = {"kind": "ollama", "url": server.url, "model": server.model, "texts_per_request": 8, **others}
    text = "\n".join(f"{name} = {value!r}" for name, value in lines.items())
    home.config_file.write_text(f"[embedder]\n{text}\n", encoding="utf-8")


def furnish(home: Home, count: int) -> None:
    home.config_file.write_text("[memory]\nmode = 'keyword'\n", encoding="utf-8")
    with Runtime.open(home) as runtime:
        lines = (f'{{"text": "memory number {number} about topic{number}"}}' for number in range(count))
        runtime.stored_memories.import_from(io.BytesIO("\n".join(lines).encode()))


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_killed_in_between_it_goes_on_where_it_was(home: Home, server: EmbeddingServer) -> None:
    furnish(home, 150)
    configure(home, server)
    server.wait_s = 0.01
    command = [sys.executable, "-m", "tests.memory.reembedding_process"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("", "kernels", "models"))}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    with contextlib.closing(Database.open(home.database)) as database:
        (done,) = database.rows("SELECT vectors FROM memory_vector_state")[0]
    assert done in {64, 128}
    before = len(set(server.texts))
    server.wait_s = 0.0
    with Runtime.open(home) as runtime:
        assert runtime.memories.problems() == ()
        assert runtime.memories.missing_vectors() == 150 - done
        result = runtime.reembed()
        assert (result.embedded, result.refused, runtime.memories.missing_vectors()) == (150 - done, (), 0)
        assert runtime.memories.problems() == ()
        assert runtime.memories.search("topic140", mode="vector")[0].memory.id == "m141"
    # No text was sent a second time but those of the batch that was under way.
    assert len(server.texts) - len(set(server.texts)) <= 64 + 3
    assert before >= done


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_in_the_background_it_stops_in_time(home: Home, server: EmbeddingServer) -> None:
    furnish(home, 200)
    configure(home, server)
    with Runtime.open(home) as runtime:
        runtime.embed_in_background(0.0)
        assert runtime.memories.missing_vectors() == 200
        server.wait_s = 0.05
        runtime.embed_in_background(0.2)
        assert 0 < runtime.memories.missing_vectors() < 200
        server.wait_s = 0.0
        while runtime.memories.missing_vectors():
            runtime.embed_in_background(5.0)
        # Another embedder: its predecessor's vectors go in the background, too.
    configure(home, server, characters_per_text=100)
    with Runtime.open(home) as runtime:
        runtime.embed_in_background(30.0)
        assert runtime.memories.missing_vectors() == 0
        assert runtime.embedder_state().former == 0


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_one_process_does_it_at_a_time(home: Home, server: EmbeddingServer) -> None:
    furnish(home, 5)
    configure(home, server)
    with Runtime.open(home) as runtime, write_lock.hold(home.state / "embedding.lock"):
        with pytest.raises(Busy):
            runtime.reembed()
        runtime.embed_in_background()
        assert runtime.memories.missing_vectors() == 5


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_model_of_another_length_behind_the_same_name_is_another_embedder(
    home: Home, server: EmbeddingServer
) -> None:
    furnish(home, 20)
    configure(home, server)
    with Runtime.open(home) as runtime:
        runtime.reembed()
    server.dimension = 64
    with Runtime.open(home) as runtime:
        assert [item.memory.id for item in runtime.search_memories("topic7", 1)] == ["m8"]
        assert "it is another model; next: edge-seal memory reembed" in " ".join(runtime.search_notices())
    with Runtime.open(home) as runtime:
        result = runtime.reembed()
        assert (result.embedded, result.removed) == (20, 20)
        assert runtime.embedder_state().dimension == 64
        assert runtime.memories.search("topic7", mode="vector")[0].memory.id == "m8"
