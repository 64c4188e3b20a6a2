"""Verdicts on published numbers, the areas they rest on, and strategies that coincide."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from albench.analysis.comparison.summaries import aubc
from albench.analysis.reproduce import (
    VERDICTS,
    areas,
    aubc_lu2023,
    claims,
    coinciding,
    conflicts,
    reproduced,
    standard_error,
    summary,
    tally,
)
from albench.cli import exit_code
from albench.core.errors import BadData, BadValue


def test_the_area_of_lu_leaves_out_the_start_and_divides_by_q() -> None:
    curve = [0.1, 0.5, 0.7, 0.9]
    assert aubc_lu2023(curve) == round(((0.5 + 0.7) / 2 + (0.7 + 0.9) / 2) / 3, 5)
    assert aubc_lu2023([0.0] + [0.8] * 43) == round(0.8 * 42 / 43, 5)
    assert aubc([0, 1, 2], [0.8] * 3) == pytest.approx(0.8)
    assert np.isnan(aubc_lu2023([0.5, 0.6]))


def test_the_area_of_lu_is_added_in_order() -> None:
    rng = np.random.default_rng(0)
    differ = 0
    for _ in range(200):
        curve = rng.random(301)
        total = 0.0
        for one, two in pairwise(curve[1:]):
            total += (one + two) / 2
        assert aubc_lu2023(curve) == round(total / 300, 5)
        differ += aubc_lu2023(curve) != round(float(np.sum(curve[1:-1] + curve[2:])) / 600, 5)
    assert differ < 200


def tables(cells: dict[tuple[str, str], np.ndarray[Any, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stored tables whose runs have the given textbook areas, one per trial."""
    runs, rounds = [], []
    for (dataset, strategy), values in cells.items():
        for trial, value in enumerate(values):
            run = f"{dataset}-{strategy}-{trial}"
            runs.append(
                {"run": run, "dataset": dataset, "protocol": "p", "model": "m"}
                | {"strategy": strategy, "trial": trial, "status": "done", "n_train": 9}
            )
            rounds += [
                {"run": run, "round": number, "n_labeled": 2 + number, "accuracy": value}
                | {"picks": [number], "n_tied": None}
                for number in range(3)
            ]
    return pd.DataFrame(runs), pd.DataFrame(rounds)


def claim(path: Path, **fields: object) -> pd.DataFrame:
    row = {
        "dataset": "d",
        "strategy": "s",
        "model": "m",
        "metric": "accuracy",
        "summary": "aubc",
        "mean": "0.8000",
        "sd": "0.0300",
        "trials": 100,
        "seeds": "unknown",
        "source": "x",
        "note": "",
    }
    pd.DataFrame([row | fields]).to_csv(path / "c.published.csv", index=False)
    return claims(path / "c.published.csv")


def trials(mean: float, sd: float, n: int = 100) -> np.ndarray[Any, Any]:
    """n values with exactly this mean and sd."""
    z = np.random.default_rng(0).normal(size=n)
    z = (z - z.mean()) / z.std(ddof=1)
    return mean + sd * z


def verdict(path: Path, values: np.ndarray[Any, Any], **fields: object) -> str:
    found = reproduced(*tables({("d", "s"): values}), claim(path, **fields))
    return str(found["verdict"].iloc[0])


def test_the_verdicts(tmp_path: Path) -> None:
    assert verdict(tmp_path, trials(0.80004, 0.03004)) == "same"
    assert verdict(tmp_path, trials(0.80004, 0.0302)) == "agrees"
    assert verdict(tmp_path, trials(0.8006, 0.03)) == "agrees"
    assert verdict(tmp_path, trials(0.806, 0.03)) == "too uncertain"
    assert verdict(tmp_path, trials(0.83, 0.03)) == "differs"
    assert verdict(tmp_path, trials(0.80004, 0.03, 10)) == "too uncertain"
    assert verdict(tmp_path, trials(0.8, 0.03)[:1]) == "not run"
    assert verdict(tmp_path, trials(0.8, 0.03), strategy="other") == "not run"
    assert verdict(tmp_path, trials(0.8, 0.03), note="not comparable: other data") == (
        "not comparable"
    )


def test_a_wide_interval_is_no_agreement_and_the_margin_decides(tmp_path: Path) -> None:
    runs, rounds = tables({("d", "s"): trials(0.803, 0.03)})
    for margin, expected in ((0.002, "too uncertain"), (0.05, "agrees")):
        found = reproduced(runs, rounds, claim(tmp_path), margin=margin)
        assert found["verdict"].tolist() == [expected]
    row = reproduced(runs, rounds, claim(tmp_path)).iloc[0]
    assert row["margin"] == 0.01
    assert row["low"] < row["difference"] < row["high"]
    found = reproduced(runs, rounds, claim(tmp_path, sd="0.004"))
    assert found["margin"].tolist() == [0.002]


def test_equal_splits_narrow_the_interval(tmp_path: Path) -> None:
    base = trials(0.8, 0.03)
    near = base + np.random.default_rng(1).normal(0, 0.005, 100)
    runs, rounds = tables({("d", "s"): base + 0.002, ("d", "t"): near})
    wide, narrow = (
        reproduced(runs, rounds, claim(tmp_path, seeds=seeds)).iloc[0]
        for seeds in ("unknown", "same")
    )
    assert narrow["high"] - narrow["low"] < 0.5 * (wide["high"] - wide["low"])
    assert standard_error(0.03, 100, 0.03, 100, 0.0) == pytest.approx(0.03 * np.sqrt(0.02))
    assert standard_error(0.03, 100, 0.03, 100, 1.0) == 0.0


def test_the_interval_covers_at_its_level() -> None:
    """Published and own trials drawn from one distribution: the interval holds zero in .95."""
    from albench.analysis.reproduce import Ours, compared

    rng, held = np.random.default_rng(2), 0
    for _ in range(400):
        theirs, mine = rng.normal(0.8, 0.03, 20), rng.normal(0.8, 0.03, 20)
        row = {
            "printed": float(theirs.mean()),
            "printed_sd": float(theirs.std(ddof=1)),
            "trials_printed": 20,
            "ours": float(mine.mean()),
            "ours_sd": float(mine.std(ddof=1)),
            "trials": 20,
            "difference": float(mine.mean() - theirs.mean()),
        }
        found = compared(row, 9, False, Ours(mine, 0.0), None, 0.05)
        held += found["low"] <= 0 <= found["high"]
    assert 0.92 <= held / 400 <= 0.985


def test_claims_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="no number"):
        claim(tmp_path, mean="high")
    pd.DataFrame({"dataset": ["d"]}).to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(BadData, match="no column strategy"):
        claims(tmp_path / "c.csv")
    runs, rounds = tables({("d", "s"): trials(0.8, 0.03, 5)})
    with pytest.raises(BadValue, match="summary 'median'"):
        areas(runs, rounds, "accuracy", "median")
    with pytest.raises(BadValue, match="metric 'f1'"):
        areas(runs, rounds, "f1", "aubc")


def test_the_tally_names_every_verdict(tmp_path: Path) -> None:
    found = reproduced(*tables({("d", "s"): trials(0.8, 0.03)}), claim(tmp_path))
    said = tally(found)
    assert said.startswith("1 same, 0 agrees")
    assert all(verdict in said for verdict in VERDICTS)


def test_claims_of_two_publications_side_by_side(tmp_path: Path) -> None:
    mine = reproduced(*tables({("d", "Uniform"): trials(0.81, 0.03)}), claim(tmp_path))
    mine["strategy"] = "Uniform"
    other = claim(tmp_path, strategy="Random", mean="0.617")
    both = conflicts(mine, other, {"Random": "Uniform"}, ("lu", "zhan"))
    assert both[["lu", "zhan"]].to_numpy().tolist() == [[0.8, 0.617]]
    assert both["claims apart"].iloc[0] == pytest.approx(0.183)


def simulated(tmp_path: Path, strategies: str, more: str = "") -> Path:
    suite = tmp_path / "s.toml"
    suite.write_text(
        'datasets = [{use = "synthetic-two-gaussians", n = 80}]\n'
        f'models = ["svc-rbf"]\nstrategies = [{strategies}]\ntrials = 3\n{more}\n'
        'protocol = {use = "standard", start = 10, batch = 1, budget = 22}\n'
        'baseline = "random"\n'
    )
    run = ["run", str(suite), "--results", str(tmp_path / "r"), "--jobs", "1"]
    assert exit_code(run) == 0
    return suite


def test_the_audit_finds_what_coincides(tmp_path: Path) -> None:
    from albench import read_results

    constant = tmp_path / "constant.py"
    constant.write_text(
        "import numpy as np\nfrom albench import strategy\n"
        "@strategy('constant', cite='t', family='t', cost='t')\n"
        "def constant(query):\n"
        "    '''All scores equal.'''\n"
        "    return query.top(np.zeros(len(query.pool)))\n"
    )
    names = '"random", "margin", "greedy_quota_margin", "constant", "pool_order", "kcenter"'
    suite = simulated(tmp_path, names, 'plugins = ["constant.py"]')
    found = summary(coinciding(*read_results(suite, tmp_path / "r")))
    pairs = {
        frozenset((r["strategy"], r["with"]))
        for r in found[found["finding"] == "same picks"].to_dict("records")
    }
    assert pairs == {
        frozenset(("margin", "greedy_quota_margin")),
        frozenset(("constant", "pool_order")),
    }
    tied = found[found["finding"] == "all tied"]
    assert tied["strategy"].tolist() == ["constant"]


def test_reproduce_exits_with_one_where_a_cell_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = simulated(tmp_path, '"random", "margin"')
    results = ["--results", str(tmp_path / "r")]
    assert exit_code(["reproduce", str(suite), *results]) == 2
    assert "no published numbers" in capsys.readouterr().err
    label = "synthetic-two-gaussians(n=80)"
    claim(tmp_path, dataset=label, strategy="random", model="svc-rbf", mean="0.3000", trials=3)
    (tmp_path / "c.published.csv").rename(tmp_path / "s.published.csv")
    figure = tmp_path / "f.svg"
    drawn = ["--figure", str(figure), "--format", "json"]
    assert exit_code(["reproduce", str(suite), *results, *drawn]) == 1
    said = capsys.readouterr()
    assert '"verdict": "differs"' in said.out
    assert "0 same, 0 agrees, 0 too uncertain, 1 differs" in said.out
    assert "1 cells differ" in said.err
    before = figure.read_bytes()
    assert exit_code(["reproduce", str(suite), *results, *drawn]) == 1
    assert figure.read_bytes() == before
    assert exit_code(["reproduce", str(suite), *results, "--margin", "-1"]) == 2
