"""Two clocks: what ends what, what only contradicts, and what can be asked of the past."""

from __future__ import annotations

from io import BytesIO

import pytest

from edge_seal.engines.onnx_embedder import OnnxEmbedder
from edge_seal.errors import ConfigError, NotFound
from edge_seal.memory.memories import Memories
from edge_seal.records import Memory, Origin
from tests.memory.conftest import Shelf


def tell(memories: Memories, *texts: str, origin: Origin = Origin.TYPED) -> list[Memory]:
    return [memories.remember(text, origin) for text in texts]


def holding(memories: Memories) -> list[str]:
    return [memory.text for memory in memories.list()]


def test_a_correction_closes_the_old_value_and_keeps_it(shelf: Shelf, memories: Memories) -> None:
    tell(memories, "I live in Turku.")
    shelf.clock.pass_time(days=3)
    tell(memories, "I moved to Oulu.")
    old, new = memories.get("m1"), memories.get("m2")
    assert (old.text, old.valid_to) == ("I live in Turku.", new.valid_from)
    assert new.valid_from == "2026-03-04T09:30:00.000000Z"
    assert holding(memories) == ["I moved to Oulu."]
    assert memories.facts.ended_by("m2") == ("m1",)
    assert ("memory.ended", "m1") in shelf.events()
    assert memories.problems() == ()


def test_both_clocks_are_in_the_history(shelf: Shelf, memories: Memories) -> None:
    tell(memories, "I live in Turku.")
    shelf.clock.pass_time(days=3)
    tell(memories, "I have lived in Oulu since 2 March 2026.")
    shelf.clock.pass_time(days=1)
    tell(memories, "I lived in Kemi from 2010 to 2015.")
    eras = memories.facts.history("m2")
    assert [era.memory.id for era in eras] == ["m3", "m1", "m2"]
    kemi, turku, oulu = eras
    assert (kemi.memory.valid_from[:10], (kemi.memory.valid_to or "")[:10]) == ("2010-01-01", "2015-01-01")
    assert (turku.memory.valid_to or "")[:10] == "2026-03-02"
    assert (turku.end_learned_at or "")[:10] == "2026-03-04"
    assert (turku.ended_by, oulu.memory.valid_to, kemi.end_learned_at) == ("m2", None, None)
    assert oulu.memory.created_at[:10] == "2026-03-04"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("I work at Nokia.", "I left Nokia last month."),
        ("I play tennis on Mondays.", "I no longer play tennis."),
        ("I'm vegetarian.", "I don't eat vegetarian any more, I eat meat again."),
        ("I am vegan", "I'm no longer vegan"),
        ("I never drink coffee", "I drink coffee every morning"),
        ("I never play tennis", "I play tennis on Mondays again"),
        ("I like cilantro", "I can't stand cilantro"),
        ("I never take meetings on Fridays", "I can take meetings on Fridays now"),
        ("My sister's phone number is 555 1234", "My sister's phone number is 555 9999"),
        ("My favourite colour is green", "My favorite color is now blue"),
        ("I live in Turku.", "I used to live in Turku."),
        ("I use Spotify", "I no longer use Spotify"),
        ("My music service is Spotify", "I switched from Spotify to Tidal"),
        ("My dog is called Rex", "My dog is now called Bella"),
        ("My boss is Lena.", "Priya is my new manager."),
        ("I prefer tea to coffee", "I prefer coffee over tea"),
        ("My wife is Anna", "I am married to Berta"),
    ],
)
def test_what_is_said_later_ends_what_was_said_before(memories: Memories, before: str, after: str) -> None:
    tell(memories, before, after)
    assert memories.get("m1").valid_to is not None
    assert memories.facts.ended_by("m2") == ("m1",)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("I have a dog called Rex", "I have a cat called Tom"),
        ("I never drink coffee", "I drink coffee liqueur"),
        ("My dog is called Rex", "My dog is called Bella"),
        ("I am allergic to nuts", "I'm allergic to eggs"),
        ("I speak Finnish", "I speak Swedish"),
        ("My daughter is called Ida", "My daughter is called Eva"),
        ("I live in Oulu", "I live in Oulu, Finland"),
        ("I live in Oulu", "My sister lives in Porto"),
        ("My sister Ines lives in Porto", "My sister Ana lives in Rome"),
        ("My car is a Skoda", "My car is in the garage"),
        ("My car is a Skoda", "My car is red"),
        ("I like tea", "I hate coffee"),
        ("I never take meetings on Fridays", "I prefer meetings in the morning"),
        ("I live in Oulu", "I am moving to Rome next year"),
        ("I live in Oulu", "I lived in Turku from 2010 to 2012"),
        ("I work at Nokia", "I worked at Ericsson"),
        ("I play tennis", "I play chess"),
        ("I live in Oulu", "I would live in Rome if I could"),
        ("I work at Nokia", "Where do I work?"),
    ],
)
def test_what_can_both_be_true_is_left_alone(memories: Memories, first: str, second: str) -> None:
    tell(memories, first, second)
    assert memories.get("m1").valid_to is None
    assert memories.facts.contradictions() == ()


def test_a_memory_that_says_more_ends_only_in_part_and_says_so(memories: Memories) -> None:
    tell(memories, "I live in Turku and work at Nokia.", "I moved to Oulu.")
    (found,) = memories.search("Where is Nokia, where I work?", 1, "keyword")
    assert found.memory.id == "m1"
    assert found.note == "no longer: I live in Turku"
    tell(memories, "I joined Vaisala")
    assert memories.get("m1").valid_to is not None


def test_questions_of_the_present_never_get_what_ended_and_those_of_the_past_do(
    shelf: Shelf, memories: Memories
) -> None:
    tell(memories, "I live in Turku.")
    shelf.clock.pass_time(days=2)
    tell(memories, "I live in Oulu.")
    for question in ("Where do I live?", "In which city do I live now?", "I live in Turku, right?"):
        assert [item.memory.id for item in memories.recall(question, 99, len)] == ["m2"], question
    for question in ("Where did I live before?", "Where did I use to live?"):
        first = memories.recall(question, 99, len, mode="vector")
        assert [item.memory.id for item in first][:1] == ["m1"], question
        assert first[0].note == "until 3 March 2026"


def test_what_was_not_typed_never_ends_what_was(memories: Memories) -> None:
    """mem0's issue 4536: neither side of a contradiction may be erased by it."""
    tell(memories, "I live in Turku.")
    tell(memories, "I live in Oulu.", origin=Origin.PASTED)
    memories.import_from(BytesIO(b'{"text": "I live in Kemi."}\n'), source="notes.jsonl")
    assert holding(memories) == ["I live in Turku.", "I live in Oulu.", "I live in Kemi."]
    pairs = [(c.first.id, c.second.id, c.about) for c in memories.facts.contradictions()]
    assert pairs == [("m1", "m2", "residence"), ("m1", "m3", "residence"), ("m2", "m3", "residence")]
    (found,) = memories.search("Turku", 1, "keyword")
    assert found.note == "contradicts m2; contradicts m3"


def test_resolving_ends_one_side_and_erases_none(shelf: Shelf, memories: Memories) -> None:
    tell(memories, "I live in Turku.")
    tell(memories, "I live in Oulu.", origin=Origin.FILE)
    with pytest.raises(ConfigError):
        memories.facts.resolve("m1", "m2", "m3")
    memories.facts.resolve("m1", "m2", "m2")
    assert holding(memories) == ["I live in Oulu."]
    assert [era.memory.id for era in memories.facts.history("m1")] == ["m1", "m2"]
    assert memories.facts.contradictions() == ()
    with pytest.raises(NotFound):
        memories.facts.resolve("m1", "m2", "m2")
    assert ("memory.resolved", "m2") in shelf.events()
    assert memories.problems() == ()


def test_both_may_be_kept(memories: Memories) -> None:
    tell(memories, "I live in Turku.")
    tell(memories, "I live in Oulu.", origin=Origin.FILE)
    memories.facts.resolve("m2", "m1", None)
    assert len(holding(memories)) == 2
    assert memories.facts.contradictions() == ()


def test_typing_what_a_file_said_makes_it_the_users_and_decides(memories: Memories) -> None:
    tell(memories, "I live in Turku.")
    tell(memories, "I live in Oulu.", origin=Origin.FILE)
    confirmed = memories.remember("i live in Oulu", Origin.TYPED)
    assert (confirmed.id, confirmed.origin) == ("m2", Origin.TYPED)
    assert holding(memories) == ["I live in Oulu."]
    assert memories.problems() == ()


def test_a_stale_fact_does_not_come_back(shelf: Shelf, memories: Memories) -> None:
    """mem0's issue 5193: told again by a document, an outdated fact must not be what is offered."""
    tell(memories, "I live in Turku.")
    shelf.clock.pass_time(days=1)
    tell(memories, "I moved to Oulu.")
    shelf.clock.pass_time(days=1)
    tell(memories, "I live in Turku.", origin=Origin.DOCUMENT)
    assert memories.get("m2").valid_to is None
    assert [(c.first.id, c.second.id) for c in memories.facts.contradictions()] == [("m2", "m3")]
    found = {item.memory.id: item.note for item in memories.search("Where do I live?", 5, "vector")}
    assert found["m3"] == "contradicts m2"


def test_an_end_can_be_taken_back(shelf: Shelf, memories: Memories) -> None:
    tell(memories, "I live in Turku.", "I moved to Oulu.")
    memories.forget("m2")
    assert memories.get("m1").valid_to is not None, "forgetting what was new brings nothing back by itself"
    assert memories.facts.history("m1")[0].ended_by is None
    assert memories.facts.reopen("m1").valid_to is None
    assert holding(memories) == ["I live in Turku."]
    with pytest.raises(ConfigError, match="holds"):
        memories.facts.reopen("m1")
    assert ("memory.reopened", "m1") in shelf.events()
    assert memories.problems() == ()


def test_what_is_reopened_beside_its_successor_contradicts_it(memories: Memories) -> None:
    tell(memories, "I live in Turku.", "I moved to Oulu.")
    memories.facts.reopen("m1")
    assert [(c.first.id, c.second.id) for c in memories.facts.contradictions()] == [("m1", "m2")]


def test_an_edited_memory_is_read_anew(memories: Memories) -> None:
    tell(memories, "I live in Turku.")
    memories.edit("m1", "I live in Oulu.")
    tell(memories, "I like Turku", "I moved to Kemi.")
    assert memories.facts.ended_by("m3") == ("m1",)
    assert memories.get("m2").valid_to is None


def test_no_entry_of_the_ledger_has_the_text(shelf: Shelf, memories: Memories) -> None:
    tell(memories, "I live in Turku and work at Nokia.", "I moved to Oulu.")
    tell(memories, "I live in Vaasa", origin=Origin.FILE)
    memories.facts.resolve("m2", "m3", "m3")
    memories.facts.reopen("m1")
    entries = " ".join(entry.body for entry in shelf.ledger.entries())
    assert not any(word in entries.lower() for word in ("turku", "nokia", "oulu", "vaasa", "residence"))


def test_facts_of_older_databases_are_read_when_first_needed(shelf: Shelf, memories: Memories) -> None:
    tell(memories, "I live in Turku.")
    shelf.database.execute("DELETE FROM facts; INSERT INTO facts_unread VALUES (1)")
    tell(memories, "I moved to Oulu.")
    assert memories.facts.ended_by("m2") == ("m1",)
    assert shelf.database.rows("SELECT * FROM facts_unread") == []


def test_what_was_said_before_ends_nothing_that_was_typed_since(shelf: Shelf, memories: Memories) -> None:
    said_at = "2026-03-01T09:30:00.000000Z"
    shelf.clock.pass_time(days=1)
    tell(memories, "I moved to Oulu.")
    shelf.clock.pass_time(days=1)
    memories.remember("I live in Turku.", Origin.TYPED, said_at=said_at)
    assert memories.get("m1").valid_to is None
    assert [(c.first.id, c.second.id) for c in memories.facts.contradictions()] == [("m1", "m2")]


def test_a_start_in_the_future_ends_nothing_yet(shelf: Shelf, memories: Memories) -> None:
    tell(memories, "I work at Nokia.", "From 1 April 2027 I work at Vaisala.")
    assert len(holding(memories)) == 2
    shelf.clock.pass_time(days=500)
    assert holding(memories) == ["From 1 April 2027 I work at Vaisala."]


def test_what_no_rule_reads_is_shown_as_possible_and_never_closed(shelf: Shelf, minilm: OnnxEmbedder) -> None:
    shelf.embedder = minilm
    memories = shelf.memories()
    tell(memories, "The office closes at five.", "The office closes at six.", "The office has a green door.")
    (found,) = memories.facts.contradictions()
    assert (found.first.id, found.second.id, found.about) == ("m1", "m2", "")
    assert found.similarity == pytest.approx(0.86, abs=0.05)
    assert len(holding(memories)) == 3
    assert all(item.note == "" for item in memories.search("When does the office close?", 3))
    memories.facts.resolve("m1", "m2", "m2")
    assert holding(memories) == ["The office closes at six.", "The office has a green door."]
