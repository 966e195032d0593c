"""Past questions, answered by the candidate in the shadow of the incumbent: which, how many, and forgotten."""

from __future__ import annotations

from collections.abc import Mapping

from edge_seal.adaptation import shadow
from edge_seal.archive import Archive
from edge_seal.config import MemorySettings
from edge_seal.conversation import Conversations
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.memory.memories import Memories
from edge_seal.records import FORGOTTEN_TEXT, Origin, State, Timing, Turn
from edge_seal.storage import erasure
from edge_seal.updates import comparisons
from edge_seal.updates.comparisons import Comparison
from edge_seal.updates.forgetting import Forgetting
from tests.adaptation.world import DOG, HOME, World, with_settings

TIMING = Timing(1, 0, 1, 0.1, 0.1)


def asked(world: World, *prompts: str, origin: Origin = Origin.TYPED, answer: str = "An answer") -> list[Turn]:
    conversations = Conversations(world.database, world.clock)
    return [
        conversations.keep(
            Turn("", "", "", prompt, answer, origin, None, (), TIMING), base_sha256=world.engine.model_sha256, seed=1
        )
        for prompt in prompts
    ]


def test_only_typed_questions_are_asked_again_each_wording_once(world: World) -> None:
    asked(world, "What is red?", "what  is RED?", "Remember that I live in Oulu", "/forget m1", "x" * 5000)
    asked(world, "What is pasted?", origin=Origin.PASTED)
    asked(world, FORGOTTEN_TEXT)
    asked(world, "What is gone?", answer=FORGOTTEN_TEXT)
    assert [question.prompt for question in shadow.past_questions(world.database)] == ["what  is RED?"]


def test_the_choice_is_bounded_and_the_same_for_a_seed(world: World) -> None:
    asked(world, *(f"What is number {n}?" for n in range(30)))
    questions = shadow.past_questions(world.database)
    first = shadow.chosen(questions, 6, "s1")
    assert len(first) == 6
    assert shadow.chosen(questions, 6, "s1") == first != shadow.chosen(questions, 6, "s2")
    assert len(shadow.chosen(questions, 100, "s1")) == 30
    assert shadow.chosen((), 6, "s1") == ()


def test_a_cycle_keeps_what_both_say_within_its_bounds_and_leaves_the_engine_as_it_was(world: World) -> None:
    asked(world, *(f"What is number {n}?" for n in range(12)))
    before = world.answer("What is number 3?")
    world.settings = with_settings(shadow={"questions": 4, "max_tokens": 5})
    world.teach(DOG, source="notes.txt")
    report = world.run()
    assert report.update is not None
    assert report.state is State.AWAITING_APPROVAL
    kept = [item for item in comparisons.of(world.database, report.update.id) if item.kind == "past"]
    assert len(kept) == 4
    with LlamaCppEngine(world.model_path, threads=1) as engine:
        question = shadow.PastQuestion(str(kept[0].turn_id), kept[0].prompt)
        assert shadow.answers(engine, [question], 5) == [kept[0].before]
        engine.use_adapter(world.adapters.path(str(report.update.adapter_sha256)))
        assert shadow.answers(engine, [question], 5) == [kept[0].after]
    assert world.answer("What is number 3?") == before


def test_none_are_asked_where_it_is_set_so(world: World) -> None:
    asked(world, "What is red?")
    world.settings = with_settings(shadow={"questions": 0})
    update = world.learned(DOG)
    assert [item for item in comparisons.of(world.database, update.id) if item.kind == "past"] == []


# Forgetting -----------------------------------------------------------------------------------------------


def compared(world: World, update_id: str, *texts: str, turn: Turn | None = None) -> None:
    items = [Comparison("past", text, f"before {text}", f"after {text}", turn and turn.id) for text in texts]
    comparisons.keep(world.database, update_id, items)


def test_forgetting_a_lesson_takes_the_texts_of_all_that_learned_it(world: World) -> None:
    first = world.learned(DOG)
    second = world.learned(HOME)
    for update in (first, second):
        compared(world, update.id, "zygodactyl parrots")
    forgetting = Forgetting(world.database, world.ledger, world.adapters, world.releases)
    with erasure.erasing(world.database):
        forgetting.forget(["s1"], "user")
    assert comparisons.of(world.database, first.id) == comparisons.of(world.database, second.id) == ()
    assert b"zygodactyl" not in world.stored_bytes()


def test_forgetting_a_memory_takes_what_tells_it_and_what_was_asked_in_its_turns(world: World) -> None:
    update = world.learned(DOG)

    def unaudited(event: str, subject: str, body: Mapping[str, str]) -> None:
        """Takes entries that this test does not look at."""

    memories = Memories(world.database, unaudited, None, world.clock, MemorySettings())
    memory = memories.remember("My aunt Zebedine lives in Kuopio.", Origin.TYPED)
    (turn,) = asked(world, "My aunt Zebedine lives in Kuopio.")
    items = [
        Comparison("past", "Where does my aunt live?", "I do not know", "Your aunt Zebedine lives in Kuopio."),
        Comparison("past", "My aunt Zebedine lives in Kuopio.", "Good for her", "I see", turn.id),
        Comparison("past", "Where does my aunt Zebedine live?", "I do not know", "In Kuopio."),
        Comparison("past", "What is red?", "A colour", "A wine"),
    ]
    comparisons.keep(world.database, update.id, items)
    with erasure.erasing(world.database):
        memories.forget(memory.id)
        Archive(world.database, Conversations(world.database, world.clock)).erase_telling(memory)
    assert [item.prompt for item in comparisons.of(world.database, update.id)] == ["What is red?"]
    assert b"Zebedine" not in world.stored_bytes()


def test_a_deleted_conversation_takes_what_was_asked_from_it(world: World) -> None:
    update = world.learned(DOG)
    (turn,) = asked(world, "What is a xylograph?")
    compared(world, update.id, "What is a xylograph?", turn=turn)
    Archive(world.database, Conversations(world.database, world.clock)).delete(turn.conversation_id, lambda _: None)
    assert comparisons.of(world.database, update.id) == ()
    assert b"xylograph" not in world.stored_bytes()


def test_what_is_refused_leaves_none(world: World) -> None:
    world.teach(DOG, source="notes.txt")
    update = world.run().update
    assert update is not None
    compared(world, update.id, "zygodactyl parrots")
    world.releases.refuse(update.id, actor="user", reasons=["no"], body={})
    assert comparisons.of(world.database, update.id) == ()
    assert b"zygodactyl" not in world.stored_bytes()
