"""One dataset's learning curves by themselves, with room for many strategies."""

import pandas as pd
from matplotlib.figure import Figure

from albench.plots.about import About
from albench.plots.curves import handle, learning
from albench.plots.style import figure


def alone(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    """Mean score of every strategy against labels, and the caption.

    frame: strategy, n, mean, low, high, full, of one dataset. Draw inside a theme.
    """
    fig = figure(8.4, 4.0)
    ax = fig.subplots()
    learning(frame, ax, about.look)
    ax.set_xlabel(about.x)
    ax.set_ylabel(about.metric)
    there = set(frame["strategy"])
    handles = [handle(name, style) for name, style in about.look.items() if name in there]
    fig.legend(handles=handles, loc="outside right center", fontsize=7)
    bound = "; black dotted curves are bounds that see hidden labels" if about.bounds else ""
    return fig, (
        f"Learning curves: mean test {about.metric} over trials against {about.x}; the dotted "
        f"level is the model trained on the whole pool{bound}. {about.where}"
    )
