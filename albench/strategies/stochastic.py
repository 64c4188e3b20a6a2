"""Strategies made stochastic, with the probability of each draw.

n draws without replacement, each proportional to a weight among the rows left
(Plackett-Luce), are made at once by adding Gumbel noise to the log weights and sorting.
"""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from albench.learner import Floats, Ints
from albench.query import Picks, Query, scores_of
from albench.registry import StrategyParam, strategy
from albench.strategies.hybrids import uncertainty

LAST = 700.0  # a log weight this far below the least finite one: drawn after all others


def plackett_luce(
    logits: Floats, n: int, rng: np.random.Generator, epsilon: float = 0.0
) -> tuple[Ints, Floats]:
    """n draws without replacement and the probability of each, given those before it.

    logits   (m,) log weights; -inf: only after all others
    epsilon  with this probability a draw is uniform over the rows left instead
    Returns (n,) indices and (n,) q = epsilon / left + (1 - epsilon) w / sum of w left.
    """
    finite = np.isfinite(logits)
    least = logits[finite].min() if finite.any() else 0.0
    logits = np.where(finite, logits, least - LAST)
    order = np.argsort(-(logits + rng.gumbel(size=len(logits))), kind="stable")
    uniform = rng.random(n) < epsilon
    left, at = np.ones(len(logits), dtype=bool), 0
    picks, q = np.empty(n, dtype=np.intp), np.empty(n)
    for i in range(n):
        while not left[order[at]]:
            at += 1
        picks[i] = rng.choice(np.flatnonzero(left)) if uniform[i] else order[at]
        among = logits[left]
        share = np.exp(logits[picks[i]] - among.max()) / np.exp(among - among.max()).sum()
        q[i] = epsilon / len(among) + (1.0 - epsilon) * share
        left[picks[i]] = False
    return picks, q


@strategy(
    "softmax",
    family="wrapper",
    cite="Kirsch et al. 2023; Farquhar, Gal and Rainforth 2021",
    cost="the base's + O(nb)",
)
def softmax(
    query: Query,
    *,
    base: StrategyParam = "margin",
    temperature: Annotated[float, Gt(0)] = 0.25,
    epsilon: Annotated[float, Ge(0), Le(1)] = 0.0,
) -> Picks:
    """A scored strategy made stochastic: rows drawn by the softmax of score / temperature.

    With probability `epsilon` a draw is uniform instead, which bounds the weights of
    estimators that correct for the sampling. The probability of each draw is logged.
    """
    scores = scores_of(base, query)
    picks, q = plackett_luce(scores / temperature, query.n, query.rng, epsilon)
    return Picks(query.pool[picks], q)


@strategy(
    "power_margin",
    family="hybrid",
    cite="Bahri et al. 2022; Kirsch et al. 2023",
    cost="O(nk + nb)",
)
def power_margin(query: Query, *, power: Annotated[float, Gt(0)] = 1.0) -> Picks:
    """Rows drawn in proportion to (1 - margin)^power, by Gumbel noise on the log score.

    The probability of each draw is logged.
    """
    score = uncertainty(query, "margin")
    log_score = np.log(score, out=np.full(len(score), -np.inf), where=score > 0)
    picks, q = plackett_luce(power * log_score, query.n, query.rng)
    return Picks(query.pool[picks], q)
