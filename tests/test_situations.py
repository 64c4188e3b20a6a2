"""What is said in which situation: small suites with hand-made numbers, and their sentences."""

import pandas as pd
import pytest
from situations import bracketed, suite_of, told

from albench.analysis.comparison import Comparison
from albench.analysis.comparison.cells import stacks, tidy
from albench.analysis.comparison.standings import standings
from albench.analysis.question import Options
from albench.core.errors import BadValue, UnknownName

UP = [0.020 + 0.001 * i for i in range(10)]
DOWN = [-x for x in UP]


def row(found: Comparison, strategy: str = "a", table: str = "against") -> "pd.Series":  # type: ignore[type-arg]
    return found.tables[table].set_index("strategy").loc[strategy]


def test_a_clear_winner_has_both_estimates() -> None:
    found = told(suite_of({"a": UP}))
    assert found.lines == (
        "m, end accuracy, 10 datasets, against random: mean difference [95 % t interval], "
        "pseudo-median [exact 95 % interval of the signed ranks], over datasets: beats random: "
        "a +0.025 [+0.022, +0.027], +0.025 [+0.022, +0.027] (ahead on 10 of 10; Holm p = 0.002).",
    )


def test_a_clear_loser() -> None:
    found = told(suite_of({"a": DOWN}))
    assert "worse than random: a -0.025" in found.lines[0]
    assert bracketed(found, "a") == "ahead on 0 of 10; Holm p = 0.002"


def test_a_tiny_effect_is_named_as_such() -> None:
    found = told(suite_of({"a": [0.001 + 0.0001 * i for i in range(10)]}))
    assert row(found)["verdict"] == "better"
    assert bracketed(found, "a").endswith("Holm p = 0.002, though by less than 0.01")


def test_a_tiny_mean_with_a_wide_interval_is_not_called_tiny() -> None:
    found = told(suite_of({"a": [0.0005 * i for i in range(1, 10)] + [0.06]}))
    assert row(found)["mean_difference"] < 0.01 < row(found)["high"]
    assert bracketed(found, "a") == (
        "ahead on 10 of 10; Holm p = 0.002; by the signed ranks, the interval of the mean holds 0"
    )


def test_equality_needs_posterior_interval_and_datasets() -> None:
    gaps = [0.002, -0.002, 0.001, -0.001, 0.003, -0.003, 0.002, -0.001, 0.0005, -0.0015]
    found = told(suite_of({"a": gaps}))
    assert "practically equal to random (within 0.01): a +0.000" in found.lines[0]
    assert bracketed(found, "a") == "10 of 10 datasets within, probability 1.00"
    # at 80 % of the datasets within, as long as the mean is
    some = told(suite_of({"a": [*gaps[:8], 0.013, -0.012]}))
    assert bracketed(some, "a").startswith("8 of 10 datasets within")
    less = told(suite_of({"a": [*gaps[:7], 0.011, 0.013, -0.012]}))
    assert row(less)["rope"] >= 0.95
    assert row(less)["verdict"] == "depends on the dataset"


def test_a_few_large_losses_are_no_equality() -> None:
    """22 datasets at +.001 and 4 at -.20: the posterior is sure of equality, the mean is not."""
    gaps = [0.001 + 1e-5 * i for i in range(22)] + [-0.2, -0.201, -0.202, -0.203]
    found = told(suite_of({"a": gaps}))
    assert row(found)["rope"] >= 0.95
    assert not row(found)["tost"]
    assert "depends on the dataset (beyond 0.01 on either side): a -0.030" in found.lines[0]
    assert bracketed(found, "a").startswith("0 above and 4 below of 26, worst d26 -0.203")


def test_half_up_and_half_down_depends_on_the_dataset() -> None:
    gaps = [0.05 + 0.0001 * i for i in range(10)] + [-0.05 - 0.0001 * i for i in range(10)]
    found = told(suite_of({"a": gaps}))
    assert bracketed(found, "a") == "10 above and 10 below of 20, worst d20 -0.051"


def test_differences_within_the_noise_of_trials_do_not_depend_on_the_dataset() -> None:
    gaps = [0.012, -0.013, 0.011, 0.015, -0.012, 0.008, 0.009, -0.007, 0.014, -0.011]
    noisy = told(suite_of({"a": gaps}, trials=10, noise=0.05))
    assert row(noisy)["varies_p"] > 0.5
    assert "the data cannot tell: a +0.003" in noisy.lines[0]
    # trials say no more than that all are alike: each is drawn to the mean, and that is noisy
    assert bracketed(noisy, "a") == (
        "ahead on 6 of 10; 0 of 10 datasets within, 10 too noisy to say; detectable 0.013"
    )
    quiet = told(suite_of({"a": gaps}, trials=10, noise=0.001))
    assert row(quiet)["verdict"] == "depends on the dataset"


def test_skewed_differences_say_what_the_verdict_rests_on() -> None:
    found = told(suite_of({"a": [0.006 + 0.0001 * i for i in range(14)] + [0.2]}))
    assert row(found)["verdict"] == "better"
    assert row(found)["pseudo_median"] == pytest.approx(0.0067, abs=2e-4)
    assert bracketed(found, "a").endswith("by the signed ranks, the interval of the mean holds 0")


def test_ranks_and_mean_on_opposite_sides_win_nothing() -> None:
    found = told(suite_of({"a": [0.002 + 1e-5 * i for i in range(14)] + [-0.3]}))
    assert row(found)["holm_p"] < 0.05
    assert row(found)["mean_difference"] < 0 < row(found)["pseudo_median"]
    assert row(found)["verdict"] == "depends on the dataset"
    assert "signed ranks and mean point apart" in bracketed(found, "a")


def test_sign_flips_that_disagree_are_named() -> None:
    gaps = [0.02, 0.021, 0.022, 0.023, 0.024, 0.025, 0.026, -0.12]
    found = told(suite_of({"a": gaps}))
    flips, ranks = row(found)["sign_flip_p"], row(found)["wilcoxon_p"]
    assert (flips <= 0.05) == (ranks <= 0.05)
    skew = told(suite_of({"a": [0.001 + 1e-5 * i for i in range(22)] + [-0.2] * 4}))
    assert bracketed(skew, "a").endswith("sign flips disagree, p = 0.13")


def test_the_gaps_of_a_third_strategy_change_nothing() -> None:
    alone = told(suite_of({"a": UP}))
    one = told(suite_of({"a": UP, "b": [0.1, *[None] * 9]}))
    columns = ["n", "mean_difference", "low", "high", "wilcoxon_p", "holm_p", "verdict", "mde"]
    assert row(one)[columns].equals(row(alone)[columns])
    assert bracketed(one, "b") == (
        "ahead on 1 of 1; lacks d2, d3, d4 and 6 more; cannot reach 0.05 with 1 dataset (one test "
        "needs 6"
    )
    assert one.tables["ranks"].equals(alone.tables["ranks"])
    assert any("not in ranks and all pairs, which need complete runs: b" in n for n in one.notes)


def test_one_trial_of_a_third_strategy_costs_no_trial() -> None:
    frame = suite_of({"a": UP, "b": [x + 0.001 for x in UP]}, trials=8, noise=0.002)
    part = frame[(frame["strategy"] != "b") | ((frame["trial"] == 0) & (frame["dataset"] == "d1"))]
    found = told(part)
    within = found.tables["within"].set_index(["strategy", "dataset"])["trials"]
    assert (within["a"] == 8).all()
    assert within["b"].to_dict() == {"d1": 1}
    assert "d1 with 1 of 8 trials" in row(found, "b")["gaps"]


def test_a_strategy_s_own_gaps_stand_in_its_sentence() -> None:
    found = told(suite_of({"a": [*UP[:8], None, None]}))
    assert row(found)["n"] == 8
    other = told(suite_of({"a": [*UP[:8], None, None], "b": [x + 0.001 for x in UP]}))
    assert bracketed(other, "a") == "ahead on 8 of 8; Holm p = 0.0078; lacks d9, d10"
    assert bracketed(other, "b") == "ahead on 10 of 10; Holm p = 0.0039"


def test_one_dataset_is_answered_from_its_trials() -> None:
    found = told(suite_of({"a": [0.02]}, trials=8, noise=0.001))
    assert found.lines == (
        "m, end accuracy, on d1 only, 8 paired trials: mean difference to random [95 % interval "
        "over trials] (two-sided Wilcoxon over trials, Holm over 1 test): ahead of random: a "
        "+0.020 [+0.019, +0.021] (ahead in 8 of 8 trials, Holm p = 0.0078). This holds for this "
        "dataset and protocol; one dataset says nothing of others.",
    )


def test_two_datasets_speak_for_themselves_only() -> None:
    found = told(suite_of({"a": [0.02, 0.03]}, trials=8, noise=0.001))
    assert "cannot be told: cannot reach 0.05 with 2 datasets (one test needs 6)" in found.lines[0]
    assert found.lines[0].endswith("Here: a +0.025 [-0.039, +0.089] (ahead on 2 of 2).")
    assert found.lines[1].endswith("against random: a ahead on 2, behind on 0 of 2.")


def test_a_family_that_is_too_large_for_its_datasets() -> None:
    gaps = {s: [x + 0.0001 * k for x in UP[:7]] for k, s in enumerate("abcdefgh")}
    found = told(suite_of(gaps))
    assert "cannot reach 0.05 with 7 datasets (8 tests need 9)" in found.lines[0]
    assert found.tables["against"]["holm_p"].isna().all()
    assert set(found.tables["against"]["verdict"]) == {"unclear"}


def test_ties_everywhere_are_equality() -> None:
    found = told(suite_of({"a": [0.0] * 10}))
    assert row(found)["holm_p"] == 1
    assert bracketed(found, "a") == "10 of 10 datasets within, probability 1.00"


def test_lower_is_better_and_needs_a_declared_rope() -> None:
    frame = suite_of({"a": DOWN}, metric="log_loss")
    with pytest.raises(BadValue, match="log_loss is no share between 0 and 1"):
        told(frame, "log_loss", better="lower")
    found = told(frame, "log_loss", better="lower", rope=0.05)
    assert "end log_loss (negated)" in found.lines[0]
    assert "beats random: a +0.025" in found.lines[0]
    assert bracketed(found, "a").endswith("though by less than 0.05")
    seconds = suite_of({"a": UP}, metric="seconds_left", base=3.0)
    with pytest.raises(BadValue, match="is no share between 0 and 1, so there is no usual rope"):
        told(seconds, "seconds_left", better="higher")


def test_several_models_are_families_of_their_own() -> None:
    two = pd.concat([suite_of({"a": UP}), suite_of({"a": DOWN}, model="n")])
    found = told(two)
    assert "beats random: a" in found.lines[0]
    assert "worse than random: a" in found.lines[1]
    assert found.lines[2] == (
        "n, harm (datasets behind random by more than 0.01): a on 10 of 10 (most on d10 -0.029)."
    )
    assert found.lines[3] == (
        "Holm adjusts within each of these 2 families, by accuracy, and not across them "
        "(m, p: 1 test; n, p: 1 test)."
    )


def test_a_missing_baseline_is_refused() -> None:
    frame = suite_of({"a": UP})
    with pytest.raises(UnknownName, match="baseline 'random' is not among the strategies"):
        told(frame[frame["strategy"] != "random"])
    with pytest.raises(UnknownName, match="baseline 'b' is not among the strategies"):
        told(frame, baseline="b")


def test_bounds_are_no_tests_of_the_family() -> None:
    found = told(suite_of({"a": UP, "oracle": [2 * x for x in UP]}), unranked=["oracle"])
    assert found.tables["against"]["strategy"].tolist() == ["a"]
    assert row(found)["holm_p"] == row(found)["wilcoxon_p"]


def test_variants_of_one_dataset_count_once() -> None:
    found = told(suite_of({"a": UP}), base={"d1": "x", "d2": "x"})
    assert "9 base datasets (x = mean of d1, d2)" in found.lines[0]
    assert bracketed(found, "a", 0).startswith("x = mean of") is False
    assert row(found)["n"] == 9


def test_identical_strategies_are_one_competitor() -> None:
    found = told(suite_of({"a": UP, "b": UP, "c": DOWN}))
    assert found.tables["against"]["strategy"].tolist() == ["a", "c"]
    assert "beats random: a (= b) +0.025" in found.lines[0]
    assert row(found, "a")["holm_p"] == pytest.approx(2 * row(found, "a")["wilcoxon_p"])
    assert set(found.tables["ranks"]["strategy"]) == {"random", "a", "c"}
    assert found.stats()["design"][0]["alike"] == {"a": ["b"]}


def test_equal_scores_of_other_picks_are_two_competitors() -> None:
    frame = suite_of({"a": UP, "b": UP})
    mine = frame.assign(picks=[[1, 2] if s == "a" else [1, 3] for s in frame["strategy"]])
    assert told(mine).tables["against"]["strategy"].tolist() == ["a", "b"]
    same = frame.assign(picks=[[1, 2] if s == "a" else [2, 1] for s in frame["strategy"]])
    assert told(same).tables["against"]["strategy"].tolist() == ["a"]


def test_where_nothing_can_be_learnt_nothing_is_won() -> None:
    fine = {f"d{i}": 0.9 for i in range(1, 11)}
    found = told(suite_of({"a": [*UP, 0.03]}, full=fine | {"d11": 0.52}, labels=[0, 1] * 5))
    assert row(found)["n"] == 10
    assert row(found, table="everywhere")["n"] == 11
    assert found.lines[1] == (
        "By rules fixed beforehand, where nothing can be learnt a dataset is left out, and where "
        "nothing can be gained it is neither a win nor equal: d11 (nothing learnable: +0.020 above "
        "chance); without them no verdict changes."
    )
    rooms = found.tables["room"].set_index("dataset")
    assert rooms.loc["d11", "learnable"] == pytest.approx(0.02)
    assert rooms.loc["d1", "head_room"] == pytest.approx(0.9 - 0.7005)


def test_where_there_is_no_room_a_dataset_is_neither_win_nor_equal() -> None:
    full = {f"d{i}": 0.9 for i in range(1, 7)} | {f"d{i}": 0.715 for i in range(7, 12)}
    gaps = [0.02, -0.015, 0.021, -0.012, 0.022, 0.005, *[0.001 + 1e-4 * i for i in range(5)]]
    found = told(suite_of({"a": gaps}, full=full, labels=[0, 1] * 5))
    assert (row(found)["n"], row(found)["counted"]) == (11, 6)
    assert bracketed(found, "a").startswith(
        "3 above and 2 below of 6, worst d2 -0.015; no room on 5"
    )
    assert found.lines[1] == (
        "m, harm (datasets behind random by more than 0.01): a on 2 of 6 (most on d2 -0.015)."
    )
    assert "d7 (no room: +0.015)" in found.lines[2]
    level = told(suite_of({"a": [1e-4 * i for i in range(-5, 6)]}, full=full, labels=[0, 1] * 5))
    assert bracketed(level, "a") == "6 of 6 datasets within, probability 1.00; no room on 5"
    none = told(suite_of({"a": [0.001] * 11}, full=dict.fromkeys(full, 0.705), labels=[0, 1]))
    assert row(none)["counted"] == 0
    assert row(none)["holm_p"] < 0.05
    assert "nothing to win on any of these datasets: a +0.001" in none.lines[0]
    assert row(none, table="everywhere")["counted"] == 11


def test_where_nothing_can_be_learnt_anywhere_nobody_wins() -> None:
    full = {f"d{i}": 0.52 for i in range(1, 11)}
    found = told(suite_of({"a": UP}, full=full, labels=[0, 1]))
    assert row(found)["verdict"] == "no room"
    assert "nothing to win on any of these datasets: a +0.025" in found.lines[0]
    assert "without the rules a no room becomes better" in found.lines[1]


def test_the_baseline_s_normalised_gain_is_zero_in_every_trial() -> None:
    full = {f"d{i}": 0.9 for i in range(1, 11)}
    found = told(suite_of({"a": UP}, trials=6, full=full, labels=[0, 1]))
    totals = found.tables["aggregates"].set_index("strategy")
    assert totals.loc["random", ["iqm", "iqm_low", "iqm_high"]].tolist() == [0, 0, 0]
    assert totals.loc["a", "iqm"] == pytest.approx(0.0245 / 0.1975, abs=0.005)


def test_the_stamp_says_what_was_fixed() -> None:
    found = told(suite_of({"a": UP, "b": DOWN}))
    stamp = found.stats(["rope"])["stamp"]
    assert stamp["primary_metric"] == "accuracy"
    assert (stamp["summary"], stamp["baseline"], stamp["rope"], stamp["alpha"]) == (
        "end",
        "random",
        0.01,
        0.05,
    )
    assert [f["tests"] for f in stamp["families"]] == [2, 3, 20]
    assert stamp["changed_after_first_run"] == ["rope"]
    assert found.stats()["stamp"]["changed_after_first_run"] is None


def test_a_partial_strategy_shrinks_nobody_on_the_leaderboard() -> None:
    """The leaderboard fills gaps: one trial on one dataset costs the others neither."""
    frame = suite_of({"a": UP, "b": [x + 0.001 for x in UP]}, trials=8, noise=0.002)
    little = (frame["trial"] == 0) & (frame["dataset"] == "d1")
    asked = Options("accuracy", "higher", summary="end", rope=0.01)

    def table(rows: pd.DataFrame) -> pd.DataFrame:
        curves = tidy(rows, "accuracy", "higher")
        return standings(stacks(curves, "random", missing="impute")[0], asked).set_index("strategy")

    alone = table(frame[frame["strategy"] != "b"])
    added = table(frame[(frame["strategy"] != "b") | little])
    columns = ["mean_difference", "low", "high", "wins", "losses", "harm", "worst", "better", "run"]
    assert added.loc["a", columns].equals(alone.loc["a", columns])
    assert added.loc["b", ["imputed", "run"]].tolist() == [9, 1]
    assert added.loc["a", "rank"] == 1
