"""Bounds beside the leaderboard: strategies that see hidden labels, drawn apart, never ranked."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from albench import registry
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.cells import Stack

Ceilings = Mapping[tuple[str, str], "Stack"]
"""By model and bound: its curves and the baseline's, on the trials that both finished."""


def ceilings(suite: Suite, runs: "pd.DataFrame", rounds: "pd.DataFrame") -> Ceilings:
    """The curves of every bound that has finished runs, by the primary metric.

    Each has a stack of its own with the baseline, so that it costs the others no trial.
    """
    from albench.analysis.cells import stacks
    from albench.analysis.selection import Options, curves_frame

    better = registry.entry("metric", suite.primary).about["better"]
    found = {}
    for bound in sorted(suite.bounds):
        mine = runs[runs["strategy"].isin([bound, suite.baseline])]
        if not ((mine["strategy"] == bound) & (mine["status"] == "done")).any():
            continue
        frame, _ = curves_frame(mine, rounds, Options(suite.primary, better, suite.baseline))
        for stack in stacks(frame, suite.baseline):
            if bound in stack.strategies and stack.blocks:
                found[stack.model, bound] = stack
    return found


def above(found: Ceilings, baseline: str) -> "pd.DataFrame":
    """Each bound against the baseline.

    Columns: strategy, model, datasets, difference (mean over datasets of the area under the
    primary metric) with its 95 % t interval low, high.
    """
    import pandas as pd

    from albench.analysis.paired import t_interval
    from albench.analysis.summaries import wide

    rows = []
    for (model, bound), stack in found.items():
        table = wide(stack)
        gap = (table[bound] - table[baseline]).to_numpy()
        low, high = t_interval(gap)
        rows.append([bound, model, len(gap), float(gap.mean()), low, high])
    return pd.DataFrame(
        rows, columns=["strategy", "model", "datasets", "difference", "low", "high"]
    )


def curves_of(found: Ceilings, model: str, dataset: str, lower: bool) -> "Iterator[pd.DataFrame]":
    """The mean curves of the bounds on a dataset, the baseline's left out."""
    from albench.analysis.standings import part_of
    from albench.analysis.within import mean_curves

    for (where, bound), stack in found.items():
        curves = mean_curves(part_of(stack, 1.0, [dataset]), lower)
        if where == model and len(curves):
            yield curves[curves["strategy"] == bound]
