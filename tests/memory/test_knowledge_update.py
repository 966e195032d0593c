"""Stated, changed, asked: fifty facts in one home, with the real embedder."""

from __future__ import annotations

import pytest

from edge_seal.engines.onnx_embedder import OnnxEmbedder
from edge_seal.memory.memories import Memories
from edge_seal.records import Origin, Recalled
from tests.memory.conftest import Shelf
from tests.memory.update_set import CHANGES


@pytest.fixture
def changed(shelf: Shelf, minilm: OnnxEmbedder) -> Memories:
    shelf.embedder = minilm
    memories = shelf.memories()
    for change in CHANGES:
        memories.remember(change.first, Origin.TYPED)
    shelf.clock.pass_time(days=30)
    for change in CHANGES:
        memories.remember(change.later, Origin.TYPED)
    shelf.clock.pass_time(days=1)
    return memories


def _texts(found: tuple[Recalled, ...]) -> list[str]:
    return [item.memory.text for item in found]


def test_fifty_changed_facts_are_new_at_the_top_old_nowhere_and_history_still(changed: Memories) -> None:
    assert len(CHANGES) == 50
    number = {memory.text: memory.id for memory in changed.list(ended=True)}
    not_first, offered, lost, without_history = [], [], [], []
    for change in CHANGES:
        now = _texts(changed.recall(change.question, 256, lambda text: len(text.split())))
        past = changed.recall(change.past, 256, lambda text: len(text.split()))
        if now[:1] != [change.later]:
            not_first.append((change.question, now))
        if change.first in now:
            offered.append((change.question, now))
        if not any(item.memory.text == change.first and item.note.startswith("until ") for item in past):
            lost.append((change.past, _texts(past)))
        eras = [era.memory.text for era in changed.facts.history(number[change.later])]
        if eras[:1] != [change.first] or eras[-1] != change.later:
            without_history.append((change.later, eras))
    assert offered == []
    assert without_history == []
    assert lost == []
    assert not_first == []
