"""A home with something of everything that holds the user's words, and what is looked for in its bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edge_seal.adaptation.signals import lesson
from edge_seal.config import Home
from edge_seal.records import Origin, State
from edge_seal.runtime import Runtime
from edge_seal.storage.key_file import KeyFile
from edge_seal.storage.sealing import Cost, DataKey
from edge_seal.updates.release import Releases
from tests.updates.scene import BASE_SHA256, HandClock, examples_of

WORD = "Zebulon"
PASSPHRASE = "four words like these"
# A guess costs nothing here: what the real cost is, no test has to find out.
CHEAP = Cost(memory_kib=8, passes=1, lanes=1)


@dataclass
class Knows:
    """Somebody who knows passphrases, and was asked this often."""

    passphrase: str = PASSPHRASE
    asked: list[str] = field(default_factory=list)

    def known(self, what: str) -> str:
        self.asked.append(what)
        return self.passphrase

    def chosen(self) -> str:
        return self.passphrase


def home_at(root: Path) -> Home:
    return Home(root / "data", root / "config", root / "state", root / "cache")


def opened(root: Path, passphrase: str = PASSPHRASE, *, clock: HandClock | None = None) -> Runtime:
    return Runtime.open(home_at(root), clock or HandClock(), Knows(passphrase))


def furnished(root: Path, *, clock: HandClock | None = None) -> Runtime:
    """A home with a memory, a lesson, and an active update whose adapter and manifest hold the word."""
    runtime = opened(root, clock=clock)
    runtime.stored_memories.remember(f"My sister is called {WORD}", Origin.TYPED)
    runtime.signals.add_all([lesson("Who?", WORD)])
    learned(runtime, root, f"weights that say {WORD}".encode() * 5000)
    return runtime


def learned(runtime: Runtime, root: Path, adapter: bytes) -> str:
    """Makes an update active whose adapter is these bytes."""
    releases: Releases = runtime.releases
    active = releases.active()
    update = releases.propose(None if active is None else active.id, BASE_SHA256, "asked for", "user")
    for state in (State.SCORED, State.CLEARED):
        releases.advance(update.id, state, actor="edge-seal", body={})
    trained = root.parent / f"{root.name}-trained.gguf"
    trained.write_bytes(adapter)
    stored = runtime.adapters.put(trained, {"update": update.id, "examples": [{"answer": WORD}]})
    trained.unlink()
    releases.trained(update.id, stored, examples_of(None), actor="edge-seal", body={})
    releases.advance(update.id, State.GATED, actor="edge-seal", body={})
    releases.activate(update.id, "edge-seal", {}, [])
    return update.id


def encrypted_cheaply(root: Path) -> DataKey:
    """Encrypts the home at `root` under the passphrase, at no cost."""
    from edge_seal.safekeeping import conversion
    from edge_seal.safekeeping.possession import alone_in

    key = DataKey(b"k" * 32)
    with alone_in(home_at(root)) as replacement:
        conversion.encrypt(home_at(root), HandClock(), replacement, key, KeyFile.for_passphrase(key, PASSPHRASE, CHEAP))
    return key


def texts(runtime: Runtime) -> list[str]:
    return [memory.text for memory in runtime.stored_memories.list()]


def holding(root: Path, word: str = WORD) -> list[str]:
    """The files below `root` whose bytes hold the word."""
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and word.encode() in path.read_bytes()
    )
