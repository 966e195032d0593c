"""What is cut off in `test_memory_crashes`: each scenario with the two states that are allowed afterwards.

Every judge opens the home as the next command would: rows, words, sign bits and the audit trail fit, whatever happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_seal.config import MemorySettings
from edge_seal.conversation import Conversations
from edge_seal.memory import reembedding
from edge_seal.memory.memories import Memories
from edge_seal.records import Origin, Timing, Turn
from edge_seal.runtime import Runtime
from tests.memory.word_embedder import WordEmbedder
from tests.safekeeping.world import home_at
from tests.updates.scene import HandClock


def opened(directory: Path) -> Runtime:
    return Runtime.open(home_at(directory / "home"), HandClock())


class _OfMemory:
    """A scenario on a home with "I live in Turku" (m1); subclasses say what happens, and what it then says of it."""

    before: str
    after: str

    def prepare(self, directory: Path) -> None:
        settings = home_at(directory / "home").config_file
        settings.parent.mkdir(parents=True)
        # By words alone: what is cut off here are rows, and the embedder takes its time to load.
        settings.write_text('[memory]\nmode = "keyword"\n')
        with opened(directory) as runtime:
            runtime.stored_memories.remember("I live in Turku", Origin.TYPED)
            self.furnish(runtime)

    def furnish(self, runtime: Runtime) -> None:
        """What else is there."""

    def act(self, directory: Path) -> None:
        with opened(directory) as runtime:
            self.change(runtime)

    def change(self, runtime: Runtime) -> None:
        raise NotImplementedError

    def judge(self, directory: Path, ended: str) -> str:
        with opened(directory) as runtime:
            memories = runtime.stored_memories
            assert memories.problems() == ()
            assert runtime.audit().problems == ()
            every = memories.list(ended=True)
            holding = {item.id for item in memories.list()}
            told = [f"{item.text}{'' if item.id in holding else ' (ended)'}" for item in every]
            told += [f"? {item.text}" for item in runtime.proposals.list()]
            told += [f"{item.first.id} or {item.second.id}" for item in memories.facts.contradictions()]
            eras = memories.facts.history("m1")
            assert all((era.end_learned_at is None) == (era.memory.id in holding) for era in eras)
            events = [entry.event.removeprefix("memory.") for entry in runtime.ledger.of_events("memory")]
        found = " | ".join((*told, " ".join(events)))
        left = any(b"Turku" in path.read_bytes() for path in directory.rglob("*") if path.is_file())
        if not left:
            found += " | no bytes"
        return {self.before: "before", self.after: "after"}.get(found, found)


class Supersede(_OfMemory):
    """What was typed later ends what was typed before."""

    before = "I live in Turku | remembered"
    after = "I live in Turku (ended) | I moved to Oulu | remembered remembered ended"

    def change(self, runtime: Runtime) -> None:
        runtime.stored_memories.remember("I moved to Oulu", Origin.TYPED)


class Accept(_OfMemory):
    """A proposal becomes a memory, and ends one."""

    before = "I live in Turku | ? I moved to Oulu | remembered proposed"
    after = "I live in Turku (ended) | I moved to Oulu | remembered proposed remembered ended accepted"

    def furnish(self, runtime: Runtime) -> None:
        turn = Turn("", "", "", "I moved to Oulu", "Fine.", Origin.TYPED, None, (), Timing(1, 0, 1, 0.1, 0.2))
        kept = Conversations(runtime.database, runtime.clock).keep(turn, base_sha256="b", seed=1)
        runtime.proposals.add("I moved to Oulu", kept.id, "rules")

    def change(self, runtime: Runtime) -> None:
        runtime.accept(["p1"])


class Resolve(_OfMemory):
    """Of two that contradict each other one is chosen."""

    before = "I live in Turku | I live in Oulu | m1 or m2 | remembered remembered"
    after = "I live in Turku (ended) | I live in Oulu | remembered remembered resolved ended"

    def furnish(self, runtime: Runtime) -> None:
        runtime.stored_memories.remember("I live in Oulu", Origin.FILE)

    def change(self, runtime: Runtime) -> None:
        runtime.stored_memories.facts.resolve("m1", "m2", "m2")


class Edit(_OfMemory):
    """A memory says something else; what it said is gone from the files at the latest at the next start."""

    before = "I live in Turku | remembered"
    after = "I live in Rome | remembered edited | no bytes"

    def change(self, runtime: Runtime) -> None:
        runtime.stored_memories.edit("m1", "I live in Rome")


class Reembed(_OfMemory):
    """Another embedder takes the place of one: batch by batch, then the former vectors and their bytes go.

    Every memory has a vector of one of them all the time; what was cut off goes on at the next call. "Before" is here
    until the last former vector is gone.
    """

    def furnish(self, runtime: Runtime) -> None:
        for number in range(5):
            runtime.stored_memories.remember(f"fact {number} about topic{number}", Origin.TYPED)
        _embedded_by(runtime, "former").embed_missing()

    def change(self, runtime: Runtime) -> None:
        _embedded_by(runtime, "new").embed_missing(at_once=2)
        reembedding.remove_former(runtime.database, WordEmbedder("new"))

    def judge(self, directory: Path, ended: str) -> str:
        with opened(directory) as runtime:
            new = _embedded_by(runtime, "new")
            assert new.problems() == ()
            assert runtime.database.row("SELECT count(DISTINCT memory_id) FROM memory_vectors") == (6,)
            missing, former = new.missing_vectors(), reembedding.former(runtime.database, WordEmbedder("new"))
            assert missing == 0 or former == 6, "a former vector went before all were embedded anew"
            file = runtime.database.path
            new.embed_missing()
            reembedding.remove_former(runtime.database, WordEmbedder("new"))
            assert new.search("topic4", mode="vector")[0].memory.text == "fact 4 about topic4"
        gone = WordEmbedder("former").embed(["fact 2 about topic2"])[0].tobytes()
        found = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
        assert gone not in found
        return "after" if (missing, former) == (0, 0) else "before"


def _embedded_by(runtime: Runtime, name: str) -> Memories:
    def audit(event: str, subject: str, body: Mapping[str, str]) -> object:
        return runtime.ledger.append(event, actor="user", subject=subject, body=dict(body))

    return Memories(runtime.database, audit, WordEmbedder(name), runtime.clock, MemorySettings(turns=False))
