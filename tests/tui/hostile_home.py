"""A home in which everything that the interface shows, and did not write, is hostile."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

from edge_models.adapter import write_gguf_adapter
from edge_seal.adaptation.signals import lesson
from edge_seal.config import Home
from edge_seal.memory import rows
from edge_seal.records import Example, Memory, Origin, Proposal, Role, State, Timing, Turn
from edge_seal.runtime import Runtime
from tests.support.tiny_installation import install_tiny_model, random_adapter
from tests.tui.hostile_texts import MARK, sequences

HOME_NAME = f"home \x1b]0;{MARK}\x07\x1b[{MARK}A\u202e end"
"""A directory may be called almost anything."""


def hostile_home(root: Path) -> Home:
    """The home in a directory with a hostile name below `root`."""
    place = root / HOME_NAME
    return Home(place / "data", place / "config", place / "state", place / "cache")


class Hostile:
    """Gives a hostile text under a name, each time with the next sequence of a shuffled corpus."""

    def __init__(self, draw: random.Random) -> None:
        # What is stored holds no half of a surrogate pair: neither SQLite nor JSON takes one.
        self._left: list[str] = []
        self._draw = draw
        self._count: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        if not self._left:
            self._left = [
                one for one in sequences() if one.isascii() or not any("\ud800" <= c <= "\udfff" for c in one)
            ]
            self._draw.shuffle(self._left)
        at = self._count[name] = self._count.get(name, -1) + 1
        return f"{name}{at} {self._left.pop()}·end"


def prepared(root: Path, draw: random.Random) -> Home:
    """Makes the home, with the tiny model in it, and fills every table and file that a screen reads."""
    home = hostile_home(root)
    home.create()
    install_tiny_model(home, root)
    text = Hostile(draw)
    _models(home, text)
    (home.config / "keymap.toml").write_text(f"{json.dumps(text('binding'))} = 'f10'\n", encoding="utf-8")
    (home.config / "themes").mkdir()
    (home.config / "themes" / f"theme0 \x1b]0;{MARK}\x07.toml").write_text("primary = 'red'\n", encoding="utf-8")
    with Runtime.open(home) as runtime:
        _conversations(runtime, text)
        _memories(runtime, text)
        for seed, state in ((1, State.ACTIVE), (2, State.AWAITING_APPROVAL)):
            _update(runtime, home, text, seed, state)
        runtime.database.execute(
            "INSERT INTO alerts (at, metric, value, n, usual, bound) VALUES (?, ?, 2.0, 20, 1.0, 1.5)",
            (runtime.clock.now().isoformat(), text("alert")),
        )
    return home


def _models(home: Home, text: Hostile) -> None:
    """A second model whose manifest, which a person may have got from anywhere, is hostile."""
    written = (home.config / "models" / "tiny.toml").read_text(encoding="utf-8")
    for field, before in (("title", "Tiny"), ("licence", "CC0-1.0")):
        written = written.replace(f'{field} = "{before}"', f"{field} = {json.dumps(_printable(text(field)))}")
    (home.config / "models" / "other.toml").write_text(
        written.replace('name = "tiny"', 'name = "other"', 1), encoding="utf-8"
    )


def _printable(text: str) -> str:
    # A manifest's own words are checked when it is read; what passes there is what is left to be shown.
    return "".join(character for character in text if character.isprintable())


def _conversations(runtime: Runtime, text: Hostile) -> None:
    for _ in range(3):
        conversation = ""
        for _ in range(3):
            asked = Turn(
                "", conversation, "", text("asked"), text("answer"), Origin.PASTED, None, (), Timing(1, 0, 9, 0.1, 0.5)
            )
            conversation = runtime.conversations.keep(asked, base_sha256="", seed=1).conversation_id
        runtime.database.execute(
            "UPDATE conversations SET title = ? WHERE id = (SELECT max(id) FROM conversations)", (text("title"),)
        )


def _memories(runtime: Runtime, text: Hostile) -> None:
    """Written past what refuses such texts, so whole as if it had been let in."""
    for said in ("I live in Oulu", "I moved to Turku", "Tea is green", "Rowing is fun"):
        runtime.remember(said, Origin.TYPED)
    for row in runtime.database.rows(rows.SELECT):
        kept = replace(rows.memory_of(row), text=text("memory"), source=text("source"))
        runtime.database.execute(
            "UPDATE memories SET text = ?, source = ?, digest = ? WHERE id = ?",
            (kept.text, kept.source, rows.digest_of(kept, str(row[8])), row[0]),
        )
    proposed = Proposal("", text("proposal"), runtime.clock.now().isoformat(), None, text("rule"))
    as_memory = Memory("", proposed.text, Origin.TYPED, None, proposed.created_at, proposed.created_at)
    runtime.database.execute(
        "INSERT INTO proposals (created_at, text, found_by, digest, salt) VALUES (?, ?, ?, ?, '')",
        (proposed.created_at, proposed.text, proposed.found_by, rows.digest_of(as_memory, "")),
    )
    second, first = (number for (number,) in runtime.database.rows("SELECT id FROM memories ORDER BY id DESC LIMIT 2"))
    runtime.database.execute(
        "INSERT OR REPLACE INTO contradictions (first_id, second_id, found_at, similarity) VALUES (?, ?, ?, 0.5)",
        (first, second, runtime.clock.now().isoformat()),
    )


def _update(runtime: Runtime, home: Home, text: Hostile, seed: int, to: State) -> None:
    """An update whose reason, examples, manifest and audit trail are hostile, as a patch from elsewhere could be."""
    with runtime.writing():
        (signal,) = runtime.signals.add_all([lesson(f"lesson {seed}", "its answer")])
        runtime.database.execute("UPDATE signals SET prompt = ? WHERE id = ?", (text("lesson"), seed))
        releases, active = runtime.releases, runtime.releases.active()
        parent = None if active is None else active.id
        update = releases.propose(parent, runtime.base_sha256, text("why"), "edge-seal")
        for state in (State.SCORED, State.CLEARED):
            releases.advance(update.id, state, actor="edge-seal", body={"reason": text("trail")})
        outcome = {
            "prompt": text("probe"), "answer": text("wanted"), "role": "probe", "before_nats": "1.0",
            "after_nats": "0.5", "before_hit": False, "after_hit": True, "said_before": text("before"),
            "said_after": text("after"),
        }  # fmt: skip
        stored = runtime.adapters.put(
            write_gguf_adapter(home.cache / "adapter.gguf", random_adapter(seed)),
            {
                "update": update.id,
                "gate": {"outcomes": [outcome]},
                "verdicts": [text("verdict")],
                "training": {text("setting"): text("value")},
                "limits": {text("limit"): "3"},
            },
        )
        examples = [
            Example(text("example"), text("wanted"), role, Origin.FILE, signal.id, derived_by=text("maker"))
            for role in (Role.LESSON, Role.PROBE)
        ]
        told = {
            "measures": [{"name": text("measure"), "before": "1", "after": "2", "bound": "3", "passed": True}],
            "risk": {"score": 50, "factors": [{"name": "taint", "points": 50, "reason": text("risk")}]},
        }
        releases.trained(update.id, stored, examples, actor="edge-seal", body={})
        releases.advance(update.id, State.GATED, actor="edge-seal", body=told)
        if to is State.ACTIVE:
            releases.activate(update.id, "edge-seal", {}, [signal.id])
        else:
            releases.advance(update.id, to, actor="edge-seal", body={})
