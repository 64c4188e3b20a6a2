"""Printed against reproduced numbers, with the identity line."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from albench.plots.style import figure, save, theme

# verdict -> colour (colour-blind safe) and marker
VERDICTS: Mapping[str, tuple[str, str]] = {
    "same": ("#0173b2", "o"),
    "agrees": ("#029e73", "s"),
    "too uncertain": ("#7f7f7f", "^"),
    "differs": ("#d55e00", "X"),
    "not comparable": ("black", "."),
}


def identity(frame: pd.DataFrame, ax: Axes) -> Axes:
    """One mark per cell: printed value across, ours upwards, with the interval of the
    difference as a bar.

    frame: printed, ours, difference, low, high, verdict (`analysis.reproduce.reproduced`).
    Cells without a number of ours are left out.
    """
    known = frame[frame["ours"].notna()]
    if len(known):
        ends = [float(known[["printed", "ours"]].min().min())]
        ends.append(float(known[["printed", "ours"]].max().max()))
        ax.plot(ends, ends, color="black", linewidth=0.7, zorder=1)
    for verdict, (colour, marker) in VERDICTS.items():
        part = known[known["verdict"] == verdict]
        if part.empty:
            continue
        half = np.nan_to_num((part["high"] - part["low"]).to_numpy(dtype=float) / 2)
        ax.errorbar(
            part["printed"],
            part["ours"],
            yerr=half,
            fmt=marker,
            color=colour,
            markersize=4,
            elinewidth=0.7,
            label=f"{verdict} ({len(part)})",
            zorder=3,
        )
    ax.set_xlabel("printed")
    ax.set_ylabel("reproduced")
    ax.legend(loc="upper left")
    return ax


def differences(frame: pd.DataFrame, ax: Axes) -> Axes:
    """One row per cell: the difference with its interval, and the margin as a band.

    frame: as for `identity`.
    """
    known = frame[frame["low"].notna()].reset_index(drop=True)
    names = [f"{d}, {s}" for d, s in zip(known["dataset"], known["strategy"], strict=True)]
    y = np.arange(len(known))[::-1]
    ax.barh(y, 2 * known["margin"], left=-known["margin"], color="0.92", height=0.9, zorder=0)
    ax.axvline(0, color="black", linewidth=0.7)
    for verdict, (colour, marker) in VERDICTS.items():
        mine = (known["verdict"] == verdict).to_numpy()
        if not mine.any():
            continue
        part = known[mine]
        half = (part["high"] - part["low"]).to_numpy(dtype=float) / 2
        ax.errorbar(
            part["difference"],
            y[mine],
            xerr=half,
            fmt=marker,
            color=colour,
            markersize=4,
            elinewidth=0.9,
        )
    ax.set_yticks(y, names)
    ax.set_ylim(-1, len(known))
    ax.set_xlabel("reproduced minus printed")
    return ax


def drawn(frame: pd.DataFrame) -> Figure:
    """Both panels in one figure."""
    with theme():
        rows = int(frame["low"].notna().sum())
        fig = figure(9.0, max(3.5, 0.14 * rows + 0.8))
        left, right = fig.subplots(1, 2)
        identity(frame, left)
        differences(frame, right)
    return fig


def saved(frame: pd.DataFrame, path: Path) -> Path:
    """Draw and write the figure; the file's suffix names the format (pdf, svg, png)."""
    fig = drawn(frame)
    with theme():
        save(fig, path.with_suffix(""), [path.suffix.lstrip(".") or "svg"])
    return path
