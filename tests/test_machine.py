"""What the machine tells, and what is made of it where it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_seal.clock import SystemClock
from edge_seal.config import LimitSettings, quiet_periods
from edge_seal.machine import SystemMachine, _PackageEnergy, idle_of_ioreg, idle_of_logind
from edge_seal.records import MachineState
from edge_seal.updates.conditions import blocking, conditions, quiet_until

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
HELSINKI = ZoneInfo("Europe/Helsinki")
FIT = MachineState(on_mains=True, battery_share=None, celsius=50.0, load=0.1, idle_s=3600.0)


def standing(limits: LimitSettings, state: MachineState, *, now: datetime = NOON, idle: bool = False) -> dict[str, str]:
    return {c.name: c.standing for c in conditions(limits, 0.8, state, now, idle=idle, zone=UTC)}


def test_the_machine_that_runs_the_tests_tells_what_it_can() -> None:
    state = SystemMachine(1).state()
    assert state.load is None or state.load >= 0
    assert state.battery_share is None or 0 <= state.battery_share <= 1
    assert state.celsius is None or 0 < state.celsius < 131
    assert state.idle_s is None or state.idle_s >= 0
    before = SystemMachine(1).cpu_s()
    sum(range(10**6))
    assert SystemMachine(1).cpu_s() >= before


def test_uptime_goes_on_and_names_its_start() -> None:
    first, second = SystemClock().uptime(), SystemClock().uptime()
    assert first.boot == second.boot
    assert second.seconds >= first.seconds
    assert len(first.boot) == 32


def test_a_start_is_named_by_the_system_and_a_time_namespace_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("edge_seal.clock._uptime_s", lambda: 1.0)
    for name in ("_LINUX_BOOT_ID", "_LINUX_NAMESPACE", "_LINUX_OFFSETS"):
        monkeypatch.setattr(f"edge_seal.clock.{name}", tmp_path / name)

    def boot() -> str:
        return SystemClock().uptime().boot

    assert boot() != boot(), "not named: no two processes compare"
    (tmp_path / "_LINUX_BOOT_ID").write_text("one", encoding="ascii")
    plain = boot()
    assert plain == boot()
    (tmp_path / "_LINUX_NAMESPACE").symlink_to("time:[1]")
    (tmp_path / "_LINUX_OFFSETS").write_text("boottime 0 0", encoding="ascii")
    named = boot()
    assert plain != named == boot()
    (tmp_path / "_LINUX_OFFSETS").write_text("boottime 86400 0", encoding="ascii")
    assert boot() != named
    (tmp_path / "_LINUX_BOOT_ID").write_text("two", encoding="ascii")
    assert len({plain, named, boot()}) == 3


@pytest.mark.parametrize(
    ("state", "name", "expected"),
    [
        (FIT, "power", "met"),
        (MachineState(on_mains=False, battery_share=0.9), "power", "met"),
        (MachineState(on_mains=False, battery_share=0.39), "power", "unmet"),
        (MachineState(on_mains=None, battery_share=0.2), "power", "unmet"),
        (MachineState(), "power", "unknown"),
        (MachineState(celsius=90.5), "temperature", "unmet"),
        (MachineState(celsius=90.0), "temperature", "met"),
        (MachineState(), "temperature", "unknown"),
        (MachineState(load=0.81), "load", "unmet"),
        (MachineState(), "load", "unknown"),
        (MachineState(idle_s=299.0), "idle", "unmet"),
        (MachineState(idle_s=300.0), "idle", "met"),
        (MachineState(), "idle", "unknown"),
    ],
)
def test_each_condition_at_its_edge(state: MachineState, name: str, expected: str) -> None:
    assert standing(LimitSettings(), state, idle=True)[name] == expected


def test_on_mains_only_means_that_a_full_battery_is_not_enough() -> None:
    limits = LimitSettings(minimum_battery_share=1.0)
    assert standing(limits, MachineState(on_mains=False, battery_share=1.0))["power"] == "unmet"
    assert standing(limits, MachineState(on_mains=True, battery_share=0.1))["power"] == "met"


def test_what_is_unknown_holds_nothing_back_unless_it_is_told_to_and_is_always_said() -> None:
    found = conditions(LimitSettings(), 0.8, MachineState(), NOON, idle=True, zone=UTC)
    assert {c.standing for c in found} == {"unknown"}
    assert all("does not tell" in c.words for c in found)
    assert blocking(found, LimitSettings()) == ()
    assert len(blocking(found, LimitSettings(when_unknown="wait"))) == 4


# Quiet hours --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["22-7", "22:00", "22:00-22:00", "25:00-07:00", "22:60-07:00", "nightly", "24:01-02:00"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="no period of a day"):
        LimitSettings(quiet_hours=text)


def test_quiet_hours_past_midnight_end_in_the_morning() -> None:
    limits = LimitSettings(quiet_hours="22:00-07:00, 12:00-13:00")
    found = conditions(limits, 0.8, FIT, datetime(2025, 3, 1, 23, 30, 30, tzinfo=UTC), idle=False, zone=UTC)[0]
    assert (found.name, found.standing) == ("quiet_hours", "unmet")
    assert found.until == datetime(2025, 3, 2, 7, tzinfo=UTC)
    assert standing(limits, FIT, now=datetime(2025, 3, 1, 13, tzinfo=UTC))["quiet_hours"] == "met"
    assert standing(limits, FIT, now=datetime(2025, 3, 1, 12, 59, 59, tzinfo=UTC))["quiet_hours"] == "unmet"


def test_quiet_until_seven_is_seven_by_the_clock_on_the_wall_on_both_days_of_the_change() -> None:
    periods = quiet_periods("22:00-07:00")
    spring = quiet_until(periods, datetime(2025, 3, 29, 22, tzinfo=HELSINKI), HELSINKI)
    autumn = quiet_until(periods, datetime(2025, 10, 25, 22, tzinfo=HELSINKI), HELSINKI)
    assert spring is not None
    assert autumn is not None
    assert spring.astimezone(UTC) - datetime(2025, 3, 29, 22, tzinfo=HELSINKI).astimezone(UTC) == timedelta(hours=8)
    assert autumn.astimezone(UTC) - datetime(2025, 10, 25, 22, tzinfo=HELSINKI).astimezone(UTC) == timedelta(hours=10)


def test_the_hour_that_comes_twice_is_quiet_twice_and_the_one_left_out_never() -> None:
    periods = quiet_periods("03:00-04:00")
    first = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)  # 03:30, summer time
    assert quiet_until(periods, first, HELSINKI) == datetime(2025, 10, 26, 2, 0, tzinfo=UTC)
    day = [datetime(2025, 3, 29, 22, tzinfo=UTC) + timedelta(minutes=minute) for minute in range(23 * 60)]
    assert not any(quiet_until(periods, moment, HELSINKI) for moment in day if moment.astimezone(HELSINKI).day == 30)


@given(
    st.integers(0, 1439), st.integers(1, 1440), st.datetimes(datetime(2025, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["Europe/Helsinki", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
)  # fmt: skip
def test_when_quiet_is_said_to_end_it_has_and_not_before(start: int, end: int, moment: datetime, name: str) -> None:
    if start == end % 1440:
        return
    zone, now = ZoneInfo(name), moment.replace(tzinfo=UTC)
    until = quiet_until([(start, end)], now, zone)
    if until is None:
        return
    assert quiet_until([(start, end)], until, zone) is None
    assert quiet_until([(start, end)], until - timedelta(seconds=1), zone) is not None


# What tools print ---------------------------------------------------------------------------------------------


def test_idle_as_logind_tells_it() -> None:
    assert idle_of_logind(b"IdleHint=yes\nIdleSinceHintMonotonic=100000000\n", 160.0) == 60.0
    assert idle_of_logind(b"IdleHint=no\nIdleSinceHintMonotonic=0\n", 160.0) == 0.0
    assert idle_of_logind(b"", 160.0) is None
    assert idle_of_logind(b"Failed to get user: \xff\n", 160.0) is None


def test_idle_as_macos_tells_it() -> None:
    assert idle_of_ioreg(b'  | |   "HIDIdleTime" = 4500000000\n') == 4.5
    assert idle_of_ioreg(b"") is None


def test_energy_counters_add_up_across_packages_and_begin_anew_at_their_maximum(tmp_path: Path) -> None:
    def counters(**micro_joules: int) -> None:
        for name, value in micro_joules.items():
            place = tmp_path / name.replace("_", ":").replace("rapl", "intel-rapl")
            place.mkdir(exist_ok=True)
            (place / "energy_uj").write_text(f"{value}\n", encoding="ascii")
            (place / "max_energy_range_uj").write_text("10000000\n", encoding="ascii")

    counters(rapl_0=9_000_000, rapl_1=1_000_000, rapl_0_0=5)
    energy = _PackageEnergy(tmp_path)
    assert energy.read_j() == 0
    counters(rapl_0=2_000_000, rapl_1=1_500_000, rapl_0_0=9_000_000)
    assert energy.read_j() == pytest.approx(3.5)
    assert _PackageEnergy(tmp_path / "nothing").read_j() is None
