"""Past turns: what was typed about oneself in an earlier conversation comes back, marked, and nothing else does."""

from __future__ import annotations

import pytest

from edge_seal.conversation import Conversations
from edge_seal.memory import turns
from edge_seal.memory.memories import Memories
from edge_seal.records import Origin, Timing, Turn
from tests.memory.conftest import Shelf

TIMING = Timing(1, 0, 1, 0.1, 0.2)


def said(shelf: Shelf, memories: Memories, prompt: str, conversation: str = "", origin: Origin = Origin.TYPED) -> Turn:
    turn = Turn("", conversation, "", prompt, "An answer by the model.", origin, None, (), TIMING)
    kept = Conversations(shelf.database, shelf.clock).keep(turn, base_sha256="b", seed=1)
    memories.keep_findable(kept)
    return kept


def words(text: str) -> int:
    return len(text.split())


def test_a_statement_comes_back_with_its_neighbours_and_is_marked(shelf: Shelf, memories: Memories) -> None:
    first = said(shelf, memories, "We talk about the garden")
    said(shelf, memories, "My tomatoes suffer from blight", first.conversation_id)
    said(shelf, memories, "/remember I garden on Sundays", first.conversation_id)
    (found,) = memories.recollect("tomatoes suffer from blight", 200, words).turns
    assert (found.turn_id, found.neighbours) == ("t2", ("We talk about the garden",))
    text = turns.text_of(found)
    assert "from an earlier conversation, t2" in text
    assert "(you answered then, unchecked): An answer by the model." in text
    (short,) = memories.recollect("tomatoes suffer from blight", words(text) - 8, words).turns
    assert short.neighbours == ()


@pytest.mark.parametrize(
    ("prompt", "origin"),
    [
        ("Do my tomatoes suffer from blight?", Origin.TYPED),
        ("Tell me how my tomatoes suffer from blight", Origin.TYPED),
        ("My tomatoes suffer from blight", Origin.PASTED),
        ("/remember My tomatoes suffer from blight", Origin.TYPED),
        ("Remember that my tomatoes suffer from blight", Origin.TYPED),
    ],
)
def test_questions_requests_commands_and_pasted_text_do_not(
    shelf: Shelf, memories: Memories, prompt: str, origin: Origin
) -> None:
    said(shelf, memories, prompt, origin=origin)
    assert memories.recollect("tomatoes suffer from blight", 200, words).turns == ()


def test_not_from_this_conversation_nor_where_it_is_switched_off(shelf: Shelf, memories: Memories) -> None:
    turn = said(shelf, memories, "My tomatoes suffer from blight")
    here = turn.conversation_id
    assert memories.recollect("tomatoes suffer from blight", 200, words, conversation_id=here).turns == ()
    assert shelf.memories(turns=False).recollect("tomatoes suffer from blight", 200, words).turns == ()


def test_a_deleted_conversation_leaves_neither_words_nor_vectors(shelf: Shelf, memories: Memories) -> None:
    said(shelf, memories, "My tomatoes suffer from blight")
    assert shelf.database.rows("SELECT count(*) FROM turn_vectors") == [(1,)]
    shelf.database.execute("DELETE FROM conversations")
    assert shelf.database.rows("SELECT count(*) FROM turn_vectors") == [(0,)]
    assert not any(any(row[0]) for row in shelf.database.rows("SELECT bits FROM turn_vector_bits"))  # pyright: ignore[reportArgumentType]
    assert memories.recollect("tomatoes suffer from blight", 200, words).turns == ()
    assert memories.problems() == ()


def test_a_memory_goes_before_a_turn(shelf: Shelf, memories: Memories) -> None:
    said(shelf, memories, "My tomatoes suffer from blight")
    memories.remember("The tomatoes suffer from blight", Origin.TYPED)
    both = memories.recollect("tomatoes suffer from blight", 6, words)
    assert (len(both.memories), both.turns) == (1, ())


def test_near_duplicates_are_one_and_the_newest(shelf: Shelf, memories: Memories) -> None:
    memories.remember("My dog Biscuit likes long walks in the wet green park", Origin.TYPED)
    shelf.clock.pass_time(days=1)
    memories.remember("My dog Biscuit likes long walks in the wet green park today", Origin.TYPED)
    memories.remember("My dog Biscuit likes long walks in the dry green park", Origin.TYPED)
    found = memories.recall("Biscuit likes long walks in the park", 200, words)
    assert {item.memory.id for item in found} == {"m2", "m3"}


# What a turn says that is no longer so ----------------------------------------------------------------------

RESIDENCE = "I live in Turku and love it"


def recalled(memories: Memories, question: str) -> list[str]:
    found = memories.recollect(question, 500, words)
    return [turn.prompt for turn in found.turns] + [beside for turn in found.turns for beside in turn.neighbours]


def test_a_turn_is_recalled_until_a_newer_fact_says_otherwise(shelf: Shelf, memories: Memories) -> None:
    said(shelf, memories, RESIDENCE)
    shelf.clock.pass_time(days=1)
    assert recalled(memories, "I love it to live in Turku, where else") == [RESIDENCE]
    moved = memories.remember("I moved to Oulu", Origin.TYPED)
    assert recalled(memories, "I love it to live in Turku, where else") == []
    assert recalled(memories, "Where did I live before? I love to live in Turku") == [RESIDENCE]
    shelf.clock.pass_time(days=1)
    memories.remember("I moved to Turku", Origin.TYPED)
    assert recalled(memories, "I love it to live in Turku, where else") == [RESIDENCE]
    memories.forget(moved.id)
    assert recalled(memories, "I love it to live in Turku, where else") == [RESIDENCE]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("I play tennis with Anna", "I no longer play tennis"),
        ("My phone number is 040 555 1234", "My phone number is 050 777 9999"),
        ("I work at Nokia", "I left Nokia last week"),
        ("I never eat meat", "I eat meat again"),
    ],
)
def test_other_changes_too(shelf: Shelf, memories: Memories, before: str, after: str) -> None:
    said(shelf, memories, before)
    assert recalled(memories, f"{before}, right") == [before]
    shelf.clock.pass_time(days=1)
    memories.remember(after, Origin.TYPED)
    assert recalled(memories, f"{before}, right") == []


def test_what_was_learned_before_the_turn_does_not_outdate_it(shelf: Shelf, memories: Memories) -> None:
    memories.remember("I live in Oulu", Origin.TYPED)
    shelf.clock.pass_time(days=1)
    said(shelf, memories, RESIDENCE)
    assert recalled(memories, "I love it to live in Turku, where else") == [RESIDENCE]


def test_of_two_turns_the_later_one_counts(shelf: Shelf, memories: Memories) -> None:
    said(shelf, memories, "I live in Turku now")
    shelf.clock.pass_time(days=1)
    said(shelf, memories, "I live in Oulu now")
    assert recalled(memories, "live in Turku Oulu now") == ["I live in Oulu now"]


def test_an_end_alone_outdates_a_turn(shelf: Shelf, memories: Memories) -> None:
    memories.remember("I live in Turku", Origin.TYPED)
    said(shelf, memories, RESIDENCE)
    shelf.clock.pass_time(days=1)
    moved = memories.remember("I moved to Oulu", Origin.TYPED)
    memories.forget(moved.id)
    assert recalled(memories, "I love it to live in Turku, where else") == []


def test_an_outdated_neighbour_stays_out(shelf: Shelf, memories: Memories) -> None:
    first = said(shelf, memories, RESIDENCE)
    said(shelf, memories, "My tomatoes suffer from blight", first.conversation_id)
    assert recalled(memories, "tomatoes suffer from blight") == ["My tomatoes suffer from blight", RESIDENCE]
    shelf.clock.pass_time(days=1)
    memories.remember("I moved to Oulu", Origin.TYPED)
    assert recalled(memories, "tomatoes suffer from blight") == ["My tomatoes suffer from blight"]
