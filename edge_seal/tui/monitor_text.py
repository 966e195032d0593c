"""The state of things in words and bars: what learning may use, what the machine is like, what left its limits."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from edge_seal.records import Alert, ChainReport, Gauge, MachineState, MonitoringReport
from edge_seal.tui.written import FAINT, Written, figure, local_time
from edge_seal.wording import counted

_BAR: Final = 20


def state_text(report: MonitoringReport) -> Content:
    """Alerts, when an update is next allowed, the limits as gauges, power and idleness."""
    written = Written()
    _alerts(written, report.alerts)
    written.head("Learning")
    if report.next_allowed_at is not None:
        written.line(f"the next update is allowed at {local_time(report.next_allowed_at)}")
    elif report.waits_for:
        written.line("an update does not begin by itself now")
    else:
        written.line("an update is allowed now")
    for reason in report.waits_for:
        written.line(f"· it waits: {reason}")
    for gauge in report.gauges:
        written.line(_gauge(gauge))
    written.head("Machine")
    written.line(" · ".join(machine_words(report.machine)))
    return written.content()


def audit_text(head: tuple[int, str], found: ChainReport | None, checking_s: float | None) -> Content:
    """The head of the audit trail, and what its check found."""
    written = Written().head("Audit trail")
    written.line(f"{counted(head[0], 'entry', 'entries')}, the last one's hash {head[1]}")
    if checking_s is not None:
        written.line(f"checking every entry, update, file and memory … {checking_s:.0f} s")
    elif found is None:
        written.line("v checks all of it", FAINT)
    elif found.intact:
        entries, adapters = counted(found.entries, "entry", "entries"), counted(found.adapters, "adapter")
        written.line(f"ok: {entries} and {adapters} as they were written")
    else:
        for problem in found.problems:
            written.line(f"DAMAGED: {problem}")
        written.line("B on the Updates screen answers with the base model; restore the rest from a backup")
    return written.content()


def machine_words(machine: MachineState) -> list[str]:
    """What the system tells of itself, and what it does not."""
    if machine.on_mains:
        power = "on mains"
    elif machine.battery_share is not None:
        power = "on battery"
    else:
        power = "power: not told"
    if machine.battery_share is not None:
        power += f", {machine.battery_share:.0%} full"
    idle = "idle: not told" if machine.idle_s is None else f"idle for {_duration(machine.idle_s)}"
    load = "load: not told" if machine.load is None else f"load {machine.load:.2f} a core"
    heat = "temperature: not told" if machine.celsius is None else f"{machine.celsius:.0f} °C"
    return [power, idle, load, heat]


def _alerts(written: Written, alerts: tuple[Alert, ...]) -> None:
    opened = [alert for alert in alerts if alert.acknowledged_at is None]
    written.head(counted(len(opened), "open alert") if opened else "No open alert")
    for alert in opened:
        written.line(f"! {alert.id}  {local_time(alert.at)}  {alert.words}")
    for alert in alerts:
        if alert.acknowledged_at is not None:
            written.line(f"  {alert.id}  {local_time(alert.at)}  {alert.words} (seen)", FAINT)


def _gauge(gauge: Gauge) -> str:
    share = min(1.0, gauge.used / gauge.limit) if gauge.limit > 0 else 1.0
    full = round(share * _BAR)
    frees = "" if gauge.frees_at is None else f"  free again {local_time(gauge.frees_at, '%d %b %H:%M')}"
    used = f"{figure(gauge.used)} of {gauge.limit:g}"
    return f"{gauge.name:<24} {'█' * full}{'░' * (_BAR - full)} {used}{frees}"


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
