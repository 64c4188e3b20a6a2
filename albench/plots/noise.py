"""Whether strategies are drawn to wrong labels."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from albench.plots.figures import Picture
from albench.plots.style import GREY, Look, figure, short


def affinities(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """Affinity to wrong labels with its interval, by dataset; 1 is chance.

    frame: dataset, strategy, affinity, low, high.
    """
    datasets = list(dict.fromkeys(frame["dataset"]))
    names = [name for name in look if name in set(frame["strategy"])]
    ax.axvline(1.0, color=GREY, linewidth=1.0)
    for i, name in enumerate(names):
        part, style = frame[frame["strategy"] == name], look[name]
        at = [datasets.index(d) + 0.7 * ((i + 0.5) / len(names) - 0.5) for d in part["dataset"]]
        ax.hlines(at, part["low"], part["high"], color=style.color, linewidth=1.2)
        ax.plot(part["affinity"], at, style.marker, color=style.color, markersize=4, label=name)
    ax.set_yticks(range(len(datasets)), [short(d) for d in datasets])
    ax.set_ylim(len(datasets) - 0.5, -0.5)
    ax.set_xlabel("share of wrong labels bought, over the pool's")
    return ax


def affinity(frame: pd.DataFrame, look: Mapping[str, Look]) -> list[Picture]:
    """One figure. frame: `noise.affinity` of one protocol and model."""
    known = frame.dropna(subset=["affinity"])
    if known.empty:
        return []
    fig = figure(5.6, 1.1 + 0.5 * known["dataset"].nunique())
    affinities(known, fig.subplots(), look)
    fig.legend(loc="outside right center")
    caption = (
        "Affinity to wrong labels: their share among the queried rows over their share in the "
        "pool, 95 % bootstrap interval over trials; 1 is chance."
    )
    return [Picture("affinity", fig, caption)]
