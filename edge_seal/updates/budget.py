"""How often and how much may be learned: a rule over what was learned and how long ago, without a clock of its own.

How long ago something was is told by two clocks. The wall clock may have been set; the uptime of the machine has not,
but tells nothing of the time when the machine was off. So an age is the lesser of the two: setting the clock forward
mints nothing, since the uptime does not follow, and setting it back frees nothing, since the wall clock has to catch
up. Only what the uptime alone puts beyond the longest window no longer counts at all: a clock that was once set wrong
cannot hold learning back for ever.

A window is half-open: what is as old as the window has left it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from edge_seal.config import LimitSettings
from edge_seal.wording import by_the_clock

# The entry that uses up an allowance: from there on the machine has done the work, whatever the gate says of it.
COUNTED_EVENT: Final = "update.trained"

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
LONGEST: Final = WEEK
_PERIODS: Final = {HOUR: "hour", DAY: "day", WEEK: "week"}
_NOTHING: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Age:
    """How long ago something was: by the wall clock (below zero: not yet), and what the uptime vouches for.

    `vouched` is never more than the time that has truly passed.
    """

    wall: timedelta
    vouched: timedelta

    def leaves_in(self, window: timedelta) -> timedelta:
        """After how much more time it has left `window`, with the machine on or asleep; zero: it has."""
        by_both = max(window - self.wall, window - self.vouched)
        return max(_NOTHING, min(by_both, LONGEST - self.vouched))


@dataclass(frozen=True, slots=True)
class Learned:
    """An update that counts: when it was recorded, and how long ago that is."""

    at: datetime
    age: Age


@dataclass(frozen=True, slots=True)
class Spent:
    """What one cycle has used, whatever became of it; its age is that of its end."""

    age: Age
    cpu_s: float


@dataclass(frozen=True, slots=True)
class LimitUse:
    """One limit: `used` of `limit` in the window.

    `frees_at` is when it next allows an update; None if it allows one now, or if waiting does not help.
    """

    name: str
    used: float
    limit: float
    window: timedelta
    frees_at: datetime | None

    @property
    def left(self) -> float:
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether an update may be learned now, why not, and when.

    `allowed_at` is None if it is allowed now, or if waiting does not help; it holds if the machine stays on or sleeps.
    """

    allowed: bool
    reason: str
    allowed_at: datetime | None
    used: tuple[LimitUse, ...]

    def left(self, name: str) -> float:
        """What is left of the limit `name`."""
        return next(use.left for use in self.used if use.name == name)


def allowance(
    limits: LimitSettings, learned: Sequence[Learned], now: datetime, spent: Sequence[Spent] = ()
) -> Allowance:
    """What `limits` say at `now` after these updates and cycles, in any order."""
    ages = [one.age for one in learned]
    interval = timedelta(minutes=limits.minutes_between_updates)
    uses = (
        _counted("updates_per_hour", limits.updates_per_hour, HOUR, ages, now),
        _counted("updates_per_day", limits.updates_per_day, DAY, ages, now),
        _counted("updates_per_week", limits.updates_per_week, WEEK, ages, now),
        _counted("minutes_between_updates", 1, interval, ages, now, most_used=1),
        _summed("cpu_seconds_per_day", limits.cpu_seconds_per_day, DAY, spent, now),
    )
    switched_off = [use for use in uses if use.limit == 0]
    if switched_off:
        reason = f"limits.{switched_off[0].name} is 0, so no update is allowed"
        return Allowance(allowed=False, reason=reason, allowed_at=None, used=uses)
    waiting = [(use.frees_at, use) for use in uses if use.frees_at is not None]
    if not waiting:
        return Allowance(allowed=True, reason="", allowed_at=None, used=uses)
    # All have to allow it; each, once it does, goes on doing so.
    allowed_at, slowest = max(waiting, key=lambda pair: pair[0])
    return Allowance(allowed=False, reason=_reason(slowest, limits, learned), allowed_at=allowed_at, used=uses)


def _counted(
    name: str, limit: int, window: timedelta, ages: Sequence[Age], now: datetime, *, most_used: int | None = None
) -> LimitUse:
    leaving = sorted(wait for age in ages if (wait := age.leaves_in(window)) > _NOTHING)
    # With all but limit - 1 out of the window, one more has room.
    frees_at = now + leaving[len(leaving) - limit] if 0 < limit <= len(leaving) else None
    used = len(leaving) if most_used is None else min(most_used, len(leaving))
    return LimitUse(name, used, limit, window, frees_at)


def _summed(name: str, limit: float, window: timedelta, spent: Sequence[Spent], now: datetime) -> LimitUse:
    leaving = sorted(
        ((wait, one.cpu_s) for one in spent if (wait := one.age.leaves_in(window)) > _NOTHING), key=lambda pair: pair[0]
    )
    used = sum(cpu_s for _, cpu_s in leaving)
    frees_at, rest = None, used
    if 0 < limit <= used:
        for wait, cpu_s in leaving:
            rest -= cpu_s
            if rest < limit:
                frees_at = now + wait
                break
    return LimitUse(name, round(used, 3), limit, window, frees_at)


def _reason(use: LimitUse, limits: LimitSettings, learned: Sequence[Learned]) -> str:
    newest = max(learned, key=lambda one: one.at, default=None)
    if newest is not None and newest.age.wall < _NOTHING < newest.age.leaves_in(use.window):
        return (
            f"the clock was set back: the last update is recorded at {by_the_clock(newest.at)}, which has not come yet"
        )
    if newest is not None and use.name == "minutes_between_updates":
        told = (
            f"the last update was at {by_the_clock(newest.at)}, and limits.{use.name} asks for "
            f"{limits.minutes_between_updates:g} minutes between two"
        )
    elif use.name == "cpu_seconds_per_day":
        told = f"{use.used:.0f} of {use.limit:g} processor seconds of this day are used (limits.{use.name})"
    else:
        told = f"{use.used:.0f} of {use.limit:.0f} updates of this {_PERIODS[use.window]} are used (limits.{use.name})"
    if any(one.age.vouched < use.window <= one.age.wall for one in learned):
        told += (
            "; the clock says that it is longer ago, but time in which the machine was off, or the clock was set,"
            " does not count"
        )
    return told
