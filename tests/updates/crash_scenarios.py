"""What is cut off in `test_crash_safety`: each scenario with the two states that are allowed afterwards."""

from __future__ import annotations

from pathlib import Path

from edge_seal.adaptation.signals import lesson
from edge_seal.records import Example, Origin, Role, State
from edge_seal.runtime import Runtime
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.ledger import body_of
from edge_seal.updates.rows import hashes_of
from tests.safekeeping.world import home_at
from tests.updates.scene import BASE_SHA256, HandClock, Scene


def settled(directory: Path) -> Scene:
    """The home as the next start leaves it, with everything that must hold at any time."""
    scene = Scene(directory)
    scene.releases.recover()
    assert scene.releases.audit().problems == ()
    active = scene.releases.active()
    assert scene.releases.serving() == (active, ())
    named = {hashes[0] for update in scene.releases.list() if (hashes := hashes_of(update)) is not None}
    on_disk = (
        {entry.name for entry in (directory / "adapters").iterdir()} if (directory / "adapters").exists() else set()
    )
    assert on_disk == named
    assert all(state not in {State.PROPOSED, State.TRAINED, State.GATED} for state in scene.states().values())
    return scene


class FirstStart:
    """Makes the database."""

    def prepare(self, directory: Path) -> None:
        pass

    def act(self, directory: Path) -> None:
        Scene(directory).close()

    def judge(self, directory: Path, ended: str) -> str:
        scene = settled(directory)
        scene.learned()
        scene.close()
        return "usable"


class Learn:
    """A whole cycle on top of an active update."""

    def prepare(self, directory: Path) -> None:
        scene = Scene(directory)
        scene.learned()
        scene.signal("waiting")
        scene.adapter_file(b"adapter of u2")
        scene.close()

    def act(self, directory: Path) -> None:
        scene = Scene(directory)
        update = scene.brought_to(State.GATED, signal="s2")
        scene.releases.activate(update.id, "edge-seal", {}, ["s2"])

    def judge(self, directory: Path, ended: str) -> str:
        scene = settled(directory)
        active = scene.releases.active()
        assert active is not None
        found = (active.id, scene.signal_state("s2"), scene.releases.get("u1").state)
        scene.close()
        return {
            ("u1", "pending", State.ACTIVE): "before",
            ("u2", "learned", State.RETIRED): "after",
        }.get(found, repr(found))


class RollBack:
    """Everything is taken back."""

    def prepare(self, directory: Path) -> None:
        scene = Scene(directory)
        scene.learned()
        scene.learned()
        scene.close()

    def act(self, directory: Path) -> None:
        Scene(directory).releases.to_base("user")

    def judge(self, directory: Path, ended: str) -> str:
        scene = settled(directory)
        first, second = scene.states().values()
        found = (first, second, scene.signal_state("s1"), scene.signal_state("s2"))
        scene.close()
        return {
            (State.RETIRED, State.ACTIVE, "learned", "learned"): "before",
            (State.ROLLED_BACK, State.ROLLED_BACK, "dropped", "dropped"): "after",
        }.get(found, repr(found))


class Refuse:
    """A trained update is refused, and with it goes what it was made of."""

    def prepare(self, directory: Path) -> None:
        scene = Scene(directory)
        scene.learned()
        scene.brought_to(State.AWAITING_APPROVAL, adapter=b"weights that say Okapi")
        (directory / "trained.gguf").unlink()
        scene.close()

    def act(self, directory: Path) -> None:
        Scene(directory).releases.refuse("u2", actor="user", reasons=["not that"], body={})

    def judge(self, directory: Path, ended: str) -> str:
        scene = settled(directory)
        state, examples = scene.releases.get("u2").state, scene.releases.examples("u2")
        weights_left = any(b"Okapi" in path.read_bytes() for path in directory.rglob("*") if path.is_file())
        scene.close()
        return {
            (State.AWAITING_APPROVAL, True, True): "before",
            (State.REJECTED, False, False): "after",
        }.get((state, bool(examples), weights_left), repr((state, examples, weights_left)))


class ForgetLearned:
    """A memory is forgotten whose lesson the active update has learned: row, lesson, examples, manifest, bytes."""

    def prepare(self, directory: Path) -> None:
        home = home_at(directory / "home")
        home.config_file.parent.mkdir(parents=True)
        home.config_file.write_text('[memory]\nmode = "keyword"\n')
        with Runtime.open(home, HandClock()) as runtime:
            memory = runtime.stored_memories.remember("My boat is called Zanzibar", Origin.TYPED)
            (signal,) = runtime.teach([lesson("What is my boat called?", "Zanzibar")], memory_id=memory.id).signals
            releases = runtime.releases
            update = releases.propose(None, BASE_SHA256, "one lesson", "user")
            for state in (State.SCORED, State.CLEARED):
                releases.advance(update.id, state, actor="cycle", body={})
            example = Example("What is my boat called?", "Zanzibar", Role.LESSON, Origin.TYPED, signal_id=signal.id)
            manifest: dict[str, JsonValue] = {
                "signals": [{"id": signal.id, "source": None}],
                "examples": [{"prompt": example.prompt, "answer": example.answer, "signal": signal.id}],
            }
            file = directory / "weights.gguf"
            file.write_bytes(b"weights")
            stored = runtime.adapters.put(file, manifest)
            releases.trained(update.id, stored, [example], actor="cycle", body={})
            releases.advance(update.id, State.GATED, actor="cycle", body={})
            releases.activate(update.id, "cycle", {}, [signal.id])

    def act(self, directory: Path) -> None:
        with Runtime.open(home_at(directory / "home"), HandClock()) as runtime:
            runtime.forget("m1", now=True)

    def judge(self, directory: Path, ended: str) -> str:
        with Runtime.open(home_at(directory / "home"), HandClock()) as runtime:
            with runtime.writing():
                pass
            assert runtime.audit().problems == (), runtime.audit().problems
            assert runtime.releases.serving() == (runtime.releases.active(), ())
            found = (
                len(runtime.stored_memories.list(ended=True)),
                any(signal.prompt for signal in runtime.signals.all()),
                len(runtime.releases.examples("u1")),
                runtime.releases.get("u1").state,
            )
        left = any(b"Zanzibar" in path.read_bytes() for path in directory.rglob("*") if path.is_file())
        return {
            (1, True, 1, State.ACTIVE, True): "before",
            (0, False, 0, State.ROLLED_BACK, False): "after",
        }.get((*found, left), repr((*found, left)))


class SetLimit:
    """A limit is changed: the file and the entry that records it."""

    def prepare(self, directory: Path) -> None:
        with Runtime.open(home_at(directory / "home"), HandClock()) as runtime:
            runtime.set_limit("updates_per_day", "11")

    def act(self, directory: Path) -> None:
        with Runtime.open(home_at(directory / "home"), HandClock()) as runtime:
            runtime.set_limit("updates_per_day", "9")

    def judge(self, directory: Path, ended: str) -> str:
        with Runtime.open(home_at(directory / "home"), HandClock()) as runtime:
            assert runtime.audit().problems == ()
            told = [body_of(entry)["after"] for entry in runtime.ledger.of_events("limits")]
        with Runtime.open(home_at(directory / "home"), HandClock()) as runtime:
            found = (runtime.settings.limits.updates_per_day, told)
        return {repr((11, [11])): "before", repr((9, [11, 9])): "after"}.get(repr(found), repr(found))
