"""The report's plots of a table: its columns and the worst pairs of them, the least alike first."""

from __future__ import annotations

from typing import Any, NamedTuple

from markupsafe import Markup

from evenodds.runs.column_plots import ColumnPlot, PairPlot, read_plots
from evenodds.runs.column_svg import column_svg
from evenodds.runs.pair_svg import pair_svg

SHOWN = 24
"""Columns that are shown at once; the others unfold."""
ROWS = {"train": "training rows", "held-out": "held-out rows"}


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


def plot_section(facts: dict[str, Any] | None) -> PlotSection | None:
    """The plots of RUN/plots.json; None where there are none, or none that read."""
    plots = read_plots(facts)
    if plots is None or not plots.columns:
        return None
    state = (
        f"{plots.real_n:,} {ROWS[plots.split]} and {plots.fake_n:,} fakes of the state of round "
        f"{plots.checkpoint:,}. A shape is 1 where both are spread alike, and 0 where they share no value; a pair "
        "trend says the same of two columns together."
    )
    columns = [drawn_column(plot) for plot in plots.columns]
    pairs = [drawn_pair(plot) for plot in plots.pairs]
    return PlotSection(state, columns[:SHOWN], columns[SHOWN:], pairs)


def drawn_column(plot: ColumnPlot) -> Drawn:
    """A column's plot under its name."""
    figure = "no value on one side" if plot.shape is None else f"shape {plot.shape:.3f}"
    return Drawn(plot.name, figure, column_svg(plot))


def drawn_pair(plot: PairPlot) -> Drawn:
    """A pair's plot under both names: a scatter's across and up, a heat map's down and across."""
    first, second = plot.names
    title = f"{second} over {first}" if plot.kind == "scatter" else f"{first} and {second}"
    return Drawn(title, f"pair trend {plot.trend:.3f}", pair_svg(plot))
