"""What the scope will keep from the adapter need not be trained, and is judged as it will be served."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from edge_seal.adaptation.scope_vectors import judged, scope_before_learning, vectors_before_learning
from edge_seal.adaptation.style_rules import read_rule
from edge_seal.engines.engine import EmbedderUnavailable, FloatArray, Message
from edge_seal.records import Example, Role
from tests.adaptation.world import World
from tests.memory.word_embedder import WordEmbedder

DOG, TOWN = ("What is my dog's name?", "Your dog is called Rex."), ("Where do I live?", "You live in Turku.")


class Away(WordEmbedder):
    def embed(self, texts: Sequence[str]) -> FloatArray:
        raise EmbedderUnavailable(f"not for {len(texts)} texts")


def contrasts(examples: Sequence[Example]) -> list[str]:
    return [example.prompt for example in examples if example.role is Role.CONTRAST]


def test_a_contrast_that_the_base_will_answer_is_not_trained(world: World) -> None:
    world.teach(DOG, TOWN)
    everywhere = world.run(dry_run=True).examples
    world.embedder = WordEmbedder()
    scoped = world.run(dry_run=True).examples
    assert len(contrasts(scoped)) < len(contrasts(everywhere)) / 2
    assert set(contrasts(scoped)) <= set(contrasts(everywhere))
    rest = [example for example in scoped if example.role is not Role.CONTRAST]
    assert rest == [example for example in everywhere if example.role is not Role.CONTRAST]


def test_without_its_embedder_all_of_them_are_trained(world: World) -> None:
    world.teach(DOG, TOWN)
    everywhere = world.run(dry_run=True).examples
    world.embedder = Away()
    assert world.run(dry_run=True).examples == everywhere


def test_where_a_rule_holds_too_all_of_them_are_trained(world: World) -> None:
    rule = read_rule("answer without commas")
    assert rule is not None
    world.teach(DOG, ("answer without commas", rule.words))
    everywhere = contrasts(world.run(dry_run=True).examples)
    world.embedder = WordEmbedder()
    assert contrasts(world.run(dry_run=True).examples) == everywhere


@pytest.mark.timeout(600)
def test_a_neighbour_that_the_base_will_answer_is_judged_by_its_answer(world: World, tmp_path: Path) -> None:
    world.teach(DOG, TOWN)
    world.embedder = WordEmbedder()
    gate = world.run().gate
    assert gate is not None
    neighbours = [outcome for outcome in gate.outcomes if outcome.role is Role.NEIGHBOUR]
    vectors = vectors_before_learning([DOG[0], TOWN[0]], world.database, world.embedder)
    scope = scope_before_learning(vectors, world.embedder, tmp_path)
    found = judged(scope, [one.prompt for one in neighbours], world.embedder)
    outside = [one for one, bearing in zip(neighbours, found, strict=True) if not bearing.inside]
    # A tiny model says a lesson to what is inside its scope; what is outside never reaches it.
    assert len(outside) >= len(neighbours) / 2
    assert all(one.said_after is not None and one.said_after == one.said_before for one in outside)
    assert any(one.after_nats != one.before_nats for one in outside), "the adapter would say something else there"


def test_what_is_held_back_is_asked_as_it_will_be_served(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.teach(DOG, TOWN)
    world.embedder = WordEmbedder()
    asked: list[str] = []
    render = world.engine.render

    def heard(messages: Sequence[Message]) -> tuple[int, ...]:
        asked.append(messages[-1].content)
        return render(messages)

    monkeypatch.setattr(world.engine, "render", heard)
    probes = [example.prompt for example in world.run(dry_run=True).examples if example.role is Role.PROBE]
    put = [text for text in asked if any(text.startswith(f"{probe}\n") for probe in probes)]
    assert put
    assert {text.partition("\n")[2] for text in put} <= {DOG[0], TOWN[0]}
    lessons = [text for text in asked if text in {DOG[0], TOWN[0]}]
    assert lessons
