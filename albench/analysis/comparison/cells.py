"""From a frame of curves to paired blocks, variants of one dataset averaged first.

A frame of curves has one row per run and checkpoint: `dataset`, `strategy`, `trial`,
`n_labeled` and a column per metric; `protocol`, `model`, `cost`, `status`, `n_train`,
`n_test`, `seconds_query` where there are any. A CSV from elsewhere will do.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.comparison import settle
from albench.analysis.comparison.alike import PICKS, alike, changes, codes, light
from albench.analysis.comparison.blocks import Block, Curve, Runs, Stack
from albench.analysis.comparison.chance import chances
from albench.analysis.comparison.words import counted
from albench.analysis.question import Missing
from albench.core.arrays import Bools, Floats
from albench.core.errors import BadResults, BadValue

__all__ = [
    "FULL",
    "Block",
    "Stack",
    "averaged",
    "grouped",
    "merged",
    "note",
    "opposed",
    "stacks",
    "tidy",
]

FULL = "all"
"""Strategy name of runs on the whole pool: reference lines, never compared."""

TEXT = ("dataset", "protocol", "model", "strategy")
NUMBERS = ("n_labeled", "cost", "n_train", "n_test")


def tidy(frame: pd.DataFrame, metric: str, better: str) -> pd.DataFrame:
    """The columns that a comparison needs, `score` = the metric, higher = better.

    A round before the first label (start = 0) has no score and is none of the checkpoints.
    Raises BadValue on a missing column, BadResults where nothing is left or a checkpoint of a
    run occurs twice.
    """
    if better not in ("higher", "lower"):
        raise BadValue(f"better must be 'higher' or 'lower', got {better!r}")
    lacking = [c for c in ("dataset", "strategy", "n_labeled", metric) if c not in frame.columns]
    if lacking:
        known = ", ".join(map(str, frame.columns))
        raise BadValue(f"the results lack the column {', '.join(lacking)}; they have: {known}")
    out = pd.DataFrame(index=frame.index)
    for column in TEXT:
        out[column] = as_text(frame.get(column, pd.Series("", index=frame.index)))
    out["trial"] = frame["trial"] if "trial" in frame.columns else 0
    for column in NUMBERS:
        default = frame["n_labeled"] if column == "cost" else np.nan
        out[column] = pd.to_numeric(frame.get(column, default), errors="coerce")
    if "seconds_query" in frame.columns:
        out["seconds"] = pd.to_numeric(frame["seconds_query"], errors="coerce")
    if PICKS in frame.columns:
        out[PICKS] = light(frame[PICKS])
    out["chance"] = chances(frame, metric) * (1 if better == "higher" else -1)
    score = pd.to_numeric(frame[metric], errors="coerce").astype(float)
    out["score"] = score if better == "higher" else -score
    if "status" in frame.columns:
        done = (frame["status"].astype(str) == "done").to_numpy()
        frame, out = (frame, out) if done.all() else (frame[done], out[done])
    if out.empty:
        raise BadResults("there is no finished run to compare")
    begun = ~(out["n_labeled"] <= 0)
    frame, out = frame[begun], out[begun]
    if not np.isfinite(out["score"]).any():
        raise BadResults(f"{metric} is undefined in every run (a model without probabilities?)")
    key = ["dataset", "protocol", "model", "strategy", "trial", "n_labeled"]
    # a round in which no label arrives (late labels, abstentions) is no checkpoint of its own
    number = [frame["round"]] if "round" in frame.columns else []
    twice = repeated([*(out[column] for column in key), *number])
    if twice.any():
        first = out.loc[twice, key].iloc[0].to_dict()
        raise BadResults(f"a checkpoint occurs twice ({int(twice.sum())} times), e.g. {first}")
    return out


def as_text(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column of texts, each of which is kept once; they sort as texts do."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    code, texts = pd.factorize(column.astype(str), sort=True)
    kept = pd.Categorical.from_codes(code, categories=pd.Index(texts, dtype="str"))
    return pd.Series(kept, index=column.index)


def repeated(columns: Sequence["pd.Series[Any]"]) -> Bools:
    """Which rows have the values of an earlier one in all columns."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        own = codes(column).astype(np.int64)
        code = pd.factorize(code * (int(own.max(initial=0)) + 2) + own)[0]
    return np.asarray(pd.Series(code).duplicated())


def each(rows: pd.DataFrame, column: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each text of a column, in the order in which the texts come."""
    code = codes(rows[column])
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-2))
    parts = [order[a:b] for a, b in pairwise([*starts, len(order)])]
    for part in sorted(parts, key=lambda part: part[0]):
        yield str(rows[column].iloc[part[0]]), rows.iloc[part]


def stacks(
    curves: pd.DataFrame,
    baseline: str,
    *,
    missing: Missing = "complete",
    unranked: Collection[str] = (),
    unranked_models: Collection[str] = (),
    axis: str = "n_labeled",
) -> list[Stack]:
    """One Stack per protocol and model of a frame made by `tidy`.

    Strategies in `unranked`, models in `unranked_models` and whole-pool runs are left out. Each
    strategy is paired with the baseline on all datasets and trials that both have; the joint
    blocks are those of `settle.complete`. `missing` says what happens where anything is missing:
    `refuse` raises BadResults, `complete` compares what is there, `impute` fills a strategy's
    missing dataset with the baseline's curves (no gain). Either way the notes count it.
    Strategies with identical picks are one competitor (`alike`).
    """
    if missing not in ("refuse", "complete", "impute"):
        raise BadValue(f"missing must be refuse, complete or impute, got {missing!r}")
    out = []
    for (protocol, model), part in curves.groupby(["protocol", "model"], sort=True, observed=True):
        ranked = part[~part["strategy"].isin({FULL, *unranked})]
        names = tuple(str(name) for name in ranked["strategy"].unique())
        if names and model not in unranked_models:
            full = part[part["strategy"] == FULL]
            plain = ranked.drop(columns=PICKS, errors="ignore")
            runs = [
                _runs_of(name, rows, full[full["dataset"] == name], axis)
                for name, rows in each(plain, "dataset")
            ]
            same = alike(runs, names, baseline, ranked)
            out.append(_stack((str(protocol), str(model)), runs, names, baseline, missing, same))
    return out


def _stack(
    place: tuple[str, str],
    runs: Sequence[Runs],
    names: tuple[str, ...],
    baseline: str,
    missing: Missing,
    same: dict[str, tuple[str, ...]],
) -> Stack:
    """The stack of one protocol and model."""
    lacking, notes = settle.gaps(runs, names)
    if missing == "refuse":
        settle.refused(lacking, notes)
    hidden = {other for others in same.values() for other in others}
    kept = (baseline, *(n for n in names if n != baseline and n not in hidden))
    if baseline not in names:
        return Stack(*place, (), kept[1:], tuple(notes))
    found: dict[str, list[str]] = {}
    pairs = settle.paired(runs, kept, baseline, missing, found)
    if len(kept) > 1 and not pairs:
        return Stack(*place, (), kept, (*lacking, *notes))
    if missing == "impute":
        joint, blocks, more = kept, settle.imputed(runs, kept, baseline, found), []
        if lacking:
            more = ["imputed with the baseline's curves, i.e. no gain: " + "; ".join(lacking)]
    else:
        joint, blocks, more = settle.joint(runs, kept, baseline, found)
        more = lacking + more
    notes += [f"{settle.several(where)}: {text}" for text, where in found.items()]
    notes += [*more, *_starts(list(pairs.values()))]
    notes += [
        f"{first} and {', '.join(others)} are one competitor, named {first}: identical in every "
        "common run"
        for first, others in same.items()
    ]
    return Stack(*place, tuple(blocks), joint, tuple(notes), pairs, same)


def _runs_of(dataset: str, rows: pd.DataFrame, full: pd.DataFrame, axis: str) -> Runs:
    """The finite runs of one dataset."""
    place = ["strategy", "trial", axis]
    rows = rows.sort_values(place, kind="stable").drop_duplicates(place, keep="last")
    curves: dict[str, dict[Any, Curve]] = {str(s): {} for s in rows["strategy"].unique()}
    began = _runs(rows, axis)
    for (strategy, trial), (x, y) in began.items():
        if np.isfinite(y).all() and np.isfinite(x).all():
            curves[strategy][trial] = (x, y)
    reference = full.sort_values(axis).drop_duplicates("trial", keep="last").set_index("trial")
    known = full["chance"].dropna() if "chance" in full.columns else full["score"].iloc[:0]
    own = rows["chance"].dropna() if "chance" in rows.columns else known
    chance = known if len(known) else own
    return Runs(
        dataset=dataset,
        protocol=str(rows["protocol"].iloc[0]),
        model=str(rows["model"].iloc[0]),
        curves=curves,
        trials=tuple(sorted({t for _, t in began})),
        full={t: float(y) for t, y in reference["score"].items()},
        n_train=float(rows["n_train"].iloc[0]),
        n_test=float(rows["n_test"].iloc[0]),
        chance=float(chance.mean()) if len(chance) else np.nan,
    )


def _runs(rows: pd.DataFrame, axis: str) -> dict[tuple[str, Any], tuple[Floats, Floats]]:
    """Checkpoints and scores of each run; `rows` is sorted by run."""
    starts = np.flatnonzero(changes(rows, ["strategy", "trial"]))
    first = rows.iloc[starts]
    keys = zip(first["strategy"].astype(str), first["trial"].to_numpy(), strict=True)
    x, y = rows[axis].to_numpy(float), rows["score"].to_numpy(float)
    return {
        key: (x[start:stop], y[start:stop])
        for key, (start, stop) in zip(keys, pairwise([*starts, len(rows)]), strict=True)
    }


def _starts(pairs: Sequence[Sequence[Block]]) -> list[str]:
    """A remark where strategies do not begin alike, as paired runs of one start do."""
    apart = dict.fromkeys(
        b.dataset
        for blocks in pairs
        for b in blocks
        if np.ptp(b.scores[:, :, 0], axis=0).max() > 1e-9
    )
    if not apart:
        return []
    return [
        f"{settle.several(list(apart))}: the first checkpoints of the strategies differ, so runs "
        "do not share their start rows, or curves begin after the first query"
    ]


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
                known = gap.dropna().items()
                told = ", ".join(f"{name} {value:+.3f}" for name, value in known)
                cells.append(f"{strategy} on {unit} ({told})")
    if not cells:
        return ""
    return f"Ahead on one variant and behind on another, against {baseline}: {counted(cells)}."
