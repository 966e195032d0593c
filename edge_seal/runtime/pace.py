"""How far a running cycle is and how long it will still take, from what it tells of itself and from the last one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from edge_seal.records import Progress, Stage

STAGES: Final[tuple[Stage, ...]] = get_args(Stage)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Where a cycle is.

    Attributes:
        finished: the stages that are over.
        share: of the stage it is in, 0 to 1; None where that does not say how long it is.
        seconds_left: of the whole cycle; None where nothing tells.
    """

    stage: Stage
    finished: tuple[Stage, ...]
    share: float | None
    seconds_left: float | None


class Pace:
    """Hears the progress of one cycle.

    `earlier` are the seconds that the stages of an earlier cycle took: what stages that have not begun are taken for.
    """

    def __init__(self, earlier: Mapping[str, float] | None = None) -> None:
        self._earlier = dict(earlier or {})
        self._stage: Stage = STAGES[0]
        self._began_s = 0.0
        self._last = Progress(STAGES[0], 0, 0)

    def hear(self, progress: Progress, seconds: float) -> Estimate:
        """What is known `seconds` after the cycle began, when it told `progress`."""
        # A stage that counts anew (another thing is being done in it) is measured from there.
        begins = progress.stage != self._stage or progress.done < self._last.done or progress.note != self._last.note
        if begins:
            self._began_s = seconds
        self._stage, self._last = progress.stage, progress
        place = STAGES.index(progress.stage)
        share = min(1.0, progress.done / progress.total) if progress.total > 0 else None
        return Estimate(progress.stage, STAGES[:place], share, self._left(seconds, place))

    def _left(self, seconds: float, place: int) -> float | None:
        here = self._left_here(seconds - self._began_s)
        if here is None and self._stage not in self._earlier:
            return None
        later = sum(self._earlier.get(stage, 0.0) for stage in STAGES[place + 1 :])
        if here is None:
            here = max(0.0, self._earlier[self._stage] - (seconds - self._began_s))
        return here + later

    def _left_here(self, elapsed_s: float) -> float | None:
        done, total = self._last.done, self._last.total
        return elapsed_s / done * (total - done) if 0 < done <= total and elapsed_s > 0 else None
