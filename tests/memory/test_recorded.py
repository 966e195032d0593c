"""Every method that changes what is remembered leaves an entry; a new method has to say here which kind it is."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_seal.conversation import Conversations
from edge_seal.memory.facts import Facts
from edge_seal.memory.memories import Memories
from edge_seal.memory.proposals import Proposals
from edge_seal.records import Origin, Timing, Turn
from edge_seal.runtime import Runtime
from tests.safekeeping.world import home_at
from tests.updates.scene import HandClock

READS = {
    "Memories": {
        "count", "export_to", "get", "list", "missing_vectors", "problems", "recall", "recollect", "says", "search",
        "import_lines",
    },
    "Facts": {"answering", "are_read", "contradictions", "ended_by", "history", "knows", "overrules",
              "possibly_contradicts"},
    "Proposals": {"get", "list"},
}  # fmt: skip
# What can be made anew from the rows at any time: vectors, word indexes, what the rules read in a text. And the parts
# of a change that is recorded by who makes it.
DERIVES = {
    "Memories": {"embed_missing", "embed_turns", "keep_findable", "rebuild"},
    "Facts": {"catch_up", "confirm", "note", "note_on", "reread"},
    "Proposals": set[str](),
}


def add_proposal(runtime: Runtime) -> object:
    turn = Turn("", "", "", "I moved to Oulu", "Fine.", Origin.TYPED, None, (), Timing(1, 0, 1, 0.1, 0.2))
    kept = Conversations(runtime.database, runtime.clock).keep(turn, base_sha256="b", seed=1)
    return runtime.proposals.add("I moved to Oulu", kept.id, "rules")


def contradicted(runtime: Runtime) -> None:
    runtime.stored_memories.remember("I live in Oulu", Origin.FILE)


def ended(runtime: Runtime) -> None:
    runtime.stored_memories.remember("I moved to Oulu", Origin.TYPED)


def proposed(runtime: Runtime) -> None:
    add_proposal(runtime)


def nothing(runtime: Runtime) -> None:
    pass


LINE = b'{"text": "I like tea", "origin": "typed"}\n'
# The event that each change leaves, what is there before it, and the change.
WRITES: dict[str, tuple[str, Callable[[Runtime], object], Callable[[Runtime], object]]] = {
    "Memories.remember": (
        "memory.remembered", nothing, lambda r: r.stored_memories.remember("I like tea", Origin.TYPED),
    ),
    "Memories.remember, which supersedes": (
        "memory.ended", nothing, lambda r: r.stored_memories.remember("I moved to Oulu", Origin.TYPED),
    ),
    "Memories.edit": ("memory.edited", nothing, lambda r: r.stored_memories.edit("m1", "I live in Rome")),
    "Memories.forget": ("memory.forgotten", nothing, lambda r: r.stored_memories.forget("m1")),
    "Memories.import_from": (
        "memory.remembered", nothing, lambda r: r.import_memories(io.BytesIO(LINE), source="a file", confirmed=True),
    ),
    "Facts.resolve": ("memory.resolved", contradicted, lambda r: r.stored_memories.facts.resolve("m1", "m2", "m2")),
    "Facts.reopen": ("memory.reopened", ended, lambda r: r.stored_memories.facts.reopen("m1")),
    "Proposals.add": ("memory.proposed", nothing, add_proposal),
    "Proposals.accepted": ("memory.accepted", proposed, lambda r: r.accept(["p1"])),
    "Proposals.reject": ("memory.rejected", proposed, lambda r: r.proposals.reject("p1")),
    "Runtime.remember": ("memory.remembered", nothing, lambda r: r.remember("I like tea", Origin.TYPED)),
    "Runtime.edit_memory": ("memory.edited", nothing, lambda r: r.edit_memory("m1", "I live in Rome")),
    "Runtime.forget": ("memory.forgotten", nothing, lambda r: r.forget("m1")),
    "Runtime.import_memories": (
        "memory.remembered", nothing, lambda r: r.import_memories(io.BytesIO(LINE), source=None, confirmed=True),
    ),
    "Runtime.accept": ("memory.accepted", proposed, lambda r: r.accept(["p1"])),
}  # fmt: skip


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    home = home_at(tmp_path / "home")
    home.config_file.parent.mkdir(parents=True)
    home.config_file.write_text('[memory]\nmode = "keyword"\n')
    with Runtime.open(home, HandClock()) as runtime:
        runtime.stored_memories.remember("I live in Turku", Origin.TYPED)
        yield runtime


@pytest.mark.parametrize("kind", [Memories, Facts, Proposals])
def test_every_method_says_whether_it_changes_what_is_remembered(kind: type) -> None:
    methods = {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}
    writes = {re.split(r"[.,]", name)[1] for name in WRITES if name.startswith(f"{kind.__name__}.")}
    name = kind.__name__
    assert methods == READS[name] | DERIVES[name] | writes


@pytest.mark.parametrize("change", WRITES)
def test_every_change_of_memory_is_an_entry_of_the_chain(runtime: Runtime, change: str) -> None:
    event, prepare, make = WRITES[change]
    prepare(runtime)
    before = runtime.ledger.head()[0]
    make(runtime)
    entries = list(runtime.ledger.entries(before + 1))
    assert event in {entry.event for entry in entries}
    assert {entry.actor for entry in entries} == {"user"}
    # No text of a person is in any of them.
    assert not any(re.search("Turku|Oulu|Rome|tea", entry.body) for entry in entries)
    assert runtime.audit().problems == ()


def test_what_is_derived_needs_no_entry_and_changes_nothing_that_is_told(runtime: Runtime) -> None:
    told = [memory.text for memory in runtime.stored_memories.list()]
    before = runtime.ledger.head()
    runtime.rebuild()
    assert [memory.text for memory in runtime.stored_memories.list()] == told
    assert runtime.ledger.head() == before
