"""The recommendation with rare classes and wrong labels: what it adds, and what it does not."""

from pathlib import Path

import pandas as pd
import pytest

from albench.analysis.comparison.advice import Observed, cautions
from albench.cli import exit_code
from albench.reporting.source import Source
from albench.reporting.views import observed
from albench.runner import open_store, run
from albench.runner.grid import labelled
from albench.suite.toml import load_suite

PLACE = ("standard", "logreg")


def found(**differences: tuple[str, float, float, float]) -> pd.DataFrame:
    """Positives found: name=(strategy, difference, low, high) by dataset."""
    rows = [
        {
            "dataset": dataset,
            "protocol": "standard",
            "model": "logreg",
            "strategy": strategy,
            "difference": difference,
            "low": low,
            "high": high,
        }
        for dataset, (strategy, difference, low, high) in differences.items()
    ]
    return pd.DataFrame(rows)


def wrong(oracle: str, low: float, high: float) -> tuple[pd.DataFrame, dict[tuple[str, str], str]]:
    row = {
        "dataset": "digits",
        "protocol": "standard",
        "model": "logreg",
        "strategy": "margin",
        "wrong": 0.2,
        "base": 0.1,
        "affinity": (low + high) / 2,
        "low": low,
        "high": high,
        "holm_p": 0.01 if low > 1 else 0.4,
    }
    return pd.DataFrame([row]), {("digits", "standard"): oracle}


def said(seen: Observed, name: str) -> str:
    return " ".join(cautions(seen, PLACE, name, "random"))


def test_finding_fewer_positives_is_warned_of() -> None:
    frame = found(a=("margin", -0.1, -0.15, -0.05), b=("margin", 0.2, 0.1, 0.3))
    text = said(Observed(frame, pd.DataFrame(), {}, 20), "margin")
    assert "It finds more positives of the rare class than random on 1 of 2 datasets" in text
    assert "b +20 percentage points (first 20 trials)" in text
    assert "Beware: it finds fewer positives" in text
    assert "a -10 percentage points" in text


def test_no_difference_is_said_as_none_shown() -> None:
    frame = found(a=("margin", 0.1, -0.05, 0.25))
    assert "not shown to find more or fewer" in said(
        Observed(frame, pd.DataFrame(), {}, 1), "margin"
    )


def test_with_the_baseline_kept_what_finds_positives_is_named() -> None:
    frame = found(a=("margin", 0.1, 0.05, 0.15), b=("badge", -0.1, -0.2, -0.05))
    text = said(Observed(frame, pd.DataFrame(), {}, 5), "random")
    assert "more of its positives are found by margin on 1 of 2 (a +10 percentage points)" in text
    none = found(a=("margin", 0.0, -0.1, 0.1))
    assert "Nor is any strategy shown" in said(Observed(none, pd.DataFrame(), {}, 5), "random")


@pytest.mark.parametrize(
    ("oracle", "low", "high", "text"),
    [
        ("class_pairs", 1.2, 1.8, "Beware: it is drawn to rows that are labelled wrong"),
        ("class_pairs", 0.8, 1.2, "not shown to be drawn"),
        ("uniform", 1.2, 1.8, "nothing can be drawn to them: 20% of the labels that margin"),
    ],
)
def test_wrong_labels(oracle: str, low: float, high: float, text: str) -> None:
    frame, oracles = wrong(oracle, low, high)
    assert text in said(Observed(pd.DataFrame(), frame, oracles, 20), "margin")


def test_other_models_say_nothing_of_this_one() -> None:
    frame = found(a=("margin", 0.1, 0.05, 0.15)).assign(model="svc-rbf")
    assert said(Observed(frame, pd.DataFrame(), {}, 20), "margin") == ""


SUITE = """
models = ["gnb"]
strategies = ["random", "margin"]
trials = 3
protocol = {use = "standard", budget = 50, oracle = {use = "uniform", rate = 0.2}}
datasets = ["iris", {use = "imbalanced", base = "wdbc", positive = "malignant", share = 0.05}]
"""


def test_a_suite_with_both_is_told_of_both(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SUITE)
    suite = load_suite(tmp_path / "s.toml")
    run(suite, tmp_path / "r", jobs=1)
    seen = observed(Source(suite, *labelled(suite, open_store(suite, tmp_path / "r"))))
    assert seen is not None
    assert seen.found["dataset"].nunique() == 1  # iris has no rare class
    assert set(seen.affinity["dataset"]) == {d.label for d in suite.datasets}
    page = tmp_path / "page.html"
    words = ["report", str(tmp_path / "s.toml"), "--results", str(tmp_path / "r")]
    assert exit_code([*words, "--to", str(page)]) == 0
    text = page.read_text()
    assert "of the rare class" in text
    assert "mistakes are uniform" in text
    assert ">Wrong labels<" in text


def test_a_suite_with_neither_has_nothing_to_add(tmp_path: Path) -> None:
    text = SUITE.replace(', oracle = {use = "uniform", rate = 0.2}', "")
    (tmp_path / "s.toml").write_text(text.split("datasets")[0] + 'datasets = ["iris"]\n')
    suite = load_suite(tmp_path / "s.toml")
    run(suite, tmp_path / "r", jobs=1)
    assert observed(Source(suite, *labelled(suite, open_store(suite, tmp_path / "r")))) is None
