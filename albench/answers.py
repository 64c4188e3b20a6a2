"""A strategy's answer: asked for, checked against the contract, and kept."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from albench.errors import StrategyError
from albench.learner import Floats, Ints
from albench.query import Picks, Query

Strategy = Callable[[Any], Any]


@dataclass(eq=False, slots=True)
class Bought:
    """The answer of one query: picks in the order bought, and how they came about."""

    picks: Ints
    probability: Floats | None = None
    n_tied: int | None = None
    margin_rank: Floats | None = None

    def first(self, n: int) -> "Bought":
        """The first n picks."""
        if n == len(self.picks):
            return self
        kept = (None if a is None else a[:n] for a in (self.probability, self.margin_rank))
        probability, margin_rank = kept
        return replace(self, picks=self.picks[:n], probability=probability, margin_rank=margin_rank)


NOTHING = Bought(np.empty(0, dtype=np.intp))
NOTHING.picks.setflags(write=False)


def answered(strategy: Strategy, query: Query, number: int, trace: bool) -> Bought:
    """Call a strategy and check what it returns."""
    try:
        answer = strategy(query)
    except StrategyError as error:
        raise StrategyError(f"round {number}: {error}") from error
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise StrategyError(
            f"round {number}: it wrote to an array of its query; they are read-only, copy first"
        ) from error
    rows, probability = answer if isinstance(answer, Picks) else (answer, None)
    try:
        picks = checked_rows(rows, query)
        probability = checked_probability(probability, len(picks))
    except StrategyError as error:
        raise StrategyError(f"round {number}: {error}") from error
    rank = None
    if trace:
        at = np.searchsorted(query.pool, picks)
        rank = np.array([(query.margins < query.margins[i]).mean() for i in at])
    return Bought(picks, probability, query.log.get("n_tied"), rank)


def checked_rows(rows: Any, query: Query) -> Ints:
    """The rows as positions; raises StrategyError unless they are n distinct pool rows."""
    picks = np.asarray(rows)
    if picks.ndim != 1 or picks.dtype.kind not in "iu":
        raise StrategyError(
            f"it returned an array of shape {picks.shape} and type {picks.dtype}; "
            f"a flat array of {query.n} whole numbers is due"
        )
    if len(picks) != query.n:
        raise StrategyError(f"it returned {len(picks)} rows; {query.n} are due")
    picks = picks.astype(np.intp)
    wrong = query.pool.take(query.pool.searchsorted(picks), mode="clip") != picks
    if np.count_nonzero(wrong):
        raise StrategyError(f"position {picks[wrong][0]} is not in the pool")
    if len(picks) > 1 and len(np.unique(picks)) != len(picks):
        raise StrategyError("it returned a row twice")
    asked = query.log.get("asked")
    missing = set(asked) - set(picks.tolist()) if asked else None
    if missing:
        raise StrategyError(f"it asked for the label of position {min(missing)} and did not buy it")
    return picks


def checked_probability(probability: Any, n: int) -> Floats | None:
    """The probabilities as floats; raises StrategyError unless n of them lie in (0, 1]."""
    if probability is None:
        return None
    given = np.asarray(probability, dtype=np.float64)
    if given.shape != (n,) or not ((given > 0) & (given <= 1 + 1e-12)).all():
        raise StrategyError(f"its probabilities are not {n} numbers in (0, 1]")
    return given
