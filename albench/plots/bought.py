"""The figures of what was bought, by command: frames in, pictures with captions out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from albench.analysis.bought import coverage as covered
from albench.analysis.bought import errors, noise, overlap, rare
from albench.core.files import stems
from albench.plots import bias
from albench.plots.bias import trails
from albench.plots.curves import facets
from albench.plots.figures import Picture
from albench.plots.style import FORMATS, GREY, Look, figure, looks, save, short, theme


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
        ax.hlines(
            at,
            part["bias"] - part["sd"],
            part["bias"] + part["sd"],
            color=style.color,
            linewidth=0.6,
        )
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


def asked(summary: pd.DataFrame, look: Mapping[str, Look]) -> list[Picture]:
    """Two panels per dataset: labels right, and score at equal money, against money spent.

    summary: `annotators.summary` of one protocol and model.
    """
    from albench.plots.curves import handle

    if summary.empty:
        return []
    datasets = list(dict.fromkeys(summary["dataset"]))
    fig = figure(5.6, 1.2 + 1.9 * len(datasets))
    axes = fig.subplots(len(datasets), 2, squeeze=False, sharey="col")
    names = ("right", "right_low", "right_high"), ("ahead", "ahead_low", "ahead_high")
    for row, dataset in zip(axes, datasets, strict=True):
        part = summary[summary["dataset"] == dataset]
        for ax, (value, low, high) in zip(row, names, strict=True):
            for _, cell in part.dropna(subset=[value]).iterrows():
                style = look[str(cell["strategy"])]
                if np.isfinite(cell[low]):
                    ends = cell[low], cell[high]
                    ax.vlines(cell["money"], *ends, color=style.color, linewidth=1.0)
                ax.plot(cell["money"], cell[value], style.marker, color=style.color, markersize=5)
        row[0].set_title(short(dataset), pad=3)
        row[0].set_ylabel("labels right")
        row[1].set_ylabel("score ahead, equal money")
        row[1].axhline(0.0, color=GREY, linewidth=0.8)
    fig.supxlabel("money spent, start included", fontsize=9)
    shown = [s for s in look if s in set(summary["strategy"])]
    handles = [handle(s, look[s]) for s in shown]
    fig.legend(handles=handles, loc="outside upper center", ncols=min(3, len(handles)))
    caption = (
        "Whom to ask. Left: accuracy of the aggregated labels at the end; right: score beside the "
        "baseline's run of the same trial at the money that both have spent; means over trials "
        "with 95 % t intervals, at the money that the strategy spends in all."
    )
    return [Picture("annotators", fig, caption)]


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
    files = stems(frame["dataset"].astype(str))
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
        out.append(Picture(f"composition-{files[str(dataset)]}", fig, caption))
    return out


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
        "pool, 95 % interval (Fieller's) over trials; 1 is chance."
    )
    return [Picture("affinity", fig, caption)]


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
            ax.plot(
                part["n"],
                part["mean"],
                marker=style.marker,
                markevery=every,
                markersize=3,
                **style.kwargs,
            )
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


class Measured(Protocol):
    """What was worked out on the stored tables of a suite (`albench.reporting.source.Source`)."""

    checkpoints: tuple[float, ...]

    def measured(self, analysis: Callable[..., Any], **more: Any) -> Any:
        """What an analysis that keeps runs apart returns."""

    def pooled(self, analysis: Callable[..., Any], *, first: bool = False) -> Any:
        """What an analysis over trials returns; `first`: of each dataset's first trial."""


@dataclass(frozen=True)
class Drawing:
    """A figure, or a set of them, of what was bought: a row of the table `FIGURES`.

    view   topic and name of the table that it goes with (`albench bias --table focus`)
    draw   (frame, looks) -> the figures
    frame  (rows of that table, what was measured) -> what is drawn; default: the rows
    each   whether it has a panel, or a strip, for each strategy and dataset
    marks  whether it has a mark for every row: `albench bias --to` draws it, a page would swell
    """

    view: tuple[str, str]
    draw: Callable[[pd.DataFrame, Mapping[str, Look]], list[Picture]]
    frame: Callable[[pd.DataFrame, Measured], pd.DataFrame] = lambda rows, source: rows
    each: bool = False
    marks: bool = False


def sought(rows: pd.DataFrame, source: Measured) -> pd.DataFrame:
    """The frame of `affinity`."""
    return noise.affinity(source.measured(noise.measured, checkpoints=source.checkpoints))


FIGURES: Mapping[str, Drawing] = {
    "drift": Drawing(("bias", "drift"), lambda frame, look: bias.trails(frame, look, bias.TRAILS)),
    "plane": Drawing(
        ("bias", "drift"),
        lambda frame, look: bias.picks(frame),
        lambda rows, source: source.pooled(overlap.plane, first=True),
        marks=True,
    ),
    "focus": Drawing(("bias", "focus"), bias.focus),
    "coverage": Drawing(("coverage", "distance"), coverage),
    "composition": Drawing(
        ("coverage", "distance"),
        lambda frame, look: composition(frame),
        lambda rows, source: source.pooled(covered.composition),
        each=True,
    ),
    "discovery": Drawing(
        ("rare", "discovery"), curves, lambda rows, source: source.pooled(rare.curve)
    ),
    "affinity": Drawing(("noise", "affinity"), affinity, sought),
    "annotators": Drawing(("noise", "annotators"), asked, lambda rows, source: rows),
    "audit": Drawing(
        ("audit", "errors"),
        estimates,
        lambda rows, source: errors.at_end(rows).dropna(subset=["bias"]),
        each=True,
    ),
}
"""The figures of what was bought: an entry here, and its function above, and it is drawn by
`albench figures` and the command of its topic, has a caption, and stands in the report."""


def settings(
    frame: pd.DataFrame, protocols: Mapping[str, str]
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Each protocol and model: file-name suffix, caption's last words, rows."""
    files = {column: stems(frame[column].astype(str)) for column in ("protocol", "model")}
    for (protocol, model), part in frame.groupby(["protocol", "model"], sort=False):
        suffix = "".join(
            f"-{files[column][str(name)]}"
            for name, column in ((protocol, "protocol"), (model, "model"))
            if frame[column].nunique() > 1
        )
        yield suffix, f" {model}, {protocols.get(str(protocol), protocol)}.", part


def pictures(
    frames: Mapping[str, pd.DataFrame],
    strategies: Sequence[str],
    baseline: str,
    protocols: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Picture]:
    """The figures of all frames, one set per protocol and model; names tell them apart.

    frames: by the names of `FIGURES`; strategies: all of the suite, so that each keeps its
    colour; protocols: what captions call them, where that is not their label. A frame with
    nothing to draw gives nothing. Draw inside `style.theme()`.
    """
    look = looks(strategies, baseline)
    for name, frame in frames.items():
        for suffix, where, part in settings(frame, protocols):
            for drawn in FIGURES[name].draw(part, look):
                yield Picture(f"{drawn.name}{suffix}", drawn.figure, drawn.caption + where)


def write(
    frames: Mapping[str, pd.DataFrame],
    strategies: Sequence[str],
    baseline: str,
    folder: Path,
    formats: Sequence[str] = FORMATS,
    protocols: Mapping[str, str] = MappingProxyType({}),
) -> list[tuple[str, str]]:
    """Draw and save all frames, as `pictures` makes them.

    Returns (file name without extension, caption), which also stand in
    captions-<frame>.md.
    """
    out = []
    with theme():
        for name, frame in frames.items():
            drawn = []
            for picture in pictures({name: frame}, strategies, baseline, protocols):
                save(picture.figure, folder / picture.name, formats)
                drawn.append((picture.name, picture.caption))
            if not drawn:
                continue
            text = "".join(f"## {title}\n\n{caption}\n\n" for title, caption in drawn)
            (folder / f"captions-{name}.md").write_text(text, encoding="utf-8")
            out += drawn
    return out
