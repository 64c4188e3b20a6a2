"""Strategies with identical picks in every common run: one competitor under several names.

Margin, entropy and least confidence pick the same rows of two classes; to count them as three
would make the family of tests larger and the ranks of the others worse. They are one competitor,
named once, with its other names beside it.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.comparison.blocks import Curve, Runs
from albench.core.arrays import Bools, Ints
from albench.core.tables import set_digests

PICKS = "picks"


def alike(
    runs: Sequence[Runs], names: Sequence[str], baseline: str, rows: pd.DataFrame
) -> dict[str, tuple[str, ...]]:
    """Strategy -> the others that are one competitor with it; only where there are any.

    runs: all datasets of one protocol and model; rows: their rounds, with the column `picks`
    where it is stored. Two are alike where all runs of the one with fewer runs are among those
    of the other, with equal curves and, where they are known, equal picks in every round. Their
    name is that of the strategy with most runs, the first of several. The baseline stays itself.
    """
    have = {s: sum(len(r.has(s)) for r in runs) for s in names}
    order = sorted((s for s in names if s != baseline and have[s]), key=lambda s: -have[s])
    out: dict[str, tuple[str, ...]] = {}
    seen: dict[str, dict[tuple[str, object], int]] = {}
    for name in order:
        for first in [s for s in order if s in out or s == name]:
            if first != name and same_curves(runs, first, name):
                for s in (first, name):
                    seen.setdefault(s, bought(rows, s))
                if all(seen[first].get(key) == value for key, value in seen[name].items()):
                    out[first] = (*out[first], name)
                    break
        else:
            out[name] = ()
    return {s: others for s, others in out.items() if others}


def same_curves(runs: Sequence[Runs], first: str, second: str) -> bool:
    """Whether every run of the second is one of the first, with the same curve."""
    for r in runs:
        ours = r.curves.get(first, {})
        for trial, curve in r.curves.get(second, {}).items():
            if trial not in ours or not equal(ours[trial], curve):
                return False
    return True


def equal(one: Curve, two: Curve) -> bool:
    """Whether two curves are the same."""
    return all(len(a) == len(b) and np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def bought(rows: pd.DataFrame, strategy: str) -> dict[tuple[str, object], int]:
    """A digest of the picks of each run, in whatever order within a round; empty: not stored.

    rows  with the picks of each round, or with what `light` makes of them
    """
    if PICKS not in rows.columns:
        return {}
    own = rows[rows["strategy"] == strategy]
    own = own.assign(**{PICKS: digests(own[PICKS])})
    own = own[own[PICKS] != 0].sort_values(["dataset", "trial", "n_labeled"], kind="stable")
    picks = own[PICKS].to_numpy()
    starts = np.flatnonzero(changes(own, ["dataset", "trial"]))
    keys = zip(own["dataset"].iloc[starts], own["trial"].iloc[starts], strict=True)
    return {
        key: hash(picks[start:stop].tobytes())
        for key, (start, stop) in zip(keys, pairwise([*starts, len(own)]), strict=True)
    }


def light(picks: "pd.Series[Any]") -> "pd.Series[Any]":
    """The picks as they are where they are cheap to move about, else their digests."""
    return digests(picks) if isinstance(picks.dtype, pd.ArrowDtype) else picks


def digests(picks: "pd.Series[Any]") -> "pd.Series[Any]":
    """The digest of the picks of each round, 0: not stored; of digests themselves."""
    if picks.dtype == np.uint64:
        return picks
    return pd.Series(set_digests(picks), index=picks.index)


def changes(rows: pd.DataFrame, columns: Sequence[str]) -> Bools:
    """Which rows differ from the one before in any of the columns; the first does."""
    out = np.zeros(len(rows), dtype=bool)
    out[:1] = True
    for column in columns:
        code = codes(rows[column])
        out[1:] |= code[1:] != code[:-1]
    return out


def codes(column: "pd.Series[Any]") -> Ints:
    """Whole numbers that are equal where the values are."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.cat.codes)
    return np.asarray(pd.factorize(column)[0])
