"""What the bought rows say of each strategy: drift, evaluation bias, rare classes.

These remake cuts and refit models, so they rest on the first few trials only; every number
comes with how many trials that were.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from albench.cuts import Cut
from albench.passes import over_cuts
from albench.suite import Suite
from albench.tables import FULL_POOL

if TYPE_CHECKING:
    import pandas as pd

TRIALS = 1
END = (1.0,)
FAR = 2.0
RARE = 0.15  # a class is rare with at most this share, and less than half an even one


@dataclass(frozen=True)
class Evidence:
    """table: by model and strategy: drift_classes, drift_features (mean z against random
    subsets of the pool), evaluation (cross-validated accuracy minus that on the test set),
    rare (positives among queried rows over their share, on datasets with a rare class);
    trials: how many it rests on."""

    table: "pd.DataFrame"
    trials: int


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
    key = ["model", "strategy"]
    parts = {
        "drift_classes": drift[drift["measure"] == "tv"].groupby(key)["z"].mean(),
        "drift_features": drift[drift["measure"] == "energy"].groupby(key)["z"].mean(),
    }
    cv = told[told["estimator"] == "cv"]
    parts["evaluation"] = (cv["estimate"] - cv["truth"]).groupby([cv[k] for k in key]).mean()
    even = 1 / chosen.groupby("dataset")["n_classes"].max()
    rarest = (found["prevalence"] <= RARE) & (found["prevalence"] < found["dataset"].map(even) / 2)
    few_positive = found[(found["measure"] == "enrichment") & rarest]
    parts["rare"] = few_positive.groupby(key)["value"].mean()
    return Evidence(pd.DataFrame(parts), chosen["trial"].nunique())


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
