"""Labels saved against score lost, one mark per stopping rule."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from albench.core.files import stems
from albench.plots.figures import Picture
from albench.plots.style import FORMATS, GREY, figure, looks, save, short, theme


def trade(frame: pd.DataFrame, ax: Axes, rope: float, rules: Sequence[str]) -> Axes:
    """Score lost against the share of labels saved, with 95 % intervals over datasets.

    frame: of one protocol, model and strategy, columns rule, saved_share, saved_low, saved_high,
    lost, lost_low, lost_high; rules: all of the figure, so that each keeps its look. The band is
    the rope about no loss.
    """
    look = looks([*rules, ""], "")
    ax.axhspan(-rope, rope, color=GREY, alpha=0.15, linewidth=0)
    ax.axhline(0.0, color=GREY, linewidth=0.8)
    ax.axvline(0.0, color=GREY, linewidth=0.8)
    for _, row in frame.iterrows():
        style = look[str(row["rule"])]
        x, y = float(row["saved_share"]), float(row["lost"])
        if np.isfinite(row["saved_low"]):
            ax.hlines(y, row["saved_low"], row["saved_high"], color=style.color, linewidth=0.9)
        if np.isfinite(row["lost_low"]):
            ax.vlines(x, row["lost_low"], row["lost_high"], color=style.color, linewidth=0.9)
        ax.plot(x, y, style.marker, color=style.color, markersize=4.5, label=str(row["rule"]))
    return ax


def pictures(rules: pd.DataFrame, rope: float, metric: str) -> Iterator[Picture]:
    """One figure per protocol, a panel per model and strategy; draw inside `style.theme()`.

    rules: `Judged.rules`; rope: in units of the metric.
    """
    names = sorted(set(rules["rule"]))
    files = stems(dict.fromkeys(map(str, rules["protocol"])))
    for protocol, part in rules.groupby("protocol", sort=False):
        panels = list(part.groupby(["model", "strategy"], sort=False))
        fig = figure(1.2 + 2.9 * min(3, len(panels)), 1.4 + 2.5 * -(-len(panels) // 3))
        shape = (-(-len(panels) // 3), min(3, len(panels)))
        axes = fig.subplots(*shape, squeeze=False, sharex=True, sharey=True).ravel()
        for ax, ((model, strategy), own) in zip(axes, panels, strict=False):
            trade(own, ax, rope, names)
            ax.set_title(short(f"{model}, {strategy}"), pad=3)
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        fig.supxlabel("share of the labels saved", fontsize=9)
        fig.supylabel(f"{metric} lost", fontsize=9)
        handles, labels = axes[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=7)
        suffix = f"-{files[str(protocol)]}" if len(files) > 1 else ""
        counts = sorted(set(part["datasets"]))
        over = "-".join(str(n) for n in dict.fromkeys((counts[0], counts[-1])))
        caption = (
            "Stopping rules against going on to the end of the same runs: share of the labels "
            f"saved (held-out labels count as spent) and {metric} lost, means over {over} "
            "datasets whose curves flatten within the budget, with 95 % t intervals; the band is "
            f"the rope of {rope:g} about no loss. {protocol}."
        )
        yield Picture(f"stopping{suffix}", fig, caption)


def write(
    rules: pd.DataFrame,
    rope: float,
    metric: str,
    folder: Path,
    formats: Sequence[str] = FORMATS,
) -> list[str]:
    """Draw and save the figures, with captions-stopping.md; returns the names."""
    names, text = [], ""
    with theme():
        for picture in pictures(rules, rope, metric):
            save(picture.figure, folder / picture.name, formats)
            names.append(picture.name)
            text += f"## {picture.name}\n\n{picture.caption}\n\n"
    if names:
        (folder / "captions-stopping.md").write_text(text, encoding="utf-8")
    return names
