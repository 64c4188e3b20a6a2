"""Strategies that are not what their names say: the same picks, pool order, nothing to rank.

Derived from the stored picks and `n_tied`; nothing is simulated again.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

FULL = "all"
TIED = 0.9


def coinciding(runs: pd.DataFrame, rounds: pd.DataFrame) -> pd.DataFrame:
    """Findings on the strategies of a suite, one row each.

    Columns: dataset, protocol, model, strategy, finding, with, share, trials. Findings:
      `same picks`  as the strategy `with`, in every common trial (share 1); a strategy with
                    the picks of `pool_order` ranks nothing
      `all tied`    in at least nine of ten rounds every candidate lay in the tie window, as
                    with constant scores or a committee that never disagrees; share = mean
                    share of such rounds
    """
    done = runs[(runs["status"] == "done") & (runs["strategy"] != FULL)]
    bought = dict(iter(rounds.sort_values("round").groupby("run", sort=False)))
    found: list[dict[str, Any]] = []
    for place, cell in done.groupby(["dataset", "protocol", "model"], sort=True):
        keys = dict(zip(("dataset", "protocol", "model"), place, strict=True))
        by_strategy = {
            str(name): {int(t): bought[r] for t, r in zip(g["trial"], g["run"], strict=True)}
            for name, g in cell.groupby("strategy", sort=True)
        }
        rows = int(cell["n_train"].iloc[0])
        findings = [*same_picks(by_strategy), *tied(by_strategy, rows)]
        found += [keys | finding for finding in findings]
    columns = ["dataset", "protocol", "model", "strategy", "finding", "with", "share", "trials"]
    return pd.DataFrame(found, columns=columns)


def flat(part: pd.DataFrame) -> list[int]:
    """All picks of a run in the order bought."""
    return [int(row) for picks in part["picks"] for row in picks]


def same_picks(by_strategy: dict[str, dict[int, pd.DataFrame]]) -> list[dict[str, Any]]:
    """Pairs of strategies that bought the same rows in the same order in every common trial."""
    order = {s: {t: flat(p) for t, p in trials.items()} for s, trials in by_strategy.items()}
    found = []
    for one, two in combinations(order, 2):
        common = sorted(set(order[one]) & set(order[two]))
        if common and all(order[one][t] == order[two][t] for t in common):
            found.append(
                {"strategy": two, "finding": "same picks", "with": one, "share": 1.0}
                | {"trials": len(common)}
            )
    return found


def tied(by_strategy: dict[str, dict[int, pd.DataFrame]], n_train: int) -> list[dict[str, Any]]:
    """Strategies whose scores tie over the whole pool in nearly every round."""
    found = []
    for strategy, trials in by_strategy.items():
        shares = [tied_rounds(part, n_train) for part in trials.values()]
        known = [share for share in shares if share is not None]
        if known and float(np.mean(known)) >= TIED:
            found.append(
                {"strategy": strategy, "finding": "all tied", "with": "", "trials": len(known)}
                | {"share": float(np.mean(known))}
            )
    return found


def tied_rounds(part: pd.DataFrame, n_train: int) -> float | None:
    """Share of the queries in which every candidate was tied; None where it was not recorded.

    Queries over fewer than three rows do not count: they say nothing.
    """
    n_tied = part["n_tied"].to_numpy(dtype=np.float64)[1:]
    sizes = np.array([len(p) for p in part["picks"]])
    left = n_train - np.cumsum(sizes)[:-1]
    asked = np.isfinite(n_tied) & (left > 2)
    if not asked.any():
        return None
    return float(np.mean(n_tied[asked] >= left[asked]))


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """One row per strategy and finding: on how many datasets, and on how many runs it rests."""
    if not len(found):
        return pd.DataFrame(columns=["strategy", "finding", "with", "datasets", "trials"])
    groups = found.groupby(["strategy", "finding", "with"], sort=True)
    return groups.agg(datasets=("dataset", "nunique"), trials=("trials", "sum")).reset_index()
