"""McPAL and ALCE, against scikit-activeml, simulation and the stress of an embedding."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler

from albench.core.registry import make_strategy
from albench.strategies.cost_embedding import simplex
from albench.strategies.probabilistic import correct, frequencies, gain, outcomes
from albench.testing import make_query

TABLES = [load_iris, load_breast_cancer, load_wine]


def real(load: Any, n: int) -> tuple[Any, Any]:
    """The first n rows of a shuffled, standardised table, equal rows once."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    order = order[np.sort(np.unique(X[order], axis=0, return_index=True)[1])][:n]
    return StandardScaler().fit_transform(X[order]), y[order]


@pytest.mark.parametrize("load", TABLES)
@pytest.mark.parametrize("m_max", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_mcpal_equals_scikit_activeml(load: Any, m_max: int, weighted: bool) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    from skactiveml.classifier import ParzenWindowClassifier

    X, y = real(load, 80)
    k, labels = len(np.unique(y)), np.where(np.arange(80) < 20, y.astype(float), np.nan)
    parzen = ParzenWindowClassifier(classes=np.arange(k), metric_dict={"gamma": 0.3})
    weight = rbf_kernel(X, gamma=0.3).mean(axis=1) if weighted else np.ones(80)
    theirs, utilities = pool.ProbabilisticAL(prior=0.5, m_max=m_max, random_state=0).query(
        X, labels, parzen, utility_weight=weight, batch_size=5, return_utilities=True
    )
    query = make_query(X, np.arange(20), y[:20], 5, k)
    ours = gain(frequencies(query, 0.3), m_max, 0.5) * weight[20:]
    np.testing.assert_allclose(ours, utilities[0][20:], atol=1e-10)
    picks = make_strategy("mcpal", gamma=0.3, m_max=m_max, prior=0.5, weighted=weighted)(query)
    assert picks.tolist() == theirs.tolist()


def test_expected_accuracy_by_simulation() -> None:
    rng = np.random.default_rng(0)
    counts = np.array([1.3, 0.2, 0.9])
    for m in (0, 1, 3):
        shares = rng.dirichlet(counts + 0.7, size=60_000)
        drawn = np.array([rng.multinomial(m, p) for p in shares])
        right = shares[np.arange(len(shares)), (counts + drawn).argmax(axis=1)]
        assert correct(counts[None], m, 0.7)[0] == pytest.approx(right.mean(), abs=3e-3)
    assert len(outcomes(3, 3)) == 10
    assert (outcomes(2, 4).sum(axis=1) == 2).all()


def test_classes_are_embedded_without_stress() -> None:
    """The simplex: distances are the costs of accuracy, also by scikit-activeml's stress."""
    for k in (2, 3, 7):
        np.testing.assert_allclose(pdist(simplex(k)), 1.0, rtol=1e-12)


@pytest.mark.parametrize("load", TABLES)
def test_alce_equals_scikit_activeml_in_the_same_space(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    module = pytest.importorskip("skactiveml.pool._cost_embedding_al")

    class Embedded:
        """Its scaling starts at random; here it is handed the solution without stress."""

        def __init__(self, **_: Any) -> None: ...

        def fit(self, costs: Any) -> Any:
            k = len(costs) // 2
            np.testing.assert_array_equal(costs[:k, k:], 1 - np.eye(k))
            self.embedding_ = np.vstack([simplex(k), simplex(k)])
            return self

    monkeypatch.setattr(module, "MDSP", Embedded)
    X, y = real(load, 90)
    k, labels = len(np.unique(y)), np.where(np.arange(90) < 25, y.astype(float), np.nan)
    theirs, utilities = pool.CostEmbeddingAL(classes=np.arange(k), random_state=0).query(
        X, labels, batch_size=6, return_utilities=True
    )
    query = make_query(X, np.arange(25), y[:25], 6, k)
    picks = make_strategy("alce")(query)
    np.testing.assert_allclose(utilities[0][picks], np.sort(utilities[0][25:])[::-1][:6], atol=1e-6)
    assert len(set(picks.tolist()) & set(theirs.tolist())) >= 5
