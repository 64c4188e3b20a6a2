"""Rows drawn in proportion to a power of their score: batches of variety at no cost.

The draws are without replacement (Plackett-Luce), made by Gumbel noise on the log scores;
the probability of each draw is logged. Rows of score 0 are drawn after all others.
"""

from typing import Annotated

import numpy as np
from annotated_types import Gt

from albench.core.arrays import Floats
from albench.core.registry import strategy
from albench.simulation.query import Picks, Query
from albench.strategies.committee import (
    Bootstrap,
    Members,
    Models,
    mean_divergence,
    members,
    opinions,
    too_few,
)
from albench.strategies.hybrids import uncertainty
from albench.strategies.wrappers import plackett_luce

Power = Annotated[float, Gt(0)]
ROUNDING = 1e-14  # scores below are zero but for rounding


def drawn(query: Query, score: Floats, power: float) -> Picks:
    """Rows of the pool drawn in proportion to score^power."""
    log_score = np.log(score, out=np.full(len(score), -np.inf), where=score > ROUNDING)
    picks, q = plackett_luce(power * log_score, query.n, query.rng)
    return Picks(query.pool[picks], q)


@strategy("power_entropy", family="uncertainty", cite="Kirsch et al. 2023", cost="O(nk + nb)")
def power_entropy(query: Query, *, power: Power = 1.0) -> Picks:
    """Rows drawn in proportion to entropy^power.

    Without probabilities: the entropy of the softmax of the decision values.
    """
    return drawn(query, uncertainty(query, "entropy"), power)


@strategy(
    "power_bald",
    family="committee",
    needs=("proba",),
    cite="Kirsch et al. 2023",
    cost="C fits + O(Cnk + nb)",
    check=too_few,
)
def power_bald(
    query: Query,
    *,
    power: Power = 1.0,
    committee: Members | None = None,
    models: Models | None = None,
    bootstrap: Bootstrap = "classes",
) -> Picks:
    """Rows drawn in proportion to (mutual information of label and member)^power.

    The other parameters as of `qbc_kl`, whose score this is.
    """
    said = opinions(query, members(query, committee, models, bootstrap))
    return drawn(query, np.maximum(mean_divergence(said), 0.0), power)
