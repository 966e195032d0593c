"""What reaches a terminal when everything foreign in the interface is hostile: the bytes of a real pty are read.

Two runs do the same, one with benign texts. Whatever kind of sequence the hostile run writes, the benign run writes
too: so it is the interface's own. No parameter of a hostile sequence is among them.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import random
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte
import pytest

from edge_seal.config import Home
from edge_seal.records import Origin, State, Timing, Turn
from edge_seal.runtime import Runtime
from tests.support.tiny_installation import install_tiny_model, learned_update

INJECTIONS = Path(os.environ.get("EDGE_SEAL_DATA", "../shared/data")) / "injection"
ROWS, COLUMNS = 40, 120
MARK = "31337"
VISIBLE = "SEEN"

# Every family of sequences, each with a mark in it and followed by what has to stay visible.
SEQUENCES = (
    f"\x1b]52;c;{MARK}AA==\x07",
    f"\x1b]0;{MARK}\x1b\\",
    f"\x1b]8;;file:///{MARK}\x1b\\link\x1b]8;;\x1b\\",
    f"\x1b]1337;File=name={MARK}:AAAA\x07",
    f"\x1b[{MARK}A",
    f"\x1b[38;5;{MARK}m",
    f"\x1b[?{MARK}h",
    f"\x1b[>{MARK}u",
    f"\x1bP{MARK}q#0\x1b\\",
    f"\x1b_G{MARK}\x1b\\",
    f"\x1b^{MARK}\x1b\\",
    f"\x1bX{MARK}\x1b\\",
    "\x1b[2J\x1b[H\x1b[3J",
    "\x1b[?1049l\x1b[?1000l\x1b[?25h",
    "\x1bc\x1b7\x1b8\x1bM\x1b#8",
    f"\x9b{MARK}A\x9d0;{MARK}\x9c\x90{MARK}\x9c",
    f"\x1b]52;c;{MARK}",
    f"\x1b[{MARK}",
    "\x1b",
    "\x07\x08\x0b\x0c\x0e\x0f\x7f\x85",
    "\u202e\u2066\u200f\u200b\u2060\ufeff\u00ad",
    "\U000e0041\U000e0042\u3164",
    f"&#27;]52;c;{MARK}&#7;&#x202e;&#x9b;{MARK}A",
    f"[a link](file:///etc/{MARK}) ![a picture](file:///etc/{MARK}.png) <file:///{MARK}>",
    f"<img src='file:///{MARK}'><a href='javascript:{MARK}'>x</a>",
    f"[@click=app.quit]markup {MARK}[/] [bold red on white]b[/] [link='file:///{MARK}']l[/link]",
    f"```\n\x1b]52;c;{MARK}\x07\u202e\n```",
    f"| a\x1b[{MARK}A | b |\n|---|---|\n| \x1b]0;{MARK}\x07 | \u202e |",
)
FORBIDDEN = re.compile(
    "[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\u3164\U000e0000-\U000e007f]"
)
SEQUENCE = re.compile(
    r"\x1b\[(?P<csi>[0-?]*)[ -/]*(?P<final>[@-~])|\x1b(?P<string>[\]PX^_])(?P<body>[^\x07\x1b]*)(?:\x07|\x1b\\)|"
    r"\x1b[ -/]*(?P<short>[0-~])"
)


def corpus(draw: random.Random) -> list[str]:
    """Texts that each hold sequences between words that stay, and the injection texts."""
    texts = [f"{VISIBLE}{number} {sequence} {VISIBLE}{number}b" for number, sequence in enumerate(SEQUENCES)]
    texts += [" ".join(f"{draw.choice(SEQUENCES)}{VISIBLE}" for _ in range(4)) for _ in range(4)]
    for file in sorted(INJECTIONS.glob("*.json")) if INJECTIONS.exists() else ():
        entries = json.loads(file.read_text(encoding="utf-8"))
        said = [entry if isinstance(entry, str) else str(entry["user_input"]) for entry in entries]
        texts += [text[:300] for text in draw.sample(said, min(4, len(said)))]
    return texts


def benign(texts: list[str]) -> list[str]:
    """As many texts of about the same length and form, with nothing in them."""
    return [
        f"{VISIBLE} "
        + "plain words " * (len(text) // 14)
        + "\n\n```\ncode\n```\n\n- a list\n\n| a | b |\n|---|---|\n| c | d |"
        for text in texts
    ]


def prepared(root: Path, texts: list[str], directory: Path) -> None:
    """A home in which titles, questions, answers, memories, updates and a model's name are of these texts."""
    home = Home(root / "data", root / "config", root / "state", root / "cache")
    home.create()
    directory.mkdir()
    install_tiny_model(home, directory)
    with Runtime.open(home) as runtime:
        for at in range(0, len(texts), 4):
            conversation = ""
            for text in texts[at : at + 4]:
                turn = Turn("", conversation, "", text, text, Origin.PASTED, None, (), Timing(1, 0, 9, 0.1, 0.5))
                kept = runtime.conversations.keep(turn, base_sha256="", seed=1)
                conversation = kept.conversation_id
        for text in texts[:12]:
            plain = "".join(character for character in text if character.isprintable())
            runtime.keeping_memories.remember(plain, Origin.FILE, f"{MARK}.txt")
    for number, state in enumerate((State.ACTIVE, State.AWAITING_APPROVAL)):
        told = "".join(character for character in texts[number] if character.isprintable())
        learned_update(home, seed=number + 1, to=state, prompt=told, answer=told)


def run(root: Path, answers: list[str], cut: int, tmp_path: Path) -> tuple[str, pyte.Screen]:
    """What the interface writes while every screen is looked at, and the last screen."""
    file = tmp_path / f"answers-{cut}.json"
    file.write_text(json.dumps(answers), encoding="utf-8")
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment.pop("NO_COLOR", None)
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-m", "tests.tui.hostile_program", str(root), str(file), str(cut)]
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    try:
        return _walked(process, leader)
    finally:
        process.kill()
        process.wait()
        os.close(leader)


def _walked(process: subprocess.Popen[bytes], leader: int) -> tuple[str, pyte.Screen]:  # noqa: C901  # one walk
    """Looks at every screen and list, and leaves."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    received = bytearray()

    def until(holds: Callable[[], bool], what: str) -> None:
        quiet_since, end = time.monotonic(), time.monotonic() + 240
        while time.monotonic() < end:
            ready, _, _ = select.select([leader], [], [], 0.05)
            if ready:
                try:
                    data = os.read(leader, 65536)
                except OSError:
                    break
                received.extend(data)
                # pyte knows no private modes of CSI with `>` and `<`; they are not what it is asked about.
                stream.feed(re.sub(rb"\x1b\[[<>=][0-9;]*[a-z]", b"", data))
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > 0.25 and holds():
                return
        pytest.fail(f"it did not come to this: {what}\n" + "\n".join(screen.display))

    def seen(words: str) -> Callable[[], bool]:
        return lambda: any(words in line for line in screen.display)

    until(seen("Memory"), "the chat")
    until(lambda: not seen("loading")(), "the model")
    for prompt in ("say it", "say more"):
        before = len(received)
        os.write(leader, prompt.encode() + b"\r")
        until(lambda start=before: b"answering" in received[start:], "an answer that begins")
        until(lambda: seen("tokens/s")() and not seen("answering")(), "an answer")
    os.write(leader, b"\x1b[24~")  # F12: the list of conversations
    until(lambda: True, "the list")
    for _ in range(3):
        os.write(leader, b"\x1b[B\r")
        until(lambda: True, "a conversation")
        os.write(leader, b"\x1b[24~")
        until(lambda: True, "the list again")
    for key, title in ((b"\x1bOR", "[Updates]"), (b"\x1bOS", "[Review]"), (b"\x1b[15~", "[Memory]"),
                       (b"\x1b[17~", "[Monitor]"), (b"\x1b[18~", "[Models]"), (b"\x1b[19~", "[Settings]")):  # fmt: skip
        os.write(leader, key)
        until(seen(title), title)
        os.write(leader, b"\x1b[B")
        until(lambda: True, "the row below")
    os.write(leader, b"\x11")  # ctrl+q
    process.wait(30)
    while select.select([leader], [], [], 0.2)[0]:
        try:
            received.extend(os.read(leader, 65536))
        except OSError:
            break
    assert process.returncode == 0
    return received.decode("utf-8"), screen


def kinds(output: str) -> set[str]:
    """The kinds of sequences in what was written."""
    found: set[str] = set()
    for match in SEQUENCE.finditer(output):
        if match["final"]:
            private = match["csi"][:1] if match["csi"][:1] in "<=>?" else ""
            found.add(f"CSI {private}{match['final']}" + (f" {match['csi']}" if private else ""))
        elif match["string"]:
            found.add(f"{match['string']}{match['body'][:4]}")
        else:
            found.add(f"ESC {match['short']}")
    return found


@pytest.mark.skipif(not os.environ.get("EDGE_SEAL_INTERFACE_TESTS"), reason="slow: set EDGE_SEAL_INTERFACE_TESTS")
@pytest.mark.timeout(900)
def test_no_byte_of_hostile_text_makes_a_terminal_act(tmp_path: Path) -> None:
    texts = corpus(random.Random(7))
    written: dict[str, str] = {}
    for name, content in (("benign", benign(texts)), ("hostile", texts)):
        root = tmp_path / name
        prepared(root, content, tmp_path / f"{name}-model")
        whole = "\n\n".join(content)
        written[name], _ = run(root, [whole, whole[1::2]], 1 if name == "hostile" else 3, tmp_path)
    allowed, found = kinds(written["benign"]), kinds(written["hostile"])
    assert found - allowed == set()
    text = SEQUENCE.sub("", written["hostile"])
    assert FORBIDDEN.findall(text) == []
    assert "\x1b" not in text
    for match in SEQUENCE.finditer(written["hostile"]):
        assert MARK not in match.group(), match.group()
    assert text.count(VISIBLE) > 20
