"""On a real terminal, as the command opens it: size, suspension, Ctrl-C, no colours, the end, and a crash."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte

from edge_seal.config import Home
from tests.tui.crashing_program import SECRET
from tests.tui.pseudo_terminal import PseudoTerminal
from tests.tui.screens_scene import MOST_S

PRIVATE = re.compile(rb"\x1b\[[<=>][0-9;]*[a-z]|\x1b\[\?[0-9;]*\$p|\x1b\][^\x07]*\x07")
"""Sequences that pyte takes for text."""
MODES = {b"1000", b"1003", b"1004", b"1006", b"1015", b"1049", b"2004"}
"""Mouse, focus, the other screen, paste: what has to be off again at the end."""


class Terminal(PseudoTerminal):
    """With a screen that can be read."""

    def __init__(self, *module: str, columns: int = 100, rows: int = 30, **more: str) -> None:
        super().__init__(module, columns=columns, rows=rows, directory=None, **more)
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)

    def read(self, wait_s: float = 0.05) -> bytes:
        got = super().read(wait_s)
        self._stream.feed(PRIVATE.sub(b"", got))
        return got

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + MOST_S
        while not holds():
            self.read()
            assert time.monotonic() < end, f"it did not come to this: {what}\n{self.text}"

    def says(self, words: str) -> None:
        self.until(lambda: words in self.text, words)

    def resize(self, columns: int, rows: int) -> None:
        super().resize(columns, rows)
        if hasattr(self, "screen"):
            self.screen.resize(rows, columns)


@contextmanager
def opened(module: str = "edge_seal", **more: str) -> Iterator[Terminal]:
    """The interface, its model ready."""
    with Terminal(module, columns=100, rows=30, **more) as terminal:
        terminal.says("[Chat]")
        terminal.until(lambda: "Quit" in terminal.screen.display[-1], "the first frame, whole")
        terminal.until(lambda: "loading" not in terminal.text and "enter sends" in terminal.text, "the model")
        yield terminal


def modes_left_on(terminal: Terminal) -> set[bytes]:
    """The modes of the terminal that were set and not taken back."""
    on: set[bytes] = set()
    for modes, to in re.findall(rb"\x1b\[\?([0-9;]+)([hl])", bytes(terminal.received)):
        for mode in modes.split(b";"):
            (on.add if to == b"h" else on.discard)(mode)
    return on & MODES


def is_as_before(terminal: Terminal) -> bool:
    """Keys are echoed and read line by line again, nothing is left on, the cursor is seen."""
    shown = terminal.received.rfind(b"\x1b[?25h") > terminal.received.rfind(b"\x1b[?25l")
    return terminal.modes == terminal.modes_before and not modes_left_on(terminal) and shown


def is_stopped(terminal: Terminal) -> bool:
    return os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None


def test_it_follows_the_size_survives_ctrl_c_and_a_stop_and_leaves_the_terminal_as_it_was(tiny: Home) -> None:
    with opened() as terminal:
        assert not is_as_before(terminal)
        terminal.resize(80, 24)
        terminal.until(lambda: terminal.screen.display[-1].rstrip().endswith("^q Quit"), "the footer in the last row")
        for _ in range(3):
            terminal.type(b"\x03")
        terminal.says("ctrl+q leaves")
        terminal.type(b"\x1bOQ")  # F2: it answers keys
        # Ctrl-Z is undo in a text; on another screen it gives the terminal back to the shell until it is continued.
        terminal.type(b"\x1bOR")
        terminal.says("[Updates]")
        terminal.type(b"\x1a")
        terminal.until(lambda: is_stopped(terminal), "the stop")
        while terminal.read(0.2):
            pass
        assert is_as_before(terminal)
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.until(lambda: not is_as_before(terminal), "the interface again")
        terminal.says("[Updates]")
        terminal.type(b"\x11")
        assert terminal.ended() == 0
        assert is_as_before(terminal)
    assert not (tiny.state / "crash.log").exists()


def test_a_window_that_is_resized_while_the_first_frame_is_made_is_filled(tiny: Home) -> None:
    assert tiny.database.exists()
    for _ in range(3):  # it depends on the moment
        with Terminal("edge_seal") as terminal:
            terminal.says("enter sends")
            terminal.resize(80, 24)
            terminal.until(lambda: terminal.screen.display[-1].rstrip().endswith("^q Quit"), "the keys in the last row")
            terminal.type(b"\x1bOR")
            terminal.says("[Updates]")
            terminal.until(lambda: terminal.screen.display[-1].rstrip().endswith("^q Quit"), "there too")


def test_no_color_writes_no_colour(tiny: Home) -> None:
    with opened(NO_COLOR="1") as terminal:
        terminal.type(b"\x1bOR")
        terminal.says("[Updates]")
        terminal.type(b"\x11")
        assert terminal.ended() == 0
    colours = {
        tuple(map(int, found.split(b":")[-1].split(b";")[2:5]))
        for found in re.findall(rb"[34]8;2;\d+;\d+;\d+", bytes(terminal.received))
    }
    assert all(len(set(colour)) == 1 for colour in colours), "grey only"
    with opened() as coloured:
        os.kill(coloured.process.pid, signal.SIGINT)
        assert coloured.ended() == 0
        assert is_as_before(coloured)
    assert any(
        len(set(found.split(b";"))) > 1 for found in re.findall(rb"38;2;(\d+;\d+;\d+)", bytes(coloured.received))
    )


def test_a_crash_leaves_the_terminal_as_it_was_and_says_where_without_a_word_of_the_user(tiny: Home) -> None:
    with opened("tests.tui.crashing_program") as terminal:
        terminal.type(b"\x1bOP")  # F1
        assert terminal.ended() == 1
        assert is_as_before(terminal)
        assert "because of an error in itself (ValueError)" in terminal.received.decode()
        assert SECRET not in terminal.received.decode()
    log = (tiny.state / "crash.log").read_text(encoding="utf-8")
    assert "builtins.ValueError" in log
    assert "in fails" in log
    assert SECRET not in log


def test_a_bad_theme_is_a_clean_error_and_the_default_holds(tiny: Home, tmp_path: Path) -> None:
    (tiny.config / "themes").mkdir()
    (tiny.config / "themes" / "dawn.toml").write_text('primary = "greenish"\n', encoding="utf-8")
    settings = tiny.config_file.read_text(encoding="utf-8")
    tiny.config_file.write_text(f'{settings}\n[interface]\ntheme = "dawn"\n', encoding="utf-8")
    with Terminal("edge_seal") as terminal:
        terminal.says("greenish")
        terminal.says("there is no theme dawn")
        terminal.says("[Chat]")
        os.kill(terminal.process.pid, signal.SIGTERM)
        assert terminal.ended() == 0
        assert is_as_before(terminal)
        assert b"Traceback" not in terminal.received
