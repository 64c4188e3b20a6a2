"""Discovery of the rare class."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from albench.plots.curves import facets
from albench.plots.figures import Picture
from albench.plots.style import Look


def discovery(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """Share of the positives found against labels, with the ideal and random expectation.

    frame: strategy, n, mean, ideal, random, of one dataset.
    """
    ends = frame.drop_duplicates("n").sort_values("n")
    ax.plot(ends["n"], ends["ideal"], color="black", linewidth=0.8, linestyle=(0, (1, 2)))
    ax.plot(ends["n"], ends["random"], color="black", linewidth=0.8, linestyle=(0, (4, 2)))
    for name, style in look.items():
        part = frame[frame["strategy"] == name].sort_values("n")
        if len(part):
            every = max(1, len(part) // 5)
            ax.plot(part["n"], part["mean"], marker=style.marker, markevery=every, markersize=3,
                    **style.kwargs)  # fmt: skip
    return ax


def curves(frame: pd.DataFrame, look: Mapping[str, Look]) -> list[Picture]:
    """One panel per dataset. frame: `rare.curve`."""
    if frame.empty:
        return []
    ready = frame.rename(columns={"n_labeled": "n", "found": "mean"})
    fig = facets(ready, look, discovery, ("labels, start included", "share of positives found"))
    caption = (
        "Discovery curves: mean share of the pool's positives among the labels. Black dotted: the "
        "ideal; black dashed: expected of random sampling."
    )
    return [Picture("discovery", fig, caption)]
