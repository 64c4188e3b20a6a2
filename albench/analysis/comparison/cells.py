"""From a frame of curves to paired blocks, variants of one dataset averaged first.

A frame of curves has one row per run and checkpoint: `dataset`, `strategy`, `trial`,
`n_labeled` and a column per metric; `protocol`, `model`, `cost`, `status`, `n_train`,
`n_test`, `seconds_query` where there are any. A CSV from elsewhere will do.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.comparison.words import counted
from albench.analysis.question import Missing
from albench.core.arrays import Floats
from albench.core.errors import BadResults, BadValue

FULL = "all"
"""Strategy name of runs on the whole pool: reference lines, never compared."""

TEXT = ("dataset", "protocol", "model", "strategy")
NUMBERS = ("n_labeled", "cost", "n_train", "n_test")


@dataclass(frozen=True)
class Block:
    """The paired curves of one dataset under one protocol and model.

    grid: (T,) labels or cost; scores: (K, J, T), higher = better, for K strategies and
    the J trials that all of them finished; full: (J,) score of the whole pool, NaN
    where it was not run; imputed: strategies filled with the baseline's curves.
    """

    dataset: str
    protocol: str
    model: str
    grid: Floats
    strategies: tuple[str, ...]
    trials: tuple[object, ...]
    scores: Floats
    full: Floats
    n_train: float = float("nan")
    n_test: float = float("nan")
    imputed: frozenset[str] = frozenset()

    def of(self, strategy: str) -> Floats:
        """(J, T) curves of a strategy."""
        curves: Floats = self.scores[self.strategies.index(strategy)]
        return curves

    def only(self, strategies: Iterable[str]) -> "Block":
        """The block with these strategies, in this order."""
        kept = tuple(strategies)
        places = [self.strategies.index(s) for s in kept]
        return replace(self, strategies=kept, scores=self.scores[places])


@dataclass(frozen=True)
class Stack:
    """All blocks of one protocol and model, and what had to be said on the way."""

    protocol: str
    model: str
    blocks: tuple[Block, ...]
    strategies: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets, in order."""
        return [b.dataset for b in self.blocks]


def tidy(frame: pd.DataFrame, metric: str, better: str) -> pd.DataFrame:
    """The columns that a comparison needs, `score` = the metric, higher = better.

    Raises BadValue on a missing column, BadResults where nothing is left or a
    checkpoint of a run occurs twice.
    """
    if better not in ("higher", "lower"):
        raise BadValue(f"better must be 'higher' or 'lower', got {better!r}")
    lacking = [c for c in ("dataset", "strategy", "n_labeled", metric) if c not in frame.columns]
    if lacking:
        known = ", ".join(map(str, frame.columns))
        raise BadValue(f"the results lack the column {', '.join(lacking)}; they have: {known}")
    out = pd.DataFrame(index=frame.index)
    for column in TEXT:
        out[column] = frame[column].astype(str) if column in frame.columns else ""
    out["trial"] = frame["trial"] if "trial" in frame.columns else 0
    for column in NUMBERS:
        default = frame["n_labeled"] if column == "cost" else np.nan
        out[column] = pd.to_numeric(frame.get(column, default), errors="coerce")
    if "seconds_query" in frame.columns:
        out["seconds"] = pd.to_numeric(frame["seconds_query"], errors="coerce")
    score = pd.to_numeric(frame[metric], errors="coerce").astype(float)
    out["score"] = score if better == "higher" else -score
    if "status" in frame.columns:
        done = frame["status"].astype(str) == "done"
        frame, out = frame[done], out[done]
    if out.empty:
        raise BadResults("there is no finished run to compare")
    if not np.isfinite(out["score"]).any():
        raise BadResults(f"{metric} is undefined in every run (a model without probabilities?)")
    key = ["dataset", "protocol", "model", "strategy", "trial", "n_labeled"]
    # a round in which no label arrives (late labels, abstentions) is no checkpoint of its own
    number = frame["round"].to_numpy() if "round" in frame.columns else 0
    twice = out.assign(round=number).duplicated([*key, "round"])
    if twice.any():
        first = out.loc[twice, key].iloc[0].to_dict()
        raise BadResults(f"a checkpoint occurs twice ({int(twice.sum())} times), e.g. {first}")
    return out


def stacks(
    curves: pd.DataFrame,
    baseline: str,
    *,
    missing: Missing = "complete",
    unranked: Collection[str] = (),
    axis: str = "n_labeled",
) -> list[Stack]:
    """One Stack per protocol and model of a frame made by `tidy`.

    Strategies in `unranked` and whole-pool runs are left out. `missing` says what
    happens to cells and trials that some strategy lacks: `refuse` raises BadResults,
    `complete` keeps the trials and datasets that all strategies share, `impute`
    fills a strategy's missing dataset with the baseline's curves (no gain). Either
    way the notes count what was left out or filled.
    """
    if missing not in ("refuse", "complete", "impute"):
        raise BadValue(f"missing must be refuse, complete or impute, got {missing!r}")
    out = []
    for (protocol, model), part in curves.groupby(["protocol", "model"], sort=True):
        ranked = part[~part["strategy"].isin({FULL, *unranked})]
        names = tuple(dict.fromkeys(ranked["strategy"]))
        if not names:
            continue
        found: dict[str, list[str]] = {}
        full = part[part["strategy"] == FULL]
        raw = [
            _block(str(name), rows, full[full["dataset"] == name], axis, found)
            for name, rows in ranked.groupby("dataset", sort=False)
        ]
        notes = [f"{_several(where)}: {text}" for text, where in found.items()]
        blocks = _settle([b for b in raw if b], names, baseline, missing, notes)
        notes += _starts(blocks)
        order = (*(n for n in names if n == baseline), *(n for n in names if n != baseline))
        ready = tuple(b.only(order) for b in blocks)
        out.append(Stack(str(protocol), str(model), ready, order, tuple(notes)))
    return out


def _block(
    dataset: str, rows: pd.DataFrame, full: pd.DataFrame, axis: str, found: dict[str, list[str]]
) -> Block | None:
    """The shared trials of a dataset on a shared grid; None where there are none."""
    place = ["strategy", "trial", axis]
    rows = rows.sort_values(place, kind="stable").drop_duplicates(place, keep="last")
    runs = _runs(rows, axis)
    names = tuple(dict.fromkeys(rows["strategy"]))
    good = {key for key, (x, y) in runs.items() if np.isfinite(y).all() and np.isfinite(x).all()}
    trials = sorted({t for _, t in runs})
    shared = [t for t in trials if all((s, t) in good for s in names)]
    if len(shared) < len(trials):
        short = {s: sum((s, t) not in good for t in trials) for s in names}
        lack = ", ".join(f"{s} lacks {k}" for s, k in short.items() if k)
        text = f"{len(shared)} of {len(trials)} trials are complete ({lack})"
        found.setdefault(text, []).append(dataset)
    if not shared:
        return None
    curves = [[runs[s, t] for t in shared] for s in names]
    grid, scores = _on_grid(dataset, names, curves, found)
    reference = full.sort_values(axis).drop_duplicates("trial", keep="last").set_index("trial")
    return Block(
        dataset=dataset,
        protocol=str(rows["protocol"].iloc[0]),
        model=str(rows["model"].iloc[0]),
        grid=grid,
        strategies=names,
        trials=tuple(shared),
        scores=scores,
        full=reference["score"].reindex(shared).to_numpy(float),
        n_train=float(rows["n_train"].iloc[0]),
        n_test=float(rows["n_test"].iloc[0]),
    )


def _runs(rows: pd.DataFrame, axis: str) -> dict[tuple[str, Any], tuple[Floats, Floats]]:
    """Checkpoints and scores of each run; `rows` is sorted by run."""
    key = rows[["strategy", "trial"]]
    starts = np.flatnonzero(key.ne(key.shift()).any(axis=1).to_numpy())
    strategies, trials = rows["strategy"].to_numpy(), rows["trial"].to_numpy()
    x, y = rows[axis].to_numpy(float), rows["score"].to_numpy(float)
    return {
        (str(strategies[start]), trials[start]): (x[start:stop], y[start:stop])
        for start, stop in pairwise([*starts, len(rows)])
    }


def _on_grid(
    dataset: str,
    names: tuple[str, ...],
    curves: list[list[tuple[Floats, Floats]]],
    found: dict[str, list[str]],
) -> tuple[Floats, Floats]:
    """(T,) and (K, J, T): as they are where all runs share their checkpoints, else linear."""
    flat = [x for row in curves for x, _ in row]
    if all(len(x) == len(flat[0]) and np.array_equal(x, flat[0]) for x in flat):
        return flat[0], np.array([[y for _, y in row] for row in curves])
    start, stop = max(x[0] for x in flat), min(x[-1] for x in flat)
    if stop < start:
        raise BadResults(f"{dataset}: the curves share no range of labels, so nothing is paired")
    grid = np.unique(np.concatenate([[start, stop], *flat]))
    grid = grid[(grid >= start) & (grid <= stop)]
    ends = {s: max(x[-1] for x, _ in row) for s, row in zip(names, curves, strict=True)}
    told = ", ".join(f"{s} {end:g}" for s, end in ends.items())
    text = "the checkpoints of runs differ; interpolated linearly"
    if len(set(ends.values())) > 1:
        text = f"unequal budgets ({told}); compared up to {stop:g}"
    found.setdefault(text, []).append(dataset)
    return grid, np.array([[np.interp(grid, x, y) for x, y in row] for row in curves])


def _settle(
    blocks: list[Block], names: tuple[str, ...], baseline: str, missing: Missing, notes: list[str]
) -> list[Block]:
    """Blocks with every strategy, by the policy asked for."""
    holes = {s: [b.dataset for b in blocks if s not in b.strategies] for s in names}
    told = [f"{s} lacks {len(d)} of {len(blocks)} datasets" for s, d in holes.items() if d]
    if missing == "refuse" and (notes or told):
        raise BadResults(
            "the results are not complete: " + "; ".join([*told, *notes]) + ". Compare what is "
            "complete with missing='complete', or leave strategies out"
        )
    if not told:
        return blocks
    if missing == "impute":
        notes.append("imputed with the baseline's curves, i.e. no gain: " + "; ".join(told))
        return [_filled(b, names, baseline) for b in blocks if baseline in b.strategies]
    kept = [b for b in blocks if set(names) == set(b.strategies)]
    notes.append(f"compared on the {len(kept)} datasets that all share: " + "; ".join(told))
    return kept


def _filled(block: Block, names: tuple[str, ...], baseline: str) -> Block:
    lacking = frozenset(names) - frozenset(block.strategies)
    scores = np.array([block.of(baseline if s in lacking else s) for s in names])
    return replace(block, strategies=names, scores=scores, imputed=lacking)


def _starts(blocks: list[Block]) -> list[str]:
    """A remark where strategies do not begin alike, as paired runs of one start do."""
    apart = [b.dataset for b in blocks if np.ptp(b.scores[:, :, 0], axis=0).max() > 1e-9]
    if not apart:
        return []
    return [
        f"{_several(apart)}: the first checkpoints of the strategies differ, so runs do not share "
        "their start rows, or curves begin after the first query"
    ]


def _several(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def averaged(table: pd.DataFrame, base: Mapping[str, str] | None) -> pd.DataFrame:
    """Variants of one base dataset averaged, so that each base counts once."""
    if not base:
        return table
    return table.groupby([base.get(str(d), str(d)) for d in table.index], sort=False).mean()


def grouped(datasets: Sequence[str], base: Mapping[str, str] | None) -> dict[str, list[str]]:
    """The datasets of each base that has several of them."""
    out: dict[str, list[str]] = {}
    for name in datasets:
        out.setdefault((base or {}).get(name, name), []).append(name)
    return {unit: names for unit, names in out.items() if len(names) > 1}


def merged(datasets: Sequence[str], base: Mapping[str, str] | None) -> str:
    """`digits = mean of digits, digits8`; nothing where no base has several datasets."""
    found = grouped(datasets, base)
    return counted([f"{unit} = mean of {', '.join(names)}" for unit, names in found.items()])


def note(table: pd.DataFrame, base: Mapping[str, str] | None) -> str:
    """What is averaged into what, and where that counts; nothing where nothing is averaged."""
    names = [str(d) for d in table.index]
    text = merged(names, base)
    if not text:
        return ""
    return (
        f"{len(names)} datasets count as {len(averaged(table, base))} base datasets in ranks, "
        f"W/T/L and tests over datasets, as variants of one are averaged first: {text}. The table "
        "`within` has each dataset by itself"
    )


def opposed(table: pd.DataFrame, baseline: str, base: Mapping[str, str] | None) -> str:
    """Strategies that are ahead on one variant of a base and behind on another, or nothing.

    table: datasets x strategies, higher = better.
    """
    cells = []
    for unit, names in grouped([str(d) for d in table.index], base).items():
        part = table.loc[names]
        for strategy in (s for s in table.columns if s != baseline):
            gap = part[strategy] - part[baseline]
            if gap.min() < 0 < gap.max():
                told = ", ".join(f"{name} {value:+.3f}" for name, value in gap.items())
                cells.append(f"{strategy} on {unit} ({told})")
    if not cells:
        return ""
    return f"Ahead on one variant and behind on another, against {baseline}: {counted(cells)}."
