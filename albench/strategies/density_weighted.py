"""Density-weighted uncertainty sampling by pre-clustering (DWUS)."""

from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt
from scipy.special import expit, log_expit, logsumexp

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._binary import signs
from albench.strategies._geometry import fitted_kmeans, kmeans_seed
from albench.strategies.uncertainty import TINY

Positive = Annotated[float, Gt(0)]
ITERATIONS = 1000
SETTLED = 1e-12  # largest change of a cluster's share at which EM stops
RELATIVE = 1e-9  # tie window of log scores


class Mixture:
    """A mixture of Gaussians of one spherical variance around the centres of k-means.

    centres   (K, d)
    variance  of each feature in each cluster
    log_given (n, K) log p(cluster | row)
    log_p     (n,) log density of each row
    """

    def __init__(self, X: Floats, centres: Floats, squared: Floats, variance: float) -> None:
        self.centres, self.variance = centres, variance
        log_part = -squared / (2.0 * variance) - X.shape[1] / 2.0 * np.log(2.0 * np.pi * variance)
        share = np.full(len(centres), 1.0 / len(centres))
        for _ in range(ITERATIONS):
            joint = log_part + np.log(np.maximum(share, TINY))
            self.log_p = logsumexp(joint, axis=1)
            self.log_given = joint - self.log_p[:, None]
            before, share = share, np.exp(self.log_given).mean(axis=0)
            if np.abs(share - before).max() < SETTLED:
                break
        self.share = share


def mixture(X: Floats, clusters: int, seed: int, variance: float | None) -> Mixture:
    """The mixture of some rows; its variance by maximum likelihood where none is given."""
    found = fitted_kmeans(X, clusters, seed)
    squared = found.distances(X) ** 2
    if variance is None:
        variance = float(squared.min(axis=1).mean() / X.shape[1]) or 1.0
    return Mixture(X, found.centres, squared, variance)


def cluster_probabilities(
    centres: Floats, log_given: Floats, y: Floats, regularisation: float
) -> Floats:
    """(K,) p(second class | cluster) of a logistic regression on the centres.

    It maximises the likelihood of the labelled rows, each of which belongs to the clusters
    by its probabilities, less regularisation / 2 |w|^2; the intercept is free.
    log_given  (l, K) log p(cluster | row); y: (l,) 1 for the second class, else -1
    """
    from scipy.optimize import minimize

    C = np.column_stack([centres, np.ones(len(centres))])
    penalty = np.append(np.full(centres.shape[1], regularisation), 0.0)

    def loss(w: Floats) -> tuple[float, Floats]:
        z = y[:, None] * (C @ w)
        joint = log_given + log_expit(z)
        total = logsumexp(joint, axis=1)
        share = np.exp(joint - total[:, None]) * expit(-z) * y[:, None]
        gradient = penalty * w - share.sum(axis=0) @ C
        return float(w @ (penalty * w) / 2.0 - total.sum()), gradient

    options: Any = {"maxiter": 10_000, "ftol": 1e-15, "gtol": 1e-9}
    found = minimize(loss, np.zeros(C.shape[1]), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(expit(C @ found.x))


@strategy(
    "dwus",
    family="hybrid",
    needs=("binary",),
    cite="Nguyen and Smeulders 2004; Donmez, Carbonell and Bennett 2007",
    cost="O(nKd) times the iterations of k-means once, then O(lK (d + steps) + nK)",
)
class DensityWeighted:
    """Largest expected error times density, both from clusters (DWUS, pre-clustering).

    Rows belong to clusters by a mixture of Gaussians, p(x) is its density, and a logistic
    regression on the centres says which class a cluster stands for; the query model is not
    asked. The score is min(p(y | x), 1 - p(y | x)) p(x). While one class is labelled the
    densest row is taken. Centres are found by k-means; the publication uses k-medoids.
    clusters        how many
    variance        of each feature inside a cluster; default: by maximum likelihood, which
                    the publication leaves open (libact: 0.1)
    regularisation  of the logistic regression
    """

    def __init__(
        self,
        *,
        clusters: Annotated[int, Ge(1)] = 5,
        variance: Positive | None = None,
        regularisation: Positive = 1.0,
    ) -> None:
        self.clusters, self.variance, self.regularisation = clusters, variance, regularisation
        self.mixture: Mixture | None = None

    def __call__(self, query: Query) -> Ints:
        y = signs(query)
        if self.mixture is None:
            seed = kmeans_seed(query)
            self.mixture = mixture(query.X, self.clusters, seed, self.variance)
        scores = self.mixture.log_p[query.pool]
        if np.ptp(y) > 0:
            log_given = self.mixture.log_given
            each = cluster_probabilities(
                self.mixture.centres, log_given[query.labeled], y, self.regularisation
            )
            second = np.exp(log_given[query.pool]) @ each
            scores = scores + np.log(np.maximum(np.minimum(second, 1.0 - second), TINY))
        return query.top(scores, tolerance=RELATIVE)
