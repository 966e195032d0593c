"""The Monitor screen: how it goes over time, what learning may use, and whether what is stored is what was written."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Button, Static

from edge_seal.records import ChainReport, MonitoringReport
from edge_seal.tui.messages import Changed, LearningEnded
from edge_seal.tui.monitor_text import audit_text, state_text
from edge_seal.tui.screen import DeskScreen
from edge_seal.tui.written import HEAD

_PERIODS: Final = ((timedelta(days=2), "two days"), (timedelta(days=30), "30 days"), (timedelta(days=365), "a year"))
_REFRESH_S: Final = 10.0


class MonitorBody(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Everything, one below the other."""

    DEFAULT_CSS = """
    MonitorBody { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    MonitorBody > Static { height: auto; }
    MonitorBody > Button { height: 1; border: none; min-width: 24; margin: 0 0 1 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", id="detail.up", show=False),
        Binding("down,j", "scroll_down", "Down", id="detail.down", show=False),
        Binding("pageup,ctrl+b", "page_up", "Page up", id="detail.page_up", show=False),
        Binding("pagedown,ctrl+f,space", "page_down", "Page down", id="detail.page_down", show=False),
        Binding("home,g", "scroll_home", "Top", id="detail.top", show=False),
        Binding("end,G", "scroll_end", "Bottom", id="detail.bottom", show=False),
    ]


class MonitorScreen(DeskScreen):
    """Alerts, limits, machine, audit trail, and the plots."""

    MODE: ClassVar[str] = "monitor"
    HELP: ClassVar[str | None] = """
# Monitor

How it goes, on this machine and nowhere else.

- **Alerts**: a figure left the limits within which it moves by chance. **m** marks all as seen.
- **Gauges**: what is used of each limit for learning, and when it is free again.
- **Audit trail**: **v** checks every entry, update, file and memory against what was written.
- **Plots**: thumbs up, corrections, drift, seconds to the first word, findings of the guardian, and more. The lines
  across are the limits within which a figure moves by chance. **r** changes the period.
"""
    DEFAULT_CSS = """
    MonitorScreen #audit { margin: 1 0 0 0; }
    MonitorScreen #plots { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "verify", "Verify", id="monitor.verify"),
        Binding("m", "acknowledge", "Mark alerts seen", id="monitor.acknowledge"),
        Binding("r", "period", "Period", id="monitor.period"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._period = 1
        self._report: MonitoringReport | None = None
        self._head = (0, "")
        self._found: ChainReport | None = None
        self._began_s: float | None = None
        self._ticking: Timer | None = None

    def compose_body(self) -> ComposeResult:
        with MonitorBody():
            yield Static("", id="state", markup=False)
            yield Static("", id="audit", markup=False)
            yield Button("Verify (v)", id="verify", compact=True)
            yield Static("", id="period", markup=False)
            yield Vertical(id="plots")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(MonitorBody).focus()
        self._read_anew()
        self.set_interval(_REFRESH_S, self._read_if_seen)

    def _read_if_seen(self) -> None:
        # Only who is looked at asks the machine every few seconds.
        if self.is_current and self._began_s is None:
            self._read_anew()

    def _read_anew(self) -> None:
        self.run_worker(self._read, group="report", exclusive=True)

    async def _read(self) -> None:
        period = _PERIODS[self._period][0]
        found = await self.called(
            lambda runtime: (runtime.monitoring(runtime.clock.now() - period), runtime.ledger.head())
        )
        if found is None:
            return
        self._report, self._head = found
        await self._show(self._report)

    async def _show(self, report: MonitoringReport) -> None:
        from edge_seal.tui.series_plot import SeriesPlot  # plotext is loaded for who looks at plots

        self.query_one("#state", Static).update(state_text(report))
        self._show_audit()
        self.query_one("#period", Static).update(Content.styled(f"The last {_PERIODS[self._period][1]}", HEAD))
        plots = list(self.query(SeriesPlot))
        if len(plots) == len(report.series):
            for plot, series in zip(plots, report.series, strict=True):
                plot.show(series)
        else:
            below = self.query_one("#plots", Vertical)
            await below.remove_children()
            await below.mount(*(SeriesPlot(series) for series in report.series))
        self.refresh_bindings()

    def _show_audit(self) -> None:
        checking = None if self._began_s is None else time.monotonic() - self._began_s
        self.query_one("#audit", Static).update(audit_text(self._head, self._found, checking))

    def on_changed(self, message: Changed) -> None:
        if self.is_current and message.kind in {"updates", "signals", "settings", "conversations"}:
            self._read_anew()

    def on_learning_ended(self, _: LearningEnded) -> None:
        self._read_anew()

    def on_screen_resume(self) -> None:
        """What was missed while another screen was shown."""
        if self._report is not None:
            self._read_anew()

    # Doing ----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # Textual's
        """Nothing is marked where nothing is open; one check at a time."""
        if action == "acknowledge":
            alerts = () if self._report is None else self._report.alerts
            return True if any(alert.acknowledged_at is None for alert in alerts) else None
        return None if action == "verify" and self._began_s is not None else True

    def action_period(self) -> None:
        self._period = (self._period + 1) % len(_PERIODS)
        self._read_anew()

    def action_acknowledge(self) -> None:
        self.run_worker(self._acknowledge, group="alerts", exclusive=True)

    async def _acknowledge(self) -> None:
        seen = await self.called(lambda runtime: runtime.acknowledge_alerts())
        if seen is not None:
            self.tell_note(f"{len(seen)} alerts marked as seen")
            await self._read()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_verify()

    def action_verify(self) -> None:
        if self._began_s is None:
            self.run_worker(self._verify, group="verify")

    async def _verify(self) -> None:
        self._began_s = time.monotonic()
        self._ticking = self.set_interval(0.5, self._show_audit)
        self._show_audit()
        self.refresh_bindings()
        try:
            self._found = await self.called(lambda runtime: runtime.audit())
        finally:
            self._began_s = None
            self._ticking.stop()
        self._show_audit()
        self.refresh_bindings()
        if self._found is not None and not self._found.intact:
            self.tell_note("something that is stored is not what was written", warning=True)
