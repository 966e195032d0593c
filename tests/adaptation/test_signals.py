"""What the user does becomes evidence: checked texts, honest origins, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_seal.adaptation.signals import (
    MAXIMUM_ANSWER_CHARACTERS,
    Lesson,
    SignalBox,
    correction,
    lesson,
    parse_lessons,
    said_in,
)
from edge_seal.clock import Uptime
from edge_seal.errors import ConfigError, NotFound
from edge_seal.records import Origin, SignalKind, SignalState, Timing, Turn
from edge_seal.storage.database import Database
from edge_seal.updates.ledger import Ledger

NOON = "2024-05-14T12:00:00.000000Z"


class _Noon:
    def now(self) -> datetime:
        return datetime(2024, 5, 14, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def uptime(self) -> Uptime:
        return Uptime("noon", 0.0)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "edge-seal.db")
    yield opened
    opened.close()


@pytest.fixture
def box(database: Database, tmp_path: Path) -> SignalBox:
    return SignalBox(database, _Noon(), Ledger(database, _Noon(), tmp_path / "ledger-head"))


def _turn(origin: Origin = Origin.TYPED) -> Turn:
    return Turn("t1", "c1", NOON, "Who wrote it?", "Nobody did.", origin, None, (), Timing(1, 0, 1, 0.1, 0.2))


def _add_turn(database: Database) -> str:
    with database.transaction():
        database.execute("INSERT INTO conversations (created_at, title) VALUES (?, '')", (NOON,))
        database.execute(
            "INSERT INTO turns (conversation_id, created_at, prompt, origin, answer, base_sha256)"
            " VALUES (?, ?, 'q', 'typed', 'a', '')",
            (database.last_row_id, NOON),
        )
        return f"t{database.last_row_id}"


# Lessons --------------------------------------------------------------------------------------------------


def test_what_is_taught_counts_as_typed_unless_it_names_its_source() -> None:
    lessons = parse_lessons('{"prompt": "a?", "answer": "b"}\n\n{"prompt": "c?", "answer": "d", "source": "wiki"}\n')
    assert lessons == [Lesson("a?", "b", Origin.TYPED), Lesson("c?", "d", Origin.FILE, "wiki")]


def test_texts_are_normalized() -> None:
    assert lesson("  Cafe\u0301?\r\n", "a\r\nb\rc\td ") == Lesson("Café?", "a\nb\nc\td", Origin.TYPED)


def test_a_line_separator_inside_a_json_text_does_not_end_the_line() -> None:
    assert parse_lessons('\ufeff{"prompt": "a\u2028b", "answer": "c"}')[0].prompt == "a\u2028b"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: not a JSON object"),
        ('{"prompt": "a"}', "line 2: 'answer' is missing"),
        ('{"prompt": "a", "answer": 3}', "line 2: 'answer' is not a text"),
        ('{"prompt": "a", "answer": "b", "weight": 2}', "line 2: unknown field 'weight'"),
        ('{"prompt": "a", "prompt": "c", "answer": "b"}', "line 2: a field is given twice"),
        ('{"prompt": " ", "answer": "b"}', "line 2: the prompt is empty"),
        ('{"prompt": "\\u200b", "answer": "b"}', "line 2: the prompt is empty"),
        ('{"prompt": "a", "answer": "b\\u001b[31m"}', "line 2: the answer holds the control character U+001B"),
        ('{"prompt": "a", "answer": "b\\ud800"}', "line 2: the answer holds the control character U+D800"),
        ('{"prompt": "a", "answer": "b", "source": ""}', "line 2: the source is empty"),
        ("[" * 100_000, "line 2: nested too deeply"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(line: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_lessons('{"prompt": "fine", "answer": "fine"}\n' + line)
    assert caught.value.message.startswith(says)
    assert caught.value.exit_code == 2


def test_a_text_of_any_length_is_not_taken() -> None:
    assert lesson("a", "b" * MAXIMUM_ANSWER_CHARACTERS)
    with pytest.raises(ConfigError, match="8001 characters"):
        lesson("a", "b" * (MAXIMUM_ANSWER_CHARACTERS + 1))


def test_a_file_without_lessons_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no lesson"):
        parse_lessons("\n  \n")


def test_a_correction_is_as_trusted_as_the_prompt_it_answers() -> None:
    assert correction(_turn(), " Maria did. ") == Lesson("Who wrote it?", "Maria did.", Origin.TYPED)
    assert correction(_turn(Origin.PASTED), "Maria did.").origin is Origin.PASTED


def test_a_thumb_points_at_words_of_the_model() -> None:
    said = said_in(_turn())
    assert said == Lesson("Who wrote it?", "Nobody did.", Origin.MODEL, also_from=(Origin.TYPED,))


# Kept signals ---------------------------------------------------------------------------------------------


def test_a_signal_is_kept_as_it_was_given(database: Database, box: SignalBox) -> None:
    turn_id = _add_turn(database)
    added = box.add(SignalKind.CORRECTION, lesson("q", "a", source="notes"), turn_id=turn_id)
    assert (added.id, added.kind, added.turn_id, added.created_at) == ("s1", SignalKind.CORRECTION, turn_id, NOON)
    assert (added.origin, added.source, added.state) == (Origin.FILE, "notes", SignalState.PENDING)
    assert box.pending() == [added]
    assert box.get("s1") == added


def test_pending_signals_come_oldest_first_and_leave_when_marked(box: SignalBox) -> None:
    box.add_all(lesson(f"q{i}", "a") for i in range(12))
    assert [signal.prompt for signal in box.pending()] == [f"q{i}" for i in range(12)]
    box.mark(["s2", "s11"], SignalState.LEARNED)
    assert [signal.id for signal in box.pending()] == ["s1", *(f"s{i}" for i in range(3, 11)), "s12"]
    assert box.get("s2").state is SignalState.LEARNED


@pytest.mark.parametrize("bad", ["s99", "99", "s", "s0", "t1", "s1; DROP TABLE signals", "s\u0661"])
def test_marking_is_all_or_nothing(box: SignalBox, bad: str) -> None:
    box.add_all([lesson("q", "a")])
    with pytest.raises(NotFound):
        box.mark(["s1", bad], SignalState.DROPPED)
    assert box.get("s1").state is SignalState.PENDING


def test_lessons_are_added_all_or_none(box: SignalBox) -> None:
    def lessons() -> Iterator[Lesson]:
        yield lesson("q", "a")
        yield lesson("", "a")

    with pytest.raises(ConfigError):
        box.add_all(lessons())
    assert box.pending() == []


def test_what_was_said_in_a_signals_turn_is_found_while_the_turn_is_there(database: Database, box: SignalBox) -> None:
    with_turn = box.add(SignalKind.CORRECTION, lesson("q", "b"), turn_id=_add_turn(database))
    without = box.add(SignalKind.TAUGHT, lesson("q", "c"))
    assert box.own_answers([with_turn, without]) == {with_turn.id: "a"}
    with database.transaction():
        database.execute("DELETE FROM turns", ())
    assert box.own_answers([with_turn]) == {}


def test_a_signal_on_a_turn_that_does_not_exist_is_refused(box: SignalBox) -> None:
    with pytest.raises(NotFound, match="no turn t7"):
        box.add(SignalKind.BAD, said_in(_turn()), turn_id="t7")
    assert box.pending() == []


def test_a_refused_signal_leaves_no_words_in_the_database(database: Database, box: SignalBox, tmp_path: Path) -> None:
    words = "zebra-marmalade-" + "7" * 3
    box.add(SignalKind.TAUGHT, lesson(f"prompt {words}", f"answer {words}", source=words))
    box.refuse(["s1"])
    refused = box.get("s1")
    assert (refused.state, refused.prompt, refused.answer, refused.source) == (SignalState.REFUSED, "", "", None)
    database.scrub()
    for file in tmp_path.iterdir():
        assert words.encode() not in file.read_bytes(), file.name


def test_a_signal_is_part_of_the_callers_transaction(database: Database, box: SignalBox) -> None:
    with pytest.raises(NotFound), database.transaction():
        box.mark([added.id for added in box.add_all([lesson("q", "a")])] + ["s99"], SignalState.LEARNED)
    assert box.pending() == []
