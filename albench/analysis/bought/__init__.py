"""What every run bought, as positions of its cut, and its measures beside the baseline's.

`albench.runner.cuts` remakes it from the spec. Runs on the same cut come one after the other and
share one `task` object, so that what depends on the cut alone (distances, null subsets, the
full-pool model) is worked out once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

import numpy as np
import pandas as pd

from albench.analysis.comparison.paired import DIGITS
from albench.core.arrays import Floats, Ints
from albench.core.errors import BadResults
from albench.core.tables import FULL_POOL, KEY

CELL = ["dataset", "protocol", "model", "strategy"]
NULL = ("z", "null_low", "null_high")


def over_trials(
    runs: pd.DataFrame, baseline: str, undefined: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Means over trials and paired differences to the baseline.

    runs: one row per run, checkpoint and measure, with the columns dataset, protocol, model,
    strategy, trial, checkpoint, n_labeled, measure, value and, where there is a null, z,
    null_low, null_high. Returns one row per cell, checkpoint and measure: n_labeled, value,
    trials (those where the measure is defined, of_trials in all), difference with its 95 %
    interval low, high over the `pairs` trials it shares with the baseline, z, null_low,
    null_high (means), and reason: why the value is NaN, as `undefined` (measure -> when it
    is) has it, else empty.
    """
    place = ["dataset", "protocol", "model", "checkpoint", "measure"]
    base = runs[runs["strategy"] == baseline].set_index([*place, "trial"])["value"]
    base = base[~base.index.duplicated()].rename("base")
    joined = runs.join(base, on=[*place, "trial"])
    joined["gap"] = joined["value"] - joined["base"]
    out = described(joined, [*CELL, "checkpoint", "measure"])
    own = ["difference", "low", "high"]
    out.loc[out["strategy"] == baseline, own] = np.nan
    why = undefined or {}
    out["reason"] = [
        why.get(measure, "undefined") if np.isnan(value) else ""
        for measure, value in zip(out["measure"], out["value"], strict=True)
    ]
    return out


def described(joined: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    """Mean, difference with its t interval (as `paired.t_interval`) and null of each group."""
    from scipy.special import stdtrit

    own = joined.assign(rounded=joined["gap"].round(DIGITS))
    own = own.assign(**{name: np.nan for name in NULL if name not in own})
    by = own.groupby(list(key), sort=False, dropna=False)
    mean = by[["n_labeled", "value", "gap", "rounded", *NULL]].mean()
    pairs = by["gap"].count()
    df = (pairs - 1).where(pairs > 1).to_numpy(dtype=np.float64)
    half = stdtrit(df, 0.975) * by["rounded"].std(ddof=1) / np.sqrt(pairs)
    return pd.DataFrame(
        {
            "n_labeled": mean["n_labeled"],
            "value": mean["value"],
            "trials": by["value"].count(),
            "of_trials": by.size(),
            "difference": mean["gap"],
            "low": mean["rounded"] - half,
            "high": mean["rounded"] + half,
            "pairs": pairs,
            **{name: mean[name] for name in NULL},
        }
    ).reset_index()


def wide(
    summary: pd.DataFrame, measures: Sequence[str], z: Sequence[str] = (), last: bool = True
) -> pd.DataFrame:
    """One row per cell (and checkpoint), a column per measure, `z <measure>` beside it.

    last: only the last checkpoint of each cell.
    """
    if last:
        final = summary.groupby(CELL)["checkpoint"].transform("max")
        summary = summary[summary["checkpoint"] == final]
    index = [*CELL, "n_labeled", "of_trials"]
    order = pd.MultiIndex.from_frame(summary[index].drop_duplicates())
    columns = {}
    for name in measures:
        part = summary[summary["measure"] == name].set_index(index)
        columns[name] = part["value"]
        if name in z:
            columns[f"z {name}"] = part["z"]
    return pd.DataFrame(columns, index=order).reset_index().rename(columns={"of_trials": "trials"})


def sure(row: "pd.Series[float]") -> int:
    """1 or -1 where the interval of a difference lies above or below 0, else 0."""
    if row["low"] > 0:
        return 1
    return -1 if row["high"] < 0 else 0


class Cut(Protocol):
    """One run and its cut; everything but `run` and `task` is worked out when asked for."""

    @property
    def run(self) -> str:
        """The run, as in the tables."""

    @property
    def task(self) -> Any:
        """The `Task`: features, true labels, start, withheld rows, row numbers."""

    @property
    def features(self) -> Sequence[str]:
        """(d,) names of the task's columns, their numbers where none are known."""

    @property
    def random_start(self) -> bool:
        """Whether the start was drawn uniformly."""

    @property
    def uniform(self) -> bool:
        """Whether the strategy draws its picks uniformly from the pool."""

    @property
    def answers(self) -> Ints:
        """(n_train,) what the oracle answers to each train row, -1 where it abstains."""

    @property
    def prices(self) -> Floats:
        """(n_train,) what the label of each train row costs."""

    @property
    def panel(self) -> Any:
        """The annotators of whom a strategy may choose; None where there is no choice."""

    @property
    def full_margins(self) -> Floats:
        """(n_train,) gap between the two best classes of the full-pool model."""

    def fit(self, labeled: Ints, y: Ints) -> Any:
        """The task model fitted on train rows (ascending positions): a `Fitted`."""

    def positions(self, picks: Ints) -> Ints:
        """Train positions of dataset rows, as the stored `picks` are."""


CHECKPOINTS = (0.0, 0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class Bought:
    """One run: what it bought, in order, the start first.

    key           dataset, protocol, model, strategy, trial
    rows          (n,) train positions, labels (n,) the answers, -1 for an abstention
    round         (n,) the round in which each was bought
    probability   (n,) of each draw, NaN where it is neither logged nor known (random)
    margin_rank   (n,) share of the pool with a smaller margin then, NaN where not traced
    rounds        the run's rows of the table `rounds`
    """

    key: tuple[str, str, str, str, int]
    cut: Cut
    rows: Ints
    labels: Ints
    round: Ints
    probability: Floats
    margin_rank: Floats
    rounds: pd.DataFrame

    @property
    def strategy(self) -> str:
        """The strategy's label."""
        return self.key[3]

    @property
    def n_start(self) -> int:
        """Rows of the start."""
        return int(np.sum(self.round == 0))

    @property
    def answered(self) -> Ints:
        """Indices of the rows that got a label, in order."""
        return np.flatnonzero(self.labels >= 0)

    def in_hand(self, number: int) -> Ints:
        """Indices of the rows whose labels are in hand at the evaluation of a round."""
        return self.answered[: int(self.rounds["n_labeled"].iloc[number])]

    def cost(self, number: int) -> float:
        """Cumulative cost at the evaluation of a round."""
        return float(self.rounds["cost"].iloc[number])

    def checkpoints(self, shares: Sequence[float]) -> list[tuple[float, int]]:
        """(share, round) of the first evaluation with each share of what was bought.

        Share 0 is the start, or the first labels where a run starts from nothing. A round that
        two shares fall on is kept under the first, the last round under 1.
        """
        bought = np.cumsum(np.bincount(self.round, minlength=len(self.rounds)))
        in_hand = self.rounds["n_labeled"].to_numpy() > 0
        out: dict[int, float] = {}
        for share in sorted(shares):
            number = int(np.flatnonzero((bought >= share * bought[-1] - 1e-9) & in_hand)[0])
            if share >= 1:
                number = len(bought) - 1  # delayed labels arrive after the last was bought
                out.pop(number, None)
            out.setdefault(number, share)
        return [(share, number) for number, share in out.items()]


@dataclass(frozen=True, eq=False)
class Group:
    """The runs on one cut."""

    task: Any
    runs: tuple[Bought, ...]


def groups(runs: pd.DataFrame, rounds: pd.DataFrame, cuts: Iterable[Cut]) -> Iterator[Group]:
    """The finished runs, those on one cut together; full-pool runs are left out.

    runs, rounds: the stored tables with the suite's labels; `cuts` must hold every finished
    run, in the order of `albench.runner.cuts`. Raises BadResults where nothing is finished.
    """
    done = runs[(runs["status"] == "done") & (runs["strategy"] != FULL_POOL)]
    if done.empty:
        raise BadResults("there is no finished run to look at")
    keys: dict[str, list[tuple[Any, ...]]] = {}
    for run, *key in done[["run", *KEY]].itertuples(index=False, name=None):
        keys.setdefault(run, []).append(tuple(key))
    wanted = rounds[rounds["run"].isin(keys)].sort_values(["run", "round"], kind="stable")
    parts = {str(run): part.reset_index(drop=True) for run, part in wanted.groupby("run")}
    # tasks are equal only to themselves
    for _, members in groupby(cuts, key=lambda cut: cut.task):
        found = [
            bought(key, cut, parts[cut.run])
            for cut in members
            if cut.run in parts
            for key in keys[cut.run]
        ]
        if found:
            yield Group(found[0].cut.task, tuple(found))


def bought(key: Any, cut: Cut, rounds: pd.DataFrame) -> Bought:
    """One run from its rows of `rounds`, sorted by round; raises BadResults, see `fitting`."""
    fitting(cut, rounds)
    sizes = [len(picks) for picks in rounds["picks"]]
    labels = [-1 if pd.isna(label) else int(label) for part in rounds["labels"] for label in part]
    picks = np.concatenate([np.asarray(p, dtype=np.intp) for p in rounds["picks"]])
    probability = spread(rounds, "probability", sizes)
    if cut.uniform:
        left = len(cut.task.y) - len(cut.task.withheld) - np.arange(len(picks))
        probability = 1.0 / left
    return Bought(
        key,
        cut,
        cut.positions(picks),
        np.array(labels, dtype=np.intp),
        np.repeat(rounds["round"].to_numpy(dtype=np.intp), sizes),
        probability,
        spread(rounds, "margin_rank", sizes),
        rounds,
    )


def fitting(cut: Cut, rounds: pd.DataFrame) -> None:
    """Raise BadResults for rounds that no run on this cut can have had."""
    held = [value if isinstance(value, list | np.ndarray) else () for value in rounds["labels"]]
    given = [label for part in held for label in part if not pd.isna(label)]
    known = [sum(not pd.isna(label) for label in part) for part in held]
    wrong = ""
    if [len(part) for part in held] != [len(picks) for picks in rounds["picks"]]:
        wrong = "holds labels of another number than it bought"
    elif any(not 0 <= label < cut.task.n_classes for label in given):
        wrong = f"holds a label that is none of the {cut.task.n_classes} classes"
    elif (rounds["n_labeled"].to_numpy() > np.cumsum(known)).any():
        wrong = "counts more labels than it was given"
    elif (rounds["round"].to_numpy() != np.arange(len(rounds))).any():
        wrong = "has missing or doubled rounds"
    if wrong:
        raise BadResults(f"run {cut.run} {wrong}; `albench verify` says what else is wrong")


def spread(rounds: pd.DataFrame, column: str, sizes: Sequence[int]) -> Floats:
    """A list column laid out over the rows bought; NaN where a round has none."""
    if column not in rounds:
        return np.full(sum(sizes), np.nan)
    parts = []
    for value, size in zip(rounds[column], sizes, strict=True):
        known = isinstance(value, list | np.ndarray) and len(value) == size
        parts.append(np.asarray(value, dtype=np.float64) if known else np.full(size, np.nan))
    return np.concatenate(parts)
