"""Risk of a model over the pool from rows that were sampled actively, without replacement.

Row m (from 1 to M) is drawn with probability q among the N - m + 1 rows left. Both estimators
are unbiased for the mean loss over the N rows, for a model that was not fitted on those
labels (Farquhar, Gal and Rainforth, ICLR 2021).
"""

import numpy as np
from numpy.typing import NDArray

from albench.errors import BadValue

Floats = NDArray[np.float64]


def lure_weights(q: Floats, n_pool: int) -> Floats:
    """(M,) weights v whose mean with the losses is LURE: mean of v * loss.

    v = 1 + (N - M) / (N - m) * (1 / ((N - m + 1) q) - 1); all are 1 when M = N. E[v] = 1.
    Raises BadValue for probabilities outside (0, 1] or more draws than rows.
    """
    q, left = checked(q, n_pool)
    n = len(q)
    if n == n_pool:
        return np.ones(n)
    return np.asarray(1 + (n_pool - n) / (left - 1) * (1 / (left * q) - 1))


def pure_weights(q: Floats, n_pool: int) -> Floats:
    """(M,) weights whose mean with the losses is PURE: 1 / (N q) + (M - m) / N."""
    q, _ = checked(q, n_pool)
    after = np.arange(len(q) - 1, -1, -1)
    return np.asarray(1 / (n_pool * q) + after / n_pool)


def checked(q: Floats, n_pool: int) -> tuple[Floats, Floats]:
    """The probabilities, and how many rows were left before each draw."""
    q = np.asarray(q, dtype=np.float64)
    if q.ndim != 1 or len(q) > n_pool or not ((q > 0) & (q <= 1 + 1e-12)).all():
        raise BadValue("LURE needs the probability, in (0, 1], of each of at most N draws")
    return q, n_pool - np.arange(len(q), dtype=np.float64)


def with_start(n_start: int, q: Floats, n_pool: int) -> Floats:
    """Probabilities of a start drawn uniformly, 1 / (N - m + 1), then those logged."""
    return np.concatenate([1.0 / (n_pool - np.arange(n_start)), q])


def weighted_mean(weights: Floats, values: Floats, normalised: bool = False) -> float:
    """mean(v * loss), or the self-normalised sum(v * loss) / sum(v) (biased, less spread)."""
    below = float(weights.sum()) if normalised else float(len(weights))
    return float(weights @ values) / below if below > 0 else float("nan")
