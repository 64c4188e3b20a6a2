"""Controls: what a strategy must beat, and what a suite must notice."""

from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from albench.errors import Skip
from albench.learner import Ints
from albench.query import Query
from albench.registry import StrategyParam, strategy


@strategy("random", family="control", cite="passive learning", cost="O(n)")
def random(query: Query) -> Ints:
    """Rows drawn uniformly without replacement: passive learning, the baseline."""
    return query.rng.choice(query.pool, size=query.n, replace=False)


@strategy("file_order", family="control", cite="control: the order of the file", cost="O(n)")
def file_order(query: Query) -> Ints:
    """Rows in the order of the dataset's file: what a careless split would learn from."""
    if len(query.rows) != len(query.X):
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
