"""Errors, named by who acts on them.

Each carries the next step in words and the exit code that the command line gives for it. A guardian's or
the gate's no is a value (`records.Verdict`, `records.GateReport`) until it ends a command; then it becomes `Refused`.
"""

from __future__ import annotations

from datetime import datetime


class EdgeSealError(Exception):
    """Something failed. `message` says what, to which thing; `next_step` what to do."""

    exit_code = 1

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class ConfigError(EdgeSealError):
    """The user's words or settings do not fit; the user acts."""

    exit_code = 2


class NotFound(EdgeSealError):
    """The thing that was named does not exist; the user acts."""


class EngineError(EdgeSealError):
    """The environment cannot do it (missing model, native library, memory, disk)."""


class Busy(EdgeSealError):
    """Another process is writing."""


class Refused(EdgeSealError):
    """The guardian, the gate or policy said no. `reasons` names each rule and why.

    `may_insist`: it was only asked about, and is done where the user says yes.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        reasons: tuple[str, ...] = (),
        next_step: str | None = None,
        may_insist: bool = False,
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.reasons = reasons
        self.may_insist = may_insist


class LimitReached(EdgeSealError):
    """A rate limit holds. `allowed_at` (UTC) is when the next one is allowed, if time alone lifts it."""

    exit_code = 4

    def __init__(self, message: str, *, allowed_at: datetime | None = None, next_step: str | None = None) -> None:
        super().__init__(message, next_step=next_step)
        self.allowed_at = allowed_at


class IntegrityError(EdgeSealError):
    """Stored bytes are not what they should be."""

    exit_code = 5
