"""The smallest margin that any member of a committee sees."""

import numpy as np

from albench.core.arrays import Ints
from albench.core.registry import strategy
from albench.simulation.query import Query, gap
from albench.strategies.committee import (
    Bootstrap,
    Members,
    Models,
    members,
    opinions,
    too_few,
)


@strategy(
    "min_margin",
    family="committee",
    needs=("proba",),
    cite="Jiang and Gupta 2019",
    cost="C fits + O(Cnk)",
    check=too_few,
)
def min_margin(
    query: Query,
    *,
    committee: Members | None = None,
    models: Models | None = None,
    bootstrap: Bootstrap = "plain",
) -> Ints:
    """Smallest gap between the two most probable classes that any member sees.

    Members as of `qbc`; the publication takes 25 bootstraps of the query model.
    """
    if committee is None and models is None:
        committee = 25
    said = opinions(query, members(query, committee, models, bootstrap))
    return query.top(-np.min([gap(proba) for proba in said], axis=0))
