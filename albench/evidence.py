"""What the bought rows say of each strategy: drift, evaluation bias, rare classes.

These remake cuts and refit models, so they rest on the first few trials only; every number
comes with how many trials that were.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from albench.cuts import Cut
from albench.passes import over_cuts
from albench.suite import Suite
from albench.tables import FULL_POOL

if TYPE_CHECKING:
    import pandas as pd

TRIALS = 1
MEASURES = ("drift_classes", "drift_features", "evaluation", "rare")
END = (1.0,)
FAR = 2.0
RARE = 0.15  # a class is rare with at most this share, and less than half an even one


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

    chosen = first_runs(suite, runs)
    wanted = set(chosen.loc[(chosen["status"] == "done"), "run"])
    specs = [c.spec for c in suite.cells() if c.strategy != FULL_POOL and c.spec.id in wanted]
    specs = list(dict.fromkeys(specs))
    mine = rounds[rounds["run"].isin(wanted)]
    drift, told, found = over_cuts(measured, chosen, mine, specs, -1, suite.plugins)
    cv = told[told["estimator"] == "cv"]
    even = 1 / chosen.groupby("dataset")["n_classes"].max()
    rarest = (found["prevalence"] <= RARE) & (found["prevalence"] < found["dataset"].map(even) / 2)
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
    return runs[runs["trial"].isin(few) & ~runs["strategy"].isin(suite.bounds)]


def measured(
    runs: "pd.DataFrame", rounds: "pd.DataFrame", cuts: Iterable[Cut]
) -> "tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]":
    """Drift, evaluation bias and rare classes at the end; each cut is made once for the three."""
    from albench.analysis import audit, bias, rare

    remade = list(cuts)
    return (
        bias.measured(runs, rounds, remade, END, brief=True),
        audit.measured(runs, rounds, remade, END, brief=True),
        rare.measured(runs, rounds, remade, END)[0],
    )


def flags(row: "pd.Series[Any]") -> str:
    """Which way a strategy's labelled sets drift, in words; a dash for not beyond random."""
    said = []
    for name, word in (("drift_classes", "classes"), ("drift_features", "features")):
        z = row.get(name)
        if z is not None and z == z and abs(z) > FAR:
            said.append(f"{word} {z:+.1f}")
    return ", ".join(said) or "\N{EN DASH}"
