"""How the labels cover the pool, and what was bought."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from albench.plots.bias import slug, trails
from albench.plots.figures import Picture
from albench.plots.style import Look, figure, short

TRAILS = {
    "nearest_mean": ("mean distance to the nearest label", "How near pool rows are to a label"),
    "cluster_tv": (
        "total variation of the cluster shares",
        "Clusters of the labelled rows against the pool's",
    ),
}


def coverage(summary: pd.DataFrame, look: Mapping[str, Look]) -> list[Picture]:
    """Coverage against labels. summary: `against.over_trials` of `coverage.measured`."""
    return trails(summary, look, TRAILS)


def stacked(frame: pd.DataFrame, ax: Axes) -> Axes:
    """Class shares of the labelled set, stacked, against labels; right: the pool's.

    frame: n_labeled, class, share, of one dataset and strategy (n_labeled 0: the pool).
    """
    import seaborn as sns

    table = frame.pivot_table(index="n_labeled", columns="class", values="share").fillna(0.0)
    bought = table[table.index > 0]
    colours = sns.color_palette("colorblind", n_colors=table.shape[1])
    ax.stackplot(bought.index, bought.to_numpy().T, colors=colours, linewidth=0)
    if 0 in table.index:
        edges = np.cumsum(table.loc[0].to_numpy())[:-1]
        last = float(bought.index.max())
        ax.hlines(edges, 0.93 * last, 1.05 * last, color="black", linewidth=0.8, clip_on=False)
    ax.set_ylim(0, 1)
    ax.set_xlim(float(bought.index.min()), float(bought.index.max()))
    return ax


def composition(frame: pd.DataFrame) -> list[Picture]:
    """One figure per dataset, one panel per strategy. frame: `coverage.composition`."""
    import seaborn as sns
    from matplotlib.patches import Patch

    out = []
    for dataset, part in frame.groupby("dataset", sort=False):
        names = list(dict.fromkeys(part["strategy"]))
        classes = part.drop_duplicates("class").sort_values("class")
        fig = figure(max(4.6, 1.9 * len(names) + 1.2), 2.3)
        axes = fig.subplots(1, len(names), squeeze=False, sharey=True)[0]
        for ax, name in zip(axes, names, strict=True):
            stacked(part[part["strategy"] == name], ax)
            ax.set_title(short(name), pad=3)
        fig.supxlabel("labels, start included", fontsize=9)
        fig.supylabel("share of the labels", fontsize=9)
        colours = sns.color_palette("colorblind", n_colors=len(classes))
        handles = [
            Patch(color=colour, label=short(str(name), 14))
            for colour, name in zip(colours, classes["class_name"], strict=True)
        ]
        fig.legend(handles=handles[:12], loc="outside right center")
        caption = (
            f"What was bought on {dataset}: class shares of the labelled set (true labels), mean "
            "over trials. Ticks at the right end: the shares of the pool."
        )
        out.append(Picture(f"composition-{slug(str(dataset))}", fig, caption))
    return out
