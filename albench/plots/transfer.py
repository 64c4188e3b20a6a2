"""What a gain is made of, stacked."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from albench.analysis.transfer import STEPS
from albench.plots.style import figure, save, theme

COLOURS = {"class weights": "#de8f05", "tuned C": "#029e73", "querying": "#0173b2"}


def stacked(frame: pd.DataFrame, ax: Axes) -> Axes:
    """One bar per dataset and strategy: steps that help to the right of 0, others to the left."""
    labels = [f"{row.dataset}, {row.strategy}" for row in frame.itertuples()]
    for step in STEPS:
        right, left = [], []
        for row in frame.to_dict("records"):
            before = [row[s] for s in STEPS[: STEPS.index(step)]]
            right.append(sum(v for v in before if v > 0))
            left.append(sum(v for v in before if v < 0))
        values = frame[step].to_numpy()
        starts = [r if v > 0 else n for v, r, n in zip(values, right, left, strict=True)]
        ax.barh(labels, values, left=starts, color=COLOURS[step], label=step)
    ax.plot(frame["gain"], labels, "k|", label="in all")
    ax.axvline(0, color="black", linewidth=0.7)
    ax.invert_yaxis()
    ax.set_xlabel("area, less that of the plain model on the baseline's rows")
    ax.legend(loc="best")
    return ax


def saved(frame: pd.DataFrame, path: Path) -> Path:
    """Draw and write the figure; the file's suffix names the format (pdf, svg, png)."""
    with theme():
        fig = figure(width=6.5, height=max(2.0, 0.3 * len(frame) + 1.0))
        stacked(frame, fig.subplots())
        save(fig, path.with_suffix(""), [path.suffix.lstrip(".") or "svg"])
    return path
