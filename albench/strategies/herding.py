"""Herding: greedy coverage of the pool under a kernel, plain and weighed by uncertainty."""

from typing import Annotated

import numpy as np
from annotated_types import Gt
from scipy.special import softmax

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._geometry import blocks, centred, distances_from
from albench.strategies.coverage import FacilityLocation, chosen
from albench.strategies.hybrids import Uncertainty
from albench.strategies.uncertainty import shannon

Positive = Annotated[float, Gt(0)]
RELATIVE = 1e-9  # tie window, as a share of the largest gain
HELD_OUT = 0.3  # of the labelled rows, to calibrate on
TEMPERATURES = np.geomspace(0.1, 10.0, 41)
BINS = 15  # of the calibration error
LEAST = 10  # labels of which some are held out
ZERO = 1e-12  # squared distances below this share of the norms are rounding


@strategy(
    "maxherding",
    family="coverage",
    cite="Bae, Noh and Sutherland 2024",
    batch_aware=True,
    cost="O(n^2 d) once, then O(nd) a row looked at",
)
class MaxHerding(FacilityLocation):
    """Greedily the rows that raise the coverage of all rows under a kernel most (MaxHerding).

    The coverage of a row is its largest similarity exp(-gamma d^2) to a chosen one, the
    labelled rows included. This is `facility_location` under another name, and is computed
    by it. The publication's rows are embeddings of length 1, for which gamma is 1.
    gamma  of the similarity; default: 1 / d
    """


class Coverage:
    """How much of the pool is covered by chosen rows, each pool row by its weight.

    The coverage of a row is its largest similarity exp(-gamma d^2) to a chosen one. What a
    row adds only falls as others are chosen, so the gain found last is an upper bound.
    """

    def __init__(self, query: Query, weights: Floats, gamma: float) -> None:
        X, norms = centred(query)
        self.X, self.norms, self.gamma = X[query.pool], norms[query.pool], gamma
        self.weights, self.covered = weights, np.zeros(len(query.pool))
        held = chosen(query)
        for part in blocks(held, len(self.X)):
            self.cover(self.similar(X[part], norms[part]))
        self.gain = np.concatenate(
            [self.added(part) for part in blocks(np.arange(len(self.X)), len(self.X))]
        )
        self.tolerance = RELATIVE * max(float(self.gain.max()), 0.0)

    def similar(self, X: Floats, norms: Floats) -> Floats:
        """(r, m) similarities of some rows to the pool."""
        near = X @ self.X.T
        near *= -2.0
        near += self.norms
        near += norms[:, None]
        np.maximum(near, 0.0, out=near)
        near *= -self.gamma
        return np.asarray(np.exp(near, out=near))

    def cover(self, near: Floats) -> None:
        """Count rows of these similarities as chosen."""
        np.maximum(self.covered, near.max(axis=0, initial=0.0), out=self.covered)

    def added(self, rows: Ints) -> Floats:
        """(r,) how much each of some pool rows adds to the coverage."""
        near = self.similar(self.X[rows], self.norms[rows])
        near -= self.covered
        np.maximum(near, 0.0, out=near)
        return np.asarray(near @ self.weights)

    def best(self) -> Floats:
        """(m,) gains of the rows that can be best, -inf for the others."""
        order = np.argsort(-self.gain, kind="stable")[: int(np.isfinite(self.gain).sum())]
        scores, most, at, step = np.full(len(self.gain), -np.inf), -np.inf, 0, 8
        while at < len(order) and self.gain[order[at]] >= most - 2 * self.tolerance:
            rows = order[at : at + step]
            scores[rows] = self.gain[rows] = self.added(rows)
            most = max(most, float(scores[rows].max()))
            at, step = at + step, min(2 * step, 512)
        return scores

    def choose(self, at: int) -> None:
        """Count a pool row as chosen."""
        self.gain[at] = -np.inf
        self.cover(self.similar(self.X[[at]], self.norms[[at]]))


def unsure(proba: Floats, measure: Uncertainty) -> Floats:
    """(m,) uncertainty of rows with these probabilities, zero where they are sure."""
    if measure == "entropy":
        return np.maximum(shannon(proba), 0.0)
    best = np.sort(proba, axis=1)
    return np.asarray(1.0 - best[:, -1] + (best[:, -2] if measure == "margin" else 0.0))


def at_temperature(proba: Floats, temperature: float) -> Floats:
    """(m, k) probabilities whose logarithms are divided by a temperature; zeros stay."""
    logits = np.log(proba, out=np.full(proba.shape, -np.inf), where=proba > 0) / temperature
    return np.asarray(softmax(logits, axis=1))


def calibration_error(proba: Floats, y: Ints) -> float:
    """Mean gap between confidence and accuracy over bins of confidence, weighed by rows."""
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == y
    bins = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
    gaps = np.bincount(bins, confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(y))


def calibrated(query: Query) -> float:
    """The temperature of least calibration error on held-out labels; of equal ones that
    nearest to 1. It is 1 where there are too few labels to hold any out."""
    order, n = query.rng.permutation(len(query.labeled)), len(query.labeled)
    out, fitted = np.sort(order[: int(HELD_OUT * n)]), np.sort(order[int(HELD_OUT * n) :])
    seed = int(query.rng.integers(2**31))
    y = query.y_labeled
    if n < LEAST or len(np.unique(y[fitted])) < 2:
        return 1.0
    model = query.trained(query.make_model, seed, query.labeled[fitted], y[fitted])
    proba = model.proba("train", query.labeled[out])
    assert proba is not None  # the query model has some
    errors = [calibration_error(at_temperature(proba, t), y[out]) for t in TEMPERATURES]
    tied = np.array(errors) <= min(errors) + 1e-12
    away = np.where(tied, np.abs(np.log(TEMPERATURES)), np.inf)
    return float(TEMPERATURES[away.argmin()])


def adapted(query: Query) -> float:
    """gamma = 1 / r^2, r the least distance above 0 between labelled rows; else 1 / d."""
    X, norms = centred(query)
    rows = query.labeled
    least = np.inf
    for part in blocks(rows, len(X)):
        squared = distances_from(X, norms, part)[:, rows]
        equal = squared <= ZERO * (norms[part, None] + norms[rows])
        least = min(least, float(np.where(equal, np.inf, squared).min()))
    return 1.0 / least if np.isfinite(least) else 1.0 / X.shape[1]


@strategy(
    "uherding",
    family="hybrid",
    needs=("proba",),
    cite="Bae, Oliveira and Sutherland 2025",
    batch_aware=True,
    cost="O(n^2 d) a round, then O(nd) a row looked at, and a fit",
)
def uherding(
    query: Query,
    *,
    gamma: Positive | None = None,
    calibrate: bool = True,
    measure: Uncertainty = "margin",
) -> Ints:
    """Greedily the rows that raise coverage most, each row weighed by uncertainty (UHerding).

    As `maxherding`, but a pool row counts by how unsure the model is of it, and both halves
    adapt to the labels: probabilities are softened by the temperature of least calibration
    error on held-out labels, and gamma is 1 / r^2, r the least distance above 0 between two
    labelled rows (1 / d where all are equal).
    gamma      fixed instead of adapted
    calibrate  fit a model on 70 % of the labels, drawn at random, and choose among 41
               temperatures from 0.1 to 10 by the error on the rest; fewer than 10 labels, or
               one class among those fitted, leave probabilities as they are
    measure    of uncertainty
    """
    proba = query.proba
    if calibrate:
        proba = at_temperature(proba, calibrated(query))
    coverage = Coverage(query, unsure(proba, measure), adapted(query) if gamma is None else gamma)
    picks = np.empty(query.n, dtype=np.intp)
    for i in range(query.n):
        picks[i] = query.top(coverage.best(), 1, coverage.tolerance)[0]
        coverage.choose(int(np.searchsorted(query.pool, picks[i])))
    return picks
