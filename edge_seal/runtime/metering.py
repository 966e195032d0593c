"""What one cycle uses, measured while it works, and stopped where a limit is reached.

The row of a cycle is on the disk before it begins and moves on every few seconds, so a cycle that is stopped or killed
has used what it has used. Limits are looked at with every sign of progress: at each step of training, at each file.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from edge_seal.clock import Clock
from edge_seal.config import LimitSettings
from edge_seal.errors import LimitReached
from edge_seal.machine import Machine
from edge_seal.records import Progress
from edge_seal.updates.budget import Allowance
from edge_seal.updates.spending import Cost, Spending

if TYPE_CHECKING:
    from edge_seal.adaptation.work import CycleReport

TICK_S: Final = 5.0
_JOULES_A_WH: Final = 3600.0


class Meter:
    """Measures one cycle. A context manager; `progress` is given to the cycle in the place of `hear`."""

    def __init__(
        self,
        spending: Spending,
        machine: Machine,
        clock: Clock,
        limits: LimitSettings,
        allowed: Allowance,
        actor: str,
        hear: Callable[[Progress], None],
    ) -> None:
        self._spending = spending
        self._machine = machine
        self._clock = clock
        self._limits = limits
        self._cpu_left_s = allowed.left("cpu_seconds_per_day")
        self._actor = actor
        self._hear = hear
        self._run = 0
        self._ticked_s = 0.0
        self._outcome = "failed"
        self._update: str | None = None

    def __enter__(self) -> Self:
        self._began_s = self._ticked_s = self._clock.monotonic()
        self._cpu_s, self._energy_j = self._machine.cpu_s(), self._machine.energy_j()
        self._run = self._spending.begin(self._actor)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._outcome = "stopped"
        elif isinstance(error, LimitReached):
            self._outcome = "limit"
        self._spending.tick(self._run, self.cost(), self._outcome, self._update)

    def ended(self, report: CycleReport) -> None:
        """What became of the cycle."""
        self._update = None if report.update is None else report.update.id
        self._outcome = "nothing" if report.state is None else str(report.state)

    def progress(self, progress: Progress) -> None:
        """Passes `progress` on, and keeps the books.

        Raises:
            LimitReached: the cycle has used what it may.
        """
        self._hear(progress)
        cost = self.cost()
        now = self._clock.monotonic()
        if now - self._ticked_s >= TICK_S:
            self._ticked_s = now
            self._spending.tick(self._run, cost)
        # What is trained is measured and recorded to the end: stopping there would throw away what was paid for.
        if progress.stage not in {"record", "activate"}:
            self._require(cost)

    def cost(self) -> Cost:
        """What was used until now."""
        cpu_s = self._machine.cpu_s() - self._cpu_s
        now_j = self._machine.energy_j() if self._energy_j is not None else None
        measured = now_j is not None and self._energy_j is not None
        energy_j = now_j - self._energy_j if now_j is not None and self._energy_j is not None else 0.0
        return Cost(
            wall_s=self._clock.monotonic() - self._began_s,
            cpu_s=cpu_s,
            energy_j=energy_j if measured else cpu_s * self._limits.watts_per_core,
            measured=measured,
        )

    def _require(self, cost: Cost) -> None:
        if cost.cpu_s > self._cpu_left_s:
            raise LimitReached(
                f"the processor seconds of this day are used up: {cost.cpu_s:.0f} by this update, and"
                f" limits.cpu_seconds_per_day is {self._limits.cpu_seconds_per_day:g}; nothing was changed",
                next_step="edge-seal limits show",
            )
        if cost.energy_j > self._limits.energy_wh_per_update * _JOULES_A_WH:
            how = "measured" if cost.measured else f"estimated, at {self._limits.watts_per_core:g} W a core"
            raise LimitReached(
                f"the update has used {cost.energy_j / _JOULES_A_WH:.2f} Wh ({how}), and limits.energy_wh_per_update is"
                f" {self._limits.energy_wh_per_update:g}; nothing was changed",
                next_step="teach less at once, or edge-seal limits set energy_wh_per_update VALUE",
            )
