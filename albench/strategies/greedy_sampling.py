"""Greedy sampling in the feature space (GSx)."""

from dataclasses import replace

import numpy as np

from albench.core.arrays import Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._geometry import centred
from albench.strategies.coverage import KCenter, chosen


@strategy(
    "greedy_sampling_x",
    family="coverage",
    cite="Yu and Kim 2010; Wu, Lin and Huang 2019",
    batch_aware=True,
    cost="O(nbd)",
)
class GreedySamplingX(KCenter):
    """Farthest first from the row nearest to the mean (GSx).

    The farthest row from all labelled and picked ones, again and again: from a labelled
    start the same picks as `kcenter`. Without any label the row nearest to the mean of all
    rows comes first.
    """

    def __call__(self, query: Query) -> Ints:
        if len(chosen(query)):
            return super().__call__(query)
        first = query.top(-np.sqrt(centred(query)[1][query.pool]), 1)
        if query.n == 1:
            return first
        rest = np.setdiff1d(query.pool, first)
        later = replace(query.within(rest, query.n - 1), waiting=first)
        return np.concatenate([first, super().__call__(later)])
