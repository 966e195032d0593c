"""What recall lets into the prompt, measured with the real embedder on the labelled set."""

from __future__ import annotations

import pytest

from edge_seal.engines.onnx_embedder import OnnxEmbedder
from edge_seal.memory.memories import Memories
from edge_seal.records import Origin
from tests.memory.conftest import Shelf
from tests.memory.recall_set import CHOSEN_ON, REPORTED_ON, Half


def _words(text: str) -> int:
    return len(text.split())


def _recalled(memories: Memories, question: str) -> list[str]:
    return [recalled.memory.text for recalled in memories.recall(question, 256, _words)]


@pytest.fixture(params=[CHOSEN_ON, REPORTED_ON], ids=["chosen on", "reported on"])
def half(request: pytest.FixtureRequest) -> Half:
    return request.param


@pytest.fixture
def filled(shelf: Shelf, half: Half, minilm: OnnxEmbedder) -> Memories:
    shelf.embedder = minilm
    memories = shelf.memories()
    for text in half.memories:
        memories.remember(text, Origin.TYPED)
    return memories


def test_general_questions_recall_nothing(filled: Memories, half: Half) -> None:
    assert [question for question in half.general if _recalled(filled, question)] == []


def test_questions_recall_the_memory_that_answers_them(filled: Memories, half: Half) -> None:
    missed = [
        question
        for question, answers in half.told
        if not {half.memories[number] for number in answers} & set(_recalled(filled, question))
    ]
    assert missed in ([], ["What kind of car do I have?"]), "docs/memory.md: 26 of 26, and 24 of 25"


def test_little_else_comes_along(filled: Memories, half: Half) -> None:
    beside = sum(
        len(set(_recalled(filled, question)) - {half.memories[number] for number in answers})
        for question, answers in half.told
    )
    assert beside <= 5, "docs/memory.md: 5 and 2"


def test_hybrid_finds_what_the_embedder_alone_does_not(shelf: Shelf, minilm: OnnxEmbedder) -> None:
    shelf.embedder = minilm
    memories = shelf.memories()
    memories.remember("Ticket HELP-2093 is about the broken projector in room 12.", Origin.TYPED)
    question = "What was HELP-2093 about?"
    assert memories.recall(question, 256, _words, mode="vector") == ()
    assert len(memories.recall(question, 256, _words, mode="hybrid")) == 1


def test_budget_is_kept_by_the_counter_that_is_passed(memories: Memories) -> None:
    long = "tea " + "with a long story about where it comes from " * 5
    for text in (long, "tea is green", "tea is hot", "tea is old"):
        memories.remember(text, Origin.TYPED)
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return _words(text)

    recalled = memories.recall("tea is", 7, count, mode="keyword")
    assert {item.memory.text for item in recalled} < {"tea is green", "tea is hot", "tea is old"}
    assert len(recalled) == 2
    assert long.strip() in counted, "what does not fit is passed over, not cut"


@pytest.mark.parametrize("budget", [0, -5, 2])
def test_no_room_no_memory(memories: Memories, budget: int) -> None:
    memories.remember("tea is hot", Origin.TYPED)
    assert memories.recall("tea is hot", budget, _words) == ()


@pytest.mark.parametrize("wanted", [0, 1, 3])
def test_at_most_as_many_as_set(shelf: Shelf, wanted: int) -> None:
    memories = shelf.memories(recalled=wanted)
    for number in range(5):
        memories.remember(f"tea number {number}", Origin.TYPED)
    assert len(memories.recall("tea number", 999, _words)) == wanted


def test_higher_minimum_lets_less_in(shelf: Shelf) -> None:
    shelf.memories().remember("tea from the north of India", Origin.TYPED)
    question = "is my tea from China stronger"
    assert len(shelf.memories(minimum_similarity=0.2).recall(question, 99, _words)) == 1
    assert shelf.memories(minimum_similarity=0.9).recall(question, 99, _words) == ()
