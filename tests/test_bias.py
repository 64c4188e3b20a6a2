"""Drift of labelled sets from the pool, focus and overlap, beside the random strategy."""

import json

import numpy as np
import pandas as pd
import pytest
from bought_runs import LOGREG, measured, ran
from sklearn.datasets import load_breast_cancer

from albench.analysis.bought import bias, groups, over_trials, overlap, wide, words
from albench.analysis.comparison.paired import t_interval
from albench.core.errors import BadResults
from albench.core.registry import resolve
from albench.core.spec import Protocol, RunSpec
from albench.runner.cuts import cuts


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return measured(bias.measured)


def test_one_row_per_run_checkpoint_and_measure(frame: pd.DataFrame) -> None:
    key = ["dataset", "protocol", "model", "strategy", "trial", "checkpoint", "measure"]
    assert not frame.duplicated(key).any()
    assert set(frame["measure"]) == set(bias.MEASURES)
    assert sorted(frame["n_labeled"].unique()) == [10, 20, 30, 60]
    # a tenth of 60 labels is less than the start, so both shares fall on it
    assert sorted(frame["checkpoint"].unique()) == [0.0, 0.25, 0.5, 1.0]
    told_apart = frame[frame["measure"].isin(["c2st_auc", "ess"])]
    assert told_apart["value"].notna().all()  # ten labels are enough


def test_the_start_is_the_same_for_all_strategies_and_has_no_z(frame: pd.DataFrame) -> None:
    start = frame[frame["checkpoint"] == 0]
    assert (start.groupby(["trial", "measure"])["value"].nunique() == 1).all()
    assert start["z"].isna().all()
    later = frame[(frame["checkpoint"] == 1) & frame["measure"].isin(bias.WITH_Z)]
    assert later["z"].notna().all()
    assert frame.loc[~frame["measure"].isin(bias.WITH_Z), "z"].isna().all()


def test_values_equal_the_formulas_on_the_rows_bought(frame: pd.DataFrame) -> None:
    runs, rounds, specs = ran()
    first = next(groups(runs, rounds, cuts(specs)))
    run = next(r for r in first.runs if r.strategy == "margin")
    task = run.cut.task
    assert task.y[run.rows].tolist() == run.labels.tolist()
    p = np.bincount(task.y) / len(task.y)
    ours = np.bincount(task.y[run.rows]) / 60
    values = frame[(frame["strategy"] == "margin") & (frame["trial"] == run.key[4])]
    values = values[values["checkpoint"] == 1].set_index("measure")["value"]
    assert values["tv"] == pytest.approx(np.abs(ours - p).sum() / 2)
    assert values["min_share"] == pytest.approx(ours.min())
    assert values["tv_observed"] == pytest.approx(values["tv"])


def test_in_brief_the_numbers_are_the_same(frame: pd.DataFrame) -> None:
    brief = measured(bias.measured, brief=True)
    key = ["strategy", "trial", "checkpoint", "measure"]
    assert set(brief["measure"]) == set(bias.BRIEF)
    both = frame.merge(brief, on=key, suffixes=("", "_brief"))
    assert len(both) == len(brief)
    for name in ("value", "z", "null_low"):
        expected = both[name].to_numpy()
        assert both[f"{name}_brief"].to_numpy() == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_means_over_trials_are_those_of_each_cell(frame: pd.DataFrame) -> None:
    found = over_trials(frame, "random")
    row = found[(found["strategy"] == "margin") & (found["measure"] == "tv")].iloc[-1]
    at = frame[(frame["measure"] == "tv") & (frame["checkpoint"] == row["checkpoint"])]
    table = at.pivot(index="trial", columns="strategy", values="value")
    gap = (table["margin"] - table["random"]).to_numpy()
    assert row["value"] == pytest.approx(table["margin"].mean())
    assert row["difference"] == pytest.approx(gap.mean())
    assert (row["low"], row["high"]) == pytest.approx(t_interval(gap))
    assert (row["pairs"], row["trials"], row["of_trials"]) == (3, 3, 3)
    own = found[found["strategy"] == "random"]
    assert own[["difference", "low", "high"]].isna().all().all()


def test_margin_drifts_and_random_does_not(frame: pd.DataFrame) -> None:
    summary = over_trials(frame, "random")
    energy = summary[(summary["measure"] == "energy") & (summary["checkpoint"] == 1)]
    energy = energy.set_index("strategy")
    assert energy.loc["margin", "z"] > 2 > abs(energy.loc["random", "z"])
    assert energy.loc["margin", "difference"] == pytest.approx(
        energy.loc["margin", "value"] - energy.loc["random", "value"]
    )
    assert np.isnan(energy.loc["random", "difference"])
    assert (energy["trials"] == 3).all()
    table = wide(summary, bias.SHOWN, bias.WITH_Z)
    assert len(table) == 4
    assert {"energy", "z energy", "c2st_auc"} <= set(table)


def test_differences_are_paired_by_trial_and_holes_are_counted(frame: pd.DataFrame) -> None:
    gone = (frame["strategy"] == "random") & (frame["trial"] == 1)
    hole = (frame["strategy"] == "margin") & (frame["trial"] == 2) & (frame["measure"] == "tv")
    part = frame.assign(value=frame["value"].mask(hole))[~gone]
    summary = over_trials(part, "random")
    row = summary[(summary["strategy"] == "margin") & (summary["measure"] == "tv")].iloc[-1]
    assert (row["trials"], row["of_trials"], row["pairs"]) == (2, 3, 1)
    assert np.isnan(row["low"])


def test_the_order_of_runs_does_not_matter(frame: pd.DataFrame) -> None:
    runs, rounds, specs = ran()
    other = bias.measured(runs[::-1], rounds.sample(frac=1, random_state=1), cuts(specs))
    keys = ["strategy", "trial", "checkpoint", "measure"]
    one, two = (f.sort_values(keys).reset_index(drop=True) for f in (frame, other))
    pd.testing.assert_series_equal(one["value"], two["value"])
    pd.testing.assert_series_equal(one["z"], two["z"])


def test_features_that_drift_most_are_named(frame: pd.DataFrame) -> None:
    worst = bias.worst_features(frame)
    assert worst["share"].between(0, 1).all()
    assert worst.groupby("strategy")["times"].sum().tolist() == [9, 9, 9, 9]
    assert set(worst["feature"]) <= set(load_breast_cancer().feature_names)
    first = worst[worst["strategy"] == "margin"].iloc[0]
    (line,) = words.features(worst, "random")
    assert f"margin on wdbc {first['feature']!r} ({first['share']:.0%})" in line


def test_columns_are_named_after_encoding_and_by_the_base(tmp_path) -> None:
    (tmp_path / "t.csv").write_text(
        "age,colour,y\n"
        + "".join(f"{i if i % 5 else ''},{'rgb'[i % 3]},{i % 2}\n" for i in range(60))
    )
    csv = {"use": "csv", "path": "t.csv", "target": "y"}
    thinned = {"use": "imbalanced", "base": "wdbc", "positive": "malignant", "share": 0.1}
    small = Protocol(start=5, budget=10)
    names = []
    for given in (csv, thinned, "synthetic-two-moons"):
        ref = resolve("dataset", given, folder=tmp_path)
        spec = RunSpec(ref, resolve("strategy", "random"), LOGREG, LOGREG, small, 0)
        names.append(next(cuts([spec])).features)
    assert names[0] == ("age", "age missing", "colour = b", "colour = g", "colour = r")
    assert names[1] == tuple(load_breast_cancer().feature_names)
    assert names[2] == ("0", "1")


def test_a_table_without_finished_runs_is_refused() -> None:
    runs, rounds, specs = ran()
    with pytest.raises(BadResults, match="no finished run"):
        bias.measured(runs.assign(status="failed"), rounds, cuts(specs))


def test_a_budget_that_buys_nothing_has_no_drift_of_the_queried_part() -> None:
    protocol = Protocol(start=10, budget=10)
    found = measured(bias.measured, protocol)
    assert set(found["checkpoint"]) == {1.0}
    assert found["z"].isna().all()
    summary = over_trials(measured(overlap.measured, protocol), "random", overlap.UNDEFINED)
    assert summary["value"].isna().all()
    assert summary["reason"].str.contains("nothing was queried").all()


# ------------------------------------------------------------------ focus and overlap
def test_margin_looks_at_the_boundary_and_overlaps_with_itself() -> None:
    summary = over_trials(measured(overlap.measured), "random")
    last = summary[summary["checkpoint"] == 1].set_index(["strategy", "measure"])["value"]
    assert last["margin", "boundary"] > 1.5 > last["random", "boundary"]
    assert last["margin", "full_margin"] < 1
    assert 0 <= last["margin", "early_error"] <= 1
    pairs = measured(overlap.overlaps).set_index(["strategy", "other"])
    assert pairs.loc[("margin", "other trials"), "excess"] > 0.2
    assert abs(pairs.loc[("random", "other trials"), "excess"]) < 0.1
    assert pairs.loc[("random", "margin"), "pairs"] == 3


def test_overlap_of_random_sets_is_chance_on_average() -> None:
    rng = np.random.default_rng(3)
    pool, gaps = np.arange(300), []
    for trial in range(300):
        a, b = (rng.choice(300, size=60, replace=False) for _ in range(2))
        one, two = (overlap.Queried(trial, rows, pool) for rows in (a, b))
        found = overlap.shared(one, two)
        gaps.append(found["jaccard"] - found["chance"])
        assert found["chance"] == pytest.approx(12 / 108)
    assert abs(np.mean(gaps)) < 0.005


def test_early_error_needs_the_trace() -> None:
    small = Protocol(start=10, budget=30)
    runs, rounds, specs = ran(small, "wdbc", 1, False)
    found = overlap.measured(runs, rounds, cuts(specs))
    assert found.loc[found["measure"] == "early_error", "value"].isna().all()


# ------------------------------------------------------------------ words and command
def summary_of(z: float, low: float, high: float) -> pd.DataFrame:
    base = {"dataset": "d", "protocol": "p", "model": "m", "checkpoint": 1.0, "value": 1.0}
    rows = []
    for measure in ("energy", "tv"):
        rows.append({**base, "strategy": "random", "measure": measure, "z": 0.1})
        rows.append({**base, "strategy": "s", "measure": measure, "z": z, "low": low, "high": high})
    return pd.DataFrame(rows)


def test_words_follow_the_numbers() -> None:
    far = words.bias(summary_of(10.4, 0.1, 0.2), "random")
    assert far[0] == (
        "labelled sets differ from the pool in their features more than random ones do "
        "(energy): s on 1 of 1 (d z = 10.4)."
    )
    assert not any("not shown to drift" in line for line in far)
    unsure = words.bias(summary_of(10.4, -0.1, 0.2), "random")
    assert unsure == ["not shown to drift more in the features than with random: s."]
    assert words.bias(summary_of(1.0, 0.1, 0.2), "random") == unsure


def test_drift_is_judged_before_the_whole_pool_was_bought() -> None:
    half = summary_of(10.4, 0.1, 0.2).assign(checkpoint=0.5)
    whole = summary_of(np.nan, 0.0, 0.0).assign(z=np.nan)
    large = summary_of(0.3, 0.1, 0.2).assign(dataset="large")
    lines = words.bias(pd.concat([half, whole, large]), "random")
    assert lines[0].endswith("(energy): s on 1 of 2 (d z = 10.4).")
    assert lines[-1] == "judged before the whole pool was bought: d at 50% of the labels bought."
    only = words.bias(pd.concat([whole, large]), "random")
    assert only[-1] == "judged before the whole pool was bought: d not at all."


SUITE = """
datasets = ["iris"]
models = ["logreg"]
strategies = ["random", "margin"]
trials = 2
trace = true
protocol = {use = "standard", start = 10, budget = 30}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A suite that was run: the arguments that name it."""
    from albench.runner import run
    from albench.suite.toml import load_suite

    folder = tmp_path_factory.mktemp("suite")
    (folder / "s.toml").write_text(SUITE)
    run(load_suite(folder / "s.toml"), folder / "r", jobs=1)
    return [str(folder / "s.toml"), "--results", str(folder / "r")]


@pytest.mark.parametrize("command", ["bias", "coverage", "rare", "noise", "audit"])
def test_every_command_prints_its_table_and_sentences(command, finished, capsys) -> None:
    from albench.cli import exit_code

    assert exit_code([command, *finished, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["strategy"] for row in found["rows"]} == {"random", "margin"}
    assert any(note.endswith(".") for note in found["notes"])
    assert exit_code([command, *finished, "--baseline", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_commands_draw_what_they_print(finished, tmp_path, capsys) -> None:
    from albench.cli import exit_code

    for command in ("bias", "coverage", "rare"):
        assert exit_code([command, *finished, "--to", str(tmp_path / "one")]) == 0
    assert exit_code(["coverage", *finished, "--to", str(tmp_path / "two")]) == 0
    names = {path.stem for path in (tmp_path / "one").iterdir() if path.suffix == ".svg"}
    assert names == {
        "tv",
        "energy",
        "picks-iris",
        "nearest-mean",
        "cluster-tv",
        "composition-iris",
        "discovery",
    }
    for name in ("nearest-mean.svg", "composition-iris.pdf", "captions-composition.md"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    capsys.readouterr()
