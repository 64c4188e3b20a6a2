"""Strategies as publications ran them, where that is not what the name says."""

from albench.learner import Ints
from albench.query import Query
from albench.registry import strategy


@strategy("pool_order", family="control", cite="Lu et al. 2023, Uniform; Zhan et al. 2021, Random")
def pool_order(query: Query) -> Ints:
    """The next rows in pool order: random exactly where the pool is a random order.

    Under `lu2023` the pool is shuffled and this is `Uniform`; under `zhan2021` it is in the
    order of the file, and this walks a class-sorted file one class after another.
    """
    return query.pool[: query.n]
