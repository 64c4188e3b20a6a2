"""Aggregates over datasets: heat map, profile, improvement, posterior, survival, runtime."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from albench.plots.style import GREY, Look, short


def heat(frame: pd.DataFrame, order: Sequence[str], ax: Axes) -> Axes:
    """Normalised gain, datasets x strategies; a dot where the paired test is significant.

    frame: dataset, strategy, normalised_gain, sure. Rows come in the frame's order;
    hatched cells have no head-room or no whole-pool run.
    """
    rows = list(dict.fromkeys(frame["dataset"]))
    value = frame.pivot(index="dataset", columns="strategy", values="normalised_gain")
    value = value.reindex(index=rows, columns=list(order))
    sure = frame.pivot(index="dataset", columns="strategy", values="sure").reindex_like(value)
    x = value.to_numpy(float)
    finite = np.abs(x[np.isfinite(x)])
    top = float(np.quantile(finite, 0.95)) if len(finite) and finite.max() > 0 else 1.0
    mesh = ax.pcolormesh(
        np.ma.masked_invalid(x), cmap="PuOr_r", vmin=-top, vmax=top, edgecolors="white"
    )
    _gains(ax, x, sure.to_numpy() == True, top)  # noqa: E712 - absent cells are NaN
    ax.set_xticks(
        np.arange(len(order)) + 0.5, [short(s, 20) for s in order], rotation=40, ha="left"
    )
    ax.set_yticks(np.arange(len(rows)) + 0.5, [short(s) for s in rows])
    ax.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    ax.set_ylim(len(rows), 0)
    ax.set_xlim(0, len(order))
    ax.spines[:].set_visible(False)
    if ax.figure is not None:
        bar = ax.figure.colorbar(
            mesh, ax=ax, shrink=0.5 if len(rows) > 12 else 1, aspect=30, pad=0.02, extend="both"
        )
        bar.set_label("normalised gain")
        bar.outline.set_visible(False)
    return ax


def _gains(ax: Axes, x: NDArray[np.float64], sure: NDArray[np.bool_], top: float) -> None:
    """The numbers of the cells, a dot where sure, hatching where undefined."""
    for i, j in np.ndindex(*x.shape):
        if not np.isfinite(x[i, j]):
            ax.add_patch(Rectangle((j, i), 1, 1, fill=False, hatch="////", edgecolor=GREY, lw=0))
            continue
        color = "white" if abs(x[i, j]) > 0.62 * top else "black"
        ax.text(
            j + 0.5, i + 0.5, f"{x[i, j]:+.2f}", ha="center", va="center", fontsize=6, color=color
        )
        if sure[i, j]:
            ax.plot(j + 0.9, i + 0.18, ".", color=color, markersize=2.5)


def profile(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """Share of runs above each normalised gain, with its pointwise band.

    frame: strategy, threshold, share, low, high.
    """
    for name, style in look.items():
        part = frame[frame["strategy"] == name]
        if part.empty:
            continue
        x = part["threshold"].to_numpy(float)
        every = max(1, len(x) // 6)
        ax.plot(
            x, part["share"], marker=style.marker, markevery=every, markersize=4, **style.kwargs
        )
        ax.fill_between(x, part["low"], part["high"], color=style.color, alpha=0.12, linewidth=0)
    ax.axvline(0, color=GREY, linewidth=0.7)
    ax.set_xlabel("normalised gain (0: mean of the baseline, 1: whole pool)")
    ax.set_ylabel("share of runs above")
    ax.set_ylim(0, 1)
    return ax


def improvement(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """Probability of improvement over the baseline, best on top, with intervals.

    frame: strategy, better, better_low, better_high, better_wide_low, better_wide_high.
    """
    rows = frame.sort_values("better", kind="stable").reset_index(drop=True)
    for y, (_, row) in enumerate(rows.iterrows()):
        style = look[row["strategy"]]
        wide = (row["better_wide_low"], row["better_wide_high"])
        ax.plot(wide, [y, y], color=style.color, linewidth=1)
        near = (row["better_low"], row["better_high"])
        ax.plot(near, [y, y], color=style.color, linewidth=4, alpha=0.45, solid_capstyle="butt")
        ax.plot(row["better"], y, style.marker, color=style.color, markersize=6)
    ax.axvline(0.5, color=GREY, linewidth=1, linestyle=(0, (4, 2)), zorder=0)
    ax.set_yticks(range(len(rows)), [short(s) for s in rows["strategy"]])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xlabel("probability that a run beats one of the baseline")
    return ax


def posterior(frame: pd.DataFrame, ax: Axes, baseline: str) -> Axes:
    """Posterior shares: worse than the baseline, practically equal, better.

    frame: strategy, better, rope, worse. Dark, light and hatched: readable in grey.
    """
    lead = (frame["better"] - frame["worse"]).sort_values(kind="stable")
    rows = frame.loc[lead.index].reset_index(drop=True)
    kinds = (
        ("worse", f"worse than {baseline}", "#d55e00", "////"),
        ("rope", "practically equal", "#dddddd", ""),
        ("better", f"better than {baseline}", "#0173b2", ""),
    )
    left = np.zeros(len(rows))
    for column, label, color, hatch in kinds:
        width = rows[column].to_numpy(float)
        ax.barh(
            np.arange(len(rows)),
            width,
            left=left,
            color=color,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.6,
            height=0.72,
            label=label,
        )
        for y, (start, share) in enumerate(zip(left, width, strict=True)):
            if share >= 0.06:
                ink = "black" if column == "rope" else "white"
                box = {"facecolor": color, "edgecolor": "none", "pad": 0.8} if hatch else None
                middle = start + share / 2
                ax.text(middle, y, f"{share:.2f}", ha="center", va="center", color=ink, bbox=box)
        left += width
    ax.set_yticks(range(len(rows)), [short(s) for s in rows["strategy"]])
    ax.set_xlim(0, 1)
    ax.set_xlabel("posterior probability")
    ax.tick_params(axis="y", length=0)
    return ax


def survival(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """Share of runs that have not reached the target yet, against the share of the budget.

    frame: strategy, share, surviving.
    """
    for name, style in look.items():
        part = frame[frame["strategy"] == name]
        if part.empty:
            continue
        x, y = part["share"].to_numpy(float), part["surviving"].to_numpy(float)
        every = max(1, len(x) // 7)
        ax.plot(
            x,
            y,
            drawstyle="steps-post",
            marker=style.marker,
            markevery=every,
            markersize=4,
            **style.kwargs,
        )
    ax.set_xlabel("labels, as a share of the budget")
    ax.set_ylabel("share of runs that have not reached the target")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    return ax


def runtime(frame: pd.DataFrame, ax: Axes, look: Mapping[str, Look]) -> Axes:
    """Seconds per query against quality; the line joins what nothing beats in both.

    frame: strategy, seconds, quality, low, high.
    """
    rows = frame.sort_values(["seconds", "quality"], ascending=[True, False], kind="stable")
    best, front = -np.inf, []
    for _, row in rows.iterrows():
        if row["quality"] > best:
            best = row["quality"]
            front.append((row["seconds"], row["quality"]))
        style = look[row["strategy"]]
        ax.plot([row["seconds"]] * 2, [row["low"], row["high"]], color=style.color, linewidth=1)
        ax.plot(row["seconds"], row["quality"], style.marker, color=style.color, markersize=7)
    ax.plot(*zip(*front, strict=True), color="black", linewidth=0.8, zorder=0)
    ax.axhline(0, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    # a label at every decade, or at 1, 2 and 5 where there are few; none between, as they collide
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high > 100 * low else (1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("seconds per query (mean, log scale)")
    ax.set_ylabel("normalised gain (interquartile mean)")
    return ax
