"""What a page leaves out of a large suite, and how it says so.

Twenty curves in a panel hide each other and a thousand rows are read by nobody, so a page
draws the strategies of best mean rank and averages long tables over datasets. The commands
that draw and print everything are named where something is left out.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison import Comparison


CROWDED, DRAWN = 10, 8
"""With more strategies than the first, panels show the baseline and so many others."""
PLACES = 12
"""So many datasets have a panel in figures of what was bought."""
PANELS = 60
"""More panels than this (a strategy on a dataset, a strip on a dataset) are not drawn."""
ROWS = 300
"""Longer tables by dataset become means over datasets."""


def drawn_strategies(comparison: "Comparison", suite: "Suite") -> tuple[str, ...]:
    """The strategies whose curves a page draws, in the suite's order: all where they are few.

    Of many: the baseline, the bounds and those with the best mean rank over all comparisons.
    """
    names = [s.label for s in suite.strategies]
    ranks = comparison.tables.get("ranks")
    asked = comparison.options
    if len(names) - len(asked.unranked) <= CROWDED or ranks is None:
        return tuple(names)
    mean = ranks.groupby("strategy")["rank"].mean().sort_values(kind="stable")
    best = [str(name) for name in mean.index if name != asked.baseline][:DRAWN]
    return tuple(n for n in names if n in {asked.baseline, *asked.unranked, *best})


def drawn_datasets(comparison: "Comparison", suite: "Suite") -> tuple[str, ...]:
    """The datasets that have a panel in figures of what was bought: all where they are few.

    Of many: those on which the strategies' areas lie farthest apart, in any comparison.
    """
    from albench.analysis.comparison.summaries import areas

    if len(suite.datasets) <= PLACES:
        return tuple(d.label for d in suite.datasets)
    span: dict[str, float] = {}
    for block in (b for stack in comparison.stacks for b in stack.blocks):
        mean = areas(block, comparison.options.summary).mean(axis=1)
        span[block.dataset] = max(span.get(block.dataset, 0.0), float(mean.max() - mean.min()))
    far = sorted(span, key=lambda name: -span[name])[:PLACES]
    return tuple(name for name in span if name in far)


def part(frame: "pd.DataFrame", shown: Collection[str], places: Collection[str]) -> "pd.DataFrame":
    """The rows of a frame of what was bought that a page draws."""
    kept = frame["strategy"].isin(list(shown))
    return frame[kept & frame["dataset"].isin(list(places))]


def fewer(
    frames: "Mapping[str, pd.DataFrame]", shown: Collection[str]
) -> "dict[str, pd.DataFrame]":
    """The frames of a comparison with the shown strategies only where curves would crowd."""
    from albench.plots.figures import FIGURES

    return {
        name: frame[frame["strategy"].isin(list(shown))]
        if FIGURES[name].curves and len(frame)
        else frame
        for name, frame in frames.items()
    }


def left_out(suite: "Suite", shown: Collection[str], places: Collection[str] = ()) -> str:
    """What a caption says of the strategies and datasets that are not drawn, or nothing."""
    asked = suite.question()
    ranked = [s.label for s in suite.strategies if s.label not in asked.unranked]
    kept = [name for name in ranked if name in shown and name != asked.baseline]
    said = []
    if len(kept) + 1 < len(ranked):
        said.append(
            f"{asked.baseline} and the {len(kept)} strategies of best mean rank, of "
            f"{len(ranked) - 1}"
        )
    if PLACES <= len(places) < len(suite.datasets):
        said.append(
            f"the {len(places)} datasets on which the strategies differ most, of "
            f"{len(suite.datasets)}"
        )
    return f" Drawn: {'; '.join(said)}. `albench figures {suite.name}` draws all." if said else ""


def too_many(suite: "Suite") -> tuple[str, ...]:
    """Figures that a page leaves out, since they have a panel for every cell of a large suite."""
    from albench.plots.bought import FIGURES

    large = len(suite.datasets) * len(suite.strategies) > PANELS
    return tuple(name for name, drawing in FIGURES.items() if large and drawing.each)


def shorter(table: "pd.DataFrame") -> "pd.DataFrame":
    """A long table by dataset as means over its datasets, by what else tells rows apart."""
    import pandas as pd

    if len(table) <= ROWS or "dataset" not in table:
        return table
    keys = [c for c in ("protocol", "model", "strategy", "estimator") if c in table]
    numbers = [c for c in table if c not in keys and pd.api.types.is_numeric_dtype(table[c])]
    by = table.groupby(keys, sort=False)
    out = by[numbers].mean()
    out.insert(0, "datasets", by["dataset"].nunique())
    return out.reset_index()
