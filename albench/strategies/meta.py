"""Strategies that choose among strategies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Lt

from albench.core.arrays import Floats, Ints
from albench.core.parameters import StrategyParam
from albench.core.registry import strategy
from albench.simulation.query import Picks, Query


@dataclass(frozen=True)
class Advised:
    """One draw: its row, its probability, and what the arms had said.

    given  (K,) probability of the row by each arm
    sure   (K,) sum over the rows of the arm's probability over the drawn one's
    """

    row: int
    q: float
    given: Floats
    sure: Floats


def too_few(**params: Any) -> str | None:
    """Why these arms leave nothing to choose, or None."""
    arms, explore = params.get("arms", ("margin", "kcenter")), params.get("explore", True)
    if len(arms) + explore >= 2:
        return None
    return "one arm leaves nothing to choose: name two arms, or keep explore = true"


@strategy(
    "albl",
    family="meta",
    cite="Hsu and Lin 2015",
    cost="the sum of the arms' + O(bn)",
    check=too_few,
)
class ActiveLearningByLearning:
    """Active learning by learning: a bandit (EXP4.P) over strategies as its arms.

    Each arm advises its best row not yet picked; with `explore` one more arm advises all
    rows alike. A row is drawn by the arms' probabilities, which are logged. The reward of a
    draw is the importance-weighted accuracy of the current model on the rows drawn up to
    it; a batch is rewarded once its labels are in. `horizon` is the T of the regret bound:
    a parameter, so that a longer budget begins with the same picks.
    """

    def __init__(
        self,
        *,
        arms: Sequence[StrategyParam] = ("margin", "kcenter"),
        explore: bool = True,
        delta: Annotated[float, Gt(0), Lt(1)] = 0.1,
        horizon: Annotated[int, Ge(1)] = 200,
    ) -> None:
        self.arms: list[Callable[[Query], Any]] = list(arms)
        k = len(self.arms) + explore
        self.explore, self.delta, self.horizon = explore, delta, horizon
        self.weights = np.ones(k)
        self.least = min(1.0 / k, float(np.sqrt(np.log(k) / (k * horizon))))
        self.n_first: int | None = None
        self.rewarded: list[Advised] = []
        self.pending: list[Advised] = []

    def __call__(self, query: Query) -> Picks:
        if self.n_first is None:
            self.n_first = len(query.pool)
        self.learn(query)
        advice = [rows_of(arm(query)) for arm in self.arms]
        drawn: list[Advised] = []
        left = np.ones(len(query.X), dtype=bool)
        for _ in range(query.n):
            drawn.append(self.draw(query, advice, left))
            left[drawn[-1].row] = False
        self.pending += drawn
        picks = np.array([a.row for a in drawn], dtype=np.intp)
        return Picks(picks, np.array([a.q for a in drawn]))

    @property
    def chances(self) -> Floats:
        """(K,) probability of each arm."""
        k = len(self.weights)
        return np.asarray((1.0 - k * self.least) * self.weights / self.weights.sum() + self.least)

    def draw(self, query: Query, advice: list[Ints], left: np.ndarray[Any, Any]) -> Advised:
        """One row among those left, by the arms' advice."""
        rows = query.pool[left[query.pool]]
        best = np.array([a[left[a]][0] for a in advice], dtype=np.intp)
        at = np.searchsorted(rows, best)
        q = np.full(len(rows), self.chances[-1] / len(rows) if self.explore else 0.0)
        np.add.at(q, at, self.chances[: len(best)])
        chosen = int(query.rng.choice(len(rows), p=q / q.sum()))
        given, sure = (at == chosen).astype(np.float64), 1.0 / q[at]
        if self.explore:
            given = np.append(given, 1.0 / len(rows))
            sure = np.append(sure, (1.0 / q).mean())
        return Advised(int(rows[chosen]), float(q[chosen]), given, sure)

    def learn(self, query: Query) -> None:
        """Reward the draws whose labels are in, in the order drawn."""
        labels = dict(zip(query.labeled.tolist(), query.y_labeled.tolist(), strict=True))
        ready = [a for a in self.pending if a.row in labels]
        waiting = set(query.waiting.tolist())
        self.pending = [a for a in self.pending if a.row in waiting]
        if not ready:
            return
        everything = self.rewarded + ready
        rows = np.array([a.row for a in everything], dtype=np.intp)
        right = query.fitted.predicted("train", rows) == [labels[a.row] for a in everything]
        weight = right / np.array([a.q for a in everything])
        accuracy = np.cumsum(weight) / (self.n_first or 1) / self.horizon
        for advised, reward in zip(ready, accuracy[len(self.rewarded) :], strict=True):
            self.reward(advised, float(reward))
        self.rewarded = everything

    def reward(self, advised: Advised, reward: float) -> None:
        """The EXP4.P update of the weights after one draw."""
        k = len(self.weights)
        bonus = np.sqrt(np.log(k / self.delta) / (k * self.horizon))
        gain = advised.given * reward / advised.q + advised.sure * bonus
        self.weights = self.weights * np.exp(self.least / 2.0 * (gain - gain.max()))


def rows_of(answer: Any) -> Ints:
    """The rows of a strategy's answer."""
    return np.asarray(answer.rows if isinstance(answer, Picks) else answer, dtype=np.intp)
