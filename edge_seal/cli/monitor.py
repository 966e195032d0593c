"""`monitor`: how it goes, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge_seal.cli.output import json_option, local_time, note, opened, print_json, say, table, wants_json

if TYPE_CHECKING:
    from edge_seal.records import MonitoredSeries

_SPARK = " ▁▂▃▄▅▆▇█"


@click.command()
@click.argument("alerts", nargs=-1, metavar="[ALERT]...")
@click.option("--since", default="30d", show_default=True, metavar="TIME", help="30d, 12h, 4w, or a time as stored.")
@click.option("--acknowledge", is_flag=True, help="Mark the alerts that are named (none: all) as seen.")
@json_option
def monitor(alerts: tuple[str, ...], since: str, acknowledge: bool) -> None:
    """How it goes over time: thumbs, corrections, answers against memory, refusals, seconds, drift, and limits.

    A figure that is worse than chance explains, against what was usual, raises an alert. Alerts are shown by `ask` and
    `doctor` until they are acknowledged. Nothing in it is text of anybody; `[monitoring]` in config.toml says how long
    figures are kept, and how often an alert may be false.
    """
    from edge_seal.monitoring import since_of

    runtime = opened()
    if alerts and not acknowledge:
        raise click.UsageError("alerts are named to --acknowledge them")
    if acknowledge:
        seen = runtime.acknowledge_alerts(alerts)
        if wants_json():
            print_json({"acknowledged": seen})
        else:
            note(f"acknowledged: {', '.join(alert.id for alert in seen) or 'there was none'}")
        return
    try:
        begin = since_of(since, runtime.clock.now())
    except ValueError:
        raise click.BadParameter(f"{since!r} names no time; try 30d or 12h", param_hint="--since") from None
    report = runtime.monitoring(begin)
    if wants_json():
        print_json(
            {
                "since": report.since,
                "series": report.series,
                "gauges": report.gauges,
                "next_allowed_at": report.next_allowed_at,
                "waits_for": report.waits_for,
                "machine": report.machine,
                "alerts": report.alerts,
            }
        )
        return
    table([_row(series) for series in report.series], heading=("FIGURE", "NOW", "USUAL", "LIMITS", "N", "TREND", ""))
    say()
    table(
        [(gauge.name, f"{gauge.used:g} of {gauge.limit:g}", _time(gauge.frees_at)) for gauge in report.gauges],
        heading=("LIMIT", "USED", "FREE AT"),
    )
    for reason in report.waits_for:
        say(f"no update now: {reason}")
    for alert in report.alerts:
        mark = "seen " if alert.acknowledged_at else "ALERT"
        say(f"{mark} {alert.id}  {local_time(alert.at)}  {alert.words}")
    if any(alert.acknowledged_at is None for alert in report.alerts):
        note("next: edge-seal monitor --acknowledge")


def _row(series: MonitoredSeries) -> tuple[str, ...]:
    points, share = series.points, series.unit == "share"

    def figure(value: float | None) -> str:
        return "" if value is None else f"{value:.0%}" if share else f"{value:.3g}"

    limits = "" if series.usual is None else f"{figure(series.lower) or '-'} to {figure(series.upper) or '-'}"
    return (
        series.name,
        figure(points[-1].value) if points else "",
        figure(series.usual),
        limits,
        str(sum(point.n for point in points)),
        _trend([point.value for point in points[-14:]]),
        series.title,
    )


def _trend(values: list[float]) -> str:
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    steps = len(_SPARK) - 1
    return "".join(_SPARK[1 + round((value - low) / (high - low or 1) * (steps - 1))] for value in values)


def _time(stored: str | None) -> str:
    return "" if stored is None else local_time(stored)
