"""The report's plots of a table: its columns and the worst pairs of them, the least alike first."""

from __future__ import annotations

from typing import Any, NamedTuple

from markupsafe import Markup

from evenodds.runs.column_plots import ColumnPlot, PairPlot, read_plots
from evenodds.runs.column_svg import column_svg
from evenodds.runs.messages import Speaker
from evenodds.runs.pair_svg import pair_svg
from evenodds.runs.report_texts import english

SHOWN = 24
"""Columns that are shown at once; the others unfold."""


class Drawn(NamedTuple):
    """A plot as the page shows it."""

    title: str
    figure: str
    svg: Markup


class PlotSection(NamedTuple):
    """What the page shows of columns and of pairs."""

    state: str
    columns: list[Drawn]
    more: list[Drawn]
    pairs: list[Drawn]


def plot_section(facts: dict[str, Any] | None, say: Speaker = english) -> PlotSection | None:
    """The plots of RUN/plots.json; None where there are none, or none that read."""
    plots = read_plots(facts)
    if plots is None or not plots.columns:
        return None
    rows = say(f"report rows {plots.split}")
    state = say("report plots", reals=plots.real_n, rows=rows, fakes=plots.fake_n, round=plots.checkpoint)
    columns = [drawn_column(plot, say) for plot in plots.columns]
    pairs = [drawn_pair(plot, say) for plot in plots.pairs]
    return PlotSection(state, columns[:SHOWN], columns[SHOWN:], pairs)


def drawn_column(plot: ColumnPlot, say: Speaker) -> Drawn:
    """A column's plot under its name."""
    figure = say("report no shape") if plot.shape is None else say("report shape", shape=plot.shape)
    return Drawn(plot.name, figure, column_svg(plot, say))


def drawn_pair(plot: PairPlot, say: Speaker) -> Drawn:
    """A pair's plot under both names: a scatter's across and up, a heat map's down and across."""
    first, second = plot.names
    title = say("report over" if plot.kind == "scatter" else "report and", first=first, second=second)
    return Drawn(title, say("report trend", trend=plot.trend), pair_svg(plot, say))
