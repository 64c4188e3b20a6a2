"""Critical-difference diagram and pairwise matrix."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from albench.plots.style import GREY, short


def critical_difference(
    ranks: pd.DataFrame, bars: Sequence[Sequence[str]], distance: float, ax: Axes, baseline: str
) -> Axes:
    """Mean ranks on a line, best on the left; a bar joins what the test cannot tell apart.

    ranks: strategy, rank, rank_low, rank_high (NaN: no interval); distance: NaN where datasets are
    too few for one. Dots mark the members of each bar, so that a bar passing over a strategy does
    not claim it. A pale bar at a name's foot is the interval of its mean rank.
    """
    order = ranks.sort_values("rank", kind="stable")
    place = dict(zip(order["strategy"], order["rank"], strict=True))
    k = len(place)
    ax.set_axis_off()
    ax.plot([1, k], [0, 0], color="black", linewidth=1)
    for tick in range(1, k + 1):
        ax.plot([tick, tick], [0, 0.18], color="black", linewidth=1)
        ax.text(tick, 0.28, str(tick), ha="center", va="bottom")
    if np.isfinite(distance):
        ax.plot([1, 1 + distance], [1.25, 1.25], color="black", linewidth=1)
        for end in (1, 1 + distance):
            ax.plot([end, end], [1.13, 1.37], color="black", linewidth=1)
        told = f"critical distance {distance:.2f}"
        ax.text(1 + distance / 2, 1.45, told, ha="center", va="bottom")
    for level, members in enumerate(bars):
        y = -0.35 - 0.3 * level
        at = [place[m] for m in members]
        ax.plot([min(at), max(at)], [y, y], color="black", linewidth=2.2, solid_capstyle="butt")
        ax.plot(at, [y] * len(at), "o", color="black", markersize=4.5)
    deep = 0.35 + 0.3 * len(bars) + 0.35
    _names(ax, place, baseline, deep)
    ends = order[["rank_low", "rank_high"]].to_numpy(dtype=np.float64)
    for i, pair in enumerate(ends):
        if np.isfinite(pair).all():
            y = -deep - 0.55 * (i if i < ceil(k / 2) else k - 1 - i)
            ax.plot(pair, [y, y], color=GREY, linewidth=4, alpha=0.35, solid_capstyle="butt")
    ax.set_xlim(1 - 0.45 * k, k + 0.45 * k)
    ax.set_ylim(-deep - 0.55 * ceil(k / 2), 2.0)
    return ax


def _names(ax: Axes, place: dict[str, float], baseline: str, deep: float) -> None:
    """The better half of the names on the left, the rest on the right, each on its own line."""
    names, k = list(place), len(place)
    left, right = names[: ceil(k / 2)], names[ceil(k / 2) :][::-1]
    for side, group in ((-1, left), (1, right)):
        edge = 1 - 0.04 * k if side < 0 else k + 0.04 * k
        for i, name in enumerate(group):
            y = -deep - 0.55 * i
            grey = GREY if name == baseline else "black"
            ax.plot([place[name], place[name], edge], [0, y, y], color=grey, linewidth=0.8)
            text = f"{short(name, 28)}  {place[name]:.2f}"
            ax.text(
                edge + side * 0.05,
                y,
                text,
                ha="right" if side < 0 else "left",
                va="center",
                color=grey,
                fontweight="bold" if name == baseline else "normal",
            )


def pairwise(pairs: pd.DataFrame, order: Sequence[str], ax: Axes, alpha: float) -> Axes:
    """Row minus column: mean difference, wins/ties/losses, Holm p; bold where it is at most alpha.

    pairs: a, b, mean_difference, wins, ties, losses, holm_p.
    """
    k = len(order)
    cells = _both_ways(pairs)
    value = np.full((k, k), np.nan)
    for i, a in enumerate(order):
        for j, b in enumerate(order):
            if a != b:
                value[i, j] = cells[a, b]["mean_difference"]
    top = float(np.nanmax(np.abs(value))) or 1.0
    mesh = ax.pcolormesh(
        np.ma.masked_invalid(value), cmap="PuOr_r", vmin=-top, vmax=top, edgecolors="white"
    )
    _annotate(ax, cells, order, alpha, top)
    ax.set_xticks(np.arange(k) + 0.5, [short(s, 20) for s in order], rotation=40, ha="left")
    ax.set_yticks(np.arange(k) + 0.5, [short(s, 20) for s in order])
    ax.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    if ax.figure is not None:
        bar = ax.figure.colorbar(mesh, ax=ax, shrink=0.5 if k > 6 else 1, aspect=30, pad=0.02)
        bar.set_label("row minus column")
        bar.outline.set_visible(False)
    return ax


def _annotate(
    ax: Axes,
    cells: dict[tuple[str, str], dict[str, Any]],
    order: Sequence[str],
    alpha: float,
    top: float,
) -> None:
    """The numbers of the cells, white on dark colours."""
    for i, a in enumerate(order):
        for j, b in enumerate(order):
            if a == b:
                continue
            cell = cells[a, b]
            sure = bool(cell["holm_p"] <= alpha)
            dark = abs(cell["mean_difference"]) > 0.62 * top
            ax.text(
                j + 0.5,
                i + 0.5,
                _cell_text(cell, sure),
                ha="center",
                va="center",
                fontsize=6,
                linespacing=1.15,
                color="white" if dark else "black",
                fontweight="bold" if sure else "normal",
            )


def _both_ways(pairs: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    out: dict[tuple[str, str], dict[str, Any]] = {}
    for found in pairs.to_dict("records"):
        row = {str(key): value for key, value in found.items()}
        out[row["a"], row["b"]] = row
        turned = {"wins": row["losses"], "losses": row["wins"]}
        out[row["b"], row["a"]] = {
            **row,
            **turned,
            "mean_difference": -row["mean_difference"],
        }
    return out


def _cell_text(cell: dict[str, Any], sure: bool) -> str:
    counts = f"{cell['wins']:.0f}/{cell['ties']:.0f}/{cell['losses']:.0f}"
    p = cell["holm_p"]
    if np.isnan(p):
        last = "no test"
    elif p < 0.001:
        last = "p<.001"
    else:
        last = f"p={p:.3f}".replace("0.", ".")
    return f"{cell['mean_difference']:+.3f}\n{counts}\n{last}{' *' if sure else ''}"
