"""Where every strategy stands: mean rank with its uncertainty, and what belongs beside it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from albench.analysis.comparison import across, control, summaries
from albench.analysis.comparison.aggregate import aggregates
from albench.analysis.comparison.cells import Block, Stack, averaged
from albench.analysis.comparison.room import rooms, unlearnable
from albench.analysis.comparison.summaries import wide
from albench.analysis.comparison.targets import target_value, times
from albench.analysis.question import Options, rope_of


def part_of(stack: Stack, share: float = 1.0, datasets: Sequence[str] | None = None) -> Stack:
    """The stack up to a share of each budget, on some datasets; whole-pool scores stay."""
    chosen = [b for b in stack.blocks if datasets is None or b.dataset in datasets]
    pairs = {
        name: tuple(
            shortened(b, share) for b in blocks if datasets is None or b.dataset in datasets
        )
        for name, blocks in stack.pairs.items()
    }
    return replace(stack, blocks=tuple(shortened(b, share) for b in chosen), pairs=pairs)


def shortened(block: Block, share: float) -> Block:
    """The checkpoints up to a share of the budget, two at least."""
    if share >= 1:
        return block
    upto = max(2, int(np.searchsorted(block.grid, share * block.grid[-1] + 1e-9, side="right")))
    return replace(block, grid=block.grid[:upto], scores=block.scores[:, :, :upto])


def standings(stack: Stack, options: Options) -> pd.DataFrame:
    """One row per strategy, best mean rank first.

    rank with interval and shared place (see `across.rank_intervals`); gain: normalised-gain IQM
    with interval, scaled per dataset; against the baseline over base datasets: difference
    with its interval, wins, ties, losses, holm_p, verdict; better: probability that a run
    beats one of the baseline, with interval; harm: mean share of checkpoints behind the
    baseline; worst: the largest mean loss on any dataset, both of the datasets that the
    strategy was `run` on; datasets (bases that count) and imputed (datasets filled with the
    baseline's curves, which count as no gain in rank, gain, tests and better); alike: other
    names of the same competitor. Ranks and tests leave out the datasets of `no_room`; the
    record (wins, ties, losses) those without head-room, see `control.table`.
    """
    if not stack.blocks:
        return pd.DataFrame()
    assert options.rope is not None
    found = rooms(
        stack.all_blocks(options.baseline), options.baseline, options.summary, options.rope
    )
    out_of_it = unlearnable(found)
    each = wide(stack, options.summary)
    table = averaged(each.loc[[d for d in each.index if d not in out_of_it]], options.base)
    out = across.rank_intervals(table, options.seed)
    filled = [sum(s in b.imputed for b in stack.blocks) for s in out.index]
    out["datasets"], out["imputed"], out["run"] = (
        len(table),
        filled,
        [len(stack.blocks) - n for n in filled],
    )
    out["alike"] = [", ".join(stack.alike.get(str(s), ())) for s in out.index]
    out = out.join(beside(stack, options)).join(tested(stack, options, found))
    return out.rename_axis("strategy").reset_index().sort_values("rank", kind="stable")


def with_rope(stack: Stack, options: Options) -> Options:
    """The question with the rope that its metric has; raises BadValue where it has none."""
    scores = [b.scores for b in stack.blocks]
    ends = [float(f(x)) for x in scores for f in (np.min, np.max)] or [0.0]
    sign = -1 if options.lower else 1
    low, high = sorted((sign * min(ends), sign * max(ends)))
    return replace(options, rope=rope_of(options.rope, options.metric, low, high))


def no_room(stack: Stack, options: Options) -> list[str]:
    """The datasets that count in no rank and no test, by `room`."""
    assert options.rope is not None
    blocks = stack.all_blocks(options.baseline)
    return unlearnable(rooms(blocks, options.baseline, options.summary, options.rope))


def beside(stack: Stack, options: Options) -> pd.DataFrame:
    """Aggregates over runs, and what the curves of runs made amount to, by strategy."""
    baseline = options.baseline
    found = aggregates(
        stack,
        baseline,
        summary=options.summary,
        base=options.base,
        draws=500,
        seed=options.seed,
    ).set_index("strategy")
    names = {"iqm": "gain", "iqm_low": "gain_low", "iqm_high": "gain_high"}
    kept = found.rename(columns=names)[
        [*names.values(), "better", "better_wide_low", "better_wide_high"]
    ]
    harm, worst = {}, {}
    for name in stack.strategies:
        blocks = [b for b in stack.beside(baseline, name) if name not in b.imputed]
        curves = [(b.of(name), b.of(baseline)) for b in blocks]
        harm[name] = _mean([float(np.mean(summaries.harm_rate(*c))) for c in curves])
        losses = [float(np.mean(summaries.worst_loss(*c))) for c in curves]
        worst[name] = min(losses, default=np.nan)
    return kept.join(pd.DataFrame({"harm": harm, "worst": worst}))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else np.nan


def tested(stack: Stack, options: Options, found_rooms: pd.DataFrame) -> pd.DataFrame:
    """Against the baseline over base datasets; no test where none can decide."""
    columns = ["mean_difference", "low", "high", "wins", "ties", "losses", "holm_p", "note"]
    found = control.table(stack, options, found_rooms)
    if found.empty:
        return pd.DataFrame(columns=[*columns, "verdict"])
    found = found.set_index("strategy")[[*columns, "verdict"]]
    found["verdict"] = found["verdict"].replace("unclear", "not told apart")
    found.loc[found["holm_p"].isna(), "verdict"] = "too few datasets"
    return found


def labels_needed(stack: Stack, baseline: str) -> pd.DataFrame:
    """Labels until the baseline's final score, over the datasets that it was run on, by strategy.

    reached: share of runs that held it; fewer: mean over datasets of the labels saved per
    trial up to the budget, as a share of the budget.
    """
    rows = {}
    for name in stack.strategies:
        held, saved, trials = [], [], 0
        for block in (b for b in stack.beside(baseline, name) if name not in b.imputed):
            value = target_value(block, "random", baseline)
            if np.isnan(value):
                continue
            labels, budget = times(block, value), float(block.grid[-1])
            spent = np.minimum(labels, budget)
            ours, theirs = (block.strategies.index(s) for s in (name, baseline))
            held.append(int((labels[ours] <= budget).sum()))
            saved.append(float((spent[theirs] - spent[ours]).mean() / budget))
            trials += len(block.trials)
        if trials:
            rows[name] = {"reached": sum(held) / trials, "fewer": _mean(saved)}
    index = pd.Index(stack.strategies, name="strategy")
    if not rows:
        return pd.DataFrame(columns=["reached", "fewer"])
    return pd.DataFrame.from_dict(rows, orient="index").reindex(index)


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
