"""Controls: what a strategy must beat, and what a suite must notice."""

from albench.learner import Ints
from albench.query import Query
from albench.registry import strategy


@strategy("random", family="control", cite="passive learning", cost="O(n)")
def random(query: Query) -> Ints:
    """Rows drawn uniformly without replacement: passive learning, the baseline."""
    return query.rng.choice(query.pool, size=query.n, replace=False)
