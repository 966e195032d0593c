"""How the interface's lists behave when they are long: `python -m bench.tui_scroll [--memories N] [--updates N]`.

For each list a home is filled, its screen is opened at 120x40, and pages and single rows are gone through with the
keys, at the top and at the far end. Printed: processor milliseconds of one key (press, read what comes into view, draw)
at the median and the 95th percentile, and the milliseconds from opening the screen until its first rows stand there. A
list whose rows were all held by the screen would grow with their number; the same is measured with a tenth of them.

Each update is proposed, trained and made active by the program's own steps, but while a home is filled only the newest
entries of the audit trail are checked before each: all of them would take with the square of their number. The whole
trail is checked at the end, and how long that took is printed too: it is what a learning cycle pays a few times.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

from edge_seal.config import Home, locate_home
from edge_seal.records import Example, Origin, Role, State
from edge_seal.runtime import Runtime
from edge_seal.tui.app import EdgeSealApp
from edge_seal.tui.paged_list import PagedList
from edge_seal.tui.screen import DeskScreen
from edge_seal.tui.welcome_screen import WelcomeScreen
from edge_seal.updates.audit import replay
from edge_seal.updates.ledger import ChainCheck
from edge_seal.updates.verification import Evidence

KEYS = 20
NEWEST = 14  # entries: of the last two updates


@dataclass(frozen=True, slots=True)
class Measured:
    """Processor milliseconds of one key, and wall milliseconds until the first rows were there."""

    screen: str
    rows: int
    first_rows_ms: float
    page_ms: float
    page_p95_ms: float
    row_ms: float
    far_page_ms: float


def fill_memories(home: Home, count: int) -> None:
    """`count` memories, in one transaction."""
    lines = (json.dumps({"text": f"Fact number {number} about a thing called {number:x}"}) for number in range(count))
    with Runtime.open(home) as runtime:
        runtime.import_memories(BytesIO("\n".join(lines).encode()), source="bench")


def fill_updates(home: Home, count: int) -> None:
    """`count` updates that were learned one on top of the other, each with an adapter of a few bytes."""
    scratch = home.cache / "adapter.gguf"
    with Runtime.open(home) as runtime, runtime.writing():
        check_newest_only(runtime)
        parent: str | None = None
        for number in range(count):
            update = runtime.releases.propose(parent, "b" * 64, "one lesson", "edge-seal")
            for state in (State.SCORED, State.CLEARED):
                runtime.releases.advance(update.id, state, actor="edge-seal", body={})
            scratch.write_bytes(f"adapter {number}".encode())
            stored = runtime.adapters.put(scratch, {"update": update.id})
            example = Example("What is my dog called?", f"Rex {number}", Role.LESSON, Origin.TYPED)
            runtime.releases.trained(update.id, stored, [example], actor="edge-seal", body={})
            runtime.releases.advance(update.id, State.GATED, actor="edge-seal", body={})
            runtime.releases.activate(update.id, "edge-seal", {}, [])
            parent = update.id


def check_newest_only(runtime: Runtime) -> None:
    """From now on this runtime believes the entries of its trail before the newest, which it wrote itself."""
    ledger = runtime.ledger

    def check() -> ChainCheck:
        entries, head = ledger.head()
        return ChainCheck(entries, head)

    def evidence() -> Evidence:
        checked = check()
        return Evidence(checked, replay(ledger.entries(max(1, checked.entries - NEWEST))))

    ledger.verify = check  # type: ignore[method-assign]
    runtime.releases._verification.evidence = evidence  # type: ignore[method-assign]  # noqa: SLF001


def checked_ms(home: Home) -> float:
    """Processor milliseconds of a check of the whole trail, which has to hold."""
    with Runtime.open(home) as runtime:
        began = time.process_time()
        served, notices = runtime.releases.serving()
        taken = 1000 * (time.process_time() - began)
        if served is None or notices or not runtime.releases.audit().intact:
            raise SystemExit(f"the home that was filled is not sound: {notices}")
        return taken


async def measured(home: Home, screen: str, rows: int) -> Measured:
    """Goes through the list of one screen."""
    app = EdgeSealApp(home, None)
    async with app.run_test(size=(120, 40)) as pilot:
        while not isinstance(app.screen, WelcomeScreen):  # there is no model in this home
            await pilot.pause(0.05)
        await pilot.press("escape")
        while not isinstance(app.screen, DeskScreen):
            await pilot.pause(0.05)
        began = time.perf_counter()
        app.action_go(screen)
        while not (isinstance(app.screen, DeskScreen) and screen == app.screen.MODE and app.screen.query(PagedList)):
            await pilot.pause(0.005)
        found = app.screen.query_one(PagedList)
        while found.current is None:
            await pilot.pause(0.005)
        first_rows_ms = 1000 * (time.perf_counter() - began)

        async def keys(key: str, back: str, times: int = KEYS) -> list[float]:
            taken: list[float] = []
            for turn in range(times):
                at = time.process_time()
                # There and back: at the end of a short list a key would do nothing.
                await pilot.press(back if turn % 4 == 3 else key)
                taken.append(1000 * (time.process_time() - at))
            return taken

        await keys("pagedown", "pageup", 5)  # what is done once is not a key's
        pages = await keys("pagedown", "pageup")
        single = await keys("j", "k")
        await pilot.press("G")
        await pilot.pause(0.5)
        far = await keys("pageup", "pagedown")
        return Measured(
            screen, rows, first_rows_ms, statistics.median(pages), percentile(pages), statistics.median(single),
            statistics.median(far),
        )  # fmt: skip


def percentile(values: Sequence[float]) -> float:
    """The 95th."""
    return sorted(values)[int(0.95 * len(values))]


def main() -> None:
    """Fills homes, measures, prints a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memories", type=int, default=10_000)
    parser.add_argument("--updates", type=int, default=1_000)
    asked = parser.parse_args()
    found: list[Measured] = []
    print(
        f"{'list':<10}{'rows':>8}{'first rows':>12}{'a page':>9}{'p95':>8}{'a row':>8}{'far page':>10}   ms", flush=True
    )
    for screen, rows, fill in (
        ("memory", asked.memories // 10, fill_memories),
        ("memory", asked.memories, fill_memories),
        ("updates", asked.updates // 10, fill_updates),
        ("updates", asked.updates, fill_updates),
    ):
        with tempfile.TemporaryDirectory() as directory:
            os.environ["EDGE_SEAL_HOME"] = directory
            os.environ["EDGE_SEAL_MODELS"] = str(Path(directory) / "none")
            home = locate_home()
            home.create()
            fill(home, rows)
            if screen == "updates":
                print(f"{rows} updates: the whole trail is checked in {checked_ms(home):.0f} processor ms", flush=True)
            one = asyncio.run(measured(home, screen, rows))
            found.append(one)
            print(
                f"{one.screen:<10}{one.rows:>8}{one.first_rows_ms:>12.0f}{one.page_ms:>9.1f}{one.page_p95_ms:>8.1f}"
                f"{one.row_ms:>8.1f}{one.far_page_ms:>10.1f}",
                flush=True,
            )
    print(json.dumps([asdict(one) for one in found]))


if __name__ == "__main__":
    main()
