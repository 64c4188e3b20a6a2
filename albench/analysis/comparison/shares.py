"""Where the variance of paired differences lies, and how much more data would decide.

The difference of a strategy to the baseline in trial j of dataset i is

    mean + dataset_i + (strategy x dataset)_i + test rows_i + trial_ij

dataset             what the differences of all strategies on a dataset share (the baseline's
                    own deviation is in all of them)
strategy x dataset  what a strategy's difference has of its own there
test rows           that the dataset has these rows and not others like them: n_test / n_train
                    times the variance of a trial (Nadeau and Bengio 2003), which no number of
                    trials over the same rows lessens
trial               splits, starts and draws; lessened by trials

The first two are lessened by datasets only. Moment estimates, none below zero: the covariance of
strategies over datasets, less that of their means over trials.
"""

from collections.abc import Sequence
from math import inf, nan
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from albench.analysis.comparison import paired, power, verdicts
from albench.analysis.comparison.blocks import Block, Stack
from albench.analysis.comparison.summaries import areas
from albench.core.arrays import Floats

NORMAL = 1.959963984540054
Outcome: TypeAlias = Literal["differs", "equal"]


class Shares(NamedTuple):
    """Variances of one strategy's difference in one trial, by where they lie; NaN: not known.

    trials: per dataset, the harmonic mean; datasets: how many; difference: their mean.
    """

    difference: float
    dataset: float
    strategy: float
    rows: float
    trial: float
    trials: float
    datasets: int

    @property
    def between(self) -> float:
        """Variance over datasets that no trial lessens."""
        return float(np.nansum([self.dataset, self.strategy, self.rows]))

    def of_means(self, trials: float | None = None) -> float:
        """Variance over datasets of means over so many trials (default: as here)."""
        return self.between + self.trial / (self.trials if trials is None else trials)


def of_pair(blocks: Sequence[Block], baseline: str, strategy: str, summary: str) -> Shares:
    """The shares of one strategy from its blocks beside the baseline; `dataset` unknown.

    What all strategies share cannot be told from one alone: it is in `strategy`.
    """
    found = [_gaps(block, baseline, strategy, summary) for block in blocks]
    means = np.array([d.mean() for d in found])
    within = [float(d.var(ddof=1)) if len(d) > 1 else nan for d in found]
    ratios = [_ratio(block) for block in blocks]
    if len(found) < 2 or not np.isfinite(within).all():
        mean = float(means.mean()) if len(means) else nan
        return Shares(mean, nan, nan, nan, nan, nan, len(found))
    trial = float(np.mean(within))
    error = float(np.mean([v / len(d) for v, d in zip(within, found, strict=True)]))
    rows = float(np.mean([v * r for v, r in zip(within, ratios, strict=True)]))
    total = max(float(means.var(ddof=1)) - error, 0.0)
    known = min(rows, total) if np.isfinite(rows) else nan
    rest = total - (known if np.isfinite(known) else 0.0)
    trials = trial / error if error > 0 else float(np.mean([len(d) for d in found]))
    return Shares(float(means.mean()), nan, rest, known, trial, trials, len(found))


def _gaps(block: Block, baseline: str, strategy: str, summary: str) -> Floats:
    """(J,) differences of a strategy to the baseline."""
    values = areas(block.only((baseline, strategy)), summary)
    return paired.differences(values[1] - values[0])


def _ratio(block: Block) -> float:
    """n_test / n_train, NaN where a size is unknown."""
    known = block.n_train > 0 and block.n_test > 0
    return block.n_test / block.n_train if known else nan


def common(stack: Stack, baseline: str, summary: str, left_out: Sequence[str] = ()) -> float:
    """Variance over datasets that the differences of all joint strategies share; NaN: not known.

    The mean covariance of two strategies' differences over datasets, less that of their means
    over trials; not below zero.
    """
    others = [s for s in stack.strategies if s != baseline]
    blocks = [b for b in stack.blocks if b.dataset not in left_out and len(b.trials) > 1]
    if len(others) < 2 or len(blocks) < 2:
        return nan
    each = [np.array([_gaps(b, baseline, s, summary) for s in others]) for b in blocks]
    over = np.cov(np.array([d.mean(axis=1) for d in each]), rowvar=False)
    within = np.mean([np.cov(d) / d.shape[1] for d in each], axis=0)
    off = ~np.eye(len(others), dtype=bool)
    return max(float((over - within)[off].mean()), 0.0)


def shares(
    stack: Stack, baseline: str, summary: str = "aubc", left_out: Sequence[str] = ()
) -> dict[str, Shares]:
    """Strategy -> its shares, on the datasets and trials that it has beside the baseline."""
    together = common(stack, baseline, summary, left_out)
    out = {}
    for strategy in (s for s in stack.everyone if s != baseline):
        blocks = [b for b in stack.beside(baseline, strategy) if b.dataset not in left_out]
        one = of_pair(blocks, baseline, strategy, summary)
        if np.isfinite(together) and np.isfinite(one.strategy):
            part = min(together, one.strategy)
            one = one._replace(dataset=part, strategy=one.strategy - part)
        out[strategy] = one
    return out


def table(found: dict[str, Shares]) -> pd.DataFrame:
    """One row per strategy: the share of each source in the variance of one trial's difference.

    Columns: strategy, difference, sd (of one trial's difference over datasets and trials),
    dataset, strategy x dataset, test rows, trial (shares of its square, sum 1; NaN: not told
    apart), datasets, trials.
    """
    rows = []
    for name, s in found.items():
        total = s.between + s.trial
        rows.append(
            {
                "strategy": name,
                "difference": s.difference,
                "sd": float(np.sqrt(total)) if np.isfinite(total) else nan,
                "dataset": s.dataset / total if total > 0 else nan,
                "strategy x dataset": s.strategy / total if total > 0 else nan,
                "test rows": s.rows / total if total > 0 else nan,
                "trial": s.trial / total if total > 0 else nan,
                "datasets": s.datasets,
                "trials": s.trials,
            }
        )
    return pd.DataFrame(rows)


class Need(NamedTuple):
    """What would decide: towards which outcome, with how many datasets, or trials, in all.

    inf: no number (or more than `power.MOST`) decides it.
    """

    outcome: Outcome
    datasets: float
    trials: float


def need(
    s: Shares,
    *,
    rope: float,
    tests: int = 1,
    alpha: float = 0.05,
    wanted: float = 0.8,
    counted: int | None = None,
    noisy: bool = False,
) -> Need:
    """How many datasets, or how many trials on these, would decide if differences stay as here.

    Either that the strategy differs from the baseline (this test in its family of `tests`), or
    that the mean lies inside the rope (two one-sided t tests): whichever takes less. Both are
    projections from estimates: the true difference may be another. counted: how many of the
    datasets leave something to win (default: all); "equal" needs as many as one test does.
    noisy: too many of them are too noisy to say for equality; then trials, whose interval on a
    dataset must fit into the rope, show it, and further datasets with as few trials do not.
    """
    effect, level = abs(s.difference), alpha / max(tests, 1)
    if not np.isfinite(s.trial):
        return Need("differs", inf, inf)
    sd, df = float(np.sqrt(s.of_means())), s.datasets - 1
    # at most as many as are there would have decided it, had it come out as expected
    start = s.datasets + 1
    inside = rope - effect
    spread = power.Spread(s.between, s.trial, s.datasets, df)
    differs = Need(
        "differs",
        power.datasets_for(effect, sd, level, wanted, start, df),
        power.trials_for(effect, spread, level, wanted),
    )
    few = max(0, paired.smallest_n(1, alpha) - (s.datasets if counted is None else counted))
    equal = Need(
        "equal",
        power.datasets_for_equal(inside, sd, alpha, wanted, max(start, s.datasets + few), df),
        inf if few else power.trials_for_equal(inside, spread, alpha, wanted),
    )
    if noisy:
        fit = float(np.ceil(round(s.trial * (NORMAL / rope) ** 2, 9)))
        fit = fit if fit <= power.MOST else inf
        equal = Need("equal", inf, max(equal.trials, fit))
    return min(differs, equal, key=lambda n: (n.datasets, n.trials))


def told(found: Need, s: Shares) -> str:
    """`to tell them apart it takes about 12 more datasets, or 30 more trials on each of these`."""
    what = "to tell them apart" if found.outcome == "differs" else "to show them equal"
    parts = []
    if found.datasets < inf:
        parts.append(_more(found.datasets - s.datasets, "dataset"))
    more = np.ceil(found.trials - s.trials) if found.trials < inf else inf
    if 0 < more < inf:
        parts.append(_more(more, "trial") + " on each of these")
    if not parts:
        return f"{what} would take more than {power.MOST} datasets, and no number of trials"
    never = "" if more < inf else "; no number of trials on these would"
    return f"{what} takes about {', or '.join(parts)}, if differences stay as they are{never}"


def _more(n: float, word: str) -> str:
    return f"{int(n)} more {word}{'' if n == 1 else 's'}"


def undecided(
    against: pd.DataFrame,
    found: dict[str, Shares],
    *,
    rope: float,
    tests: int,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """What would decide each comparison that cannot be told.

    against: rows of one protocol and model with strategy, verdict, counted and noisy. Columns:
    strategy, outcome, datasets, trials (in all, inf: none), told.
    """
    rows: list[dict[str, Any]] = []
    for _, row in against[against["verdict"] == "unclear"].iterrows():
        strategy, one = str(row["strategy"]), found[str(row["strategy"])]
        counted, noisy = int(row["counted"]), int(row["noisy"]) * verdicts.BEYOND > row["counted"]
        due = need(one, rope=rope, tests=tests, alpha=alpha, counted=counted, noisy=bool(noisy))
        rows.append({"strategy": strategy, **due._asdict(), "told": told(due, one)})
    return pd.DataFrame(rows, columns=["strategy", *Need._fields, "told"])


def deciding(due: pd.DataFrame, named: Sequence[str] = ()) -> str:
    """What would decide what cannot be told, in one line; nothing where all is told.

    due: rows of `undecided` of one protocol and model, which are `named`.
    """
    if due.empty:
        return ""
    cells = [f"{r['strategy']}: {r['told']}" for _, r in due.iterrows()]
    start = ", ".join([*named, "what would decide"])
    return f"{start} (80 % power in this family): {'; '.join(cells)}."


def where(found: pd.DataFrame) -> list[str]:
    """Where variance lies, a sentence by model and protocol; found: the table `shares`."""
    if found.empty:
        return []
    parts = found.groupby(["model", "protocol"], sort=False)
    return [f"{model}, {said}" for (model, _), part in parts if (said := lying(part))]


def lying(found: pd.DataFrame) -> str:
    """Where the variance of one trial's difference lies, as the median over strategies."""
    columns = ["dataset", "strategy x dataset", "test rows", "trial"]
    known = found[columns].dropna(how="all")
    if known["trial"].isna().all():
        return ""
    middle = known.median()
    parts = [f"{c} {middle[c]:.0%}" for c in columns if np.isfinite(middle[c])]
    return (
        "variance of one trial's difference to the baseline, median over strategies: "
        f"{', '.join(parts)} (trials lessen the last, datasets all)."
    )
