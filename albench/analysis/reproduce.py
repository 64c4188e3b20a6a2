"""Published numbers beside ours, cell by cell; strategies that are not what their names say.

A claim is one row of `<suite>.published.csv`: dataset, strategy, model, metric, summary (how
the curve became one number), mean, sd, trials, seeds (`same`: the published trials are ours;
else `unknown`), protocol (where the suite has several), source, note. A note that begins with
`not comparable:` says why.

Derived from the stored picks and `n_tied`; nothing is simulated again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from albench.analysis.comparison import summaries
from albench.core.errors import BadData, BadValue

VERDICTS = ("same", "agrees", "too uncertain", "differs", "not comparable", "not run")
CLAIM = ("dataset", "strategy", "model", "metric", "summary", "mean")
OUT = "not comparable:"
MOST_MARGIN = 0.01
SYNONYMS = {"Random": "Uniform"}
"""Names that publications give to the same strategy."""


def aubc_lu2023(score: Any) -> float:
    """The area of Lu et al. (2023), first version: score after query 1 to q.

    `round(sum over i < q of (s_i + s_i+1) / 2 / q, 5)`: the start is left out and q - 1
    intervals are divided by q, so it lies below the textbook area. Added in order, because
    the fifth decimal depends on it. NaN below two queries.
    """
    after = [float(s) for s in score][1:]
    if len(after) < 2:
        return float("nan")
    total = 0.0
    for one, two in pairwise(after):
        total += (one + two) / 2
    return round(total / len(after), 5)


def textbook(n: Any, score: Any) -> float:
    """The area under the budget curve (`curves.aubc`)."""
    return float(summaries.aubc(n, score))


def after_first(score: Any) -> float:
    """The mean score of the evaluations with a label."""
    return float(np.mean(np.asarray(score, dtype=np.float64)))


SUMMARIES: dict[str, Callable[[Any, Any], float]] = {
    "aubc": textbook,
    "aubc_lu2023": lambda n, score: aubc_lu2023(score),
    "mean": lambda n, score: after_first(score),
}


def areas(runs: pd.DataFrame, rounds: pd.DataFrame, metric: str, summary: str) -> pd.DataFrame:
    """One row per finished run: dataset, protocol, model, strategy, trial, area.

    Raises BadValue for a summary that is none of `SUMMARIES` or a metric not stored.
    """
    if summary not in SUMMARIES:
        raise BadValue(f"summary {summary!r}: it is one of {', '.join(SUMMARIES)}")
    if metric not in rounds.columns:
        raise BadValue(f"metric {metric!r} is not stored; the suite's `metrics` must have it")
    done = runs[runs["status"] == "done"]
    area = SUMMARIES[summary]
    ordered = rounds[rounds["n_labeled"] > 0].sort_values(["run", "round"], kind="stable")
    values = {
        run: area(part["n_labeled"].to_numpy(), part[metric].to_numpy())
        for run, part in ordered.groupby("run", sort=False)
        if len(part) > 1
    }
    kept = done[["dataset", "protocol", "model", "strategy", "trial", "run"]].reset_index(drop=True)
    return kept.assign(area=kept.pop("run").map(values)).dropna(subset="area")


def claims(path: Any) -> pd.DataFrame:
    """The claims of a `<suite>.published.csv`, printed digits kept as text in `printed`.

    Raises BadData where a column is missing or a mean is no number.
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [c for c in CLAIM if c not in table.columns]
    if missing:
        raise BadData(f"{path}: no column {', '.join(missing)}")
    for optional in ("sd", "trials", "seeds", "source", "note", "query_model", "protocol"):
        if optional not in table.columns:
            table[optional] = ""
    table["digits"] = table["mean"].str.partition(".")[2].str.len()
    for column in ("mean", "sd", "trials"):
        table[column] = pd.to_numeric(table[column].replace("", None), errors="coerce")
    if table["mean"].isna().any():
        row = int(table["mean"].isna().to_numpy().argmax())
        raise BadData(f"{path}: the mean in row {row + 2} is no number")
    return table


@dataclass(frozen=True)
class Ours:
    """Our trials of one cell, and how alike trials of different strategies are there."""

    values: np.ndarray[Any, np.dtype[np.float64]]
    likeness: float


def reproduced(
    runs: pd.DataFrame,
    rounds: pd.DataFrame,
    published: pd.DataFrame,
    *,
    margin: float | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """The claims with our number, the difference, its interval and a verdict.

    margin   what counts as equal; None: half the published sd, at most .01
    Columns: dataset, strategy, model, protocol, summary, printed, printed_sd, trials_printed, ours,
    ours_sd, trials, difference, low, high, margin, verdict, why, source.
    """
    tables: dict[tuple[str, str], pd.DataFrame] = {}
    rows = []
    for claim in published.to_dict("records"):
        kind = (str(claim["metric"]), str(claim["summary"]))
        if kind not in tables:
            tables[kind] = areas(runs, rounds, *kind)
        rows.append(judged(claim, ours_of(claim, tables[kind]), margin, alpha))
    return pd.DataFrame(rows)


def ours_of(claim: dict[Any, Any], table: pd.DataFrame) -> Ours | None:
    """Our trials of a claim's cell, or None where none is finished."""
    place = (table["dataset"] == claim["dataset"]) & (table["model"] == claim["model"])
    if claim["protocol"]:
        place &= table["protocol"] == claim["protocol"]
    if not place.any():
        return None
    wide = table[place].pivot_table(index="trial", columns="strategy", values="area")
    if claim["strategy"] not in wide:
        return None
    values = wide[claim["strategy"]].dropna()
    others = wide.drop(columns=["all"], errors="ignore").corr()
    pairs = others.to_numpy()[np.triu_indices(len(others), 1)]
    alike = float(np.nanmin(pairs)) if len(pairs) and np.isfinite(pairs).any() else 0.0
    return Ours(values.to_numpy(dtype=np.float64), max(0.0, alike))


def judged(
    claim: dict[Any, Any], ours: Ours | None, margin: float | None, alpha: float
) -> dict[str, Any]:
    """One row of `reproduced`."""
    kept = ("dataset", "strategy", "model", "protocol", "summary")
    row: dict[str, Any] = {c: claim[c] for c in kept}
    row |= {"printed": claim["mean"], "printed_sd": claim["sd"], "trials_printed": claim["trials"]}
    row |= dict.fromkeys(("ours", "ours_sd", "difference", "low", "high", "margin"), float("nan"))
    note = str(claim["note"])
    row |= {"trials": 0, "why": note, "source": claim["source"]}
    if ours is not None:
        row |= {"trials": len(ours.values), "ours": float(ours.values.mean())}
        row["difference"] = row["ours"] - row["printed"]
        if len(ours.values) > 1:
            row["ours_sd"] = float(ours.values.std(ddof=1))
    if note.startswith(OUT):
        return row | {"verdict": "not comparable", "why": note.removeprefix(OUT).strip()}
    if ours is None or len(ours.values) < 2:
        return row | {"verdict": "not run"}
    return row | compared(row, int(claim["digits"]), claim["seeds"] == "same", ours, margin, alpha)


def compared(
    row: dict[str, Any],
    digits: int,
    same_seeds: bool,
    ours: Ours,
    margin: float | None,
    alpha: float,
) -> dict[str, Any]:
    """Interval, margin and verdict of a cell that has both numbers."""
    sd = row["printed_sd"] if np.isfinite(row["printed_sd"]) else row["ours_sd"]
    n = row["trials_printed"] if np.isfinite(row["trials_printed"]) else row["trials"]
    paired = same_seeds and row["trials"] == n
    error = standard_error(sd, n, row["ours_sd"], row["trials"], ours.likeness if paired else 0.0)
    half = stats.t.ppf(1 - alpha / 2, min(n, row["trials"]) - 1) * error + 0.5 * 10.0**-digits
    wide = min(sd / 2, MOST_MARGIN) if margin is None else margin
    low, high = row["difference"] - half, row["difference"] + half
    found = {"low": low, "high": high, "margin": wide}
    if row["trials"] == n and printed_alike(row, digits):
        return found | {"verdict": "same"}
    if -wide <= low and high <= wide:
        return found | {"verdict": "agrees"}
    return found | {"verdict": "differs" if low > 0 or high < 0 else "too uncertain"}


def standard_error(sd: float, n: float, our_sd: float, our_n: int, likeness: float) -> float:
    """Of the difference of two means.

    likeness  correlation of the published trials with ours; on the same splits it is at
              least that of two different strategies of ours, on others it counts as 0
    """
    one, two = sd / np.sqrt(n), our_sd / np.sqrt(our_n)
    return float(np.sqrt(max(0.0, one**2 + two**2 - 2 * likeness * one * two)))


def printed_alike(row: dict[str, Any], digits: int) -> bool:
    """Whether mean and sd (where printed) come out to the printed digits."""
    half = 0.5 * 10.0**-digits + 1e-9
    pairs = [("ours", "printed"), ("ours_sd", "printed_sd")]
    return all(abs(row[a] - row[b]) <= half for a, b in pairs if np.isfinite(row[b]))


def tally(table: pd.DataFrame) -> str:
    """`4 same, 9 agree, ...`: how many cells have each verdict."""
    counts = table["verdict"].value_counts()
    return ", ".join(f"{int(counts.get(v, 0))} {v}" for v in VERDICTS)


def conflicts(
    mine: pd.DataFrame, other: pd.DataFrame, names: dict[str, str], titles: tuple[str, str]
) -> pd.DataFrame:
    """Claims of two publications on the same dataset and strategy, beside our number.

    names  strategy of the other publication -> strategy of this one
    titles the two publications, as columns
    """
    theirs = other.assign(strategy=other["strategy"].replace(names))
    both = mine.merge(
        theirs[["dataset", "strategy", "mean"]], on=["dataset", "strategy"], suffixes=("", "_other")
    )
    return pd.DataFrame(
        {
            "dataset": both["dataset"],
            "strategy": both["strategy"],
            titles[0]: both["printed"],
            titles[1]: both["mean"],
            "claims apart": both["printed"] - both["mean"],
            "ours": both["ours"],
        }
    )


FULL = "all"
TIED = 0.9


def coinciding(runs: pd.DataFrame, rounds: pd.DataFrame) -> pd.DataFrame:
    """Findings on the strategies of a suite, one row each.

    Columns: dataset, protocol, model, strategy, finding, with, share, trials. Findings:
      `same picks`  as the strategy `with`, in every common trial (share 1); of several that are
                    alike each is named once, with the first; a strategy with the picks of
                    `pool_order` ranks nothing
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
    """Strategies that bought the same rows in the same order as another in every common trial.

    Each is named once, with the first of those that it is alike.
    """
    order = {s: {t: flat(p) for t, p in trials.items()} for s, trials in by_strategy.items()}
    found: list[dict[str, Any]] = []
    firsts: list[str] = []
    for name, own in order.items():
        for first in firsts:
            common = sorted(set(order[first]) & set(own))
            if common and all(order[first][t] == own[t] for t in common):
                found.append(
                    {"strategy": name, "finding": "same picks", "with": first, "share": 1.0}
                    | {"trials": len(common)}
                )
                break
        else:
            firsts.append(name)
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
