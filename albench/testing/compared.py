"""A stored run beside its replay, and what a sample of replays is worth."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from albench.runner.worker import Finished

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 1e-9
EXACT = ("round", "n_labeled", "picks", "labels", "n_tied", "annotators")
CLOSE = ("cost", "probability", "margin_rank")
SHAPE = ("n_train", "n_test", "n_features", "n_classes")
STOP = ("stopped", "stopped_at")
MOST_LINES = 5


def difference(
    row: dict[Any, Any],
    stored: "pd.DataFrame | None",
    again: Finished,
    scores: Sequence[str],
) -> str:
    """The first thing in which a replay differs from what is stored; empty if nothing does."""
    if again.run["status"] != row["status"]:
        why = str(again.run["reason"] or "").strip().splitlines()
        said = f": {why[-1]}" if why else ""
        return f"it is stored as {row['status']}, the replay {again.run['status']}{said}"
    for key in SHAPE:
        if row["status"] == "done" and row[key] != again.run[key]:
            return f"{key}: {row[key]} stored, {again.run[key]} replayed"
    for key in STOP:
        mine, replays = known(row.get(key)), known(again.run.get(key))
        if mine != replays:
            return f"{key}: {mine} stored, {replays} replayed"
    if row["status"] == "skipped":
        code, now = row["reason_code"], again.run["reason_code"]
        return "" if code == now else f"it is stored as {code}, the replay is {now}"
    held = [] if stored is None else stored.sort_values("round").to_dict("records")
    if len(held) != len(again.rounds):
        return f"{len(held)} rounds stored, {len(again.rounds)} replayed"
    for one, other in zip(held, again.rounds, strict=True):
        for column in (*EXACT, *CLOSE, *scores):
            mine, replays = one.get(column), other.get(column)
            if not equal(mine, replays, 0.0 if column in EXACT else TOLERANCE):
                return f"round {one['round']}: {column}: {parted(mine, replays)}"
    return ""


def known(value: Any) -> Any:
    """A value of a table of runs; null, NaN and None are one."""
    return None if value is None or value != value else value


def equal(one: Any, other: Any, tolerance: float) -> bool:
    """Whether two cells agree; null, NaN and None are one."""
    a, b = numbers(one), numbers(other)
    listed = [isinstance(cell, list | tuple | np.ndarray) for cell in (one, other)]
    if len(a) != len(b) or listed[0] != listed[1]:
        return False
    return not any(apart(x, y, tolerance) for x, y in zip(a, b, strict=True))


def apart(one: float, other: float, tolerance: float) -> bool:
    """Whether two numbers differ. Python's own arithmetic: a plugin may have changed numpy's."""
    if one != one or other != other:
        return (one == one) != (other == other)
    return one != other and not abs(one - other) <= tolerance


def numbers(cell: Any) -> list[float]:
    """The numbers of a cell, NaN where one is missing."""
    if cell is None:
        return [math.nan]
    if isinstance(cell, list | tuple | np.ndarray):
        return [math.nan if item is None else float(item) for item in cell]
    return [float(cell)]


def parted(stored: Any, replayed: Any) -> str:
    """Where two cells first differ."""
    a, b = numbers(stored), numbers(replayed)
    listed = [isinstance(cell, list | tuple | np.ndarray) for cell in (stored, replayed)]
    if any(listed) and (len(a) != len(b) or listed[0] != listed[1]):
        sizes = [len(x) if many else "no" for x, many in zip((a, b), listed, strict=True)]
        return f"{sizes[0]} values stored, {sizes[1]} replayed"
    at = next(i for i, (x, y) in enumerate(zip(a, b, strict=True)) if apart(x, y, 0.0))
    place = f"position {at}: " if all(listed) else ""
    return f"{place}{a[at]:.17g} stored, {b[at]:.17g} replayed"


def same_picks(stored: "pd.DataFrame | None", again: Finished) -> bool:
    """Whether the same rows were bought in every round."""
    if stored is None or len(stored) != len(again.rounds):
        return False
    held = stored.sort_values("round").to_dict("records")
    return all(
        equal(one["picks"], other["picks"], 0.0)
        for one, other in zip(held, again.rounds, strict=True)
    )


def of_grid(runs: "pd.DataFrame", expected: Sequence[str]) -> Iterator[str]:
    """What a folder lacks of a suite's grid, and holds beside it."""
    held, grid = set(runs["run"]), set(expected)
    lacking = [run for run in dict.fromkeys(expected) if run not in held]
    if grid and lacking:
        yield f"{len(lacking)} of the {len(grid)} runs of the suite are missing: {few(lacking)}"
    beside = sorted(held - grid)
    if grid and beside:
        yield f"{len(beside)} runs are none of the suite's: {few(beside)}"
    for status in ("failed", "timeout"):
        ended = sorted(runs.loc[runs["status"] == status, "run"])
        if ended:
            yield f"{len(ended)} runs have the status {status}: {few(ended)}"


def few(names: Sequence[str]) -> str:
    """The first names of many."""
    return ", ".join(names[:MOST_LINES]) + (", ..." if len(names) > MOST_LINES else "")


def chance(total: int, seen: int, forged: int) -> float:
    """The probability that a sample holds one of some forged runs, if those lie at random."""
    if seen + forged > total:
        return 1.0
    return 1.0 - math.comb(total - forged, seen) / math.comb(total, seen)


def odds(total: int, seen: int) -> str:
    """What a sample of that size would have found, in words."""
    tried = sorted({min(k, total) for k in (1, max(1, total // 20), max(1, total // 5))})
    parts = [f"{k} forged run{'s' if k > 1 else ''} {chance(total, seen, k):.1%}" for k in tried]
    return "the chance that at least one would have been found among: " + ", ".join(parts)
