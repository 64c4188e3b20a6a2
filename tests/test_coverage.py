"""Coverage of pool, test set, clusters and classes, and when classes were first seen."""

from math import inf

import numpy as np
import pandas as pd
import pytest
from bought_runs import measured, ran
from scipy.spatial.distance import cdist

from albench.analysis.bought import coverage, groups, over_trials
from albench.analysis.bought import words as said
from albench.analysis.bought.space import Space
from albench.runner.cuts import cuts


@pytest.fixture(scope="module")
def found() -> tuple[pd.DataFrame, pd.DataFrame]:
    return measured(coverage.measured)


def test_incremental_distances_equal_those_from_scratch(found) -> None:
    runs, rounds, specs = ran()
    group = next(groups(runs, rounds, cuts(specs)))
    space = Space.of(group.task)
    X_test = space.projected(group.task.X_test)
    for run in group.runs:
        mine = found[0]
        mine = mine[(mine["strategy"] == run.strategy) & (mine["trial"] == run.key[4])]
        for n, part in mine.groupby("n_labeled"):
            value = part.set_index("measure")["value"]
            labels = space.Z[run.rows[:n]]
            near = cdist(space.Z, labels).min(axis=1)
            assert value["nearest_mean"] == pytest.approx(near.mean())
            assert value["nearest_p95"] == pytest.approx(np.quantile(near, 0.95))
            assert value["nearest_max"] == pytest.approx(near.max())
            assert value["kernel"] == pytest.approx(np.exp(-space.gamma * near**2).mean())
            assert value["test_mean"] == pytest.approx(cdist(X_test, labels).min(axis=1).mean())


def test_coverage_grows_and_kcenter_covers_best(found) -> None:
    summary = over_trials(found[0], "random")
    for name, sign in (("nearest_mean", -1), ("kernel", 1), ("cluster_hit", 1)):
        part = summary[summary["measure"] == name]
        for _, rows in part.groupby("strategy"):
            assert (sign * np.diff(rows.sort_values("checkpoint")["value"]) >= -1e-12).all()
    last = summary[(summary["checkpoint"] == 1)].set_index(["strategy", "measure"])
    radius = {s: last.loc[(s, "nearest_max"), "value"] for s in ("random", "kcenter")}
    assert radius["kcenter"] < radius["random"]
    assert last.loc[("kcenter", "spacing"), "value"] > last.loc[("random", "spacing"), "value"]


def test_classes_seen_and_first_seen_agree(found) -> None:
    frame, seen = found
    every = seen[seen["class"] == -1]
    assert len(every) == 12
    by_class = seen[seen["class"] >= 0].groupby(["strategy", "trial"])["labels"].max()
    every = every.set_index(["strategy", "trial"])["labels"]
    pd.testing.assert_series_equal(every.sort_index(), by_class.sort_index())
    end = frame[(frame["measure"] == "classes_seen") & (frame["checkpoint"] == 1)]
    assert (end["value"] == 1).all()
    assert set(seen["class_name"]) == {"malignant", "benign", "all classes"}


def rows_of(labels: list[float], strategy: str = "s") -> pd.DataFrame:
    base = {
        "dataset": "d",
        "protocol": "p",
        "model": "m",
        "class": -1,
        "class_name": "all classes",
        "budget": 50,
        "n": 3,
    }
    return pd.DataFrame(
        [
            {**base, "strategy": strategy, "trial": t, "labels": x, "round": x}
            for t, x in enumerate(labels)
        ]
    )


def test_a_class_that_never_appears_is_censored_not_dropped() -> None:
    summary = coverage.seen_summary(rows_of([10.0, 20.0, 30.0, inf, inf])).iloc[0]
    assert (summary["median"], summary["reached"], summary["trials"]) == (30.0, 3, 5)
    assert summary["restricted_mean"] == pytest.approx((10 + 20 + 30 + 50 + 50) / 5)
    never = coverage.seen_summary(rows_of([inf, inf])).iloc[0]
    assert never["median"] == inf
    assert never["restricted_mean"] == 50
    words = said.classes(coverage.seen_summary(rows_of([10.0, inf])), "random")
    assert words == ["within the budget some class stayed unseen: s on d in 1 of 2 trials."]


def test_composition_adds_up_and_ends_at_the_class_shares() -> None:
    table = measured(coverage.composition)
    sums = table.groupby(["strategy", "n_labeled"])["share"].sum()
    assert sums.to_numpy() == pytest.approx(np.ones(len(sums)))
    assert set(table["n_labeled"]) >= {0, 1, 60}
    pool = table[table["n_labeled"] == 0]
    assert (pool.groupby("class")["share"].nunique() == 1).all()


def test_too_few_queries_have_no_spacing() -> None:
    runs, rounds, specs = ran()
    space = Space.of(next(groups(runs, rounds, cuts(specs))).task)
    assert np.isnan(coverage.spacing(space, np.array([3])))
    assert coverage.spacing(space, np.array([3, 5])) == pytest.approx(
        np.linalg.norm(space.Z[3] - space.Z[5])
    )
