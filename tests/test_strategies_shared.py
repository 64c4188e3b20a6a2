"""Picks against independent references once more, on real tables of published comparisons.

The references (scikit-activeml, scipy, other solvers, brute force) are those of the tests on
scikit-learn's tables, which say what is compared. The tables are read from the mirror and are
no part of the repository; without one these tests are skipped. What is picked on them is frozen
too, by digest, once it agreed with the references.
"""

import hashlib
import inspect
import json
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_strategies_coverage as coverage
import test_strategies_density_weighted as density_weighted
import test_strategies_discrepancy as discrepancy
import test_strategies_fisher as fisher
import test_strategies_herding as herding
import test_strategies_hintsvm as hintsvm
import test_strategies_lal as lal
import test_strategies_leaves as leaves
import test_strategies_powers as powers
import test_strategies_probabilistic as probabilistic
from engine_grid import mirrored
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from albench.core.registry import entry, make_strategy, names
from albench.simulation.query import Picks
from albench.testing import make_query

TABLES = ("vehicle", "seeds", "sonar")
FROZEN = Path(__file__).with_name("picks.json")
# module, function, and the values of its further parameters
REFERENCES: tuple[tuple[Any, str, dict[str, list[Any]]], ...] = (
    (coverage, "kcenter_equals_scikit_activeml", {}),
    (density_weighted, "picks_follow_the_formulas", {}),
    (discrepancy, "weights_equal_those_of_scipy", {}),
    (discrepancy, "machines_equal_other_solvers", {}),
    (discrepancy, "a_batch_is_unsure_or_representative_by_its_weight", {}),
    (fisher, "bait_by_brute_force", {"intercept": [False]}),
    (fisher, "variance_reduction_by_its_definition", {}),
    (herding, "maxherding_equals_scikit_activeml", {}),
    (herding, "uherding_by_brute_force", {"measure": ["margin", "entropy"]}),
    (hintsvm, "picks_by_the_dual_of_the_publication", {"kernel": ["linear", "rbf"]}),
    (lal, "states_are_those_of_scikit_learns_forest", {"compiled": [True]}),
    (leaves, "without_fixed_centres_it_is_scikit_learns_kmeans", {}),
    (leaves, "centres_are_means_of_what_no_label_is_nearer_to", {}),
    (leaves, "shares_of_leaves_equal_scikit_activeml", {}),
    (leaves, "direct_on_tables_asks_for_what_it_picks", {}),
    (powers, "contrastive_al_equals_scikit_activeml", {"neighbours": [5]}),
    (powers, "min_margin_is_the_least_of_all_members", {}),
    (powers, "greedy_sampling_equals_scikit_activeml", {}),
    (probabilistic, "mcpal_equals_scikit_activeml", {"m_max": [1], "weighted": [True]}),
    (probabilistic, "alce_equals_scikit_activeml_in_the_same_space", {}),
)
CASES = [
    pytest.param(
        module, name, dict(zip(more, values, strict=True)), id="-".join([name, *map(str, values)])
    )
    for module, name, more in REFERENCES
    for values in product(*more.values())
]


def table(name: str, return_X_y: bool = True) -> tuple[Any, Any]:
    """Features, and classes from 0 on, of a file of the mirror."""
    found = mirrored(name)
    if found is None:
        pytest.skip(f"{name} is not here: set ALBENCH_MIRROR to a folder that holds it")
    X, y = found
    return X, np.unique(y, return_inverse=True)[1]


@pytest.mark.filterwarnings("ignore:Some inputs do not have OOB scores")
@pytest.mark.filterwarnings("ignore:There are leaves with less than two labeled samples")
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(("module", "function", "more"), CASES)
def test_reference(
    module: Any,
    function: str,
    more: dict[str, Any],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table(name)
    test = getattr(module, f"test_{function}")
    more = {"load": partial(table, name), "monkeypatch": monkeypatch, **more}
    test(**{p: more[p] for p in inspect.signature(test).parameters})


def own() -> list[str]:
    """albench's own strategies that choose rows by what such a query holds."""
    found = [entry("strategy", n) for n in names("strategy") if not n.startswith("ska:")]
    told = [e.traits.rows or e.traits.replay or e.traits.annotators for e in found]
    return [e.name for e, more in zip(found, told, strict=True) if e.plugin is None and not more]


def picks(strategy: str, name: str) -> list[int]:
    """Five rows of 100 that a strategy picks after 20 labels."""
    X, y = table(name)
    order = np.random.default_rng(0).permutation(len(y))[:100]
    X, y = StandardScaler().fit_transform(X[order]), y[order]
    traits = entry("strategy", strategy).traits
    if "binary" in traits.needs:
        y = (y > 0).astype(np.intp)
    more: dict[str, Any] = {"y": y, "positive": 0, "hidden": traits.bound or traits.sampling}
    if traits.bound:
        more["test"] = (X[:30], y[:30])
    model = LogisticRegression(solver="newton-cholesky", tol=1e-10, max_iter=200)
    query = make_query(X, np.arange(20), y[:20], 5, int(y.max()) + 1, model=model, **more)
    few = {"lal": {"tasks": 1, "trees": 10}, "eer_01": {"candidates": 10}}.get(strategy, {})
    answer = make_strategy(strategy, **few)(query)
    rows = answer.rows if isinstance(answer, Picks) else answer
    return [int(row) for row in rows]


def digest(chosen: list[int]) -> str:
    """What is kept of picks."""
    return hashlib.sha256(json.dumps(chosen).encode()).hexdigest()[:16]


@pytest.mark.parametrize("strategy", own())
def test_picks_stay(strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("albench.strategies.lal.SIZES", range(2, 5))
    found = {name: digest(picks(strategy, name)) for name in TABLES}
    assert found == json.loads(FROZEN.read_text())[strategy]


def main() -> None:
    """Freeze what is picked now."""
    from albench.strategies import lal as simulated

    simulated.SIZES = range(2, 5)
    found = {s: {name: digest(picks(s, name)) for name in TABLES} for s in own()}
    FROZEN.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
