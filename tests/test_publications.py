"""What was repeated of publications: values one by one, cells by verdict, conclusions counted."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from albench import read_results
from albench.analysis.claims import CONCLUSIONS, narrowed, pairs, sign_p, support, verdict
from albench.analysis.publications import (
    by_cell,
    first_difference,
    line,
    reasons,
    summed,
    values,
)
from albench.analysis.reproduce import VERDICTS, claims
from albench.api.published import publications, values_of
from albench.cli import exit_code
from albench.core.errors import BadValue
from albench.suite.toml import load_suite, shipped

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
PRINTED = [name for name, p in shipped().items() if p.with_suffix(".published.csv").is_file()]


def stored() -> tuple[pd.DataFrame, pd.DataFrame]:
    place = {"dataset": "d", "protocol": "p", "model": "m", "strategy": "s"}
    runs = [
        {"run": f"r{trial}", **place, "trial": trial, "status": status}
        for trial, status in ((0, "done"), (1, "failed"))
    ]
    scores = [(0, 0, np.nan), (0, 1, 0.12344), (0, 2, 0.5), (1, 1, 0.9)]
    rounds = [{"run": f"r{t}", "round": r, "accuracy": a, "brier": 1.0} for t, r, a in scores]
    return pd.DataFrame(runs), pd.DataFrame(rounds)


def printed(*rows: tuple[int, int, float, float]) -> pd.DataFrame:
    place = {"dataset": "d", "protocol": "p", "model": "m", "strategy": "s"}
    return pd.DataFrame(
        [{**place, "trial": t, "round": r, "accuracy": a, "brier": b} for t, r, a, b in rows]
    )


def test_values_are_equal_to_the_printed_digits_or_not() -> None:
    table = printed((0, 1, 0.1234, 1.0), (0, 2, 0.5001, np.nan), (1, 1, 0.9, 1.0))
    found = values(*stored(), table)
    assert len(found) == 3
    assert found.set_index(["round", "metric"])["equal"].to_dict() == {
        (1, "accuracy"): True,
        (2, "accuracy"): False,
        (1, "brier"): True,
    }
    cells = by_cell(found).set_index("metric")
    assert cells.loc["accuracy", ["compared", "equal"]].tolist() == [2, 1]
    assert cells.loc["accuracy", "largest_gap"] == pytest.approx(1e-4)
    assert first_difference(found) == (
        "d, m, s, p, trial 0, round 2: accuracy is printed as 0.5001 and 0.5 here"
    )
    assert first_difference(found[found["equal"]]) == ""
    assert values(*stored(), table, digits=3)["equal"].all()


def cells(*rows: tuple[str, str, str, float, float, str]) -> pd.DataFrame:
    names = ("publication", "dataset", "strategy", "printed", "ours", "verdict")
    table = pd.DataFrame(rows, columns=names)
    return table.assign(model="m", protocol="", why="")


def test_a_publication_in_one_row() -> None:
    table = cells(
        ("p", "a", "s", 0.8, 0.8, "same"),
        ("p", "b", "s", 0.8, 0.8, "agrees"),
        ("p", "c", "s", 0.8, np.nan, "not run"),
    )
    found = values(*stored(), printed((0, 1, 0.1234, 2.0)))
    row = line("p", table, found)
    assert (row["cells"], row["judged"], row["same"], row["not run"]) == (3, 2, 1, 1)
    assert (row["values"], row["equal values"]) == (2, 1)
    both = summed([row, line("q", table, None)])
    assert (both["cells"], both["judged"], both["values"]) == (6, 4, 2)
    assert reasons("p", table) == ["p, 1 not run: 1 no finished runs at hand"]


def test_a_conclusion_by_hand() -> None:
    rows = []
    for i in range(8):
        rows.append(("p", f"d{i}", "US-C", 0.8, 0.8 if i < 6 else np.nan, "agrees"))
        rows.append(("p", f"d{i}", "Uniform", 0.7, 0.75, "agrees"))
    table = cells(*rows, ("q", "d0", "margin", 0.9, np.nan, "not run"))
    found = support(table).set_index("conclusion").loc["margin beats random"]
    assert (found["comparisons"], found["ahead printed"]) == (8, 8)
    assert found["mean printed"] == pytest.approx(0.1)
    assert found["verdict printed"] == "holds"
    assert (found["repeated"], found["ahead ours"]) == (6, 6)
    assert found["verdict ours"] == "holds"
    assert sign_p(6, 0) == pytest.approx(2 / 64)
    assert [verdict(*n) for n in ((5, 0), (0, 6), (0, 0))] == ["not told", "reversed", "not told"]
    assert pairs(table, CONCLUSIONS[0], "ours").index.get_level_values("dataset").nunique() == 6


def test_numbers_of_one_dataset_or_strategy() -> None:
    table = cells(("p", "a", "s", 0.8, 0.8, "same"), ("p", "b", "t", 0.8, 0.8, "same"))
    assert narrowed(table, "a", None)["strategy"].tolist() == ["s"]
    with pytest.raises(BadValue, match="no published number of strategy 'x'; there are s, t"):
        narrowed(table, None, "x")


@pytest.mark.parametrize("suite", PRINTED)
def test_claims_name_what_the_suite_has_or_say_why_not(suite: str) -> None:
    """A claim under a label that the suite lacks could never be judged."""
    loaded = load_suite(suite)
    table = claims(ROOT / "suites" / f"{suite}.published.csv")
    open_ = table[~table["note"].str.startswith("not comparable:")]
    assert set(open_["dataset"]) <= {d.label for d in loaded.datasets}
    labels = {p for p, _ in loaded.protocols} | {""}
    assert set(table["protocol"]) <= labels
    assert not table.duplicated(["dataset", "strategy", "model", "protocol", "metric"]).any()


@pytest.fixture(scope="module")
def overview() -> pd.DataFrame:
    return publications(RESULTS)[0].set_index("publication")


def test_the_table_of_publications(overview: pd.DataFrame) -> None:
    assert overview.index.tolist() == [*PRINTED, "all"]
    assert (overview[list(VERDICTS)].sum(axis=1) == overview["cells"]).all()
    assert (overview[list(VERDICTS[:4])].sum(axis=1) == overview["judged"]).all()
    total = overview.drop(index="all").sum()
    assert (overview.loc["all"] == total).all()
    assert overview.loc["lu2023", "cells"] == 459
    assert overview.loc["lu2023", "differs"] == 0


def test_the_published_values_are_those_of_the_replayed_picks(overview: pd.DataFrame) -> None:
    row = overview.loc["benz2024"]
    assert row["values"] >= 100_000
    assert row["equal values"] == row["values"]
    suite = load_suite("benz2024")
    runs, rounds = read_results(suite, RESULTS / "benz2024")
    found = values_of(suite, runs, rounds)
    assert found is not None
    by = by_cell(found[found["dataset"] == "uci-iris"])
    assert len(by) == 2 * 8
    assert (by["compared"] == 13 * 10 * 60).all()
    assert (by["equal"] == by["compared"]).all()


def test_the_committed_results_are_small() -> None:
    def size(name: str) -> float:
        return sum(p.stat().st_size for p in (RESULTS / name).rglob("*") if p.is_file())

    assert sum(map(size, ("benz2024", "desreumaux2020"))) < 20e6


def test_the_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    nothing = ["--results", str(tmp_path)]
    assert exit_code(["reproduce", *nothing, "--format", "csv"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out)).set_index("publication")
    assert (table["judged"] == 0).all()
    assert exit_code(["claims", *nothing, "--format", "json"]) == 0
    shown: Any = json.loads(capsys.readouterr().out)
    assert any("none of them was repeated here" in said for said in shown["notes"])
    assert exit_code(["claims", *nothing, "--dataset", "banana", "--format", "csv"]) == 0
    numbers = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert {"lu2023", "desreumaux2020", "zhan2021"} <= set(numbers["publication"])
    assert exit_code(["claims", "--strategy", "nosuch", *nothing]) == 2
    assert "no published number of strategy 'nosuch'" in capsys.readouterr().err
    assert exit_code(["reproduce", "--margin", "0.01"]) == 2
    assert "need a SUITE" in capsys.readouterr().err
