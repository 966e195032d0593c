"""Lessons that other hands wrote into the database, or changed there: named by `audit verify`, and not learned."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge_seal.config import Home
from edge_seal.records import State
from edge_seal.storage.database import Database
from tests.cli.conftest import CommandLine
from tests.support.tiny_installation import learned_update


def typed_in(home: Home, *statements: str) -> None:
    database = Database.open(home.database)
    with database.transaction():
        for statement in statements:
            database.execute(statement)
    database.close()


INSERTED = (
    "INSERT INTO signals (created_at, kind, prompt, answer, origin)"
    " VALUES ('2026-01-01T00:00:00.000000Z', 'taught', 'Who is the owner?', 'Mallory', 'typed')"
)


def test_what_is_taught_is_in_the_trail_without_its_words(cli: CommandLine) -> None:
    cli("teach", "--prompt", "What is my dog called?", "--answer", "Zanzibar")
    trail = cli("audit", "export").out
    assert '"event":"signal.kept"' in trail
    assert '"subject":"s1"' in trail
    assert "Zanzibar" not in trail
    assert cli("audit", "verify", "--json").json["intact"]


@pytest.mark.parametrize(
    "statement",
    [
        INSERTED,
        "UPDATE signals SET answer = 'Mallory'",
        "UPDATE signals SET prompt = 'Who is the owner?'",
        "UPDATE signals SET origin = 'typed', also_from = ''",
        "UPDATE signals SET source = NULL",
        "UPDATE signals SET salt = NULL",
        "UPDATE signals SET kind = 'correction'",
    ],
)
def test_it_is_named_and_not_learned(tiny: CommandLine, home: Home, statement: str) -> None:
    lines = '{"prompt": "What is my boat called?", "answer": "Zanzibar", "source": "mail"}\n'
    tiny("teach", "-", stdin=lines)
    typed_in(home, statement)
    told = tiny("audit", "verify", "--json", code=5).json
    named = "s2" if statement == INSERTED else "s1"
    assert [problem for problem in told["problems"] if problem.startswith(f"lesson {named} ")]
    assert len(told["problems"]) == 1
    ran = tiny("learn", "--now", "--dry-run", "--json", code=0).json
    assert any("came into the database by other hands" in reason for reason in ran["reasons"])
    # What the message says to do helps.
    tiny("forget", named, "--yes")
    assert tiny("audit", "verify", "--json").json["intact"]


def test_the_mark_of_older_lessons_cannot_be_moved_over_newer_ones(cli: CommandLine, home: Home) -> None:
    cli("teach", "--prompt", "What is my dog called?", "--answer", "Rex")
    typed_in(home, INSERTED, "INSERT OR REPLACE INTO settings (key, value) VALUES ('lessons_recorded_after', '99')")
    assert any("lesson s2" in problem for problem in cli("audit", "verify", "--json", code=5).json["problems"])


def test_lessons_of_a_version_before_are_still_learned(cli: CommandLine, home: Home) -> None:
    cli("memory", "list")
    typed_in(home, INSERTED, "INSERT OR REPLACE INTO settings (key, value) VALUES ('lessons_recorded_after', '1')")
    cli("teach", "--prompt", "What is my dog called?", "--answer", "Rex")
    assert cli("audit", "verify", "--json").json["intact"]


def test_what_becomes_of_a_lesson_leaves_it_ours(tiny: CommandLine, home: Home, forget: Callable[[], None]) -> None:
    learned_update(home, to=State.AWAITING_APPROVAL)
    tiny("updates", "reject", "u1", "--yes")  # its words are erased
    learned_update(home, seed=2)
    assert tiny("audit", "verify", "--json").json["intact"]
    tiny("rollback", "base", "--yes")
    assert tiny("audit", "verify", "--json").json["intact"]
    forget()
    assert tiny("audit", "verify", "--json").json["intact"]


@pytest.fixture
def forget(tiny: CommandLine) -> Callable[[], None]:
    return lambda: tiny("forget", "s2", "--yes") and None
