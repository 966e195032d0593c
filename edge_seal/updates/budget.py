"""How often an update may be learned: a rule over the times in the ledger, without a clock of its own.

A window is half-open: an update at time `e` counts while `e <= now < e + window`, so at exactly `e + window` it has
left. An update that lies in the future (the clock was set back) counts in every window: setting the clock back never
buys an update, it only makes the wait longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from edge_seal.clock import timestamp
from edge_seal.config import LimitSettings

# The entry that uses up an allowance: from there on the machine has done the work, whatever the gate says of it.
COUNTED_EVENT: Final = "update.trained"


@dataclass(frozen=True, slots=True)
class LimitUse:
    """One limit: `used` of `limit` in the window.

    `frees_at` is when it next allows an update; None if it allows one now, or if waiting does not help.
    """

    name: str
    used: int
    limit: int
    window: timedelta
    frees_at: datetime | None

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether an update may be learned now, why not, and when.

    `allowed_at` is None if it is allowed now, or if waiting does not help.
    """

    allowed: bool
    reason: str
    allowed_at: datetime | None
    used: tuple[LimitUse, ...]


def allowance(limits: LimitSettings, events: Sequence[datetime], now: datetime) -> Allowance:
    """What `limits` say at `now` after updates at the times `events` (any order, timezone-aware)."""
    newest_first = sorted(events, reverse=True)
    interval = timedelta(minutes=limits.minutes_between_updates)
    uses = (
        _counted("updates_per_hour", limits.updates_per_hour, timedelta(hours=1), newest_first, now),
        _counted("updates_per_day", limits.updates_per_day, timedelta(days=1), newest_first, now),
        _spaced("minutes_between_updates", interval, newest_first, now),
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
    reason = _reason(slowest, limits, newest_first[0], now)
    return Allowance(allowed=False, reason=reason, allowed_at=allowed_at, used=uses)


def _counted(name: str, limit: int, window: timedelta, newest_first: Sequence[datetime], now: datetime) -> LimitUse:
    used = sum(1 for event in newest_first if now < event + window)
    frees_at = None
    if 0 < limit <= used:
        # With the limit-th newest out of the window, limit - 1 remain in it.
        frees_at = newest_first[limit - 1] + window
    return LimitUse(name, used, limit, window, frees_at)


def _spaced(name: str, interval: timedelta, newest_first: Sequence[datetime], now: datetime) -> LimitUse:
    """Minutes between updates, as a window in which there may be one."""
    if newest_first and now < newest_first[0] + interval:
        return LimitUse(name, 1, 1, interval, newest_first[0] + interval)
    return LimitUse(name, 0, 1, interval, None)


def _reason(use: LimitUse, limits: LimitSettings, newest: datetime, now: datetime) -> str:
    if newest > now:
        return f"the clock was set back: the last update is recorded at {timestamp(newest)}, which has not come yet"
    if use.name == "minutes_between_updates":
        return (
            f"the last update was at {timestamp(newest)}, and limits.{use.name} asks for "
            f"{limits.minutes_between_updates:g} minutes between two"
        )
    period = "hour" if use.window == timedelta(hours=1) else "day"
    return f"{use.used} of {use.limit} updates of this {period} are used (limits.{use.name})"
