"""Controls that a strategy must beat, and bounds that look at hidden labels and the test set.

They are no strategies that anyone could run; they are drawn as bounds and never ranked.
"""

import warnings
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Ints
from albench.core.errors import Skip
from albench.core.parameters import StrategyParam
from albench.core.registry import strategy
from albench.simulation.learner import Aligned, fit_aligned
from albench.simulation.query import FileQuery, OracleQuery, Query


@strategy("random", family="control", cite="passive learning", cost="O(n)")
def random(query: Query) -> Ints:
    """Rows drawn uniformly without replacement: passive learning, the baseline."""
    return query.rng.choice(query.pool, size=query.n, replace=False)


@strategy(
    "file_order",
    version="2",
    family="control",
    cite="control: the order of the file",
    cost="O(n)",
    rows=True,
)
def file_order(query: Query) -> Ints:
    """Rows in the order of the dataset's file: what a careless split would learn from."""
    if not isinstance(query, FileQuery) or len(query.rows) != len(query.X):
        raise Skip("needs the row numbers of the dataset; this query was built without them")
    return query.pool[np.argsort(query.rows[query.pool], kind="stable")[: query.n]]


@strategy("same_as", family="control", cite="control: a copy", cost="the base's")
def same_as(
    query: Query, *, base: StrategyParam = "random", copy: Annotated[int, Ge(1)] = 1
) -> Any:
    """A copy of another strategy, with random numbers of its own.

    Whatever a table says of the difference between the two is noise. `copy` numbers copies.
    """
    return base(query)


@strategy("worst", family="control", cite="control: certainty sampling", cost="O(nk)")
def worst(query: Query) -> Ints:
    """Largest margin: the rows of which the query model is most sure."""
    return query.top(query.margins)


class Sight:
    """The test accuracy of the query model after labelling given rows."""

    def __init__(self, query: Query) -> None:
        if not isinstance(query, OracleQuery) or query.X_test is None:
            raise Skip("a bound looks at the hidden labels and the test set; this query has none")
        self.query, self.seed = query, int(query.rng.integers(2**31))

    def accuracy(self, rows: list[int]) -> float:
        """Test accuracy of the model fitted on the labelled rows and the given ones."""
        query = self.query
        positions = np.append(query.labeled, np.asarray(rows, dtype=np.intp))
        y = np.append(query.y_labeled, query.y[rows])
        order = np.argsort(positions)
        with warnings.catch_warnings():  # a candidate's fit may stop short; it is scored as it is
            warnings.simplefilter("ignore")
            fitted: Aligned = fit_aligned(
                lambda: query.make_model(self.seed),
                query,  # type: ignore[arg-type]
                positions[order],
                y[order],
            )
        return float(np.mean(fitted.predicted("test") == query.y_test))

    def candidates(self, taken: list[int], n: int) -> Ints:
        """At most n pool rows not taken, drawn at random, ascending."""
        rest = np.setdiff1d(self.query.pool, taken)
        if len(rest) <= n:
            return rest
        return np.sort(self.query.rng.choice(rest, size=n, replace=False))


@strategy(
    "greedy_oracle",
    family="bound",
    cite="greedy selection on the test score; Zhan et al. 2021",
    bound=True,
    batch_aware=True,
    cost="n fits for each of `candidates` rows",
)
def greedy_oracle(query: Query, *, candidates: Annotated[int, Ge(1)] = 10) -> Ints:
    """The row whose true label gives the best next test accuracy, again and again.

    Among `candidates` pool rows drawn anew for each pick; equal accuracies: the first in
    pool order.
    """
    sight, picks = Sight(query), list[int]()
    while len(picks) < query.n:
        rows = sight.candidates(picks, candidates)
        accuracy = [sight.accuracy([*picks, int(row)]) for row in rows]
        picks.append(int(rows[int(np.argmax(accuracy))]))
    return np.array(picks, dtype=np.intp)


@strategy(
    "beam_oracle",
    family="bound",
    cite="Zhan et al. 2021, beam search oracle",
    bound=True,
    batch_aware=True,
    cost="max(n, depth) fits for each of width x candidates rows",
)
def beam_oracle(
    query: Query,
    *,
    width: Annotated[int, Ge(1)] = 5,
    candidates: Annotated[int, Ge(1)] = 2,
    depth: Annotated[int, Ge(1)] = 3,
) -> Ints:
    """Beam search for the batch with the best test accuracy, with true labels.

    Keeps the `width` best sets of rows, each grown by `candidates` rows drawn at random,
    and looks at least `depth` labels ahead; then buys the first n of the best sequence.
    """
    sight = Sight(query)
    beams: list[list[int]] = [[]]
    for _ in range(min(max(query.n, depth), len(query.pool))):
        grown: dict[frozenset[int], tuple[float, list[int]]] = {}
        for beam in beams:
            for row in sight.candidates(beam, candidates):
                rows = [*beam, int(row)]
                if frozenset(rows) not in grown:
                    grown[frozenset(rows)] = (sight.accuracy(rows), rows)
        ranked = sorted(grown.values(), key=lambda scored: -scored[0])  # stable
        beams = [rows for _, rows in ranked[:width]]
    return np.array(beams[0][: query.n], dtype=np.intp)
