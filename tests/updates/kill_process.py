"""A process that teaches, learns, rolls back, remembers and forgets, and is killed in the middle of it, over and over.

`python -m tests.updates.kill_process DIRECTORY KILLS SEED` prints one JSON line a kill; with `stages` in the place of
KILLS it kills a cycle at the beginning of each of its stages, in their order, until one comes to its end. The processes
are forked from one that has everything imported; each opens the home anew. What the killed one has acknowledged goes
through a pipe, a line before each command and one after it with the state that it left, so the parent knows what must
be there then.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_seal.adaptation.signals import lesson
from edge_seal.clock import SystemClock
from edge_seal.config import Home
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine  # imported before the fork: it takes its time
from edge_seal.errors import EdgeSealError
from edge_seal.records import Origin, Progress, State
from edge_seal.runtime import Runtime
from edge_seal.updates.rows import hashes_of
from tests.adaptation.networks import ALPHA, LAYERS, RANK, write_tiny_model
from tests.safekeeping.world import home_at
from tests.support.tiny_installation import MANIFEST

__all__ = ["LlamaCppEngine"]

SETTINGS = f"""
[model]
name = "tiny"

[memory]
mode = "keyword"
capture = "off"

[learning]
rank = {RANK}
alpha = {ALPHA}
layers = {LAYERS}
rate = 1e-2

[limits]
steps_per_update = 4
updates_per_hour = 1000
updates_per_day = 10000
updates_per_week = 70000
minutes_between_updates = 0
cpu_seconds_per_day = 10000000

[gate]
minimum_probe_gain_nats = 0
minimum_probe_hits = 0
maximum_neighbour_leaks = 1
maximum_anchor_drift_nats = 1e9
maximum_overwritten_certainty = 1
minimum_fit_chance = 0
loss_chance = 0
entropy_ratio = 1e9
length_ratio = 1e9
maximum_stray_answers = 1
maximum_broken_answers = 1
sudden_change = "off"

[canary]
mode = "off"
"""
COMMANDS = ("remember", "remember", "teach", "teach", "learn", "rollback", "forget", "forget")
MOST_COMMANDS = 3

Snapshot = dict[str, Any]


def prepared(directory: Path) -> Home:
    """A home with a tiny model and one learned update."""
    home = home_at(directory / "home")
    manifests = home.config / "models"
    manifests.mkdir(parents=True)
    path = write_tiny_model(directory / "tiny.gguf")
    (manifests / "tiny.toml").write_text(MANIFEST.format(path=path), encoding="utf-8")
    home.config_file.write_text(SETTINGS, encoding="utf-8")
    with Runtime.open(home, SystemClock()) as runtime:
        runtime.pull_models(["tiny"])
        runtime.teach([lesson("What is my dog's name?", "Rex.")])
        assert runtime.learn(now=True).state is State.ACTIVE
    return home


def snapshot(runtime: Runtime) -> Snapshot:
    """What is known and what answers, as values that can be compared."""
    active = runtime.releases.active()
    seq, head = runtime.ledger.head()
    return {
        "memories": {item.id: item.text for item in runtime.stored_memories.list(ended=True)},
        "signals": {item.id: [item.state.value, bool(item.prompt)] for item in runtime.signals.all()},
        "updates": {update.id: update.state.value for update in runtime.releases.list()},
        "active": None if active is None else active.id,
        "head": [seq, head],
    }


# What is killed -----------------------------------------------------------------------------------------------


def work(home: Home, seed: int, say: Callable[[dict[str, Any]], None]) -> None:
    """Commands at random, each told before and after."""
    chosen = random.Random(seed)
    with Runtime.open(home, SystemClock()) as runtime:
        for _ in range(MOST_COMMANDS):
            now = snapshot(runtime)
            command = chosen.choice(COMMANDS)
            word = f"Z{seed}x{chosen.randrange(10**9)}"
            memory = chosen.choice(list(now["memories"])) if now["memories"] else None
            if command == "forget" and memory is None:
                continue
            say({"begin": command, "word": word, "memory": memory, "before": now})
            if command == "remember":
                runtime.remember(f"The box with the label {word} stands in the attic", Origin.TYPED)
            elif command == "teach":
                runtime.teach([lesson(f"What is in box {word}?", "Old lamps.")], memory_id=memory)
            elif command == "learn":
                runtime.learn(now=True)
            elif command == "rollback":
                if now["active"] is not None:
                    runtime.rollback(chosen.choice([None, "base"]))
            elif memory is not None:
                runtime.forget(memory, now=chosen.random() < 0.5)
            say({"end": command, "after": snapshot(runtime)})


# What is judged -----------------------------------------------------------------------------------------------


def judge(home: Home, acknowledged: Snapshot, begun: dict[str, Any] | None, forgotten: Sequence[str]) -> Snapshot:
    """Opens what the kill left, as the next start would, and says what is wrong with it."""
    wrong: list[str] = []
    with Runtime.open(home, SystemClock()) as runtime:
        seq, head = acknowledged["head"]
        with runtime.writing():
            wrong.extend(runtime.audit().problems)
            found = snapshot(runtime)
        if next((entry.entry_hash for entry in runtime.ledger.entries(seq)), head) != head or found["head"][0] < seq:
            wrong.append(f"lost: entry {seq} was acknowledged")
        if found != acknowledged:
            wrong.extend(half_applied(acknowledged, begun, found))
        serving, notices = runtime.releases.serving()
        if (None if serving is None else serving.id) != found["active"] or notices:
            wrong.append(f"{serving} answers, not {found['active']}: {notices}")
        named = {hashes[0] for update in runtime.releases.list() if (hashes := hashes_of(update)) is not None}
        stored = {path.name for path in home.adapters.iterdir()} if home.adapters.exists() else set[str]()
        if stored != named:
            wrong.append(f"adapters {stored ^ named} are stored or named alone")
    content = b"".join(path.read_bytes() for path in home.data.glob("edge-seal.db*"))
    content += b"".join(path.read_bytes() for path in home.adapters.glob("*/manifest*"))
    wrong.extend(f"the bytes of {word} are still there" for word in forgotten if word.encode() in content)
    return {"wrong": wrong, "found": found, "moved": found != acknowledged}


def half_applied(before: Snapshot, begun: dict[str, Any] | None, after: Snapshot) -> list[str]:
    """What is neither the state before the command that was under way nor the state after it."""
    if begun is None:
        return [f"nothing was under way, and it changed: {before} {after}"]
    command = str(begun["begin"])
    changed = {name for name in before if before[name] != after[name]} - {"head"}
    new_updates = {name: state for name, state in after["updates"].items() if name not in before["updates"]}
    old_updates = {name: state for name, state in after["updates"].items() if name in before["updates"]}
    fits = False
    if command == "remember":
        new = {name: text for name, text in after["memories"].items() if name not in before["memories"]}
        kept = {name: text for name, text in after["memories"].items() if name in before["memories"]}
        fits = changed <= {"memories"} and kept == before["memories"] and all(begun["word"] in t for t in new.values())
    elif command == "teach":
        new = {name: state for name, state in after["signals"].items() if name not in before["signals"]}
        kept = {name: state for name, state in after["signals"].items() if name in before["signals"]}
        fits = changed <= {"signals"} and kept == before["signals"] and list(new.values()) == [["pending", True]]
    elif command == "learn":
        active_is_new = after["active"] in new_updates
        stopped = all(state in {"abandoned", "rejected"} for state in new_updates.values())
        if "memories" not in changed and len(new_updates) <= 1:
            # A cycle leaves an update that learned what was forgotten before it begins: a step of its own.
            taken_back = {n for n, state in old_updates.items() if before["updates"][n] != state}
            legal = all(old_updates[name] in {"rolled_back", "retired", "active"} for name in taken_back)
            one_active = list(after["updates"].values()).count("active") == (after["active"] is not None)
            signals_fit = active_is_new or all(
                state[0] != "learned" or before["signals"][name][0] == "learned"
                for name, state in after["signals"].items()
            )
            fits = legal and one_active and signals_fit and (active_is_new or stopped)
    elif command == "rollback":
        moved = {name: state for name, state in after["updates"].items() if state != before["updates"][name]}
        fits = (
            changed <= {"updates", "active", "signals"}
            and not new_updates
            and moved.get(before["active"]) == "rolled_back"
            and after["active"] != before["active"]
        )
    elif command == "forget":
        lost = before["memories"].keys() - after["memories"].keys()
        fits = lost == {begun["memory"]} and after["memories"].keys() < before["memories"].keys() and not new_updates
    return [] if fits else [f"half applied: {command}: {before} {after}"]


# The parent ---------------------------------------------------------------------------------------------------


def forked(work: Callable[[Callable[[dict[str, Any]], None]], None]) -> tuple[int, int]:
    """A child that runs `work` with a function that sends a line; its number and the end to read from."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    os.close(reader)
    code = 0
    try:
        work(lambda told: (os.write(writer, json.dumps(told).encode() + b"\n"), None)[1])
    except EdgeSealError as error:
        os.write(writer, json.dumps({"refused": error.message, "kind": type(error).__name__}).encode() + b"\n")
    except BaseException as error:  # noqa: BLE001  # told by its parent
        os.write(writer, json.dumps({"crashed": repr(error)}).encode() + b"\n")
        code = 1
    os._exit(code)


def in_a_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    child, reader = forked(lambda say: say(work()))
    with os.fdopen(reader) as pipe:
        told = [json.loads(line) for line in pipe]
    os.waitpid(child, 0)
    return told[-1]


def taken(home: Home) -> Snapshot:
    with Runtime.open(home, SystemClock()) as runtime:
        return snapshot(runtime)


@dataclass
class Parent:
    """Starts, kills, and knows what was acknowledged; `usual_s` is how long each command takes, as measured here."""

    home: Home
    acknowledged: Snapshot
    chosen: random.Random
    forgotten: list[str] = field(default_factory=list)
    usual_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(COMMANDS, 0.05))

    def kill_one(self) -> dict[str, Any]:
        """One child from start to end, and what is left then."""
        run, after = self.chosen.randrange(2**31), self.chosen.randrange(1, MOST_COMMANDS + 1)
        child, reader = forked(lambda say: work(self.home, run, say))
        begun: dict[str, Any] | None = None
        finished, was_killed, refused, began = 0, False, list[str](), 0.0
        with os.fdopen(reader) as pipe:
            for said in (json.loads(line) for line in pipe if line.endswith("\n")):
                if "begin" in said:
                    begun, began, after = said, time.monotonic(), after - 1
                    if after == 0:
                        # Anywhere in what it usually takes, and a little beyond.
                        time.sleep(self.chosen.random() * self.usual_s[said["begin"]] * 1.2)
                        os.kill(child, signal.SIGKILL)
                        was_killed = True
                elif "end" in said and begun is not None:
                    finished += 1
                    self.finish(begun, said, None if was_killed else time.monotonic() - began)
                    begun = None
                else:
                    refused.append(str(said))
        _, status = os.waitpid(child, 0)
        judged = in_a_child(lambda: judge(self.home, self.acknowledged, begun, self.forgotten))
        wrong = judged.get("wrong", [repr(judged)])
        self.acknowledged = judged.get("found", self.acknowledged)
        return {
            "killed": was_killed and os.WIFSIGNALED(status),
            "during": None if begun is None else begun["begin"],
            "acknowledged": finished,
            "applied": judged.get("moved", False),
            "refused": refused,
            "wrong": wrong + [told for told in refused if "crashed" in told],
        }

    def finish(self, begun: dict[str, Any], said: dict[str, Any], took_s: float | None) -> None:
        """Takes a command as done."""
        self.acknowledged = said["after"]
        if took_s is not None:
            self.usual_s[said["end"]] = 0.8 * self.usual_s[said["end"]] + 0.2 * took_s
        if said["end"] == "forget":
            text = begun["before"]["memories"][begun["memory"]]
            self.forgotten = [*self.forgotten[-20:], text.split(" ")[5]]


# Every stage of a cycle ---------------------------------------------------------------------------------------


def learn_until(home: Home, place: int, say: Callable[[dict[str, Any]], None]) -> None:
    """One cycle over what waits, which kills its own process when it tells of something for the `place`-th time."""
    told: dict[tuple[str, int, str], None] = {}

    def hear(progress: Progress) -> None:
        told[(progress.stage, progress.done if progress.stage == "train" else 0, progress.note)] = None
        if len(told) == place:
            say({"stage": progress.stage, "note": progress.note, "done": progress.done})
            os.kill(os.getpid(), signal.SIGKILL)

    with Runtime.open(home, SystemClock()) as runtime:
        if not runtime.signals.pending():
            runtime.teach([lesson("What is in the box under the stairs?", "Old lamps.")])
        say({"begin": "learn", "before": snapshot(runtime)})
        runtime.learn(now=True, on_progress=hear)
        say({"end": "learn", "after": snapshot(runtime)})


def kill_at_each_stage(home: Home) -> Iterator[dict[str, Any]]:
    """A report for each stage at which a cycle was killed, and one for the cycle that came to its end."""
    for place in itertools.count(1):
        child, reader = forked(lambda say, place=place: learn_until(home, place, say))
        with os.fdopen(reader) as pipe:
            said = [json.loads(line) for line in pipe if line.endswith("\n")]
        _, status = os.waitpid(child, 0)
        begun = next(told for told in said if "begin" in told)
        at = next((told for told in said if "stage" in told), {})
        ended = next((told["after"] for told in said if "end" in told), None)
        judged = in_a_child(lambda begun=begun, ended=ended: judge(home, ended or begun["before"], begun, ()))
        wrong = [*judged.get("wrong", [repr(judged)]), *(str(told) for told in said if "crashed" in told)]
        yield {**at, "killed": os.WIFSIGNALED(status), "wrong": wrong, "found": judged.get("found")}
        if not os.WIFSIGNALED(status):
            return


def main(directory: str, kills: str, seed: str = "0") -> None:
    logging.disable()
    place = Path(directory)
    made = in_a_child(lambda: {"data": str(prepared(place).data)})
    if "data" not in made:
        sys.exit(f"not prepared: {made}")
    home = home_at(place / "home")
    if kills == "stages":
        for report in kill_at_each_stage(home):
            sys.stdout.write(json.dumps(report) + "\n")
        return
    parent = Parent(home, in_a_child(lambda: taken(home)), random.Random(int(seed)))
    done = 0
    while done < int(kills):
        report = parent.kill_one()
        done += report["killed"]
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
