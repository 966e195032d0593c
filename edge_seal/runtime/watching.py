"""Watching: what each answer tells is noted, figures are judged, and what left its limits is said until it is seen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from edge_seal.adaptation.guardian.change import refusal_share
from edge_seal.clock import timestamp
from edge_seal.conversation import never
from edge_seal.errors import EdgeSealError
from edge_seal.memory.support import is_unsupported, recalled_values
from edge_seal.monitoring import Monitoring
from edge_seal.records import Alert, Gauge, MonitoringReport, Turn
from edge_seal.runtime.chatting import Chatting
from edge_seal.runtime.upkeep import Upkeep
from edge_seal.updates.conditions import blocking

if TYPE_CHECKING:
    from edge_seal.doctor import Diagnosis
    from edge_seal.runtime.values import Ask

log = logging.getLogger(__name__)


class Watching(Chatting, Upkeep):
    """Answers, and keeps an eye on how it goes."""

    @cached_property
    def _monitoring(self) -> Monitoring:
        return Monitoring(self.database, self.ledger, self.settings.monitoring)

    def ask(
        self,
        ask: Ask,
        on_piece: Callable[[str], None] | None = None,
        enough: Callable[[], bool] = never,
    ) -> Turn:
        """Answers as `Chatting.ask`, and notes what the answer tells; open alerts are among the turn's notices."""
        turn = super().ask(ask, on_piece, enough)
        if ask.private:
            return turn
        alerts: tuple[Alert, ...] = ()
        try:
            self._note(turn)
            alerts = self.alerts()
        except EdgeSealError as error:
            # The answer is given and kept; what is missing is a figure.
            log.warning("an answer was not noted: %s", error.message)
        newest = next(reversed(alerts), None)
        if newest is None:
            return turn
        more = f" (and {len(alerts) - 1} more)" if len(alerts) > 1 else ""
        told = f"alert {newest.id}: {newest.words}{more}; see `edge-seal monitor`, then --acknowledge"
        return replace(turn, notices=(*turn.notices, told))

    def _note(self, turn: Turn) -> None:
        if turn.timing.answer_tokens == 0:
            return  # a command, or nothing was said
        with self.database.transaction():
            self.spending.marks.mark()
            self._monitoring.sample("refusals", refusal_share([turn.answer]), turn.created_at, turn.id)
            values = recalled_values(self.database, turn.prompt, turn.memories, turn.created_at)
            if values:
                unsupported = float(is_unsupported(values, turn.answer))
                self._monitoring.sample("unsupported", unsupported, turn.created_at, turn.id)

    def alerts(self) -> tuple[Alert, ...]:
        """The open alerts, after a look at what is new; where nothing can be written, those that are known."""
        try:
            self._monitoring.look(self.clock.now())
        except EdgeSealError as error:
            log.info("figures were not looked at: %s", error.message)
        return self._monitoring.alerts()

    def acknowledge_alerts(self, alert_ids: Sequence[str] = ()) -> tuple[Alert, ...]:
        """Marks open alerts as seen (all, where none is named) and gives them.

        Raises:
            NotFound: one of them is not open.
        """
        return self._monitoring.acknowledge(alert_ids, timestamp(self.clock.now()))

    def doctor(self) -> Diagnosis:
        """As `Upkeep.doctor`; an open alert is something that needs a person."""
        from edge_seal.doctor import Problem

        found = super().doctor()
        try:
            alerts = self.alerts()
        except EdgeSealError:
            return found  # told already
        seen = "edge-seal monitor, then edge-seal monitor --acknowledge"
        return replace(found, problems=(*found.problems, *(Problem(f"alert: {one.words}", seen) for one in alerts)))

    def monitoring(self, since: datetime) -> MonitoringReport:
        """Everything that is watched, since a time."""
        self.alerts()
        limits, now = self.limits(), self.clock.now()
        holding = blocking(limits.conditions, limits.settings)
        reasons = [] if limits.allowance.allowed else [limits.allowance.reason]
        at = limits.allowance.allowed_at
        return MonitoringReport(
            since=timestamp(since),
            series=self._monitoring.series(since, now),
            gauges=tuple(
                Gauge(use.name, use.used, use.limit, None if use.frees_at is None else timestamp(use.frees_at))
                for use in limits.allowance.used
            ),
            next_allowed_at=None if at is None else timestamp(at),
            waits_for=(*reasons, *(condition.words for condition in holding)),
            machine=self.machine.state(),
            alerts=self._monitoring.alerts(acknowledged=True, since=timestamp(since)),
        )
