"""These rows and rows like these, shrunken estimates, and `plan`."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from generated import curves_of
from scipy import stats

from albench.analysis.comparison import compare, places, planned, power, scopes
from albench.analysis.question import Options
from albench.cli import exit_code

ASK = Options("accuracy", "higher", rope=0.01)


def test_rows_like_these_by_hand() -> None:
    d = np.array([0.01, 0.03, 0.02, 0.04])
    low, high, floor = scopes.corrected_interval(d, 400, 100)
    half = stats.t.ppf(0.975, 3) * d.std(ddof=1) * np.sqrt(1 / 4 + 1 / 4)
    assert (low, high) == pytest.approx((0.025 - half, 0.025 + half))
    assert floor == pytest.approx(stats.norm.ppf(0.975) * d.std(ddof=1) / 2)
    assert np.isnan(scopes.corrected_interval(d, np.nan, 100)).all()


def test_more_trials_never_pass_the_floor() -> None:
    d = np.random.default_rng(0).normal(0, 0.02, 5000)
    low, high, floor = scopes.corrected_interval(d, 400, 100)
    assert (high - low) / 2 == pytest.approx(floor, rel=0.01)


def test_shrunken_means_by_hand() -> None:
    means, errors = np.array([-0.02, 0.0, 0.02, 0.04, 0.06]), np.full(5, 0.0005)
    value, error = places.shrunken(means, errors)
    # of means .001, of noise .0005: pull 1/2, times 2/4
    assert value == pytest.approx(0.02 + 0.75 * (means - 0.02))
    variance = 0.0005 * (1 - 4 / 5 * 0.25) + 1.0 * 0.25**2 * (means - 0.02) ** 2
    assert error == pytest.approx(np.sqrt(variance))
    alone = places.shrunken(means[:3], errors[:3])
    assert alone[0].tolist() == means[:3].tolist()


def test_shrunken_intervals_cover_and_are_closer() -> None:
    rng = np.random.default_rng(1)
    hit = near = far = 0
    for _ in range(400):
        truth = 0.01 + rng.normal(0, 0.02, 15)
        means = truth + rng.normal(0, 0.02, 15)
        value, error = places.shrunken(means, np.full(15, 0.0004))
        hit += int((np.abs(value - truth) <= scopes.NORMAL * error).sum())
        near += float(np.square(value - truth).sum())
        far += float(np.square(means - truth).sum())
    assert 0.925 <= hit / 6000 <= 0.97
    assert near < 0.75 * far


def test_a_dataset_lies_inside_ahead_behind_or_is_too_noisy() -> None:
    assert places.place_of(0.01, 0.005, 0.015, 0.01) == "inside"
    assert places.place_of(0.012, 0.005, 0.019, 0.01) == "ahead"
    assert places.place_of(-0.012, -0.02, -0.005, 0.01) == "behind"
    assert places.place_of(0.0, -0.011, 0.011, 0.01) == "too noisy to say"
    assert places.place_of(0.0, np.nan, np.nan, 0.01) == "too noisy to say"
    # wide, but beyond the rope as a whole
    assert places.place_of(-0.2, -0.23, -0.17, 0.01) == "behind"
    assert places.place_of(0.05, 0.011, 0.09, 0.01) == "ahead"
    assert places.place_of(0.05, 0.009, 0.09, 0.01) == "too noisy to say"


def test_places_without_known_noise_are_those_of_the_means() -> None:
    means, nan = np.array([0.005, 0.02, -0.02]), np.full(3, np.nan)
    found = places.placed(places.Measured(means, nan, np.zeros(3)), 0.01)
    assert (found.place, found.noise) == (["inside", "ahead", "behind"], False)
    some = places.placed(
        places.Measured(means, np.array([1e-8, np.nan, 1e-8]), np.full(3, 9.0)), 0.01
    )
    assert some.place == ["inside", "too noisy to say", "behind"]
    # with one degree of freedom the interval is 12.7 standard errors to either side
    few = places.placed(places.Measured(means, np.full(3, 1e-6), np.ones(3)), 0.01)
    assert few.high - few.low == pytest.approx(np.full(3, 2 * 12.706e-3), rel=1e-3)
    assert few.place[0] == "too noisy to say"


def test_second_scope_is_said_from_500_rows_on() -> None:
    frame = curves_of(6, 3, 6)
    small = frame["dataset"] == "data-00"
    frame = frame.assign(n_train=np.where(small, 300, 600), n_test=np.where(small, 150, 400))
    found = compare(frame, None, ASK)
    table = scopes.scopes(found.stacks[0], "random")
    few = table["dataset"] == "data-00"
    assert table.loc[few, ["like_low", "like_high"]].isna().all(axis=None)
    assert (table.loc[few, "note"] == "450 rows: nothing on rows like these below 500").all()
    assert table.loc[~few, ["like_low", "like_high"]].notna().all(axis=None)
    wide = table[~few]
    assert ((wide["like_high"] - wide["like_low"]) > (wide["high"] - wide["low"])).all()
    said = scopes.told(table, "margin")
    assert said.endswith("of 6 datasets")
    assert sum(int(part.split(" on ")[1].split()[0]) for part in said.split(", ")) == 6


def test_a_plan_finds_what_it_promises() -> None:
    """Datasets asked for at an effect have the power asked for, by the planned spread."""
    pilot = planned.pilot(curves_of(10, 4, 6), None, ASK)
    table = planned.beyond(pilot, ASK, 0.01, 0.8, planned.Size(12, 6, 3))
    assert set(table["strategy"]) == {"margin", "entropy", "least_confident"}
    for _, row in table.iterrows():
        sd = row["detectable"] / power.effect_size(12, 0.05 / 3, df=9)
        assert power.power(12, 0.01 / sd, 0.05 / 3, 9) == pytest.approx(row["power"], abs=1e-3)
        n = int(row["datasets"])
        assert power.power(n, 0.01 / sd, 0.05 / 3, 9) >= 0.8
    each = planned.on_each(pilot, ASK, 0.01, 0.8)
    assert (each["floor"] > 0).all()
    assert ((each["like"] == np.inf) == (each["floor"] >= 0.01)).all()


SUITE = """
title = "tiny"
protocol = { name = "p", use = "standard", start = 6, batch = 10, budget = 26 }
models = ["gnb"]
strategies = ["random", "margin"]
trials = 3
metrics = ["accuracy"]
datasets = ["iris", "wine"]
"""


def test_plan_answers_from_shipped_results_then_from_the_pilot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    ask = ["plan", str(file), "--effect", "0.02", "--power", "0.8"]
    assert exit_code([*ask, "--format", "json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert "the shipped results of leaderboard" in table["notes"][0]
    assert "planned: 2 datasets, 3 trials on each, 1 comparisons" in table["notes"][0]
    assert {row["power"] for row in table["rows"]} == {0}  # two datasets reach no verdict
    assert exit_code(["run", str(file), "--results", "pilot", "--jobs", "1"]) == 0
    capsys.readouterr()
    assert exit_code([*ask, "--results", "pilot"]) == 0
    done = capsys.readouterr()
    assert "the suite's own results" in done.err
    assert "floor" in done.out
    assert exit_code([*ask, "--results", "nowhere"]) == 2
    assert exit_code(["plan", str(file), "--effect", "-1"]) == 2
    assert "--effect -1.0: a positive difference" in capsys.readouterr().err


def test_tables_of_pilots_say_shares(tmp_path: Path) -> None:
    pilot = planned.pilot(curves_of(10, 4, 6), None, ASK)
    table = planned.beyond(pilot, ASK, 0.01, 0.8, planned.Size(12, 6, 3))
    parts = table[["dataset", "strategy x dataset", "test rows", "trial"]]
    assert parts.sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert isinstance(table, pd.DataFrame)


def test_one_dataset_has_both_scopes_in_its_answer() -> None:
    frame = curves_of(1, 2, 8)
    large = compare(frame.assign(n_train=400, n_test=200), None, ASK)
    (row,) = large.tables["scopes"].to_dict("records")
    assert large.lines[1] == (
        "For rows like those of data-00 beyond this table (corrected for splits that overlap): "
        f"margin {row['difference']:+.3f} [{row['like_low']:+.3f}, {row['like_high']:+.3f}], with "
        f"endless trials still +- {row['floor']:.3f}."
    )
    small = compare(frame.assign(n_train=90, n_test=60), None, ASK)
    assert small.lines[1].endswith(
        "nothing is said: 150 rows: nothing on rows like these below 500."
    )
    # curves_of has sizes of its own; without any nothing is said
    unknown = compare(frame.drop(columns=["n_train", "n_test"], errors="ignore"), None, ASK)
    assert len(unknown.lines) == 1
