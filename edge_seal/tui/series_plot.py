"""One figure over time as a plot, with its control limits as lines."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static
from textual_plotext import PlotextPlot

from edge_seal.clock import parse_timestamp
from edge_seal.records import MonitoredSeries
from edge_seal.tui.foreign import one_line
from edge_seal.tui.written import figure, local_time


class SeriesPlot(Vertical):
    """A title with the newest figure, and the plot below it; words alone where there is nothing to plot."""

    DEFAULT_CSS = """
    SeriesPlot { height: 11; padding: 0 1; }
    SeriesPlot > Static { height: 1; }
    SeriesPlot > PlotextPlot { height: 1fr; }
    SeriesPlot.bare { height: 2; }
    SeriesPlot.bare > PlotextPlot { display: none; }
    """

    def __init__(self, series: MonitoredSeries) -> None:
        super().__init__()
        self._series = series

    def compose(self) -> ComposeResult:
        yield Static(self._title(), markup=False)
        yield PlotextPlot()

    def on_mount(self) -> None:
        self._draw()

    def show(self, series: MonitoredSeries) -> None:
        """Draws other figures."""
        self._series = series
        self.query_one(Static).update(self._title())
        self._draw()

    def _title(self) -> Content:
        series = self._series
        if not series.points:
            return Content(f"{one_line(series.title)}: nothing yet")
        last = series.points[-1]
        usual = "" if series.usual is None else f", usually {figure(series.usual)}"
        known = f"{figure(last.value)} {one_line(series.unit)} of {last.n}{usual}"
        return Content.assemble((one_line(series.title), "bold"), f": {known}")

    def _draw(self) -> None:
        points = self._series.points
        self.set_class(len(points) < 2, "bare")  # a line needs two
        if len(points) < 2:
            return
        widget = self.query_one(PlotextPlot)
        plt = widget.plt
        plt.clear_data()
        plt.clear_figure()
        times = [parse_timestamp(point.at).timestamp() for point in points]
        plt.plot(times, [point.value for point in points], marker="braille")
        for bound in (self._series.lower, self._series.upper):
            if bound is not None:
                plt.hline(bound)
        places = [times[0], times[len(times) // 2], times[-1]] if len(times) > 2 else times
        stored = [points[0].at, points[len(points) // 2].at, points[-1].at] if len(times) > 2 else None
        labels = [local_time(at, "%m-%d %H:%M") for at in stored or [point.at for point in points]]
        plt.xticks(places, labels)
        widget.refresh()
