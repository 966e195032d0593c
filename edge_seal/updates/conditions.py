"""When the machine is fit for learning: pure rules over what it tells and the local time.

What the system does not tell is a condition that is `unknown`; `limits.when_unknown` says whether it holds learning
back, and either way it is told. A rule that is off is no condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final, Literal

from edge_seal.config import LimitSettings, quiet_periods
from edge_seal.records import MachineState

_MINUTE: Final = timedelta(minutes=1)
_SEARCHED_MINUTES: Final = 50 * 60  # two days, with the hours that a change of the clock adds

Standing = Literal["met", "unmet", "unknown"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One rule: `words` says what is so. `until` is when it will be met, if time alone does that."""

    name: str
    standing: Standing
    words: str
    until: datetime | None = None


def conditions(
    limits: LimitSettings,
    maximum_load: float,
    state: MachineState,
    now: datetime,
    *,
    idle: bool,
    zone: tzinfo | None = None,
) -> tuple[Condition, ...]:
    """Every condition that is set; `idle`: nobody may be using the machine. `zone` is of local time (None: ours)."""
    found = [_quiet(limits, now, zone)] if limits.quiet_hours else []
    if limits.minimum_battery_share > 0:
        found.append(_power(limits, state))
    found.append(_temperature(limits, state))
    found.append(_load(maximum_load, state))
    if idle:
        found.append(_idle(limits, state))
    return tuple(found)


def blocking(found: Sequence[Condition], limits: LimitSettings) -> tuple[Condition, ...]:
    """The conditions that hold learning back: those unmet, and with `when_unknown = "wait"` those unknown."""
    holding = {"unmet", "unknown"} if limits.when_unknown == "wait" else {"unmet"}
    return tuple(condition for condition in found if condition.standing in holding)


def _power(limits: LimitSettings, state: MachineState) -> Condition:
    name, least = "power", limits.minimum_battery_share
    if state.on_mains:
        return Condition(name, "met", "on mains")
    if state.battery_share is None:
        return Condition(name, "unknown", "the system does not tell whether it is on mains")
    told = f"on battery, {state.battery_share:.0%} full"
    if state.on_mains is None:
        # It does not say whether it is charging either: as if it were not.
        told = f"the battery is {state.battery_share:.0%} full, and perhaps not charging"
    if least >= 1.0:
        return Condition(name, "unmet", f"{told}; limits.minimum_battery_share of 1 asks for mains")
    if state.battery_share < least:
        return Condition(name, "unmet", f"{told}; limits.minimum_battery_share is {least:g}")
    return Condition(name, "met", told)


def _temperature(limits: LimitSettings, state: MachineState) -> Condition:
    if state.celsius is None:
        return Condition("temperature", "unknown", "the system does not tell its temperature")
    told = f"{state.celsius:.0f} °C"
    if state.celsius > limits.maximum_celsius:
        return Condition("temperature", "unmet", f"{told}; limits.maximum_celsius is {limits.maximum_celsius:g}")
    return Condition("temperature", "met", told)


def _load(most: float, state: MachineState) -> Condition:
    if state.load is None:
        return Condition("load", "unknown", "the system does not tell its load")
    told = f"a load of {state.load:.2f} a core"
    if state.load > most:
        return Condition("load", "unmet", f"the machine is busy: {told}, and learning.maximum_load is {most:g}")
    return Condition("load", "met", told)


def _idle(limits: LimitSettings, state: MachineState) -> Condition:
    if state.idle_s is None:
        return Condition("idle", "unknown", "the system does not tell when it was last used")
    told = f"last used {state.idle_s / 60:.0f} min ago"
    if state.idle_s < 60 * limits.idle_minutes:
        return Condition("idle", "unmet", f"{told}; limits.idle_minutes is {limits.idle_minutes:g}")
    return Condition("idle", "met", told)


def _quiet(limits: LimitSettings, now: datetime, zone: tzinfo | None) -> Condition:
    until = quiet_until(quiet_periods(limits.quiet_hours), now, zone)
    if until is None:
        return Condition("quiet_hours", "met", f"outside {limits.quiet_hours}")
    return Condition("quiet_hours", "unmet", f"limits.quiet_hours is {limits.quiet_hours}", until)


def quiet_until(periods: Sequence[tuple[int, int]], now: datetime, zone: tzinfo | None = None) -> datetime | None:
    """When the quiet that holds at `now` ends, in UTC; None where none holds.

    A moment is quiet by what a clock on the wall shows then. So where summer time begins, a period in the hour that is
    left out does not come that day; where it ends, the hour that comes twice is quiet both times.
    """
    if not _is_quiet(periods, now, zone):
        return None
    # By the minute, as periods are; there is no arithmetic of local times that a change of the clock could upset.
    moment = now.replace(second=0, microsecond=0)
    for _ in range(_SEARCHED_MINUTES):
        moment += _MINUTE
        if not _is_quiet(periods, moment, zone):
            return moment
    return moment  # quiet all day long


def _is_quiet(periods: Sequence[tuple[int, int]], now: datetime, zone: tzinfo | None) -> bool:
    local = now.astimezone(zone)
    minute = 60 * local.hour + local.minute
    return any(start <= minute < end if start < end else (minute >= start or minute < end) for start, end in periods)
