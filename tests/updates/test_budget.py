from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge_seal.config import LimitSettings
from edge_seal.updates.budget import Age, Learned, Spent, allowance

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def limits(hour: int = 4, day: int = 12, minutes: float = 10.0) -> LimitSettings:
    return LimitSettings(updates_per_hour=hour, updates_per_day=day, minutes_between_updates=minutes)


def ago(*minutes: float) -> list[Learned]:
    """Updates so many minutes ago by both clocks."""
    return [learned(minutes=each, vouched=each) for each in minutes]


def learned(*, minutes: float, vouched: float) -> Learned:
    """An update so many minutes ago by the wall clock, of which the uptime vouches for some."""
    return Learned(
        NOON - timedelta(minutes=minutes), Age(timedelta(minutes=minutes), timedelta(minutes=max(0, vouched)))
    )


def test_the_first_update_is_allowed() -> None:
    now = allowance(limits(), [], NOON)
    assert (now.allowed, now.allowed_at, now.reason) == (True, None, "")
    assert [(use.name, use.used, use.left) for use in now.used] == [
        ("updates_per_hour", 0, 4),
        ("updates_per_day", 0, 12),
        ("updates_per_week", 0, 60),
        ("minutes_between_updates", 0, 1),
        ("cpu_seconds_per_day", 0, 7200),
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


def test_a_full_week_waits_until_an_update_is_a_week_old() -> None:
    now = allowance(limits().model_copy(update={"updates_per_week": 2}), ago(3 * 24 * 60, 6 * 24 * 60), NOON)
    assert now.allowed_at == NOON + timedelta(days=1)
    assert now.reason == "2 of 2 updates of this week are used (limits.updates_per_week)"


def test_setting_the_clock_back_buys_nothing() -> None:
    now = allowance(limits(), [learned(minutes=-300, vouched=60)], NOON)
    assert now.allowed_at == NOON + timedelta(hours=5, minutes=10)
    assert "the clock was set back" in now.reason
    assert [use.used for use in now.used] == [1, 1, 1, 1, 0]


def test_without_an_interval_a_future_update_still_has_to_come_to_pass() -> None:
    now = allowance(limits(minutes=0), [learned(minutes=-300, vouched=60)], NOON)
    assert now.allowed_at == NOON + timedelta(hours=5)


def test_setting_the_clock_forward_mints_nothing() -> None:
    now = allowance(limits(), [learned(minutes=3 * 24 * 60, vouched=4)], NOON)
    assert now.allowed_at == NOON + timedelta(minutes=6)
    assert "does not count" in now.reason


def test_a_clock_that_was_once_wrong_does_not_hold_learning_back_for_ever() -> None:
    ten_years, week = -10 * 365 * 24 * 60, 7 * 24 * 60
    held = allowance(limits(), [learned(minutes=ten_years, vouched=week - 1)], NOON)
    assert held.allowed_at == NOON + timedelta(minutes=1), "told when the uptime alone will have put it out of reach"
    assert allowance(limits(), [learned(minutes=ten_years, vouched=week)], NOON).allowed


def spent(*pairs: tuple[float, float]) -> list[Spent]:
    """Cycles so many hours ago that used so many processor seconds."""
    return [Spent(Age(timedelta(hours=hours), timedelta(hours=hours)), cpu_s) for hours, cpu_s in pairs]


def test_processor_seconds_of_a_day_add_up_whatever_became_of_the_cycles() -> None:
    rules = limits().model_copy(update={"cpu_seconds_per_day": 1000.0})
    assert allowance(rules, [], NOON, spent((1, 600), (2, 399))).left("cpu_seconds_per_day") == 1
    full = allowance(rules, [], NOON, spent((1, 600), (20, 500), (25, 9000)))
    assert full.allowed_at == NOON + timedelta(hours=4)
    assert full.reason == "1100 of 1000 processor seconds of this day are used (limits.cpu_seconds_per_day)"


def test_one_cycle_that_took_the_whole_day_has_to_leave_it() -> None:
    rules = limits().model_copy(update={"cpu_seconds_per_day": 1000.0})
    assert allowance(rules, [], NOON, spent((1, 1200), (20, 10))).allowed_at == NOON + timedelta(hours=23)


seconds = st.integers(-3 * 24 * 3600, 9 * 24 * 3600)
histories = st.lists(
    st.tuples(seconds, st.integers(0, 9 * 24 * 3600)).map(
        lambda pair: Learned(
            NOON - timedelta(seconds=pair[0]), Age(timedelta(seconds=pair[0]), timedelta(seconds=pair[1]))
        )
    ),
    max_size=20,
)
any_limits = st.builds(
    limits,
    hour=st.integers(1, 5),
    day=st.integers(1, 8),
    minutes=st.sampled_from([0.0, 0.5, 10.0, 90.0, 3000.0]),
)


def permitted(rules: LimitSettings, events: list[Learned], later: timedelta) -> bool:
    """The limits as a person would say them, `later` than noon, without any thought of when."""

    def within(window: timedelta) -> int:
        return sum(
            min(event.age.wall + later, event.age.vouched + later) < window
            and event.age.vouched + later < timedelta(days=7)
            for event in events
        )

    return (
        within(timedelta(hours=1)) < rules.updates_per_hour
        and within(timedelta(days=1)) < rules.updates_per_day
        and within(timedelta(days=7)) < rules.updates_per_week
        and within(timedelta(minutes=rules.minutes_between_updates)) == 0
    )


def at(events: list[Learned], later: timedelta) -> list[Learned]:
    return [Learned(one.at, Age(one.age.wall + later, one.age.vouched + later)) for one in events]


@given(any_limits, histories)
def test_it_allows_exactly_what_the_limits_say(rules: LimitSettings, events: list[Learned]) -> None:
    now = allowance(rules, events, NOON)
    assert now.allowed is permitted(rules, events, timedelta(0))
    assert now.allowed is (now.allowed_at is None)
    assert bool(now.reason) is not now.allowed


@given(any_limits, histories)
def test_the_time_it_names_is_right_to_the_microsecond(rules: LimitSettings, events: list[Learned]) -> None:
    named = allowance(rules, events, NOON).allowed_at
    if named is None:
        return
    later = named - NOON
    assert later > timedelta(0)
    assert permitted(rules, events, later)
    assert allowance(rules, at(events, later), named).allowed
    before = allowance(rules, at(events, later - TICK), named - TICK)
    assert not permitted(rules, events, later - TICK)
    assert (before.allowed, before.allowed_at) == (False, named)


@given(any_limits, histories, st.integers(0, 10**6))
def test_moving_the_clock_either_way_never_allows_more_than_the_truth(
    rules: LimitSettings, events: list[Learned], moved_s: int
) -> None:
    """The uptime tells the truth here: a wall clock that agrees with it allows the most."""
    true = [Learned(NOON - one.age.vouched, Age(one.age.vouched, one.age.vouched)) for one in events]
    for moved in (timedelta(seconds=moved_s), -timedelta(seconds=moved_s)):
        seen = [Learned(one.at, Age(one.age.wall + moved, one.age.vouched)) for one in true]
        if allowance(rules, seen, NOON).allowed:
            assert allowance(rules, true, NOON).allowed
