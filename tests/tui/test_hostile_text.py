"""What reaches a terminal when everything foreign in the interface is hostile: the bytes of a real pty are read."""

from __future__ import annotations

import base64
import json
import os
import random
from pathlib import Path

import pytest

from edge_seal.plain_text import plain_text
from tests.tui.hostile_home import prepared
from tests.tui.hostile_program import CONTROL
from tests.tui.hostile_texts import COPY, FORBIDDEN, MARK, carried, families, injections, offences, sequences
from tests.tui.pseudo_terminal import PseudoTerminal

WHOLE = bool(os.environ.get("EDGE_SEAL_WHOLE_CORPUS"))
"""The whole corpus in answers, and every injection text; without it a sample."""


def answers(draw: random.Random) -> list[str]:
    """What the model says: sequences of every family between words, and texts that were written to inject."""
    chosen = list(sequences()) if WHOLE else [one for family in families().values() for one in draw.sample(family, 9)]
    # A model's bytes are read as UTF-8, so that no half of a surrogate pair comes from it.
    chosen = [one.replace("\ud83d", "") for one in chosen]
    draw.shuffle(chosen)
    parts = [carried(chosen[at : at + 120]) for at in range(0, len(chosen), 120)]
    told = injections(None if WHOLE else draw, 3)
    parts += [told[at : at + 60] for at in range(0, len(told), 60)]
    return ["\n\n".join(part) for part in parts]


@pytest.mark.timeout(3600 if WHOLE else 600)
def test_no_byte_of_hostile_text_makes_a_terminal_act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "none"))
    draw = random.Random(7)
    prepared(tmp_path, draw)
    said, report = tmp_path / "answers.json", tmp_path / "report.json"
    said.write_text(json.dumps(answers(draw)), encoding="utf-8")
    program = ("tests.tui.hostile_program", str(tmp_path), str(said), str(report))
    with PseudoTerminal(program, rows=40) as terminal:
        code = terminal.ended(3000 if WHOLE else 400)
        told = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
        assert "problem" not in told, told["problem"]
        assert code == 0, bytes(terminal.received[-4000:])
    # A character may be cut in two only where the terminal reads it, not where it is written.
    written, found, unclean = terminal.received.decode("utf-8").partition(CONTROL)
    assert found
    assert offences(COPY.sub("", written)) == []
    copied = [base64.b64decode(match.group(1)).decode("utf-8") for match in COPY.finditer(written)]
    assert copied
    assert all(text == plain_text(text) and not FORBIDDEN.search(text) for text in copied)
    for word in told["shown"]:
        assert word in written, f"{word} was not written to the terminal"
    # The control: without the sanitizer the same check finds what there is to find.
    leaked = "".join(offences(unclean))
    assert MARK in leaked
    assert "\x1b]52" in leaked
    assert "\u202e" in leaked


def test_the_check_sees_what_it_is_there_for() -> None:
    for sequence in sequences():
        if FORBIDDEN.search(sequence):
            assert offences(f"\x1b[1;1H\x1b[0m text {sequence} text\r\n"), repr(sequence)
    assert offences("\x1b[?1049h\x1b[1;1H\x1b[38;2;1;2;3m plain \x1b[0m\r\n\x1b[?25l") == []
