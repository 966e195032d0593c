"""Does the interface slow down as an answer grows? A reply of 4,000 tokens is streamed into the real chat.

    python -m bench.tui_stream [--tokens 4000] [--shape prose|code|list|table]

A frame is what one update of the screen costs in processor time of the process. The figure is the mean frame of the
last thousand tokens over that of the first thousand. A processor that others use too is slower at one time than at
another, so beside each frame the same small work is timed, and frames are compared in units of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from edge_seal.config import Home
from edge_seal.records import Origin, Timing, Turn
from edge_seal.tui.app import EdgeSealApp
from edge_seal.tui.chat_screen import ChatScreen
from edge_seal.tui.turn_view import TurnView

TOKENS_A_FRAME = 16  # what a model of 200 tokens a second writes between two frames

WORDS = ("the", "heron", "stands", "in", "shallow", "water", "waiting", "for", "a", "fish", "that", "comes", "quickly")


def tokens_of(shape: str, count: int) -> list[str]:
    """`count` pieces of text, about as long as a model's tokens."""
    draw = random.Random(1)  # noqa: S311  # nothing secret is drawn
    pieces: list[str] = []
    for at in range(count):
        word = draw.choice(WORDS)
        if shape == "code":
            pieces.append("```python\n" if at == 0 else f"{word} = {at}\n" if at % 6 == 0 else f"{word} ")
        elif shape == "list":
            pieces.append(f"\n- **{word}** " if at % 15 == 0 else f"{word} ")
        elif shape == "table":
            head = "| bird | where | what it does |\n|---|---|---|\n| " if at == 0 else ""
            pieces.append(f"{head}{word} " if at % 15 else f"{head}|\n| " if at else head)
            if at % 15 in {5, 10}:
                pieces[-1] = f"| {word} "
        elif at % 400 == 0:
            pieces.append(f"\n\n## {word.title()}\n\n")
        else:
            pieces.append(f"{word}.\n\n" if at % 90 == 89 else f"{word} ")
    return pieces


async def measured(shape: str, count: int) -> list[tuple[float, float]]:
    """Of each frame its processor milliseconds, and those of the yardstick beside it."""
    frames: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        home = Home(root / "data", root / "config", root / "state", root / "cache")
        home.create()
        home.database.touch()
        app = EdgeSealApp(home, None)
        app._begin = _nothing  # noqa: SLF001  # no model: what it would say is made above
        async with app.run_test(size=(120, 40)) as pilot:
            while not isinstance(app.screen, ChatScreen):
                await pilot.pause(0.05)
            view = TurnView("Tell me of herons", Origin.TYPED)
            turns = app.screen.query_one("#turns")
            await turns.mount(view)
            turns.anchor()
            await pilot.pause()
            pieces = tokens_of(shape, count)
            for at in range(0, count, TOKENS_A_FRAME):
                started = time.process_time()
                for piece in pieces[at : at + TOKENS_A_FRAME]:
                    view.feed(piece)
                await view.show()
                await drawn(app)
                frames.append((1000 * (time.process_time() - started), yardstick_ms()))
            await view.finish(
                Turn("t1", "c1", "", "", "".join(pieces), Origin.TYPED, None, (), Timing(1, 0, count, 0.1, 1.0))
            )
    return frames


async def drawn(app: EdgeSealApp) -> None:
    """Waits until what was changed is on the screen. Not by the pilot's pause, which asks every widget there is."""
    done = asyncio.Event()
    app.screen.call_after_refresh(done.set)
    await done.wait()


def yardstick_ms() -> float:
    """Processor milliseconds of a work that is always the same."""
    started = time.process_time()
    seen: dict[str, int] = {}
    for number in range(12_000):
        seen[str(number % 997)] = number
    return 1000 * (time.process_time() - started)


def _mean(frames: Sequence[tuple[float, float]]) -> float:
    return sum(frame for frame, _ in frames) / len(frames)


def _in_yardsticks(frames: Sequence[tuple[float, float]]) -> float:
    return sum(frame for frame, _ in frames) / sum(beside for _, beside in frames)


async def _nothing() -> None:
    """In place of loading a model."""


def main() -> None:
    """Prints a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tokens", type=int, default=4000)
    parser.add_argument("--shape", choices=["prose", "code", "list", "table"], action="append")
    options = parser.parse_args()
    os.environ.pop("NO_COLOR", None)
    results: dict[str, dict[str, float]] = {}
    print(
        f"{'shape':<8} {'frames':>6} {'first 1000':>11} {'last 1000':>10}   processor ms a frame"
        f" {'ratio':>6}   in yardsticks, by eighths"
    )
    for shape in options.shape or ["prose", "list", "code", "table"]:
        frames = asyncio.run(measured(shape, options.tokens))
        thousand = 1000 // TOKENS_A_FRAME
        first, last = frames[2:thousand], frames[-thousand:]
        means = _mean(first), _mean(last)
        ratio = _in_yardsticks(last) / _in_yardsticks(first)
        eighths = [_in_yardsticks(frames[len(frames) * at // 8 : len(frames) * (at + 1) // 8]) for at in range(8)]
        results[shape] = {"first_ms": means[0], "last_ms": means[1], "ratio": ratio}
        told = " ".join(f"{eighth:.1f}" for eighth in eighths)
        print(
            f"{shape:<8} {len(frames):>6} {means[0]:>11.1f} {means[1]:>10.1f} {'':>21} {ratio:>6.2f}   {told}",
            flush=True,
        )
    print(json.dumps({"tokens": options.tokens, "tokens_a_frame": TOKENS_A_FRAME, "shapes": results}))


if __name__ == "__main__":
    main()
