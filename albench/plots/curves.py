"""Learning curves and gains over the baseline, one panel per dataset or one dataset by itself."""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from albench.core.errors import BadValue
from albench.plots.style import GREY, MARKERS, PRINT, Look, figure, short

LEVEL: dict[str, Any] = {"color": "black", "linewidth": 0.8, "linestyle": (0, (1, 2))}
"""The score of the whole pool."""


def learning(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """Mean score against labels with its interval; the whole pool as a dotted level.

    frame: strategy, n, mean, low, high, full, of one dataset.
    """
    for name, style in look.items():
        part = frame[frame["strategy"] == name]
        if part.empty:
            continue
        _line(ax, part, style, fill=frame["strategy"].nunique() <= CROWD)
    full = frame["full"].dropna()
    if len(full):
        ax.axhline(float(full.iloc[0]), **LEVEL)
    return ax


def gain(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """Paired difference to the baseline against labels with its simultaneous band.

    A curve is thick where its band leaves zero out.

    frame: strategy, n, mean, low, high, of one dataset.
    """
    ax.axhline(0, color=next(iter(look.values())).color, linewidth=1.4, linestyle=(0, (4, 2)))
    for name, style in look.items():
        part = frame[frame["strategy"] == name]
        if part.empty:
            continue
        _line(ax, part, style, fill=frame["strategy"].nunique() <= CROWD)
        sure = (part["low"] > 0) | (part["high"] < 0)
        ax.plot(part["n"], part["mean"].where(sure), color=style.color, linewidth=3.2, alpha=0.6)
    return ax


CROWD = 5
"""With more strategies than this in a panel, filled bands would hide each other."""


def _line(ax: Axes, part: pd.DataFrame, style: Look, fill: bool) -> None:
    x, y = part["n"].to_numpy(float), part["mean"].to_numpy(float)
    every = max(1, len(x) // 4)
    # Markers of different strategies start at different checkpoints, so that none hides another.
    offset = MARKERS.find(style.marker) % every
    ax.plot(x, y, marker=style.marker, markevery=(offset, every), markersize=3, **style.kwargs)
    low, high = part["low"].to_numpy(float), part["high"].to_numpy(float)
    if fill and np.isfinite(low).any():
        ax.fill_between(x, low, high, color=style.color, alpha=0.15, linewidth=0, zorder=1)


def overall(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """Mean gain of one strategy over all datasets with its band, over each dataset's own.

    frame: strategy, dataset ("" for the mean over datasets), n, mean, low, high.
    """
    ax.axhline(0, color=GREY, linewidth=1.4, linestyle=(0, (4, 2)))
    style = look[str(frame["strategy"].iloc[0])]
    for name, part in frame.groupby("dataset", sort=False):
        if name:
            ax.plot(part["n"], part["mean"], color=style.color, linewidth=0.5, alpha=0.35)
    mean = frame[frame["dataset"] == ""]
    ax.fill_between(mean["n"], mean["low"], mean["high"], color=style.color, alpha=0.3, linewidth=0)
    ax.plot(mean["n"], mean["mean"], color=style.color, linewidth=1.8)
    return ax


def facets(
    frame: pd.DataFrame,
    look: Mapping[str, Look],
    draw: Callable[[pd.DataFrame, Axes, Mapping[str, Look]], Axes],
    labels: tuple[str, str],
    by: str = "dataset",
) -> Figure:
    """One panel per dataset (or strategy), rows sharing limits, the legend above all panels.

    Datasets come by the span of their curves, smallest first.
    """
    names = list(dict.fromkeys(frame[by]))
    how = PRINT.get()
    if by == "dataset" and how.shared:
        # Panels of a row share their limits, so neighbours had better span alike.
        span = frame.groupby(by)["mean"].agg(np.ptp)
        names.sort(key=lambda name: float(span[name]))
    columns = min(len(names), 2 if len(names) <= 4 else 5 if len(names) % 5 in (0, 4) else 4)
    columns = how.panels[1] if how.panels is not None and by == "dataset" else columns
    rows = ceil(len(names) / columns)
    if how.panels is not None and by == "dataset" and rows > how.panels[0]:
        raise BadValue(
            f"{how.panels[0]}x{how.panels[1]} panels are too few for {len(names)} datasets"
        )
    present = set(frame["strategy"])
    shown = {k: v for i, (k, v) in enumerate(look.items()) if i == 0 or k in present}
    handles = [handle(name, style) for name, style in shown.items()]
    if "full" in frame.columns and frame["full"].notna().any():
        handles.append(Line2D([], [], label="whole pool", **LEVEL))
    lines = ceil(len(handles) / max(2, round(columns * 1.5)))
    fig = figure(max(2.2 * columns, 5.0) + 0.3, 1.65 * rows + 0.5 + 0.17 * lines)
    shared: Any = "row" if how.shared else False
    axes = fig.subplots(rows, columns, sharey=shared, squeeze=False)
    for place, ax in enumerate(axes.flat):
        if place >= len(names):
            ax.set_axis_off()
            continue
        draw(frame[frame[by] == names[place]], ax, shown)
        ax.set_title(short(names[place]), pad=3)
        ax.tick_params(length=2, pad=1.5)
    fig.supxlabel(labels[0], fontsize=how.size + 1)
    fig.supylabel(labels[1], fontsize=how.size + 1)
    if by == "dataset" and how.legend:
        fig.legend(handles=handles, loc="outside upper center", ncols=ceil(len(handles) / lines))
    return fig


def handle(name: str, style: Look) -> Line2D:
    """The legend's entry of a strategy."""
    return Line2D([], [], label=name, marker=style.marker, markersize=4, **style.kwargs)
