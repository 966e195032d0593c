"""What is forgotten is gone: from the tables, the indexes, and the bytes of every file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_seal.archive import Archive
from edge_seal.conversation import Conversations
from edge_seal.errors import Busy
from edge_seal.memory.memories import Memories
from edge_seal.records import Origin, Timing, Turn
from edge_seal.storage.database import Database
from tests.memory.conftest import Shelf
from tests.memory.word_embedder import WordEmbedder

# No piece of it may be hexadecimal: the file is full of digests, one of which would hold seven digits some day.
PLANTED = "Xylophonist Quetzalcoatl hides No773199428816 under the zygomorphic flowerpot"


def on_disk(path: Path) -> bytes:
    """Every byte of the database and its companions."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(path.name + "*")))


def traces(text: str, path: Path) -> list[bytes]:
    """Which pieces of `text` are in the files: its words, their beginnings and ends, and its vector.

    The index keeps words without the letters they share with the word before, so a search for whole words alone would
    find nothing that is there.
    """
    long = [word for word in text.split() if len(word) >= 8]
    pieces = [piece.encode() for word in long for piece in (word, word.lower(), word.lower()[:7], word.lower()[1:-2])]
    vector = WordEmbedder().embed([text])[0].tobytes()
    pieces += [vector[:32], vector[700:732], vector[-32:]]
    content = on_disk(path)
    return [piece for piece in pieces if piece in content]


def filled(shelf: Shelf, memories: Memories, count: int) -> None:
    with shelf.database.transaction():
        for number in range(count):
            text = f"note {number} about xylem, zygotes, quartz and flowers of garden {number * 7919}"
            memories.remember(text, Origin.TYPED)


@pytest.mark.parametrize("others", [0, 3, 300])
def test_forgotten_memory_leaves_no_bytes(shelf: Shelf, memories: Memories, others: int) -> None:
    filled(shelf, memories, others)
    planted = memories.remember(PLANTED, Origin.TYPED, "Zanzibar-diary.txt")
    filled(shelf, memories, 2 * others)
    assert len(traces(PLANTED, shelf.path)) > 10, "the search for traces must be able to find them"

    assert memories.forget(planted.id) == planted
    assert traces(PLANTED, shelf.path) == []
    assert b"Zanzibar" not in on_disk(shelf.path)
    shelf.database.close()
    assert traces(PLANTED, shelf.path) == []


def test_word_that_began_a_page_of_the_index_leaves_no_beginning(shelf: Shelf, memories: Memories) -> None:
    """A page's boundary is the beginning of its first word, and deleting the word leaves the boundary."""
    neighbours = [f"flower{number:04}" for number in range(3000)]
    secrets = [f"flower{number:04}secret" for number in range(0, 3000, 10)]
    shelf.embedder = None
    memories = shelf.memories()
    for start in range(0, 3000, 100):
        memories.remember(" ".join(neighbours[start : start + 100]), Origin.TYPED)
    planted = memories.remember(" ".join(secrets), Origin.TYPED)
    shelf.database.execute("INSERT INTO memories_fts (memories_fts) VALUES ('optimize')")
    boundaries = "SELECT term FROM memories_fts_idx WHERE instr(term, 's')"
    assert shelf.database.rows(boundaries) != [], "one of the words has to begin a page, or this shows nothing"
    memories.forget(planted.id)
    assert shelf.database.rows(boundaries) == []
    assert memories.problems() == ()


@pytest.mark.parametrize("others", [0, 300])
def test_edited_memory_leaves_no_bytes_of_what_it_said(shelf: Shelf, memories: Memories, others: int) -> None:
    filled(shelf, memories, others)
    planted = memories.remember(PLANTED, Origin.TYPED)
    memories.edit(planted.id, "It hides nothing")
    assert traces(PLANTED, shelf.path) == []


def test_long_memory_that_spans_pages_leaves_no_bytes(shelf: Shelf, memories: Memories) -> None:
    long = " ".join(f"{PLANTED}{number}" for number in range(40))
    memories.forget(memories.remember(long, Origin.TYPED).id)
    assert traces(long, shelf.path) == []


def test_vector_of_a_former_embedder_is_gone_after_embedding_anew(shelf: Shelf, memories: Memories) -> None:
    planted = memories.remember(PLANTED, Origin.TYPED)
    shelf.embedder = WordEmbedder("another")
    other = shelf.memories()
    other.embed_missing()
    other.forget(planted.id)
    assert traces(PLANTED, shelf.path) == []


def test_forgotten_memory_is_found_by_nothing(shelf: Shelf, memories: Memories) -> None:
    memories.remember("a dog called Biscuit", Origin.TYPED)
    memories.remember("a cat called Marzipan", Origin.TYPED)
    memories.forget("m1")
    for mode in ("hybrid", "keyword", "vector"):
        assert [recalled.memory.id for recalled in memories.search("dog Biscuit", mode=mode)] in ([], ["m2"])
    assert memories.search("Biscuit", mode="keyword") == ()
    for table in ("memories", "memory_vectors"):
        assert shelf.database.rows(f"SELECT count(*) FROM {table}") == [(1,)]  # noqa: S608
    assert memories.problems() == ()


def test_forgetting_inside_a_larger_transaction_scrubs_after_it(shelf: Shelf, memories: Memories) -> None:
    planted = memories.remember(PLANTED, Origin.TYPED)
    with shelf.database.transaction():
        memories.forget(planted.id)
    assert traces(PLANTED, shelf.path) == []


def test_forgetting_that_is_rolled_back_forgets_nothing(shelf: Shelf, memories: Memories) -> None:
    planted = memories.remember(PLANTED, Origin.TYPED)

    def forget_and_interrupt() -> None:
        with shelf.database.transaction():
            memories.forget(planted.id)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forget_and_interrupt()
    assert memories.get(planted.id) == planted
    assert memories.search("Quetzalcoatl")[0].memory == planted
    assert [event for event, _ in shelf.events()] == ["memory.remembered"]


def test_another_reader_is_named_when_it_keeps_the_bytes(tmp_path: Path, shelf: Shelf) -> None:
    shelf.database.close()
    shelf.database = Database.open(shelf.path, busy_timeout_s=0.1)
    shelf.ledger = type(shelf.ledger)(shelf.database, shelf.clock)
    memories = shelf.memories()
    planted = memories.remember(PLANTED, Origin.TYPED)
    reader = Database.open(shelf.path)
    reader.execute("BEGIN")
    reader.rows("SELECT count(*) FROM memories")
    with pytest.raises(Busy, match=f"{planted.id} is changed, but another process is reading"):
        memories.forget(planted.id)
    reader.execute("ROLLBACK")
    reader.close()
    assert memories.list() == ()
    shelf.database.scrub()
    assert traces(PLANTED, shelf.path) == []


def test_a_turn_whose_word_began_a_page_of_the_index_leaves_no_beginning(shelf: Shelf) -> None:
    conversations = Conversations(shelf.database, shelf.clock)
    archive = Archive(shelf.database, conversations)

    def asked(prompt: str, answer: str = "Yes.") -> Turn:
        timing = Timing(1, 0, 1, 0.1, 0.2)
        turn = Turn("", "", "", prompt, answer, Origin.TYPED, None, (), timing)
        return conversations.keep(turn, base_sha256="b", seed=1)

    neighbours = [f"flower{number:04}" for number in range(3000)]
    for start in range(0, 3000, 100):
        asked(" ".join(neighbours[start : start + 100]))
    hidden = " ".join(f"flower{number:04}secret" for number in range(0, 3000, 10))
    planted = asked("What do I hide?", hidden)
    boundaries = "SELECT term FROM turns_fts_idx WHERE instr(term, 's')"

    shelf.database.execute("INSERT INTO turns_fts (turns_fts) VALUES ('optimize')")
    assert shelf.database.rows(boundaries) != [], "one of the words has to begin a page, or this shows nothing"
    archive.delete(planted.conversation_id, lambda _: None)
    assert shelf.database.rows(boundaries) == []
    assert b"secret" not in on_disk(shelf.path)
