"""A question about one thing does not get the memory of another; what may be the same thing stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_seal.clock import SystemClock
from edge_seal.config import MemorySettings
from edge_seal.engines.engine import FloatArray
from edge_seal.memory.memories import Memories
from edge_seal.memory.things import Thing, asked_for, is_of_another, stated
from edge_seal.records import Origin
from edge_seal.storage.database import Database


def of_another(question: str, memory: str, cosine: float | None = None) -> bool:
    asked = asked_for(question)
    likeness = None if cosine is None else (lambda _one, _other: cosine)
    return asked is not None and is_of_another(asked, question, memory, likeness=likeness)


@pytest.mark.parametrize(
    ("question", "name", "verb"),
    [
        ("What is my donkey's name?", "donkey", ""),
        ("Could you tell me my donkey's name?", "donkey", ""),
        ("what’s my mum called", "mother", ""),
        ("And what is the name of my choir?", "choir", ""),
        ("Who is my best friend?", "best friend", ""),
        ("When is my wedding anniversary?", "wedding anniversary", ""),
        ("Do you know how my canary is called?", "canary", ""),
        ("Where did I put my spare key?", "spare key", "put"),
    ],
)
def test_a_question_in_a_plain_form_asks_for_a_thing(question: str, name: str, verb: str) -> None:
    assert asked_for(question) == Thing(name, verb)


def test_a_favourite_is_told_by_its_kind() -> None:
    assert asked_for("What is my favorite color?") == Thing("colour", favourite=True)
    assert stated("My favourite animal is the otter.") == Thing("animal", favourite=True)


@pytest.mark.parametrize(
    "question",
    [
        "What does my dog like to eat?",
        "Can I bring my dog to the office?",
        "What is my dog's favourite food?",
        "Where is the station?",
        "What should I cook for my guests on Friday?",
        "",
    ],
)
def test_any_other_question_is_not_read(question: str) -> None:
    assert asked_for(question) is None


@pytest.mark.parametrize(
    ("memory", "thing"),
    [
        ("My horse is called Nimbus.", Thing("horse")),
        ("My dog is called Biscuit and he is a brown spaniel with long ears.", Thing("dog")),
        ("Dr Haddad is my dentist.", Thing("dentist")),
        ("The name of my choir is Hall Voices.", Thing("choir")),
        ("I keep my spare key under the flowerpot.", Thing("spare key", "keep")),
        ("I ride my horse in the woods.", Thing("horse", "ride")),
        ("I live in Oulu.", None),
        ("My horse is called Nimbus. It sleeps in the old barn.", None),
        ("Nimbus sleeps in the old barn.", None),
        ("I think that my dentist is Dr Haddad.", None),
    ],
)
def test_a_memory_of_one_statement_states_a_thing(memory: str, thing: Thing | None) -> None:
    assert stated(memory) == thing


@pytest.mark.parametrize(
    ("question", "memory"),
    [
        ("What is my donkey's name?", "My horse is called Nimbus."),
        ("Who is my grandmother?", "My mother is called Ilse."),
        ("What is my favourite poem?", "My favourite film is Vertigo."),
        ("What is my seat number?", "My locker number is 64."),
        ("What is my donkey's name?", "My name is Anna."),
        ("Who is my godfather?", "My best friend is Jonas Jankowski."),
        ("What is my favourite animal?", "My favourite food is pierogi."),
        ("What is my weight?", "My height is 176 centimetres."),
        ("Where do I keep my umbrella?", "I keep my spare key under the flowerpot."),
    ],
)
def test_what_the_lists_know_needs_no_vector(question: str, memory: str) -> None:
    assert of_another(question, memory)
    assert of_another(question, memory, cosine=1.0)


@pytest.mark.parametrize(
    ("question", "memory"),
    [
        ("What is my pup's name?", "My dog is called Biscuit."),
        ("Where is my car?", "My Volvo is parked at the station."),
        ("Where do I keep my hammer?", "I keep my passport in the desk."),
        ("When do I clean the windows?", "I water the plants on Monday."),
    ],
)
def test_of_others_their_vectors_decide_and_without_one_they_count_as_the_same(question: str, memory: str) -> None:
    assert of_another(question, memory, cosine=0.56)
    assert not of_another(question, memory, cosine=0.58)
    assert not of_another(question, memory)


@pytest.mark.parametrize(
    ("question", "memory"),
    [
        ("Who is my mum?", "My mother is called Ilse."),
        ("What is my pet's name?", "My cat is called Tofu."),
        ("Who is my vet?", "My dog's vet is Dr Kim."),
        ("Who is my vet?", "I take my dog to Dr Kim."),
        ("When do I wash the car?", "I clean the car on Saturday."),
        ("What is my favourite pet?", "My favourite pet is the otter."),
        ("Who is my friend?", "My best friend is Pavel."),
        ("What is my surname?", "My name is Anna Berg."),
        ("Where is my charger?", "My laptop is in the bag with the charger."),
        ("Where do I keep my umbrella?", "My umbrella stand is behind the door."),
        ("Where do I keep my passport?", "I lost it in May."),
        ("What is my number plate?", "My car is a grey Skoda Fabia, registration KX19 VBN."),
    ],
)
def test_what_may_say_something_stays_however_far_its_vector_is(question: str, memory: str) -> None:
    assert not of_another(question, memory, cosine=-1.0)


def _audit(event: str, subject: str, body: object) -> None:
    """Takes the entries."""


class _Near:
    """Every text has nearly the same vector, so that only what is told apart is left out."""

    model_sha256 = "e" * 64
    dimension = 384

    def embed(self, texts: Sequence[str]) -> FloatArray:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        vectors[:, 0] = 1.0
        return vectors


def test_recall_leaves_the_other_thing_out_and_search_still_shows_it(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "m.db")
    memories = Memories(database, _audit, _Near(), SystemClock(), MemorySettings(turns=False))
    horse = memories.remember("My horse is called Nimbus.", Origin.TYPED)
    recalled = [memories.recall(q, 100, len) for q in ("What is my donkey's name?", "What is my horse's name?")]
    assert [[item.memory.id for item in each] for each in recalled] == [[], [horse.id]]
    assert [item.memory.id for item in memories.search("What is my donkey's name?")] == [horse.id]
    database.close()
