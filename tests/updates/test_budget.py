from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge_seal.config import LimitSettings
from edge_seal.updates.budget import allowance

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def limits(hour: int = 4, day: int = 12, minutes: float = 10.0) -> LimitSettings:
    return LimitSettings(updates_per_hour=hour, updates_per_day=day, minutes_between_updates=minutes)


def ago(*minutes: float) -> list[datetime]:
    return [NOON - timedelta(minutes=each) for each in minutes]


def test_the_first_update_is_allowed() -> None:
    now = allowance(limits(), [], NOON)
    assert (now.allowed, now.allowed_at, now.reason) == (True, None, "")
    assert [(use.name, use.used, use.left) for use in now.used] == [
        ("updates_per_hour", 0, 4),
        ("updates_per_day", 0, 12),
        ("minutes_between_updates", 0, 1),
    ]


def test_an_update_right_after_another_waits_for_the_interval() -> None:
    now = allowance(limits(), ago(1), NOON)
    assert not now.allowed
    assert now.allowed_at == NOON + timedelta(minutes=9)
    assert "asks for 10 minutes between two" in now.reason


def test_a_full_hour_waits_until_its_oldest_update_is_an_hour_old() -> None:
    now = allowance(limits(hour=2), ago(50, 20), NOON)
    assert now.allowed_at == NOON + timedelta(minutes=10)
    assert now.reason == "2 of 2 updates of this hour are used (limits.updates_per_hour)"


def test_a_full_day_waits_longer_than_a_full_hour() -> None:
    now = allowance(limits(hour=2, day=3), ago(23 * 60, 50, 20), NOON)
    assert now.allowed_at == NOON + timedelta(hours=1)
    assert "of this day" in now.reason


def test_after_a_limit_was_lowered_enough_updates_have_to_leave() -> None:
    now = allowance(limits(hour=1, minutes=0), ago(50, 40, 20), NOON)
    assert now.allowed_at == NOON + timedelta(minutes=40)


def test_a_limit_of_zero_is_not_lifted_by_time() -> None:
    now = allowance(limits(day=0), ago(1), NOON)
    assert (now.allowed, now.allowed_at) == (False, None)
    assert "limits.updates_per_day is 0" in now.reason


def test_setting_the_clock_back_buys_nothing() -> None:
    now = allowance(limits(), [NOON + timedelta(hours=5)], NOON)
    assert now.allowed_at == NOON + timedelta(hours=5, minutes=10)
    assert "the clock was set back" in now.reason
    assert [use.used for use in now.used] == [1, 1, 1]


def test_without_an_interval_a_future_update_still_has_to_come_to_pass() -> None:
    now = allowance(limits(minutes=0), [NOON + timedelta(hours=5)], NOON)
    assert now.allowed_at == NOON + timedelta(hours=5)


moments = st.integers(-3 * 24 * 3600, 24 * 3600).map(lambda seconds: NOON + timedelta(seconds=seconds))
histories = st.lists(moments, max_size=20)
any_limits = st.builds(
    limits,
    hour=st.integers(1, 5),
    day=st.integers(1, 8),
    minutes=st.sampled_from([0.0, 0.5, 10.0, 90.0, 3000.0]),
)


def permitted(rules: LimitSettings, events: list[datetime], now: datetime) -> bool:
    """The limits as a person would say them, without any thought of when."""
    an_hour_ago, a_day_ago = now - timedelta(hours=1), now - timedelta(days=1)
    return (
        sum(event > an_hour_ago for event in events) < rules.updates_per_hour
        and sum(event > a_day_ago for event in events) < rules.updates_per_day
        and all(now - event >= timedelta(minutes=rules.minutes_between_updates) for event in events)
    )


@given(any_limits, histories)
def test_it_allows_exactly_what_the_limits_say(rules: LimitSettings, events: list[datetime]) -> None:
    now = allowance(rules, events, NOON)
    assert now.allowed is permitted(rules, events, NOON)
    assert now.allowed is (now.allowed_at is None)
    assert bool(now.reason) is not now.allowed


@given(any_limits, histories)
def test_the_time_it_names_is_right_to_the_microsecond(rules: LimitSettings, events: list[datetime]) -> None:
    named = allowance(rules, events, NOON).allowed_at
    if named is None:
        return
    assert named > NOON
    assert permitted(rules, events, named)
    assert allowance(rules, events, named).allowed
    before = allowance(rules, events, named - TICK)
    assert not permitted(rules, events, named - TICK)
    assert (before.allowed, before.allowed_at) == (False, named)


@given(any_limits, histories, st.data())
def test_the_clock_going_back_never_allows_more(
    rules: LimitSettings, events: list[datetime], data: st.DataObject
) -> None:
    earlier = data.draw(moments.filter(lambda moment: moment <= NOON))
    if allowance(rules, events, earlier).allowed:
        assert allowance(rules, events, NOON).allowed


@given(any_limits, st.lists(st.tuples(st.integers(0, 4000), st.booleans()), max_size=40))
def test_however_the_clock_moves_no_window_ever_holds_too_many(
    rules: LimitSettings, steps: list[tuple[int, bool]]
) -> None:
    now, events = NOON, list[datetime]()
    for seconds, back in steps:
        now += timedelta(seconds=-seconds if back else seconds)
        if allowance(rules, events, now).allowed:
            events.append(now)
    for end in events:
        assert sum(end - timedelta(hours=1) < event <= end for event in events) <= rules.updates_per_hour
        assert sum(end - timedelta(days=1) < event <= end for event in events) <= rules.updates_per_day
