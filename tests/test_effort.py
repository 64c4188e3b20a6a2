"""What a target takes in labels, money and hours, against numbers by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from albench.analysis.comparison import effort
from albench.analysis.comparison.typeset import curve_tables
from albench.analysis.question import Options
from albench.cli import exit_code

ASKED = Options("accuracy", "higher", targets=(0.8,), axis="cost")
SUITE = """
datasets = ["iris"]
models = ["gnb"]
strategies = ["random", "margin"]
trials = 3
seconds_per_label = 36
protocol = {start = 10, batch = 10, budget = 50, cost = {use = "lognormal", mean = 2.0}}
"""


def curves(scores: dict[str, list[list[float]]], price: dict[str, float]) -> pd.DataFrame:
    """Curves at 10, 20, 30, 40 labels; a label of a strategy costs `price`, the start 10."""
    return pd.DataFrame(
        [
            {
                "dataset": "toy",
                "strategy": name,
                "trial": trial,
                "n_labeled": 10 * (step + 1),
                "cost": 10 + price[name] * 10 * step,
                "accuracy": score,
            }
            for name, trials in scores.items()
            for trial, curve in enumerate(trials)
            for step, score in enumerate(curve)
        ]
    )


TWO = curves(
    {
        "random": [[0.5, 0.6, 0.7, 0.8], [0.5, 0.7, 0.8, 0.9], [0.5, 0.7, 0.8, 0.9]],
        "dear": [[0.5, 0.8, 0.9, 0.9]] * 3,
    },
    {"random": 1.0, "dear": 1.0},
)


def test_labels_cost_and_hours_by_hand() -> None:
    found = effort.efforts(TWO, None, ASKED, seconds=360).set_index("strategy")
    # `dear` holds 0.8 from 20 labels on, at a cost of 10 + 10; two hours at 360 s a label
    assert found.loc["dear", ["labels", "cost", "hours"]].tolist() == [20, 20, 2]
    # `random` arrives at 30 labels, but in its first trial at the last checkpoint only
    assert found.loc["random", ["labels", "cost", "hours"]].tolist() == [30, 30, 3]
    assert found["reached"].to_dict() == {"random": 2, "dear": 3}


def test_a_dearer_strategy_saves_labels_and_no_money() -> None:
    both = pd.concat(
        [
            curves({"random": [[0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9]] * 3}, {"random": 1.0}),
            curves({"dear": [[0.5, 0.8, 0.9, 0.9]] * 3}, {"dear": 4.0}),
        ]
    )
    found = effort.efforts(both, None, ASKED).set_index("strategy")
    # both runs end where the cheaper one does: at a cost of 70
    assert found.loc["random", ["labels", "cost"]].tolist() == [40, 40]
    assert found.loc["dear", "labels"] == pytest.approx(20)
    assert found.loc["dear", "cost"] == pytest.approx(50)
    assert "hours" not in found


def test_what_is_not_reached_is_a_bound() -> None:
    found = effort.efforts(TWO, None, replace(ASKED, targets=(0.99,)), seconds=36)
    assert found[["labels", "cost", "hours"]].isna().all(axis=None)
    (line,) = effort.sentences(found, replace(ASKED, targets=(0.99,)))
    assert "random cost over 40, over 40 labels, over 0.4 hours (reached in 0 of 3 trials)" in line


def test_nothing_is_said_where_nothing_is_priced() -> None:
    assert effort.efforts(TWO, None, replace(ASKED, axis="n_labeled")).empty
    hours = effort.efforts(TWO, None, replace(ASKED, axis="n_labeled"), seconds=36)
    assert "cost" not in hours
    assert hours.set_index("strategy").loc["dear", "hours"] == pytest.approx(0.2)


def test_labels_of_a_lower_metric_agree_with_those_of_its_mirror() -> None:
    mirrored = TWO.assign(loss=1 - TWO["accuracy"])
    lower = Options("loss", "lower", targets=(0.2,), axis="cost", rope=0.1)
    one = effort.efforts(TWO, None, ASKED, 36.0)
    other = effort.efforts(mirrored, None, lower, 36.0)
    columns = ["strategy", "reached", "labels", "cost", "hours"]
    pd.testing.assert_frame_equal(one[columns], other[columns])
    assert other["value"].tolist() == pytest.approx([0.2, 0.2])


def test_run_compare_and_report_answer_in_money_and_hours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite, out = tmp_path / "c.toml", str(tmp_path / "r")
    suite.write_text(SUITE)
    words = [str(suite), "--results", out]
    assert exit_code(["run", *words, "--jobs", "1"]) == 0
    said = capsys.readouterr()
    assert "answers are by cost" in said.err
    (line,) = [x for x in said.out.splitlines() if "takes, median over trials" in x]
    assert "random cost " in line
    assert " hours" in line
    assert exit_code(["compare", *words]) == 0
    assert line in capsys.readouterr().out
    assert exit_code(["curves", *words, "--table", "effort", "--format", "csv"]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert {"cost", "labels", "hours", "reached"} <= set(head.split(","))
    assert exit_code(["report", *words]) == 0
    page = (Path(out) / "report.html").read_text()
    assert "What a target takes" in page
    assert line.split("takes, ")[1] in page
    assert "at the same cost" in page


def test_a_suite_without_prices_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = curve_tables(TWO, None, replace(ASKED, axis="n_labeled"))
    assert found.effort.empty
    assert np.isfinite(found.labels["median"]).any()
