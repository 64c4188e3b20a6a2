"""How the labelled set drifts from the pool, and where the picks lie."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from albench.core.files import stems
from albench.plots.curves import facets
from albench.plots.figures import Picture
from albench.plots.style import GREY, Look, figure, short

TRAILS = {
    "tv": ("total variation of the class shares", "Class shares of the labels against the pool's"),
    "energy": ("energy distance to the pool", "Features of the labelled rows against the pool's"),
}
"""Measure -> its axis label, and how its caption begins."""


def drift(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """A measure against labels, over the band of random subsets of the same size.

    frame: strategy, n, mean, null_low, null_high, of one dataset.
    """
    band = frame.dropna(subset=["null_low"]).drop_duplicates("n").sort_values("n")
    if len(band):
        ax.fill_between(
            band["n"], band["null_low"], band["null_high"], color=GREY, alpha=0.25, linewidth=0
        )
    for name, style in look.items():
        part = frame[frame["strategy"] == name].sort_values("n")
        if len(part):
            ax.plot(part["n"], part["mean"], marker=style.marker, markersize=3, **style.kwargs)
    return ax


def trail(summary: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The rows of a measure as `drift` takes them. summary: `against.over_trials`."""
    part = summary[summary["measure"] == measure].dropna(subset=["value"])
    return part.rename(columns={"n_labeled": "n", "value": "mean"})


def trails(
    summary: pd.DataFrame, look: Mapping[str, Look], measures: Mapping[str, tuple[str, str]]
) -> list[Picture]:
    """One figure per measure, one panel per dataset."""
    out = []
    for measure, (words, lead) in measures.items():
        frame = trail(summary, measure)
        if frame.empty:
            continue
        fig = facets(frame, look, drift, ("labels, start included", words))
        caption = (
            f"{lead}: {words}, mean over trials, as labels are bought. Grey band: 95 % of random "
            "subsets of the same size with the same start."
        )
        out.append(Picture(measure.replace("_", "-"), fig, caption))
    return out


def projection(frame: pd.DataFrame, ax: Axes) -> Axes:
    """Pool rows in a plane, the picks coloured by the round in which they were bought.

    frame: x, y, round (NaN: never bought), of one dataset and strategy.
    """
    rest, bought = frame[frame["round"].isna()], frame.dropna(subset=["round"])
    ax.scatter(rest["x"], rest["y"], s=3, color="#d0d0d0", linewidths=0)
    ax.scatter(
        bought["x"],
        bought["y"],
        s=9,
        c=bought["round"],
        cmap="viridis",
        linewidths=0,
        vmin=0,
        vmax=max(1.0, float(frame["round"].max())),
    )
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def picks(frame: pd.DataFrame) -> list[Picture]:
    """One figure per dataset, one panel per strategy. frame: `overlap.plane`."""
    out = []
    files = stems(frame["dataset"].astype(str))
    for dataset, part in frame.groupby("dataset", sort=False):
        names = list(dict.fromkeys(part["strategy"]))
        fig = figure(2.0 * len(names) + 0.7, 2.2)
        axes = fig.subplots(1, len(names), squeeze=False, sharex=True, sharey=True)[0]
        for ax, name in zip(axes, names, strict=True):
            projection(part[part["strategy"] == name], ax)
            ax.set_title(short(name), pad=3)
        last = max(1.0, float(part["round"].max()))
        scale(fig, list(axes), last)
        caption = (
            f"What was bought on {dataset} in the first trial, on the first two principal axes of "
            "the pool, which are the same for all strategies; colour: the round (0: the start)."
        )
        out.append(Picture(f"picks-{files[str(dataset)]}", fig, caption))
    return out


def scale(fig: Figure, axes: list[Axes], last: float) -> None:
    """The colour scale of the rounds."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = fig.colorbar(ScalarMappable(Normalize(0, last), "viridis"), ax=axes, pad=0.02)
    bar.set_label("round")


def focus(summary: pd.DataFrame, look: Mapping[str, Look]) -> list[Picture]:
    """Boundary enrichment against labels. summary: of `overlap.measured`."""
    frame = trail(summary, "boundary")
    if frame.empty:
        return []
    fig = facets(frame, look, level, ("labels, start included", "boundary enrichment"))
    caption = (
        "Share of the queried rows in the lowest tenth of the full-pool model's margins, over a "
        "tenth, mean over trials; 1 is chance."
    )
    return [Picture("boundary", fig, caption)]


def level(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """Curves over a line at 1."""
    ax.axhline(1.0, color=GREY, linewidth=0.8)
    return drift(frame.assign(null_low=np.nan, null_high=np.nan), ax, look)


__all__ = ["drift", "focus", "picks", "projection", "trails"]
