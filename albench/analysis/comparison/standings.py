"""Where every strategy stands: mean rank with its uncertainty, and what belongs beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from albench.analysis.comparison import across, summaries
from albench.analysis.comparison.aggregate import aggregates
from albench.analysis.comparison.cells import Block, Stack, averaged
from albench.analysis.comparison.summaries import wide
from albench.analysis.comparison.targets import target_value, times

DRAWS = 2000


def part_of(stack: Stack, share: float = 1.0, datasets: Sequence[str] | None = None) -> Stack:
    """The stack up to a share of each budget, on some datasets; whole-pool scores stay."""
    chosen = [b for b in stack.blocks if datasets is None or b.dataset in datasets]
    return replace(stack, blocks=tuple(shortened(b, share) for b in chosen))


def shortened(block: Block, share: float) -> Block:
    """The checkpoints up to a share of the budget, two at least."""
    if share >= 1:
        return block
    upto = max(2, int(np.searchsorted(block.grid, share * block.grid[-1] + 1e-9, side="right")))
    return replace(block, grid=block.grid[:upto], scores=block.scores[:, :, :upto])


def rank_interval(table: pd.DataFrame, seed: int, draws: int = DRAWS) -> pd.DataFrame:
    """Mean rank over datasets with its 95 % bootstrap interval, datasets drawn.

    table: datasets x strategies, higher = better. Columns rank, rank_low, rank_high and
    `place`: one more than the strategies whose whole interval lies before the own; none is
    placed behind one of a worse mean rank, whose interval is the wider. Two whose intervals
    overlap may so have different places, where others lie between them. NaN intervals below
    three datasets, where all share the first place.
    """
    ranked = table.round(12).rank(axis=1, ascending=False).to_numpy()
    mean = ranked.mean(axis=0)
    low, high = np.full(len(mean), np.nan), np.full(len(mean), np.nan)
    if len(ranked) >= 3:
        rng = np.random.default_rng([seed, 41])
        drawn = rng.multinomial(len(ranked), np.full(len(ranked), 1 / len(ranked)), size=draws)
        low, high = np.quantile(drawn @ ranked / len(ranked), [0.025, 0.975], axis=0)
    ahead = np.array([1 + int(np.sum(high < value)) for value in low])
    order = np.argsort(mean, kind="stable")
    place = np.empty_like(ahead)
    place[order] = np.minimum.accumulate(ahead[order][::-1])[::-1]
    columns = {"rank": mean, "rank_low": low, "rank_high": high, "place": place}
    return pd.DataFrame(columns, index=table.columns)


def standings(
    stack: Stack, baseline: str, base: Mapping[str, str], *, alpha: float = 0.05, seed: int = 0
) -> pd.DataFrame:
    """One row per strategy, best mean rank first.

    rank with interval and shared place (see `rank_interval`); gain: normalised-gain IQM
    with interval, scaled per dataset; against the baseline over base datasets: difference
    with its interval, wins, ties, losses, holm_p, verdict; better: probability that a run
    beats one of the baseline, with interval; harm: mean share of checkpoints behind the
    baseline; worst: the largest mean loss on any dataset, both of the datasets that the
    strategy was `run` on; datasets (bases that count) and imputed (datasets filled with the
    baseline's curves, which count as no gain in rank, gain, tests and better).
    """
    if not stack.blocks:
        return pd.DataFrame()
    table = averaged(wide(stack), base)
    out = rank_interval(table, seed)
    filled = [sum(s in b.imputed for b in stack.blocks) for s in out.index]
    out["datasets"], out["imputed"], out["run"] = (
        len(table),
        filled,
        [len(stack.blocks) - n for n in filled],
    )
    out = out.join(beside(stack, baseline, base, seed)).join(tested(table, baseline, alpha, seed))
    return out.rename_axis("strategy").reset_index().sort_values("rank", kind="stable")


def beside(stack: Stack, baseline: str, base: Mapping[str, str], seed: int) -> pd.DataFrame:
    """Aggregates over runs, and what the curves of runs made amount to, by strategy."""
    found = aggregates(stack, baseline, base=base, draws=500, seed=seed).set_index("strategy")
    names = {"iqm": "gain", "iqm_low": "gain_low", "iqm_high": "gain_high"}
    kept = found.rename(columns=names)[
        [*names.values(), "better", "better_wide_low", "better_wide_high"]
    ]
    harm, worst = {}, {}
    for block in stack.blocks:
        theirs, made = block.of(baseline), own_runs(block)
        harm[block.dataset] = np.where(
            made, np.asarray(summaries.harm_rate(block.scores, theirs)).mean(axis=1), np.nan
        )
        worst[block.dataset] = np.where(
            made, np.asarray(summaries.worst_loss(block.scores, theirs)).mean(axis=1), np.nan
        )
    index = list(stack.strategies)
    kept["harm"] = pd.DataFrame(harm, index=index).mean(axis=1)
    kept["worst"] = pd.DataFrame(worst, index=index).min(axis=1)
    return kept


def own_runs(block: Block) -> NDArray[np.bool_]:
    """(K,) which strategies were run here, not filled with the baseline's curves."""
    return np.array([s not in block.imputed for s in block.strategies])


def tested(table: pd.DataFrame, baseline: str, alpha: float, seed: int) -> pd.DataFrame:
    """Against the baseline over base datasets; no test where none can decide."""
    columns = ["mean_difference", "low", "high", "wins", "ties", "losses", "holm_p", "note"]
    if table.shape[1] < 2:
        return pd.DataFrame(columns=[*columns, "verdict"])
    found = across.against(table, baseline, alpha=alpha, seed=seed)[columns]
    sure = found["holm_p"] <= alpha
    up = found["mean_difference"] > 0
    found["verdict"] = np.where(sure, np.where(up, "better", "worse"), "not told apart")
    found.loc[found["holm_p"].isna(), "verdict"] = "too few datasets"
    return found


def labels_needed(stack: Stack, baseline: str) -> pd.DataFrame:
    """Labels until the baseline's final score, over the datasets that it was run on, by strategy.

    reached: share of runs that held it; fewer: mean over datasets of the labels saved per
    trial up to the budget, as a share of the budget.
    """
    held, saved, trials = [], [], []
    for block in stack.blocks:
        value = target_value(block, "random", baseline)
        if np.isnan(value):
            continue
        labels, budget = times(block, value), float(block.grid[-1])
        spent = np.minimum(labels, budget)
        theirs = spent[block.strategies.index(baseline)]
        made = own_runs(block)
        held.append(np.where(made, (labels <= budget).sum(axis=1), 0))
        saved.append(np.where(made, (theirs - spent).mean(axis=1) / budget, np.nan))
        trials.append(np.where(made, len(block.trials), 0))
    if not held:
        return pd.DataFrame(columns=["reached", "fewer"])
    index = pd.Index(stack.strategies, name="strategy")
    columns = {
        "reached": pd.Series(np.sum(held, axis=0), index) / np.sum(trials, axis=0),
        "fewer": pd.DataFrame(saved, columns=index).mean(),
    }
    return pd.DataFrame(columns)


def run_counts(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs by strategy: due, failed (with timeouts), not_run (missing or skipped).

    runs: the suite's grid of one model, whatever became of each run.
    """
    status = runs["status"].astype(str)
    return pd.DataFrame(
        {
            "due": runs.groupby("strategy").size(),
            "failed": status.isin(["failed", "timeout"]).groupby(runs["strategy"]).sum(),
            "not_run": status.isin(["missing", "skipped"]).groupby(runs["strategy"]).sum(),
        }
    )


def query_seconds(runs: pd.DataFrame, rounds: pd.DataFrame) -> "pd.Series[float]":
    """Mean seconds per query by strategy, the start left out."""
    asked = rounds.loc[rounds["round"] > 0, ["run", "seconds_query"]]
    joined = asked.merge(runs.loc[runs["status"] == "done", ["run", "strategy"]], on="run")
    return joined.groupby("strategy")["seconds_query"].mean().rename("seconds")
