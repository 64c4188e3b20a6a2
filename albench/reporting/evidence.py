"""What bought rows say of each strategy, and bounds beside the leaderboard.

These remake cuts and refit models, so they rest on the first few trials only; every number
comes with how many trials that were.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from albench.core.tables import FULL_POOL
from albench.runner.cuts import Cut, over_cuts
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison.cells import Stack


TRIALS = 1
MEASURES = ("drift_classes", "drift_features", "evaluation", "rare")
END = (1.0,)


@dataclass(frozen=True)
class Evidence:
    """long: by model, strategy, dataset and measure a value: drift_classes, drift_features (z
    against random subsets of the pool), evaluation (cross-validated accuracy minus that on the
    test set), rare (positives among queried rows over their share, on datasets with a rare
    class); trials: how many of each dataset it rests on."""

    long: "pd.DataFrame"
    trials: int

    def table(self, model: str, datasets: Collection[str]) -> "pd.DataFrame":
        """Means over these datasets by strategy, a column per measure."""
        mine = self.long[(self.long["model"] == model) & self.long["dataset"].isin(list(datasets))]
        means = mine.groupby(["strategy", "measure"])["value"].mean().unstack("measure")
        return means.reindex(columns=list(MEASURES))


def evidence(suite: Suite, runs: "pd.DataFrame", rounds: "pd.DataFrame") -> Evidence:
    """The evidence of the first trials of a suite's stored runs.

    It is measured anew each time: a file beside the tables would be one that nobody checks.
    """
    import pandas as pd

    from albench.analysis.bought.rare import is_rare

    chosen = first_runs(suite, runs)
    wanted = set(chosen.loc[(chosen["status"] == "done"), "run"])
    specs = [c.spec for c in suite.cells() if c.strategy != FULL_POOL and c.spec.id in wanted]
    specs = list(dict.fromkeys(specs))
    mine = rounds[rounds["run"].isin(wanted)]
    drift, told, found = over_cuts(measured, chosen, mine, specs, -1, suite.plugins)
    cv = told[told["estimator"] == "cv"]
    classes = chosen.groupby("dataset")["n_classes"].max()
    rarest = is_rare(found["prevalence"], found["dataset"].map(classes))
    few_positive = found[(found["measure"] == "enrichment") & rarest]
    parts = {
        "drift_classes": drift[drift["measure"] == "tv"].assign(value=lambda f: f["z"]),
        "drift_features": drift[drift["measure"] == "energy"].assign(value=lambda f: f["z"]),
        "evaluation": cv.assign(value=cv["estimate"] - cv["truth"]),
        "rare": few_positive,
    }
    key = ["model", "strategy", "dataset", "measure", "value"]
    long = pd.concat([part.assign(measure=name)[key] for name, part in parts.items()])
    return Evidence(long, chosen["trial"].nunique())


def first_runs(suite: Suite, runs: "pd.DataFrame") -> "pd.DataFrame":
    """The runs of the first trials, bounds left out."""
    few = sorted(set(runs["trial"]))[:TRIALS]
    return runs[runs["trial"].isin(few) & ~runs["strategy"].isin(suite.question().unranked)]


def measured(
    runs: "pd.DataFrame", rounds: "pd.DataFrame", cuts: Iterable[Cut]
) -> "tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]":
    """Drift, evaluation bias and rare classes at the end; each cut is made once for the three."""
    from albench.analysis.bought import audit, bias, rare

    remade = list(cuts)
    return (
        bias.measured(runs, rounds, remade, END, brief=True),
        audit.measured(runs, rounds, remade, END, brief=True),
        rare.measured(runs, rounds, remade, END)[0],
    )


def flags(row: "pd.Series[Any]") -> str:
    """Which way a strategy's labelled sets drift, in words; a dash for not beyond random."""
    from albench.analysis.bought.words import far

    said = []
    for name, word in (("drift_classes", "classes"), ("drift_features", "features")):
        z = row.get(name)
        if z is not None and far(z):
            said.append(f"{word} {z:+.1f}")
    return ", ".join(said) or "\N{EN DASH}"


Ceilings = Mapping[tuple[str, str], "Stack"]
"""By model and bound: its curves and the baseline's, on the trials that both finished."""


def ceilings(suite: Suite, runs: "pd.DataFrame", rounds: "pd.DataFrame") -> Ceilings:
    """The curves of every bound that has finished runs, by the primary metric.

    Each has a stack of its own with the baseline, so that it costs the others no trial.
    """
    from albench.analysis.comparison.cells import stacks
    from albench.analysis.comparison.options import curves_frame

    asked = suite.question()
    # each bound is what its own stack is about, so there it is compared
    alone = replace(asked, unranked=())
    found = {}
    for bound in asked.unranked:
        mine = runs[runs["strategy"].isin([bound, asked.baseline])]
        if not ((mine["strategy"] == bound) & (mine["status"] == "done")).any():
            continue
        frame, _ = curves_frame(mine, rounds, alone)
        for stack in stacks(frame, asked.baseline):
            if bound in stack.strategies and stack.blocks:
                found[stack.model, bound] = stack
    return found


def above(found: Ceilings, baseline: str) -> "pd.DataFrame":
    """Each bound against the baseline.

    Columns: strategy, model, datasets, difference (mean over datasets of the area under the
    primary metric) with its 95 % t interval low, high.
    """
    import pandas as pd

    from albench.analysis.comparison.paired import t_interval
    from albench.analysis.comparison.summaries import wide

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
    from albench.analysis.comparison.standings import part_of
    from albench.analysis.comparison.within import mean_curves

    for (where, bound), stack in found.items():
        curves = mean_curves(part_of(stack, 1.0, [dataset]), lower)
        if where == model and len(curves):
            yield curves[curves["strategy"] == bound]
