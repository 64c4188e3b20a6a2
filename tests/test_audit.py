"""The evaluation audit: estimators without a test set against the passive test score."""

import numpy as np
import pandas as pd
import pytest
from bought_runs import measured, ran

from albench.analysis.bought import audit
from albench.analysis.bought import errors as misled
from albench.analysis.bought import errors as said_audit
from albench.core.errors import BadValue
from albench.core.registry import resolve
from albench.core.spec import Protocol
from albench.runner.cuts import cuts

AUDITED = Protocol(start=10, budget=60, audit=40)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return measured(audit.measured, AUDITED)


def test_the_truth_is_the_stored_passive_test_score(frame: pd.DataFrame) -> None:
    runs, rounds, _ = ran(AUDITED)
    stored = runs.merge(rounds, on="run").set_index(["strategy", "trial", "n_labeled"])["accuracy"]
    mine = frame[frame["estimator"] == "resubstitution"]
    assert len(mine) == 4 * 3 * 4
    for _, row in mine.iterrows():
        key = (row["strategy"], row["trial"], row["n_labeled"])
        assert row["truth"] == pytest.approx(stored[key], abs=1e-12)


def test_every_estimator_is_there_or_says_why(frame: pd.DataFrame) -> None:
    assert set(frame["estimator"]) == set(audit.ESTIMATORS)
    assert (frame["estimate"].isna() == (frame["reason"] != "")).all()
    told = " ".join(misled.left_out(frame))
    every = "is left out on every dataset for"
    assert f"audit_60 {every} all strategies: the protocol withholds 40 rows" in told
    assert f"lure_cv {every} margin, kcenter: the strategy logs no probabilities" in told
    assert "audit_30" not in told


def test_in_brief_cross_validation_is_the_same(frame: pd.DataFrame) -> None:
    brief = measured(audit.measured, AUDITED, brief=True)
    key = ["strategy", "trial", "checkpoint"]
    both = frame[frame["estimator"] == "cv"].merge(brief, on=key, suffixes=("", "_brief"))
    assert len(both) == len(brief) == 4 * 3 * 4
    assert (both["estimate"] == both["estimate_brief"]).all()
    assert (both["truth"] == both["truth_brief"]).all()


def test_uniform_draws_make_lure_the_plain_cross_validation(frame: pd.DataFrame) -> None:
    table = frame[frame["strategy"] == "random"].pivot_table(
        index=["trial", "checkpoint"], columns="estimator", values="estimate"
    )
    assert table["lure_cv"].to_numpy() == pytest.approx(table["cv"].to_numpy(), abs=1e-12)
    weighted = frame[(frame["strategy"] == "softmax") & (frame["estimator"] == "lure_cv")]
    start = weighted["checkpoint"] == 0
    assert (weighted["ess"] < weighted["n_labeled"])[~start].all()
    assert weighted.loc[start, "ess"].to_numpy() == pytest.approx(10)  # drawn uniformly
    assert (weighted["max_weight"] > 1)[~start].all()


def test_clean_labels_make_no_difference_to_clean_scores(frame: pd.DataFrame) -> None:
    table = frame.pivot_table(
        index=["strategy", "trial", "checkpoint"], columns="estimator", values="estimate"
    )
    assert (table["cv"] == table["cv_clean"]).all()
    assert (table["cv"] == table["cv_matched"]).all()
    truth = frame.pivot_table(
        index=["strategy", "trial", "checkpoint"], columns="estimator", values="truth"
    )
    assert (truth["cv_matched"] != truth["cv"]).any()


def test_the_audit_sample_is_unbiased_over_all_withheld_rows(frame: pd.DataFrame) -> None:
    _, rounds, specs = ran(AUDITED)
    first = next(iter(cuts(specs)))
    assert len(first.task.withheld) == 40
    picks = np.concatenate([np.asarray(p) for p in rounds["picks"]])
    assert not np.isin(first.task.rows[first.task.withheld], picks[: 60 * 4]).any()
    sample = frame[frame["estimator"] == "audit_30"]
    assert (sample["estimate"] * 30).round(9).mod(1).max() == 0


def test_wrong_labels_bias_what_is_scored_on_them() -> None:
    noisy = Protocol(start=10, budget=60, oracle=resolve("oracle", {"use": "uniform", "rate": 0.3}))
    table = misled.errors(measured(audit.measured, noisy)).set_index(
        ["strategy", "checkpoint", "estimator"]
    )["bias"]
    assert table["random", 1.0, "cv"] < table["random", 1.0, "cv_clean"] - 0.1


def test_abstentions_leave_lure_out_with_a_reason() -> None:
    mute = resolve("oracle", {"use": "abstaining", "rate": 0.3})
    found = measured(audit.measured, Protocol(start=10, budget=60, oracle=mute), "wdbc", 1)
    enough = found[(found["estimator"] == "lure_cv") & (found["n_labeled"] >= 10)]
    assert len(enough)
    assert enough["reason"].str.contains("not answered").all()


def test_a_start_that_is_not_uniform_leaves_lure_out_with_a_reason() -> None:
    cover = Protocol(start=10, budget=30, start_rule="cover")
    found = measured(audit.measured, cover, "wdbc", 1, True, ("random",))
    assert found[found["estimator"] == "lure_cv"]["reason"].str.contains("uniformly").all()


def test_few_labels_leave_cross_validation_out_with_a_reason() -> None:
    tiny = Protocol(start=1, budget=2, batch=1)
    found = measured(audit.measured, tiny, "wdbc", 1, True, ("random",))
    last = found[found["checkpoint"] == 1].set_index("estimator")["reason"]
    assert last["cv"] == "fewer than 10 labels"
    assert last["last_half"] == ""
    first = found[found["n_labeled"] == 1].set_index("estimator")["reason"]
    assert first["last_half"] == "fewer than two labels"


def test_an_unknown_score_is_refused_and_balanced_accuracy_is_had() -> None:
    runs, rounds, specs = ran(AUDITED)
    with pytest.raises(BadValue, match="accuracy, balanced_accuracy"):
        audit.measured(runs, rounds, cuts(specs), metric="auc")
    y, said_ = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    assert audit.balanced_accuracy(y, said_) == pytest.approx((2 / 3 + 1) / 2)
    assert audit.accuracy(y, said_) == 0.75
    assert np.isnan(audit.accuracy(y[:0], said_[:0]))


# ------------------------------------------------------------------ errors and ranking
def made(estimates: dict[str, list[float]], truths: dict[str, list[float]]) -> pd.DataFrame:
    base = {
        "dataset": "d",
        "protocol": "p",
        "model": "m",
        "checkpoint": 1.0,
        "n_labeled": 60,
        "estimator": "cv",
        "reason": "",
    }
    return pd.DataFrame(
        [
            {**base, "strategy": s, "trial": t, "estimate": e, "truth": truths[s][t]}
            for s, values in estimates.items()
            for t, e in enumerate(values)
        ]
    )


TRUTH = {"random": [0.90, 0.92], "margin": [0.95, 0.95], "other": [0.80, 0.80]}
BELIEVED = {"random": [0.90, 0.90], "margin": [0.65, 0.69], "other": [0.60, 0.60]}


def test_bias_spread_and_rmse() -> None:
    row = misled.errors(made(BELIEVED, TRUTH)).set_index("strategy").loc["margin"]
    gaps = np.array([-0.30, -0.26])
    assert row["bias"] == pytest.approx(-0.28)
    assert row["sd"] == pytest.approx(gaps.std(ddof=1))
    assert row["rmse"] == pytest.approx(np.sqrt((gaps**2).mean()))
    assert row["low"] < -0.28 < row["high"]


def test_an_inverted_ranking_is_found_and_said() -> None:
    table = made(BELIEVED, TRUTH)
    row = misled.ranking(table).iloc[0]
    assert row["tau"] == pytest.approx(1 / 3)
    assert row["best_right"] == 0
    assert row["regret"] == pytest.approx((0.05 + 0.03) / 2)
    assert (row["believed"], row["truly"]) == ("random", "margin")
    # two trials are too few for an interval on either side
    lines = said_audit.audit(misled.errors(table), misled.sides(table, "random"), "random")
    assert lines[1] == "it is not shown to put any strategy on the wrong side of random."
    more = made(*({s: x * 3 for s, x in given.items()} for given in (BELIEVED, TRUTH)))
    beside = misled.sides(more, "random").set_index("strategy").loc["margin"]
    assert (beside["believed"], beside["truly"]) == pytest.approx((-0.23, 0.04))
    half = 2.5706 * np.array([0.02191, 0.01095]) / np.sqrt(6)
    assert beside["believed_high"] == pytest.approx(-0.23 + half[0], abs=1e-4)
    assert beside["truly_low"] == pytest.approx(0.04 - half[1], abs=1e-4)
    lines = said_audit.audit(misled.errors(more), misled.sides(more, "random"), "random")
    assert lines[1] == (
        "it inverts the ranking: on d it ranks margin below random (-0.230 [-0.253, -0.207]), the "
        "passive test above (+0.040 [+0.029, +0.051])."
    )


def test_draws_share_the_best_and_a_right_ranking_has_no_regret() -> None:
    right = misled.ranking(made(TRUTH, TRUTH)).iloc[0]
    assert (right["tau"], right["best_right"], right["regret"]) == (1.0, 1.0, 0.0)
    level = {name: [1.0, 1.0] for name in TRUTH}
    flat = misled.ranking(made(level, TRUTH)).iloc[0]
    assert np.isnan(flat["tau"])
    assert flat["best_right"] == pytest.approx(1 / 3)


def test_missing_estimates_are_not_ranked() -> None:
    table = made(BELIEVED, TRUTH)
    table.loc[table["strategy"] != "margin", "estimate"] = np.nan
    table.loc[table["strategy"] != "margin", "reason"] = "not asked"
    assert misled.ranking(table).empty
    errors = misled.errors(table).set_index("strategy")
    assert errors["trials"].to_dict() == {"random": 0, "margin": 2, "other": 0}
    assert errors["bias"].isna().tolist() == errors["reason"].eq("not asked").tolist()
    assert errors["reason"].tolist() == ["not asked", "", "not asked"]


def several(cells: dict[tuple[str, str, str], float | str]) -> pd.DataFrame:
    """Two trials of each (dataset, strategy, estimator): an estimate, or why there is none."""
    base = {"protocol": "p", "model": "m", "checkpoint": 1.0, "n_labeled": 60, "truth": 0.9}
    rows = []
    for (dataset, strategy, name), value in cells.items():
        lacks = isinstance(value, str)
        found = {"estimate": np.nan if lacks else value, "reason": value if lacks else ""}
        key = {"dataset": dataset, "strategy": strategy, "estimator": name}
        rows += [{**base, **key, **found, "trial": trial} for trial in (0, 1)]
    return pd.DataFrame(rows)


LOGS = "it logs no probabilities"
PARTLY: dict[tuple[str, str, str], float | str] = {
    ("small", "random", "cv"): 0.9,
    ("small", "margin", "cv"): 0.9,
    ("small", "random", "leftover"): audit.WHOLE,
    ("small", "margin", "leftover"): audit.WHOLE,
    ("small", "random", "lure_cv"): 0.9,
    ("small", "margin", "lure_cv"): LOGS,
    ("large", "random", "cv"): 0.7,
    ("large", "margin", "cv"): 0.5,
    ("large", "random", "last_half"): 0.8,
    ("large", "margin", "last_half"): 0.8,
    ("large", "random", "leftover"): 0.88,
    ("large", "margin", "leftover"): 0.92,
    ("large", "random", "lure_cv"): 0.9,
    ("large", "margin", "lure_cv"): LOGS,
}


def test_what_some_strategy_lacks_is_not_called_had_by_all() -> None:
    told = said_audit.least_wrong(misled.errors(several(PARTLY)))
    assert "lure_cv" not in told
    assert "on large, where rows were left to buy: last_half (mean RMSE 0.100)" in told
    assert "leftover (0.020) is no rival" in told


def test_nothing_is_recommended_where_everything_was_bought() -> None:
    small = {key: value for key, value in PARTLY.items() if key[0] == "small"}
    told = said_audit.least_wrong(misled.errors(several(small)))
    assert told == "the whole pool was bought on every dataset, so none is called least wrong."


def test_left_out_names_the_datasets_and_how_many_trials() -> None:
    table = several(PARTLY)
    assert misled.left_out(table) == [
        "leftover is left out on small for all strategies: the whole pool was bought",
        f"lure_cv is left out on every dataset for margin: {LOGS}",
    ]
    first = table["strategy"].eq("random") & table["trial"].eq(0) & table["estimator"].eq("lure_cv")
    table.loc[first & (table["dataset"] == "large"), "reason"] = LOGS
    assert misled.left_out(table)[1:] == [
        f"lure_cv is left out on every dataset for margin: {LOGS}",
        f"lure_cv is left out on large (1 of 2 trials) for random: {LOGS}",
    ]
    both = pd.concat([table, table.assign(model="other")])
    assert misled.left_out(both) == misled.left_out(table)
    only = pd.concat([table.iloc[:2], table.assign(model="other")])
    assert misled.left_out(only)[0].startswith("other: leftover is left out on small")


def test_the_figure_draws_every_estimator_and_strategy() -> None:
    from albench.plots.bought import estimates
    from albench.plots.style import looks, theme

    table = misled.errors(made(BELIEVED, TRUTH))
    with theme():
        (picture,) = estimates(table, looks(list(TRUTH)))
        picture.figure.draw_without_rendering()
        (ax,) = picture.figure.axes
        marks = [line for line in ax.lines if line.get_marker() not in ("None", None, "")]
        assert sorted(float(line.get_xdata()[0]) for line in marks) == pytest.approx(
            sorted(table["bias"])
        )
        assert estimates(table.iloc[:0], looks(list(TRUTH))) == []
