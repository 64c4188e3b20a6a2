"""What class weights leave of a gain, and starts that hold one class."""

import numpy as np
import pandas as pd
import pytest

from albench.analysis.comparison import cells, weighted


def stack_of(gains: list[float], model: str) -> cells.Stack:
    rows = [
        (f"d{i}", s, t, n, 0.5 + (g if s == "margin" else 0), model)
        for i, g in enumerate(gains)
        for s in ("random", "margin")
        for t in (0, 1)
        for n in (10, 20)
    ]
    names = ["dataset", "strategy", "trial", "n_labeled", "accuracy", "model"]
    (stack,) = cells.stacks(
        cells.tidy(pd.DataFrame(rows, columns=names), "accuracy", "higher"), "random"
    )
    return stack


def test_half_of_a_gain_remains() -> None:
    gains = [0.10, 0.08, 0.12, 0.09]
    after = [0.05, 0.04, 0.06, 0.047]
    stacks = {"logreg": stack_of(gains, "logreg"), "w": stack_of(after, "w")}
    found = weighted.remaining(stacks, {"logreg": "w"}, baseline="random")
    (row,) = (r for _, r in found.iterrows())
    assert row["remains"] == pytest.approx(sum(after) / sum(gains))
    assert row["low"] < row["remains"] < row["high"]
    assert weighted.sentence(row).startswith(
        "margin: 51% of the gain remains when the task model is class-weighted"
    )


def test_a_gain_that_may_be_zero_has_no_share() -> None:
    stacks = {"a": stack_of([0.1, -0.1, 0.05, -0.04], "a"), "w": stack_of([0.01] * 4, "w")}
    (row,) = (r for _, r in weighted.remaining(stacks, {"a": "w"}, baseline="random").iterrows())
    assert np.isnan(row["low"])
    assert "cannot be told" in weighted.sentence(row)


def test_starts_of_one_class_are_counted_once_a_trial() -> None:
    runs = pd.DataFrame(
        {
            "run": ["a", "b", "c", "d"],
            "dataset": "rare",
            "protocol": "p",
            "trial": [0, 0, 1, 2],
            "strategy": ["random", "margin", "random", "random"],
        }
    )
    rounds = pd.DataFrame(
        {
            "run": ["a", "a", "b", "c", "d"],
            "round": [0, 1, 0, 0, 0],
            "labels": [[0, 0, 0], [1], [0, 0, 0], [0, 1, 0], [1, 1, 1]],
        }
    )
    (row,) = (r for _, r in weighted.one_class_starts(runs, rounds).iterrows())
    assert (row["starts"], row["one_class"]) == (3, 2)


def test_twins_differ_in_class_weights_alone() -> None:
    models = {
        "logreg": ("logreg", {"C": 1.0}),
        "strong": ("logreg", {"C": 9.0}),
        "balanced": ("logreg", {"C": 1.0, "class_weight": "balanced"}),
        "svc": ("svc-rbf", {"C": 1.0}),
    }
    assert weighted.twins(models) == {"logreg": "balanced"}
    assert weighted.twins({"logreg": models["logreg"]}) == {}
