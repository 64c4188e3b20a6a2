"""What one would believe without a test set, minus the passive test score."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from albench.plots.figures import Picture
from albench.plots.style import GREY, Look, figure, short


def gaps(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """Bias of each estimator by strategy: mean, 95 % interval (thick), +-1 sd (thin).

    frame: strategy, estimator, bias, low, high, sd, of one dataset and checkpoint.
    """
    estimators = list(dict.fromkeys(frame["estimator"]))
    names = [name for name in look if name in set(frame["strategy"])]
    ax.axvline(0.0, color=GREY, linewidth=1.0)
    for i, name in enumerate(names):
        part, style = frame[frame["strategy"] == name], look[name]
        offset = 0.7 * ((i + 0.5) / len(names) - 0.5)
        at = [estimators.index(e) + offset for e in part["estimator"]]
        ax.hlines(at, part["bias"] - part["sd"], part["bias"] + part["sd"], color=style.color,
                  linewidth=0.6)  # fmt: skip
        ax.hlines(at, part["low"], part["high"], color=style.color, linewidth=1.8)
        ax.plot(part["bias"], at, style.marker, color=style.color, markersize=3.5)
    ax.set_yticks(range(len(estimators)), [e.replace("_", " ") for e in estimators])
    ax.set_ylim(len(estimators) - 0.5, -0.5)
    return ax


def estimates(frame: pd.DataFrame, look: Mapping[str, Look]) -> list[Picture]:
    """One panel per dataset. frame: `misled.errors` at one checkpoint, protocol and model."""
    from albench.plots.curves import handle

    if frame.empty:
        return []
    datasets = list(dict.fromkeys(frame["dataset"]))
    fig = figure(1.5 + 2.3 * len(datasets), 1.3 + 0.3 * frame["estimator"].nunique())
    axes = fig.subplots(1, len(datasets), squeeze=False, sharey=True)[0]
    for ax, dataset in zip(axes, datasets, strict=True):
        gaps(frame[frame["dataset"] == dataset], ax, look)
        ax.set_title(short(dataset), pad=3)
    fig.supxlabel("estimate minus passive test score", fontsize=9)
    handles = [handle(s, style) for s, style in look.items() if s in set(frame["strategy"])]
    fig.legend(handles=handles, loc="outside upper center", ncols=min(4, len(handles)))
    caption = (
        "Estimate minus passive test score by estimator and strategy: mean over trials with its "
        "95 % t interval (thick) and one standard deviation (thin). 0 is right."
    )
    return [Picture("audit", fig, caption)]
