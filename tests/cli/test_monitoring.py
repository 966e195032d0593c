"""What is watched: derived exactly, judged once, said until it is seen; and nothing of it is text."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_seal.adaptation.signals import lesson
from edge_seal.clock import timestamp
from edge_seal.config import Home, MonitoringSettings
from edge_seal.errors import NotFound
from edge_seal.memory.support import is_unsupported
from edge_seal.monitoring import METRICS, Monitoring, since_of
from edge_seal.records import MonitoredSeries, SignalKind
from edge_seal.runtime import Runtime
from edge_seal.storage.database import Database
from edge_seal.updates.ledger import Ledger
from tests.cli.conftest import CommandLine
from tests.updates.scene import HandClock

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


class Watched:
    """A home's tables, and the shortest way to put observations into them."""

    def __init__(self, database: Database, settings: MonitoringSettings | None = None) -> None:
        self.database = database
        self.clock = HandClock(NOON)
        self.ledger = Ledger(database, self.clock)
        self.monitoring = Monitoring(database, self.ledger, settings or MonitoringSettings())
        database.execute("INSERT INTO conversations (id, created_at) VALUES (1, 'then')")

    def turn(self, *, first_token_s: float = 0.4, tokens: int = 5) -> str:
        self.clock.pass_by(minutes=1)
        self.database.execute(
            "INSERT INTO turns (conversation_id, created_at, prompt, origin, answer, base_sha256, timing)"
            " VALUES (1, ?, 'a question', 'typed', 'an answer', '', ?)",
            (
                timestamp(self.clock.now()),
                json.dumps({"answer_tokens": tokens, "first_token_s": first_token_s}),
            ),
        )
        return f"t{self.database.last_row_id}"

    def signal(self, kind: str, turn: str | None = None) -> None:
        self.database.execute(
            "INSERT INTO signals (created_at, kind, prompt, answer, origin, turn_id)"
            " VALUES (?, ?, 'p', 'a', 'typed', ?)",
            (timestamp(self.clock.now()), kind, None if turn is None else int(turn[1:])),
        )

    def thumbs(self, ups: int, downs: int) -> None:
        for kind in ["good"] * ups + ["bad"] * downs:
            self.signal(kind)

    def gated(self, drift: float) -> None:
        with self.database.transaction():
            body = {"measures": [{"name": "anchor_drift", "after": str(drift)}]}
            self.ledger.append("update.gated", actor="cycle", subject="u1", body=body)

    def alerts(self) -> list[str]:
        self.monitoring.look(self.clock.now())
        return [alert.metric for alert in self.monitoring.alerts()]

    def series(self, name: str) -> MonitoredSeries:
        every = self.monitoring.series(self.clock.now() - timedelta(days=30), self.clock.now())
        return next(one for one in every if one.name == name)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with closing(Database.open(tmp_path / "edge-seal.db")) as database:
        yield Watched(database)


def test_satisfaction_that_falls_raises_one_alert_with_its_figures(watched: Watched) -> None:
    watched.thumbs(36, 4)
    assert watched.alerts() == []
    watched.thumbs(8, 12)
    assert watched.alerts() == ["satisfaction"]
    (alert,) = watched.monitoring.alerts()
    assert (alert.value, alert.n, alert.usual) == (0.4, 20, 0.9)
    assert alert.value < alert.bound < alert.usual
    assert "40% of 20 thumbs, usually 90%" in alert.words
    assert watched.alerts() == ["satisfaction"], "no batch is judged twice"


def test_satisfaction_that_rises_or_stays_raises_none(watched: Watched) -> None:
    watched.thumbs(28, 12)
    watched.thumbs(20, 0)
    watched.thumbs(15, 5)
    assert watched.alerts() == []


def test_too_little_to_compare_with_is_not_judged(watched: Watched) -> None:
    watched.thumbs(20, 0)
    watched.thumbs(0, 20)
    assert watched.alerts() == []
    assert watched.series("satisfaction").usual == 0.5, "forty are enough for limits from now on"


def test_what_does_not_change_cries_about_as_rarely_as_is_set(tmp_path: Path) -> None:
    with closing(Database.open(tmp_path / "edge-seal.db")) as database:
        watched, source = Watched(database, MonitoringSettings(false_alarms=0.05)), random.Random(1)
        with database.transaction():
            for _ in range(20 * 200):
                watched.signal("good" if source.random() < 0.8 else "bad")
        # 198 batches are judged: ten alarms would be the stated share.
        assert len(watched.alerts()) < 20


def test_corrections_are_counted_once_they_had_time_to_come(watched: Watched) -> None:
    turns = [watched.turn() for _ in range(60)]
    assert watched.alerts() == []
    for turn in turns[40:55]:
        watched.signal("correction", turn)
    turns += [watched.turn() for _ in range(5)]
    assert watched.alerts() == ["corrections"]


def test_deleting_a_conversation_takes_its_observations_with_it(watched: Watched) -> None:
    turn = watched.turn()
    watched.signal("correction", turn)
    watched.monitoring.sample("refusals", 1.0, timestamp(watched.clock.now()), turn)
    assert watched.series("corrections").points[0].value == 1.0
    watched.database.execute("DELETE FROM conversations")
    assert watched.series("corrections").points == ()
    assert watched.series("refusals").points == ()


def test_answers_that_become_slow_raise_an_alert_in_seconds(watched: Watched) -> None:
    source = random.Random(2)
    for _ in range(40):
        watched.turn(first_token_s=0.4 * 2 ** source.gauss(0, 0.5))
    for _ in range(20):
        watched.turn(first_token_s=2.0 * 2 ** source.gauss(0, 0.5))
    watched.turn(first_token_s=500.0, tokens=0)  # a command: nothing was generated
    assert watched.alerts() == ["latency"]
    (alert,) = watched.monitoring.alerts()
    assert 0.3 < alert.usual < 0.55
    assert 1.5 < alert.value < 2.6


def test_an_update_that_drifts_far_raises_an_alert_by_itself(watched: Watched) -> None:
    for drift in (0.05, 0.06, 0.04, 0.05, 0.07, 0.05, 0.06, 0.05):
        watched.gated(drift)
    assert watched.alerts() == []
    watched.gated(0.25)
    assert watched.alerts() == ["drift"]
    assert watched.series("drift").points[-1].n == 9


def test_findings_and_updates_add_up_from_the_entries_of_the_ledger(watched: Watched) -> None:
    with watched.database.transaction():
        for event, body in (
            ("update.cleared", {"findings": ["a rule", "another"]}),
            ("memory.refused", {"rules": ["a rule"]}),
            ("update.rejected", {"signals_refused": []}),
            ("update.trained", {}),
            ("memory.remembered", {}),
        ):
            watched.ledger.append(event, actor="guardian", subject="u1", body=body)
    (hits,), (updates,) = watched.series("guardian_hits").points, watched.series("updates").points
    assert (hits.value, hits.n) == (3.0, 2)
    assert (updates.value, updates.n) == (1.0, 1)


def test_alerts_are_acknowledged_one_by_one_or_all(watched: Watched) -> None:
    watched.thumbs(40, 0)
    watched.thumbs(0, 40)
    assert watched.alerts() == ["satisfaction", "satisfaction"]
    with pytest.raises(NotFound, match="a9"):
        watched.monitoring.acknowledge(["a1", "a9"], "now")
    assert len(watched.monitoring.alerts()) == 2, "none was acknowledged"
    assert [alert.id for alert in watched.monitoring.acknowledge(["a1"], timestamp(NOON))] == ["a1"]
    assert [alert.id for alert in watched.monitoring.acknowledge([], timestamp(NOON))] == ["a2"]
    assert watched.monitoring.alerts() == ()
    assert [alert.acknowledged_at for alert in watched.monitoring.alerts(acknowledged=True)] == [timestamp(NOON)] * 2


def test_what_is_older_than_it_is_kept_goes_open_alerts_stay(watched: Watched) -> None:
    watched.thumbs(40, 0)
    watched.thumbs(0, 20)
    watched.monitoring.sample("refusals", 0.0, timestamp(watched.clock.now()), watched.turn())
    assert watched.alerts() == ["satisfaction"]
    watched.clock.pass_by(days=366)
    assert watched.alerts() == ["satisfaction"]
    assert watched.database.row("SELECT count(*) FROM samples") == (0,)


def test_a_point_is_a_day_or_an_hour(watched: Watched) -> None:
    for _ in range(3):
        watched.turn()
        watched.clock.pass_by(hours=13)
    days = watched.monitoring.series(watched.clock.now() - timedelta(days=30), watched.clock.now())
    hours = watched.monitoring.series(watched.clock.now() - timedelta(days=2), watched.clock.now())
    assert [len(next(s for s in all_ if s.name == "latency").points) for all_ in (days, hours)] == [2, 3]


def test_a_window_is_named_by_its_length_or_a_time() -> None:
    assert since_of("30d", NOON) == NOON - timedelta(days=30)
    assert since_of("12h", NOON) == NOON - timedelta(hours=12)
    assert since_of(timestamp(NOON), NOON + timedelta(days=1)) == NOON
    for text in ("", "d", "-3d", "yesterday", "99999999d"):
        with pytest.raises(ValueError):
            since_of(text, NOON)


@pytest.mark.parametrize(
    ("values", "answer", "expected"),
    [
        (["oulu"], "You live in Oulu.", False),
        (["oulu"], "You live in Turku.", True),
        (["oulu", "turku"], "Turku", False),
        (["oulu, finland"], "In Finland, I believe.", False),
        (["software engineer"], "You are a software architect.", True),
        (["oulu"], "I don't know where you live.", False),
        (["oulu"], "You have not told me.", False),
        (["oulu"], "", False),
    ],
)
def test_an_answer_against_memory(values: list[str], answer: str, expected: bool) -> None:
    assert is_unsupported(values, answer) is expected


# As a user meets it -------------------------------------------------------------------------------------------


def test_an_answer_is_noted_and_an_alert_is_said_until_it_is_seen(tiny: CommandLine, home: Home) -> None:
    tiny("remember", "I live in Oulu.")
    first = tiny("ask", "Where do I live?", "--json").json
    assert first["memories"] == ["m1"]
    with Runtime.open(home) as runtime:
        stored = runtime.database.rows("SELECT metric, value, turn_id FROM samples ORDER BY id")
        # What a random model says is not Oulu, and no refusal either.
        assert stored == [("refusals", 0.0, 1), ("unsupported", 1.0, 1)]
        for kind in [SignalKind.GOOD] * 40 + [SignalKind.BAD] * 20:
            runtime.signals.add(kind, lesson("Where do I live?", "In Oulu."))
    assert any("alert a1: satisfaction" in notice for notice in tiny("ask", "Hello", "--json").json["notices"])
    assert "satisfaction" in tiny("doctor", code=1).err
    told = tiny("monitor", "--json").json
    assert {series["name"] for series in told["series"]} == {metric.name for metric in METRICS}
    assert [alert["id"] for alert in told["alerts"]] == ["a1"]
    assert set(told["machine"]) == {"on_mains", "battery_share", "celsius", "load", "idle_s"}
    assert "Oulu" not in json.dumps(told)
    assert "ALERT a1" in tiny("monitor").out
    tiny("monitor", "a1", code=2)
    assert "acknowledged: a1" in tiny("monitor", "--acknowledge").err
    assert not any("alert" in notice for notice in tiny("ask", "Hello", "--json").json["notices"])
    assert "seen" in tiny("monitor").out


def test_a_private_question_leaves_no_observation(tiny: CommandLine, home: Home) -> None:
    tiny("ask", "Where do I live?", "--private")
    with Runtime.open(home) as runtime:
        assert runtime.database.row("SELECT count(*) FROM samples") == (0,)


def test_a_window_that_is_none_is_usage(cli: CommandLine) -> None:
    cli("monitor", "--since", "soon", code=2)
