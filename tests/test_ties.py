"""The tie rule: among scores within the tolerance of the best, the first in order; repeated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albench.simulation.query import first_best


def by_definition(scores: list[float], n: int, tolerance: float, order: list[int]) -> list[int]:
    left, picked = set(range(len(scores))), []
    for _ in range(n):
        best = max(scores[i] for i in left)
        window = [i for i in left if scores[i] >= best - tolerance]
        picked.append(min(window, key=lambda i: order[i]))
        left.remove(picked[-1])
    return picked


@given(st.lists(st.integers(0, 12), min_size=1, max_size=30), st.data())
def test_equals_the_definition(steps: list[int], data: st.DataObject) -> None:
    """Scores on a grid of half tolerances: windows that overlap without being equal."""
    scores = [0.5 * step for step in steps]
    n = data.draw(st.integers(1, len(scores)))
    order = data.draw(st.permutations(range(len(scores))))
    for given_order in (None, np.array(order)):
        picks, n_tied = first_best(np.array(scores), n, 1.0, given_order)
        places = list(range(len(scores))) if given_order is None else order
        assert picks.tolist() == by_definition(scores, n, 1.0, places)
        assert n_tied == sum(s >= max(scores) - 1.0 for s in scores)


@pytest.mark.parametrize("n", [1, 3, 5])
def test_minus_infinity_comes_last(n: int) -> None:
    scores = np.array([-np.inf, 1.0, -np.inf, 2.0, -np.inf])
    assert first_best(scores, n)[0].tolist() == [3, 1, 0, 2, 4][:n]
