"""Remember, edit, list, search: what is kept, and that its parts change together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

import pytest

from edge_seal.config import MemorySettings
from edge_seal.engines.engine import FloatArray
from edge_seal.errors import ConfigError, EngineError, IntegrityError, NotFound
from edge_seal.memory.memories import Memories
from edge_seal.memory.search import Mode
from edge_seal.records import Memory, Origin, Recalled
from tests.memory.conftest import Shelf
from tests.memory.test_words import HOSTILE
from tests.memory.word_embedder import WordEmbedder

FIRST_MOMENT = "2026-03-01T09:30:00.000000Z"


def ids(found: Sequence[Memory | Recalled]) -> list[str]:
    return [item.memory.id if isinstance(item, Recalled) else item.id for item in found]


def test_remembered_text_comes_back_as_it_was_said(memories: Memories) -> None:
    text = "My dog\tis “Biscuit” — naïve, 東京, 🐕;\nhe is brown."
    kept = memories.remember(f"  {text}\n", Origin.PASTED, "letter.txt")
    assert kept == Memory("m1", text, Origin.PASTED, "letter.txt", FIRST_MOMENT, FIRST_MOMENT)
    assert memories.get("m1") == kept
    assert memories.list() == (kept,)


def test_memory_its_words_its_vector_and_its_entry_are_one_change(shelf: Shelf) -> None:
    def refuses(event: str, subject: str, body: Mapping[str, str]) -> object:
        raise EngineError("the disk is full")

    memories = Memories(shelf.database, refuses, WordEmbedder(), shelf.clock, MemorySettings())
    with pytest.raises(EngineError, match="disk is full"):
        memories.remember("My dog is called Biscuit", Origin.TYPED)
    for table in ("memories", "memory_vectors"):
        assert shelf.database.rows(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608
    assert shelf.memories().search("Biscuit") == ()


def test_every_change_has_its_entry_without_the_text(shelf: Shelf, memories: Memories) -> None:
    memories.remember("My dog is called Biscuit", Origin.TYPED, "kitchen-table")
    memories.edit("m1", "My dog is called Truffle")
    memories.forget("m1")
    assert shelf.events() == [("memory.remembered", "m1"), ("memory.edited", "m1"), ("memory.forgotten", "m1")]
    entries = " ".join(entry.body for entry in shelf.ledger.entries())
    assert not any(word in entries for word in ("Biscuit", "Truffle", "dog", "kitchen"))


def test_digest_of_the_same_text_is_another_each_time(shelf: Shelf, memories: Memories) -> None:
    for _ in range(2):
        memories.remember("the same text", Origin.TYPED)
        memories.forget(memories.list()[0].id)
    remembered = [entry.body for entry in shelf.ledger.entries() if entry.event == "memory.remembered"]
    assert len(set(remembered)) == 2


@pytest.mark.parametrize("again", ["I like tea", "i like  TEA.", "I like tea!"])
def test_what_is_known_is_not_kept_twice(shelf: Shelf, memories: Memories, again: str) -> None:
    first = memories.remember("I like tea.", Origin.TYPED)
    assert memories.remember(again, Origin.FILE) == first
    assert memories.list() == (first,)
    assert len(shelf.events()) == 1


@pytest.mark.parametrize("wordless", ["🐕🐈", "...", "-_-"])
def test_texts_without_words_are_told_apart_too(memories: Memories, wordless: str) -> None:
    memories.remember("🐎", Origin.TYPED)
    first = memories.remember(wordless, Origin.TYPED)
    assert memories.remember(wordless, Origin.TYPED) == first
    assert len(memories.list()) == 2


def test_texts_with_the_same_words_in_another_order_are_two(memories: Memories) -> None:
    assert memories.remember("the dog bit the man", Origin.TYPED).id == "m1"
    assert memories.remember("the man bit the dog", Origin.TYPED).id == "m2"


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "is empty"), (" \n", "is empty"), ("a\0b", "NUL"), ("\ud800", "surrogate"), ("x" * 8001, "8001 characters")],
)
def test_text_that_cannot_be_kept_is_refused_in_words(shelf: Shelf, memories: Memories, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as raised:
        memories.remember(text, Origin.TYPED)
    assert raised.value.exit_code == 2
    with pytest.raises(ConfigError, match="source"):
        memories.remember("fine", Origin.TYPED, "so\0urce")
    assert shelf.events() == []


def test_edit_replaces_text_words_and_vector(memories: Memories) -> None:
    memories.remember("My dog is called Biscuit", Origin.TYPED)
    edited = memories.edit("m1", "My dog is called Truffle")
    assert (edited.id, edited.text, edited.created_at) == ("m1", "My dog is called Truffle", FIRST_MOMENT)
    assert memories.get("m1") == edited
    assert memories.search("Biscuit", mode="keyword") == ()
    assert ids(memories.search("Truffle", mode="keyword")) == ["m1"]
    assert memories.search("My dog is called Truffle", mode="vector")[0].similarity == pytest.approx(1.0)
    assert memories.problems() == ()


def test_edit_into_another_memory_is_refused(memories: Memories) -> None:
    memories.remember("one", Origin.TYPED)
    memories.remember("two", Origin.TYPED)
    with pytest.raises(ConfigError, match="m1 says this already"):
        memories.edit("m2", "One.")
    assert [memory.text for memory in memories.list()] == ["one", "two"]


@pytest.mark.parametrize("wrong", ["m2", "m0", "m-1", "1", "", "mm1", "u1", "m1 ", "m१", "m" + "9" * 30])
def test_unknown_ids_are_named(memories: Memories, wrong: str) -> None:
    memories.remember("one", Origin.TYPED)
    for use in (memories.get, memories.forget, lambda given: memories.edit(given, "two")):
        with pytest.raises(NotFound):
            use(wrong)


def test_numbers_are_never_used_again(memories: Memories) -> None:
    memories.forget(memories.remember("one", Origin.TYPED).id)
    assert memories.remember("two", Origin.TYPED).id == "m2"


def test_list_gives_the_newest_oldest_first(memories: Memories) -> None:
    for text in ("one", "two", "three"):
        memories.remember(text, Origin.TYPED)
    assert ids(memories.list(limit=2)) == ["m2", "m3"]


def test_what_no_longer_holds_is_not_found(shelf: Shelf, memories: Memories) -> None:
    line = b'{"text": "I live in Leeds", "valid_to": "2026-03-02T00:00:00.000000Z"}\n'
    memories.import_from(BytesIO(line))
    assert ids(memories.search("Leeds")) == ids(memories.recall("I live in Leeds", 99, len)) == ["m1"]
    shelf.clock.pass_time(days=1)
    for mode in ("hybrid", "keyword", "vector"):
        assert memories.search("I live in Leeds", mode=mode) == ()
    assert memories.list() == ()
    assert ids(memories.list(ended=True)) == ["m1"]
    assert memories.remember("I live in Leeds", Origin.TYPED).id == "m2"


def test_search_by_words_knows_stems_and_accents(memories: Memories) -> None:
    memories.remember("Meetings with Zoë start at ten", Origin.TYPED)
    memories.remember("The train leaves at seven", Origin.TYPED)
    assert ids(memories.search("a meeting", mode="keyword")) == ["m1"]
    assert ids(memories.search("ZOE", mode="keyword")) == ["m1"]
    assert memories.search("ferry", mode="keyword") == ()


def test_hybrid_search_puts_first_what_both_rankings_find(memories: Memories) -> None:
    for text in ("the harbour in winter", "winter tyres for the car", "a winter harbour", "an unrelated thing"):
        memories.remember(text, Origin.TYPED)
    found = memories.search("harbour winter", k=3)
    assert found[0].memory.text == "a winter harbour"
    assert len(found) == 3
    assert [recalled.score for recalled in found] == sorted((recalled.score for recalled in found), reverse=True)
    assert found[0].similarity == pytest.approx(0.8, abs=0.1)


def test_same_question_gives_the_same_order(memories: Memories) -> None:
    for number in range(30):
        memories.remember(f"note {number}", Origin.TYPED)
    assert len({tuple(ids(memories.search("note", 30))) for _ in range(5)}) == 1


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "vector", "off"])
def test_any_query_is_safe_in_any_mode(memories: Memories, mode: Mode) -> None:
    memories.remember("a dog", Origin.TYPED)
    for query in HOSTILE:
        for found in (memories.search(query, mode=mode), memories.recall(query, 100, len, mode=mode)):
            assert set(ids(found)) <= {"m1"}, repr(query[:40])


def test_mode_off_finds_and_recalls_nothing(memories: Memories) -> None:
    memories.remember("a dog", Origin.TYPED)
    assert memories.search("a dog", mode="off") == memories.recall("a dog", 100, len, mode="off") == ()


def test_mode_off_embeds_nothing(shelf: Shelf) -> None:
    shelf.embedder = embedder = WordEmbedder()
    shelf.memories(mode="off").recall("a dog", 100, len)
    shelf.memories().search("a dog", mode="keyword")
    assert embedder.embedded == 0


def test_without_an_embedder_words_are_enough(shelf: Shelf) -> None:
    shelf.embedder = None
    memories = shelf.memories()
    memories.remember("My dog is called Biscuit", Origin.TYPED)
    assert ids(memories.search("Biscuit")) == ids(memories.recall("Who is Biscuit?", 99, len)) == ["m1"]
    assert memories.recall("Who is Truffle?", 99, len) == ()
    assert memories.missing_vectors() == memories.embed_missing().embedded == 0
    with pytest.raises(EngineError, match="no embedder"):
        memories.search("Biscuit", mode="vector")


@pytest.mark.parametrize("dimension", [1, 63, 100, 768])
def test_an_embedder_may_have_any_dimension(shelf: Shelf, dimension: int) -> None:
    shelf.embedder = WordEmbedder(dimension=dimension)
    memories = shelf.memories()
    for text in ("My dog is called Biscuit", "My cat is called Marzipan", "The train goes at seven"):
        memories.remember(text, Origin.TYPED)
    found = memories.search("My cat is called Marzipan", mode="vector")
    assert {item.memory.id for item in found} == {"m1", "m2", "m3"}
    similarities = {item.memory.id: item.similarity for item in found}
    exact = WordEmbedder(dimension=dimension).embed(["My cat is called Marzipan", "My dog is called Biscuit"])
    assert similarities["m2"] == pytest.approx(1.0, abs=1e-5)
    assert similarities["m1"] == pytest.approx(float(exact[0] @ exact[1]), abs=1e-5)
    assert memories.problems() == ()
    assert memories.rebuild() == 0


def test_failing_embedder_leaves_nothing_half_remembered(shelf: Shelf) -> None:
    class Broken(WordEmbedder):
        def embed(self, texts) -> FloatArray:  # noqa: ANN001
            raise EngineError("out of memory")

    shelf.embedder = Broken()
    with pytest.raises(EngineError, match="out of memory"):
        shelf.memories().remember("a dog", Origin.TYPED)
    assert shelf.memories().list() == ()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE memories SET text = 'My dog is called Truffle'",
        "UPDATE memories SET origin = 'typed'",
        "UPDATE memories SET source = NULL",
        "UPDATE memories SET digest = ''",
        "UPDATE memories SET salt = ''",
    ],
)
def test_changed_row_is_named_and_not_used(shelf: Shelf, memories: Memories, damage: str) -> None:
    memories.remember("My dog is called Biscuit", Origin.PASTED, "letter.txt")
    shelf.database.execute(damage)
    for use in (lambda: memories.get("m1"), memories.list, lambda: memories.search("dog")):
        with pytest.raises(IntegrityError, match="memory m1 is not what was written"):
            use()
    assert memories.problems() == ("memory m1 is not what was written",)
    memories.forget("m1")
    assert memories.problems() == ()


def test_word_index_that_does_not_fit_is_found_by_the_check(shelf: Shelf, memories: Memories) -> None:
    memories.remember("My dog is called Biscuit", Origin.TYPED)
    shelf.database.execute("INSERT INTO memories_fts (rowid, text) VALUES (7, 'planted')")
    assert memories.problems() == ("the word index does not fit the memories",)


@pytest.mark.parametrize("k", [0, -1])
def test_none_wanted_none_given(memories: Memories, k: int) -> None:
    memories.remember("a dog", Origin.TYPED)
    assert memories.search("a dog", k) == ()
