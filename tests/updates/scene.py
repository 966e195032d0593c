"""A home with real tables, files and ledger, and the shortest way to put updates into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge_seal.clock import Uptime
from edge_seal.records import Example, Origin, Role, State, Update
from edge_seal.storage.database import Database
from edge_seal.updates.adapters import AdapterStore
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.release import Releases

BASE_SHA256 = "b" * 64


@dataclass
class HandClock:
    """A clock that moves only when it is told to."""

    moment: datetime = field(default_factory=lambda: datetime(2025, 3, 1, 12, tzinfo=UTC))

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def uptime(self) -> Uptime:
        return Uptime("hand", self.moment.timestamp())

    def pass_by(self, **parts: float) -> None:
        self.moment += timedelta(**parts)


class Scene:
    """Everything that stores updates, below one directory. Opened again, it finds what was there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.clock = HandClock()
        self.database = Database.open(root / "edge-seal.db")
        self.head_file = root / "ledger-head"
        self.ledger = Ledger(self.database, self.clock, self.head_file)
        self.adapters = AdapterStore(root / "adapters")
        self.releases = Releases(self.database, self.ledger, self.adapters, self.clock)

    def close(self) -> None:
        self.database.close()

    def reopened(self) -> Scene:
        self.close()
        return Scene(self.root)

    def signal(self, prompt: str = "What is my dog called?", answer: str = "Rex") -> str:
        with self.database.transaction():
            self.database.execute(
                "INSERT INTO signals (created_at, kind, prompt, answer, origin)"
                " VALUES ('now', 'taught', ?, ?, 'typed')",
                (prompt, answer),
            )
        return f"s{self.database.last_row_id}"

    def signal_state(self, signal: str) -> str:
        row = self.database.row("SELECT state FROM signals WHERE id = ?", (int(signal[1:]),))
        assert row is not None
        return str(row[0])

    def adapter_file(self, content: bytes) -> Path:
        path = self.root / "trained.gguf"
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
        return path

    def proposed(self) -> Update:
        active = self.releases.active()
        return self.releases.propose(None if active is None else active.id, BASE_SHA256, "asked for", "user")

    def brought_to(self, state: State, *, signal: str | None = None, adapter: bytes | None = None) -> Update:
        """A new update on top of the active one, in `state` (proposed to canary)."""
        update = self.proposed()
        for following in (State.SCORED, State.CLEARED, State.TRAINED, State.GATED, State.AWAITING_APPROVAL):
            if update.state is state:
                return update
            if following is State.TRAINED:
                content = adapter if adapter is not None else f"adapter of {update.id}".encode()
                stored = self.adapters.put(self.adapter_file(content), {"update": update.id})
                update = self.releases.trained(
                    update.id, stored, examples_of(signal), actor="edge-seal", body={"steps": 12}
                )
            else:
                update = self.releases.advance(update.id, following, actor="edge-seal", body={})
        return (
            self.releases.advance(update.id, State.CANARY, actor="user", body={}) if state is State.CANARY else update
        )

    def learned(self, *, adapter: bytes | None = None) -> Update:
        """A new active update with one signal of its own."""
        signal = self.signal()
        update = self.brought_to(State.GATED, signal=signal, adapter=adapter)
        return self.releases.activate(update.id, "edge-seal", {}, [signal])

    def signals_of(self, update: Update) -> Sequence[str]:
        found = (example.signal_id for example in self.releases.examples(update.id))
        return tuple(dict.fromkeys(signal for signal in found if signal is not None))

    def states(self) -> dict[str, State]:
        return {update.id: update.state for update in self.releases.list()}


def examples_of(signal: str | None) -> tuple[Example, ...]:
    return (
        Example("What is my dog called?", "Rex", Role.LESSON, Origin.TYPED, signal_id=signal),
        Example("Name my dog.", "Rex", Role.PROBE, Origin.TYPED, signal_id=signal, derived_by="reworded", weight=0.5),
        Example("Tell me a story", "Once upon", Role.GENERAL, Origin.MODEL, closed=False),
    )
