"""Discovery of the rare class, ambiguous negatives, missed sub-clusters."""

from math import inf

import numpy as np
import pandas as pd
import pytest
from bought_runs import measured, ran

from albench.analysis.bought import groups, over_trials, rare
from albench.analysis.bought import rare as said_rare
from albench.analysis.bought.space import Space
from albench.core.spec import Protocol
from albench.runner.cuts import cuts


@pytest.fixture(scope="module")
def found() -> tuple[pd.DataFrame, pd.DataFrame]:
    return measured(rare.measured)


@pytest.mark.parametrize(
    ("flags", "longest"),
    [([], 0), ([0, 0], 0), ([1], 1), ([1, 1, 0, 1], 2), ([0, 1, 0, 1, 1, 1], 3), ([1, 1, 1], 3)],
)
def test_longest_run(flags: list[int], longest: int) -> None:
    assert rare.longest_run(np.array(flags, dtype=bool)) == longest


def space() -> Space:
    runs, rounds, specs = ran()
    return Space.of(next(groups(runs, rounds, cuts(specs))).task)


def test_discovery_is_one_for_the_ideal_and_zero_for_none() -> None:
    here = space()
    ideal = rare.discovery(here, np.array([True] * 4 + [False] * 6), 4)
    assert (ideal["found"], ideal["discovery"]) == (1.0, 1.0)
    none = rare.discovery(here, np.zeros(10, dtype=bool), 4)
    assert (none["found"], none["discovery"]) == (0.0, 0.0)
    late = rare.discovery(here, np.array([False] * 6 + [True] * 4), 4)
    assert late["discovery"] == pytest.approx((1 + 2 + 3 + 4) / (1 + 2 + 3 + 4 * 7))
    assert np.isnan(rare.discovery(here, np.zeros(3, dtype=bool), 0)["found"])


def test_the_expected_discovery_of_random_sampling_is_its_mean() -> None:
    here, rng = space(), np.random.default_rng(0)
    is_rare = here.task.y == here.task.positive
    areas = []
    for _ in range(400):
        rows = rng.permutation(here.pool)[:60]
        areas.append(rare.discovery(here, is_rare[rows], int(is_rare.sum())))
    mean = np.mean([a["discovery"] for a in areas])
    assert mean == pytest.approx(areas[0]["discovery_random"], rel=0.03)


def test_measures_of_the_queried_part(found) -> None:
    frame, _ = found
    start = frame[frame["checkpoint"] == 0].set_index("measure")["value"]
    assert start[["enrichment", "waste", "ambiguous_negative"]].isna().all()
    last = frame[frame["checkpoint"] == 1].pivot_table(
        index=["strategy", "trial"], columns="measure", values="value"
    )
    prevalence = frame.groupby("trial")["prevalence"].first()
    trials = last.index.get_level_values("trial")
    share = last["enrichment"] * prevalence.reindex(trials).to_numpy()
    assert share.to_numpy() == pytest.approx(1 - last["waste"].to_numpy())
    assert (last["ambiguous_streak"] <= 50 * last["ambiguous_negative"] + 1e-9).all()
    assert last["missed_clusters"].between(0, 1).all()
    by = last.groupby("strategy")["ambiguous_negative"].mean()
    assert by["margin"] > 3 * by["random"]
    assert {"accuracy", "average_precision_macro"} <= set(frame["measure"])
    assert set(frame["class_name"]) == {"malignant"}


def test_labels_to_the_first_and_tenth_positive_are_censored(found) -> None:
    _, first = found
    assert set(first["positives"]) == {1, 10}
    assert (first.loc[first["positives"] == 1, "labels"] < inf).all()
    short = first.assign(labels=np.where(first["positives"] == 10, inf, first["labels"]))
    summary = rare.labels_summary(short).set_index(["strategy", "positives"])
    assert summary.loc[("margin", 10), "median"] == inf
    assert summary.loc[("margin", 10), "restricted_mean"] == 60
    assert (summary.loc[("margin", 10), "reached"], summary.loc[("margin", 1), "reached"]) == (0, 3)


def test_more_positives_says_its_criterion_and_what_did_not_meet_it() -> None:
    rows = [
        ("random", 0.2, np.nan, np.nan, np.nan),
        ("qbc", 0.297, 0.097, 0.04, 0.15),
        ("margin", 0.332, 0.132, -0.01, 0.27),
        ("entropy", 0.25, 0.05, -0.1, 0.2),
    ]
    columns = ["strategy", "value", "difference", "low", "high"]
    part = pd.DataFrame(rows, columns=columns).assign(dataset="d")
    more, missed = said_rare.found_more("", part, "random")
    assert "whose 95 % interval over trials leaves zero out" in more
    assert more.endswith(": qbc on d +10 percentage points.")
    assert missed.endswith("holds zero: margin on d +13 [-1, +27] percentage points.")


def test_without_a_trace_ambiguity_is_unknown_and_said_so() -> None:
    runs, rounds, specs = ran(Protocol(start=10, budget=30), "wdbc", 1, False)
    frame, _ = rare.measured(runs, rounds, cuts(specs))
    assert frame.loc[frame["measure"] == "ambiguous_negative", "value"].isna().all()
    lines = said_rare.rare(over_trials(frame, "random"), "random")
    assert lines[0].endswith("run the suite with trace = true.")


def test_the_rarest_class_stands_in_for_a_positive_one() -> None:
    runs, rounds, specs = ran(Protocol(start=10, budget=20), "wine", 1, False, ("random",))
    frame, _ = rare.measured(runs, rounds, cuts(specs))
    assert set(frame["class_name"]) == {"class_2"}
    assert rare.prevalences(frame)[0].startswith("wine: the rare class is 'class_2'")


def test_the_discovery_curve_lies_between_nothing_and_the_ideal() -> None:
    curve = measured(rare.curve)
    assert (curve["found"] <= curve["ideal"] + 1e-12).all()
    for _, part in curve.groupby("strategy"):
        assert (np.diff(part.sort_values("n_labeled")["found"]) >= -1e-12).all()
        assert part["n_labeled"].max() == 60


def test_what_is_called_rare() -> None:
    share = pd.Series([0.15, 0.151, 0.04, 0.05, 0.1])
    classes = pd.Series([2, 2, 10, 10, 3])
    assert rare.is_rare(share, classes).tolist() == [True, False, True, False, True]
