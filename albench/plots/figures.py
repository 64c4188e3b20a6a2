"""All figures of one protocol and model, each with its caption, from analysis frames."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from albench.analysis.comparison import panels
from albench.analysis.comparison.paired import smallest_n
from albench.analysis.comparison.typeset import escape
from albench.plots import curves, overall, ranks
from albench.plots.style import FORMATS, PRINT, About, Counts, figure, save, theme

if TYPE_CHECKING:
    from albench.analysis.comparison import Comparison


@dataclass(frozen=True)
class Picture:
    """A figure with its file name and caption."""

    name: str
    figure: Figure
    caption: str


@dataclass(frozen=True)
class Drawing:
    """One figure of a comparison: a row of the table `FIGURES`.

    draw     (frame, what captions say) -> the figure and its caption
    frame    (comparison, place) -> what is drawn, empty where there is nothing to draw
    section  of the report that shows it
    curves   whether a panel has a curve for every strategy: of many, a page draws some
    alone    whether one strategy without another to compare with is worth a figure
    counts   what its caption counts as a dataset, see `About.ending`
    """

    draw: Callable[[pd.DataFrame, About], tuple[Figure, str]]
    frame: "Callable[[Comparison, int], pd.DataFrame]"
    section: str
    curves: bool = False
    alone: bool = False
    counts: Counts = "datasets"


def pictures(frames: Mapping[str, pd.DataFrame], about: About) -> Iterator[Picture]:
    """Every figure for which there is something to draw.

    frames: some of those that `frames` makes. Draw inside `style.theme()`.
    """
    for name, drawing in FIGURES.items():
        frame = frames.get(name)
        if frame is not None and not frame.empty:
            fig, caption = drawing.draw(frame, about)
            yield Picture(name, fig, f"{caption} {about.ending(drawing.counts)}")


def write(
    frames: Mapping[str, pd.DataFrame],
    about: About,
    folder: Path,
    formats: Sequence[str] = FORMATS,
    suffix: str = "",
) -> list[Picture]:
    """Draw and save all figures, and their captions as Markdown and LaTeX."""
    drawn = []
    with theme():
        for picture in pictures(frames, about):
            save(picture.figure, folder / f"{picture.name}{suffix}", formats)
            drawn.append(picture)
    text = "".join(f"## {p.name}\n\n{p.caption}\n\n" for p in drawn)
    (folder / f"captions{suffix}.md").write_text(text, encoding="utf-8")
    (folder / f"captions{suffix}.tex").write_text(
        "".join(_latex(p, suffix) for p in drawn), encoding="utf-8"
    )
    return drawn


def _latex(picture: Picture, suffix: str) -> str:
    caption = escape(picture.caption)
    return (
        "\\begin{figure}\n  \\centering\n"
        f"  \\includegraphics[width=\\linewidth]{{{picture.name}{suffix}}}\n"
        f"  \\caption{{{caption}}}\n  \\label{{fig:{picture.name}{suffix}}}\n"
        "\\end{figure}\n\n"
    )


def _learning(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    fig = curves.facets(frame, about.look, curves.learning, (about.x, about.metric))
    there = set(about.bounds) & set(frame["strategy"])
    bound = "; black dotted curves are bounds that see hidden labels" if there else ""
    crowded = frame["strategy"].nunique() > curves.CROWD
    band = (
        "bands, which would hide each other here, are left out"
        if crowded
        else ("bands are pointwise 95 % t intervals of the mean")
    )
    return fig, (
        f"Learning curves: mean test {about.metric} over trials against {about.x}; "
        f"{band}; the dotted level is the model trained on the "
        f"whole pool{bound}.{shared()}"
    )


def shared() -> str:
    """What a caption says of the order and the limits of panels."""
    if PRINT.get().shared:
        return " Panels by the span of their curves; rows share their limits."
    return " Each panel has limits of its own."


def _gain(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    fig = curves.facets(frame, about.look, curves.gain, (about.x, about.difference))
    drawn = "" if frame["strategy"].nunique() <= curves.CROWD else " (not filled here)"
    band = (
        f"a curve is thick where its 95 % band{drawn}, simultaneous over its checkpoints (max-T, "
        "random signs of whole trials, shared start left out), does not hold zero"
        if frame["low"].notna().any()
        else "too few trials for a band"
    )
    return fig, (
        f"Gain over {about.baseline}: mean paired difference in test {about.metric}, positive = "
        f"better; {band}."
    )


def _gain_overall(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    fig = curves.facets(
        frame,
        about.look,
        curves.overall,
        ("share of the labels bought", about.difference),
        by="strategy",
    )
    band = (
        "the band is 95 % simultaneous over the curve (max-T, random signs of whole datasets)"
        if frame["low"].notna().any()
        else "too few datasets for a band"
    )
    return fig, (
        f"Gain over {about.baseline} over all datasets: thick the mean, thin each dataset's mean "
        f"paired difference in test {about.metric}, positive = better; {band}."
    )


def _pairs(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    names = list(dict.fromkeys([*frame["a"], *frame["b"]]))
    mean = {
        s: frame.loc[frame["a"] == s, "mean_difference"].sum()
        - frame.loc[frame["b"] == s, "mean_difference"].sum()
        for s in names
    }
    order = sorted(names, key=lambda s: -mean[s])
    fig = figure(2.1 + 0.62 * len(order), max(2.4, 1.0 + 0.5 * len(order)))
    ranks.pairwise(frame, order, fig.subplots(), about.alpha)
    test = (
        f"p by two-sided Wilcoxon signed-rank over datasets, Holm over all {len(frame)} pairs "
        f"(bold, starred: at most {about.alpha:g})"
        if frame["holm_p"].notna().any()
        else f"no test: {frame['note'].iloc[0]}"
    )
    return fig, (
        f"Pairwise comparison, row minus column: mean difference in {about.measure}, datasets "
        f"won/tied/lost, and p; {test}."
    )


def _ranks(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    count = len({number for text in frame["bars"] for number in text.split(",") if number})
    bars = [
        list(frame.loc[[str(i) in b.split(",") for b in frame["bars"]], "strategy"])
        for i in range(count)
    ]
    fig = figure(7.2, 1.3 + 0.17 * len(frame) + 0.1 * count)
    distance = float(frame["distance"].iloc[0])
    drawn = frame["rank_low"].notna().any()
    bands = "; pale: 95 % intervals of the mean rank, datasets being the units" if drawn else ""
    ranks.critical_difference(frame, bars, distance, fig.subplots(), about.baseline)
    if not np.isfinite(distance):
        return fig, (
            f"Mean ranks of {about.measure} over datasets, best on the left{bands}. No critical "
            "distance: "
            "the datasets are too few for a statement about all pairs."
        )
    return fig, (
        f"Mean ranks of {about.measure} over datasets, best on the left{bands}. A bar joins the "
        f"strategies that carry a dot on it: the Nemenyi test at {about.alpha:g} does not tell "
        "them apart. Shown by custom; the pairwise comparison is the test to cite."
    )


def _heat(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    mean = frame.groupby("strategy", sort=False)["normalised_gain"].mean()
    order = [str(s) for s in mean.sort_values(ascending=False, kind="stable").index]
    rows = frame["dataset"].nunique()
    fig = figure(2.6 + 0.46 * len(order), max(2.4, 1.2 + 0.2 * rows))
    overall.heat(frame, order, fig.subplots())
    return fig, (
        f"Normalised gain of {about.measure}: 0 is {about.baseline} in the same trials, 1 the "
        "whole pool. Datasets by head-room, largest on top; hatched: no head-room or no whole-pool "
        f"run. A dot: two-sided Wilcoxon over trials, Holm over all cells, at most {about.alpha:g} "
        "(about this dataset only)."
    )


def _profile(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    fig = figure(6.4, 3.4)
    overall.profile(frame, fig.subplots(), about.look)
    _legend(fig, frame, about)
    used = int(frame["datasets"].iloc[0])
    return fig, (
        f"Performance profile of {about.measure}: share of runs above each normalised gain, "
        f"datasets weighing alike ({used} with head-room); bands are pointwise 95 % intervals "
        "intervals, trials drawn within datasets, the same for all strategies."
    )


def _improvement(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    fig = figure(5.6, 0.9 + 0.24 * len(frame))
    overall.improvement(frame, fig.subplots(), about.look)
    least = smallest_n(1, about.alpha)
    few = f" From fewer than {least} datasets nothing can be told beyond them."
    few = few if (about.bases or about.datasets) < least else ""
    return fig, (
        f"Probability that a run beats a run of {about.baseline} in {about.measure}, mean over "
        "datasets. Thick: 95 % interval over trials, paired; thin: over datasets (from four on)."
        f"{few}"
    )


def _posterior(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    fig = figure(6.0, 1.1 + 0.26 * len(frame))
    ax = fig.subplots()
    overall.posterior(frame, ax, about.baseline)
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig, (
        f"Bayesian signed-rank test against {about.baseline} over datasets, {about.measure}: "
        f"posterior probability of being worse, practically equal (within {about.rope:g}), better."
    )


def _survival(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    fig = figure(6.4, 3.4)
    overall.survival(frame, fig.subplots(), about.look)
    _legend(fig, frame, about)
    goal = {"random": f"the mean of {about.baseline} over its last three checkpoints"}.get(
        about.target, about.target
    )
    return fig, (
        f"Labels to target ({goal}; held for two checkpoints): Kaplan-Meier share of runs still "
        f"under way, {about.metric}, mean over {int(frame['datasets'].iloc[0])} datasets; runs "
        "that never reach it are censored at the budget."
    )


def _runtime(frame: pd.DataFrame, about: About) -> tuple[Figure, str]:
    fig = figure(6.0, 3.2)
    overall.runtime(frame, fig.subplots(), about.look)
    _legend(fig, frame, about)
    return fig, (
        f"Query time against quality: normalised gain of {about.measure} (interquartile mean, "
        "95 % interval) and mean seconds per query on the machine of the manifest; "
        "the line joins the strategies that no other beats in both."
    )


def _legend(fig: Figure, frame: pd.DataFrame, about: About) -> None:
    if not PRINT.get().legend:
        return
    there = set(frame["strategy"])
    handles = [curves.handle(s, look) for s, look in about.look.items() if s in there]
    if PRINT.get().width is None:
        fig.legend(handles=handles, loc="outside right center")
    else:
        fig.legend(handles=handles, loc="outside upper center", ncols=min(3, len(handles)))


FIGURES: Mapping[str, Drawing] = {
    "learning": Drawing(_learning, panels.learning_panel, "Curves", curves=True, alone=True),
    "gain": Drawing(_gain, panels.gain_panel, "Gain", curves=True, alone=True),
    "gain_overall": Drawing(
        _gain_overall, panels.overall_panel, "Gain", alone=True, counts="bases"
    ),
    "pairs": Drawing(_pairs, panels.pairs_panel, "Matrix", counts="bases"),
    "ranks": Drawing(_ranks, panels.ranks_panel, "Comparison", counts="bases"),
    "heat": Drawing(_heat, panels.heat_panel, "Matrix"),
    "profile": Drawing(_profile, panels.profile_panel, "Comparison", curves=True),
    "improvement": Drawing(_improvement, panels.improvement_panel, "Comparison", counts="drawn"),
    "posterior": Drawing(_posterior, panels.posterior_panel, "Comparison", counts="bases"),
    "survival": Drawing(_survival, panels.survival_panel, "Curves", curves=True, alone=True),
    "runtime": Drawing(_runtime, panels.runtime_panel, "Runtime"),
}
"""The figures of a comparison, in their order: an entry here, and its function above, and it is
written by `albench figures`, has a caption, and stands in its section of the report."""


def frames(
    comparison: "Comparison", place: int = 0, which: Sequence[str] | None = None
) -> dict[str, pd.DataFrame]:
    """The frames of all figures of the `place`-th protocol and model of a comparison.

    A figure that cannot be drawn from these results has an empty frame, or none.
    which: only those of these names.
    """
    few = len(comparison.stacks[place].strategies) < 2
    return {
        name: drawing.frame(comparison, place)
        for name, drawing in FIGURES.items()
        if (drawing.alone or not few) and (which is None or name in which)
    }
