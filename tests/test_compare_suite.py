"""The whole comparison on frames: stored tables, foreign CSV, bad input, words, tables."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from generated import curves_of, tables_of

from albench import compare
from albench.analysis.comparison import (
    Comparison,
    aggregate,
    cells,
    summaries,
    targets,
    typeset,
    verdicts,
    within,
    words,
)
from albench.core.errors import BadResults, BadValue, UnknownName
from albench.core.spec import Protocol, Ref, RunSpec


def compared(**options: object) -> Comparison:
    return compare(*tables_of(curves_of(14, 4, 8, effect=0.02)), metric="accuracy", **options)


def test_first_line_answers_in_words_with_uncertainty() -> None:
    result = compared()
    line = str(result).splitlines()[0]
    start = "logreg, area under accuracy, 14 datasets, against random: mean difference [95 % t "
    start += "interval], pseudo-median [exact 95 % interval of the signed ranks], over datasets"
    assert line.startswith(f"{start}: beats random: ")
    row = result.tables["against"].set_index("strategy").loc["margin"]
    assert row["verdict"] == "better"
    shown = f"margin {row['mean_difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
    shown += f", {row['pseudo_median']:+.3f} [{row['median_low']:+.3f}, {row['median_high']:+.3f}]"
    assert f"{shown} (ahead on {row['wins']} of 14; Holm p" in line


def test_null_and_worse_strategies_are_told_so() -> None:
    frame = curves_of(20, 12, 8, effect=0.02)
    line = str(compare(frame, metric="accuracy"))
    worse = line.split("worse than random: ")[1]
    assert worse.startswith("information_density") or "kcenter" in worse
    assert "practically equal to random (within 0.01): " in line or "cannot tell: " in line
    unclear = compare(curves_of(8, 4, 2, effect=0.0), metric="accuracy", rope=1e-6)
    assert "the data cannot tell: " in str(unclear)
    assert "detectable 0." in str(unclear)


def test_below_six_datasets_there_is_no_posterior_beside_what_cannot_be_told() -> None:
    few = compare(curves_of(5, 2, 12, effect=0.03), metric="accuracy")
    row = few.tables["against"].iloc[0]
    assert row[["better", "rope", "worse", "holm_p", "mde"]].isna().all()
    assert row["verdict"] == "unclear"
    assert "practically equal" not in str(few)
    shown = typeset.headline_table(few.tables["against"]).iloc[0]
    assert (shown[["Holm p", "p", "detectable", "P(better)", "P(equal)"]] == "-").all()
    six = compare(curves_of(6, 2, 12, effect=0.03), metric="accuracy").tables["against"].iloc[0]
    assert six[["better", "rope", "worse", "holm_p", "mde"]].notna().all()


def test_a_difference_whose_ranks_and_mean_disagree_is_no_verdict() -> None:
    row = {"holm_p": 0.01, "rank_biserial": 0.8, "mean_difference": -0.1, "rope": 0.2}
    row |= {"tost": False, "counted": 10, "within": 9, "above": 0, "below": 1, "varies_p": 0.5}
    assert verdicts.verdict(row, 0.05) == "unclear"
    assert verdicts.verdict(row | {"mean_difference": 0.1}, 0.05) == "better"


def test_the_guards_of_both_families_count_all_their_tests() -> None:
    said = compare(curves_of(2, 3, 4, effect=0.02), metric="accuracy").stats()["guards"]
    assert any("against" in s and "with 2 datasets; 2 tests need 7" in s for s in said)
    assert any("within" in s and "with 4 trials; 4 tests need 8" in s for s in said)


def test_comparison_equals_the_pure_functions() -> None:
    from albench.analysis.comparison import across
    from albench.analysis.comparison.summaries import aubc

    frame = curves_of(14, 4, 8, effect=0.02)
    result = compare(frame, metric="accuracy")
    ranked = frame[frame["strategy"] != "all"]
    area = ranked.groupby(["dataset", "strategy", "trial"], sort=False)[["n_labeled", "accuracy"]]
    one = area.apply(lambda g: aubc(g["n_labeled"], g["accuracy"]))
    wide = one.groupby(["dataset", "strategy"]).mean().unstack()
    by_hand = across.against(wide, "random")
    ours = result.tables["against"].set_index("strategy")
    for column in ("mean_difference", "wilcoxon_p", "holm_p"):
        assert ours[column].to_dict() == pytest.approx(by_hand[column].to_dict())
    assert result.tables["omnibus"]["F"].iloc[0] == pytest.approx(across.friedman(wide)["F"])


def test_stored_tables_and_a_foreign_csv_give_the_same() -> None:
    frame = curves_of(9, 3, 6, effect=0.02)
    text = frame[["dataset", "strategy", "trial", "n_labeled", "accuracy"]].to_csv(index=False)
    foreign = compare(pd.read_csv(io.StringIO(text)), metric="accuracy")
    stored = compare(*tables_of(frame), metric="accuracy")
    columns = ["strategy", "mean_difference", "holm_p", "rope"]
    ours, theirs = stored.tables["against"][columns], foreign.tables["against"][columns]
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9)
    assert str(foreign).startswith("area under accuracy, 9 datasets, against random: mean diff")
    # Sizes of train and test are not in the CSV, so there is no corrected t, and no guess.
    assert foreign.tables["within"]["corrected_p"].isna().all()
    assert stored.tables["within"]["corrected_p"].notna().all()


def test_order_of_rows_and_of_strategies_changes_nothing() -> None:
    frame = curves_of(9, 4, 6, effect=0.02)
    shuffled = frame.sample(frac=1, random_state=1)
    columns = ["mean_difference", "wilcoxon_p", "holm_p", "low", "rank_biserial"]
    one, two = (
        compare(f, metric="accuracy").tables["against"].set_index("strategy")[columns].sort_index()
        for f in (frame, shuffled)
    )
    pd.testing.assert_frame_equal(one, two, rtol=1e-9)


def test_same_tables_give_the_same_json_and_it_is_complete() -> None:
    first, second = compared(), compared()
    assert first.json() == second.json()
    content = json.loads(first.json())
    assert set(content) == {
        "stamp",
        "design",
        "families",
        "tests",
        "guards",
        "answers",
        "notes",
    }
    assert content["design"][0]["datasets"] == 14
    assert content["design"][0]["trials_min"] == 8
    assert {f["table"] for f in content["families"]} == {"against", "pairs", "within"}
    assert any("pairs" in g and "14 datasets" in g for g in content["guards"])
    assert content["tests"]["pairs"][0]["holm_p"] is None
    assert "NaN" not in first.json()


def test_models_and_protocols_are_never_pooled() -> None:
    one = curves_of(8, 3, 6, effect=0.02)
    two = curves_of(8, 3, 6, effect=0.0, seed=1).assign(model="svc-rbf")
    both = compare(pd.concat([one, two]), metric="accuracy")
    *each, families = both.lines
    headlines = [i for i, line in enumerate(each) if "mean difference [95 % t interval]" in line]
    assert len(headlines) == 2
    assert {line.split(",")[0] for line in each[: headlines[1]]} == {"logreg"}
    assert {line.split(",")[0] for line in each[headlines[1] :]} == {"svc-rbf"}
    assert families == (
        "Holm adjusts within each of these 2 families, by accuracy, and not across them "
        "(logreg, standard: 2 tests; svc-rbf, standard: 2 tests)."
    )
    alone = compare(two, metric="accuracy").tables["against"]
    mine = both.tables["against"][both.tables["against"]["model"] == "svc-rbf"]
    pd.testing.assert_frame_equal(mine.reset_index(drop=True), alone)
    only = compare(pd.concat([one, two]), metric="accuracy", model="svc-rbf")
    assert only.lines == tuple(each[headlines[1] :])
    with pytest.raises(UnknownName, match="no model 'mlp' in the results: logreg, svc-rbf"):
        compare(pd.concat([one, two]), metric="accuracy", model="mlp")


def test_lower_is_better_is_turned_round_and_said() -> None:
    frame = curves_of(9, 3, 6, effect=0.02).assign(log_loss=lambda f: 1 - f["accuracy"])
    loss = compare(frame, metric="log_loss", better="lower", rope=0.01)
    gain = compare(frame, metric="accuracy")
    pd.testing.assert_frame_equal(
        loss.tables["against"].drop(columns="note"), gain.tables["against"].drop(columns="note")
    )
    assert "log_loss is negated, so that higher is better everywhere" in loss.notes


def test_variants_of_one_base_dataset_count_once() -> None:
    frame = curves_of(10, 3, 6)
    base = {f"data-{d:02d}": f"base-{d // 2}" for d in range(10)}
    result = compare(frame, metric="accuracy", base=base)
    assert result.design[0]["datasets"] == 5
    assert (result.tables["against"]["n"] == 5).all()
    assert result.tables["against"]["wilcoxon_p"].isna().all()


def test_what_is_averaged_into_what_is_said_everywhere() -> None:
    from albench.analysis import comparison
    from albench.analysis.comparison import cells as variants
    from albench.reporting.figures import about

    frame = curves_of(3, 3, 8)
    names = sorted(frame["dataset"].unique())
    base = {names[0]: "one", names[1]: "one"}
    result = compare(frame, metric="accuracy", baseline="random", base=base)
    text = f"one = mean of {names[0]}, {names[1]}"
    assert f"2 base datasets ({text})" in result.lines[0]
    assert any("3 datasets count as 2 base datasets" in n and text in n for n in result.notes)
    assert f"2 base datasets ({text})" in comparison.headline_caption(result)
    assert f"The last rows count 2 base datasets ({text})" in comparison.dataset_tables(result)[0]
    told = about(result, 0, [])
    assert text in told.ending("bases")
    assert "3 datasets" not in told.ending("bases")
    assert told.ending("datasets") == told.where
    assert "3 datasets" in told.where
    plain = compare(frame, metric="accuracy", baseline="random")
    assert not any("base dataset" in line for line in (*plain.lines, *plain.notes))
    each = pd.DataFrame({"random": [0.5, 0.5], "m": [0.4, 0.7]}, index=names[:2])
    assert variants.opposed(each, "random", base) == (
        "Ahead on one variant and behind on another, against random: "
        f"m on one ({names[0]} -0.100, {names[1]} +0.200)."
    )
    assert variants.opposed(each, "random", None) == ""


def test_the_foot_of_the_datasets_agrees_with_ranks_and_tests() -> None:
    frame = curves_of(5, 3, 8)
    names = sorted(frame["dataset"].unique())
    base = dict.fromkeys(names[:3], "one")
    result = compare(frame, metric="accuracy", baseline="random", base=base)
    foot = typeset.foot_rows(result.stacks[0], "random", "aubc", base).set_index("strategy")
    ranks = result.tables["ranks"].set_index("strategy")["rank"]
    assert foot["rank"].to_dict() == pytest.approx(ranks.to_dict())
    for _, row in result.tables["against"].iterrows():
        counted = "/".join(str(int(row[c])) for c in ("wins", "ties", "losses"))
        assert foot.loc[row["strategy"], "record"] == counted


# ---------------------------------------------------------------- bad input


def test_missing_trials_are_refused_or_counted() -> None:
    frame = curves_of(8, 3, 6)
    lost = (frame["dataset"] == "data-03") & (frame["strategy"] == "margin") & (frame["trial"] > 3)
    holed = frame[~lost]
    with pytest.raises(BadResults, match="data-03: of 6 trials margin has 4"):
        compare(holed, metric="accuracy", missing="refuse")
    result = compare(holed, metric="accuracy")
    assert "data-03: of 6 trials margin has 4" in result.notes[-1]
    against = result.tables["against"].set_index("strategy")
    assert against["gaps"].to_dict() == {"margin": "data-03 with 4 of 6 trials", "entropy": ""}
    assert "data-03 with 4 of 6 trials)" in result.lines[0]
    within = result.tables["within"].set_index(["dataset", "strategy"])["trials"]
    assert within["data-03"].to_dict() == {"margin": 4, "entropy": 6}
    whole = compare(frame, metric="accuracy").tables["against"].set_index("strategy")
    columns = ["n", "mean_difference", "low", "high", "wilcoxon_p", "within"]
    assert against.loc["entropy", columns].equals(whole.loc["entropy", columns])


def test_missing_cells_are_refused_left_out_or_imputed_as_asked() -> None:
    frame = curves_of(8, 3, 6)
    holed = frame[~((frame["dataset"] == "data-03") & (frame["strategy"] == "margin"))]
    with pytest.raises(BadResults, match="margin lacks 1 of 8 datasets"):
        compare(holed, metric="accuracy", missing="refuse")
    complete = compare(holed, metric="accuracy")
    assert complete.design[0]["datasets"] == 8
    assert complete.tables["against"].set_index("strategy")["n"].to_dict() == {
        "margin": 7,
        "entropy": 8,
    }
    assert "margin lacks 1 of 8 datasets" in complete.notes[-1]
    assert "rest on the 7 datasets that all of their strategies share" in complete.notes[-1]
    filled = compare(holed, metric="accuracy", missing="impute")
    assert filled.design[0]["datasets"] == 8
    assert filled.design[0]["imputed_cells"] == 1
    row = filled.tables["within"].query("dataset == 'data-03' and strategy == 'margin'").iloc[0]
    assert row["note"] == "imputed: no runs here"
    assert np.isnan(row["wilcoxon_p"])
    assert row["mean_difference"] == 0
    assert filled.tables["against"].set_index("strategy").loc["margin", "imputed"] == 1
    with pytest.raises(BadValue, match="missing must be"):
        compare(holed, metric="accuracy", missing="drop")


def test_failed_and_skipped_runs_are_named() -> None:
    runs, rounds = tables_of(curves_of(8, 3, 6))
    bad = (runs["strategy"] == "margin") & (runs["trial"] == 2)
    runs.loc[bad, ["status", "reason"]] = ["failed", "ValueError: no"]
    rounds = rounds[~rounds["run"].isin(runs.loc[bad, "run"])]
    result = compare(runs, rounds, metric="accuracy")
    assert "8 failed runs are left out (ValueError: no): margin" in result.notes
    trials = result.tables["within"].groupby("strategy")["trials"].max()
    assert trials.to_dict() == {"margin": 5, "entropy": 6}


def test_unpaired_runs_give_a_sentence_and_no_p() -> None:
    frame = curves_of(8, 2, 6)
    frame.loc[frame["strategy"] == "margin", "trial"] += 100
    with pytest.raises(BadResults, match="nothing is paired and no test is possible"):
        compare(frame, metric="accuracy")


def test_unequal_budgets_are_compared_up_to_the_shared_one() -> None:
    frame = curves_of(8, 2, 6)
    short = frame[(frame["strategy"] == "random") | (frame["n_labeled"] <= 150)]
    short = short[short["strategy"] != "all"]
    result = compare(short, metric="accuracy")
    assert result.notes == (
        "data-00, data-01, data-02 and 5 more: unequal budgets (random 200, margin 150); "
        "compared up to 150",
    )
    assert result.stacks[0].blocks[0].grid[-1] == 150
    cut = frame[frame["n_labeled"] <= 150]
    assert result.tables["against"]["mean_difference"].iloc[0] == pytest.approx(
        compare(cut, metric="accuracy").tables["against"]["mean_difference"].iloc[0]
    )


def test_other_steps_are_interpolated_and_said() -> None:
    frame = curves_of(8, 2, 6)
    coarse = frame[(frame["strategy"] == "random") | ((frame["n_labeled"] - 20) % 20 == 0)]
    result = compare(coarse, metric="accuracy")
    assert "the checkpoints of runs differ; interpolated linearly" in result.notes[0]


def test_baseline_that_is_not_there() -> None:
    with pytest.raises(UnknownName, match="baseline 'badge' is not among the strategies"):
        compared(baseline="badge")


def test_one_strategy_has_nothing_to_compare_with() -> None:
    result = compare(curves_of(8, 1, 6), metric="accuracy")
    assert result.lines == (
        "logreg, area under accuracy, 8 datasets: nothing to compare with random.",
    )
    assert result.tables == {}
    assert len(summaries.summarise(result.stacks[0])) == 8


def test_one_dataset_speaks_about_that_dataset_only() -> None:
    result = compare(curves_of(1, 3, 20, effect=0.05), metric="accuracy")
    line, beyond = result.lines
    assert beyond.startswith("For rows like those of data-00 beyond this table")
    row = result.tables["within"].set_index("strategy").loc["margin"]
    assert "on data-00 only, 20 paired trials: mean difference to random" in line
    assert "Holm over 2 tests): ahead of random: " in line
    assert f"margin {row['mean_difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]" in line
    assert f"ahead in {row['wins']} of 20 trials, Holm {words.p_text(row['holm_p'])}" in line
    assert line.endswith("one dataset says nothing of others.")
    few = compare(curves_of(1, 3, 4, effect=0.05), metric="accuracy").lines[0]
    assert "cannot be told, cannot reach 0.05 with 4 trials (2 tests need 7): " in few
    assert "Wilcoxon" not in few
    shown = typeset.within_table(result.tables["within"], 0.05).set_index("strategy")
    assert shown.loc["margin", "on this dataset"] == "better"
    assert shown.loc["margin", "trials W/T/L"].split("/")[0] == str(row["wins"])
    assert result.tables["against"]["holm_p"].isna().all()
    assert result.tables["against"]["low"].isna().all()
    assert np.isnan(result.tables["omnibus"]["p"].iloc[0])


def test_one_trial_has_no_test_within_a_dataset() -> None:
    result = compare(curves_of(9, 3, 1, effect=0.02), metric="accuracy")
    assert result.tables["within"]["wilcoxon_p"].isna().all()
    assert result.tables["within"]["corrected_p"].isna().all()
    told = "cannot reach 0.05 with 1 trial (18 tests need 10)"
    assert (result.tables["within"]["note"] == told).all()
    assert result.tables["against"]["holm_p"].notna().all()
    few = compare(curves_of(2, 3, 1), metric="accuracy")
    assert few.lines[1].startswith("Nor can it be told on these datasets alone: cannot reach")


def test_all_ties_are_no_evidence() -> None:
    frame = curves_of(9, 3, 8)
    same = frame[frame["strategy"] == "random"]
    tied = pd.concat([same.assign(strategy=s) for s in ("random", "margin", "entropy")])
    result = compare(tied, metric="accuracy")
    out = result.tables["against"]
    assert (out["wilcoxon_p"] == 1).all()
    assert (out["holm_p"] == 1).all()
    assert out["rank_biserial"].isna().all()
    assert (out["verdict"] == "equal").all()
    assert out[["strategy", "alike"]].to_numpy().tolist() == [["margin", "entropy"]]
    assert "margin (= entropy) +0.000" in result.lines[0]
    assert np.isnan(result.tables["omnibus"]["p"].iloc[0])
    assert result.tables["aggregates"]["better"].tolist() == [0.5] * 2


def test_undefined_metric() -> None:
    frame = curves_of(8, 2, 4).assign(log_loss=np.nan)
    with pytest.raises(BadResults, match="log_loss is undefined in every run"):
        compare(frame, metric="log_loss", better="lower")
    with pytest.raises(BadValue, match="lack the column f1"):
        compare(frame, metric="f1", better="higher")
    runs, rounds = tables_of(curves_of(8, 2, 4))
    with pytest.raises(UnknownName, match="no metric 'f1' in the results"):
        compare(runs, rounds, metric="f1", better="higher")
    some = curves_of(8, 2, 4)
    some.loc[(some["dataset"] == "data-01") & (some["trial"] == 0), "accuracy"] = np.nan
    partly = compare(some, metric="accuracy")
    assert "data-01: of 4 trials random has 3, margin has 3" in partly.notes[-1]


def test_a_model_without_the_metric_or_without_pairs_leaves_the_others_alone() -> None:
    fine = curves_of(8, 2, 6, effect=0.02)
    bare = fine.assign(model="svc-rbf", accuracy=np.nan)
    result = compare(pd.concat([fine, bare]), metric="accuracy")
    assert result.lines == compare(fine, metric="accuracy").lines
    assert result.notes == ("accuracy is undefined for svc-rbf, which is left out",)
    loose = fine.assign(model="forest")
    loose.loc[loose["strategy"] == "margin", "trial"] += 100
    result = compare(pd.concat([fine, loose]), metric="accuracy")
    assert result.lines == compare(fine, metric="accuracy").lines
    assert "forest, standard: no strategy shares a finished trial with random" in result.notes[0]


def test_a_single_checkpoint_has_no_area_but_an_end() -> None:
    frame = curves_of(8, 3, 6, checkpoints=1)
    with pytest.raises(BadValue, match="single checkpoint, so no area; use summary='end'"):
        compare(frame, metric="accuracy")
    assert compare(frame, metric="accuracy", summary="end").design[0]["measure"] == "end accuracy"
    stack = cells.stacks(cells.tidy(frame, "accuracy", "higher"), "random")[0]
    flags = summaries.summarise(stack)["flag"]
    assert (flags == "one checkpoint").all()


def test_other_mistakes() -> None:
    frame = curves_of(8, 3, 6)
    with pytest.raises(BadResults, match="a checkpoint occurs twice"):
        compare(pd.concat([frame, frame.iloc[:1]]), metric="accuracy")
    with pytest.raises(BadValue, match="no option alhpa"):
        compare(frame, metric="accuracy", alhpa=0.1)
    with pytest.raises(BadValue, match="alpha must lie"):
        compare(frame, metric="accuracy", alpha=5)
    with pytest.raises(BadValue, match="rope must be positive"):
        compare(frame, metric="accuracy", rope=0)
    with pytest.raises(BadValue, match="better must be"):
        compare(frame, metric="accuracy", better="up")
    with pytest.raises(BadResults, match="no finished run"):
        compare(frame.assign(status="failed"), metric="accuracy")


# ---------------------------------------------------------------- summaries


def stack(**kwargs: object) -> cells.Stack:
    frame = cells.tidy(curves_of(5, 4, 12, **kwargs), "accuracy", "higher")
    return cells.stacks(frame, "random")[0]


def test_summary_rows_equal_their_formulas() -> None:
    one = stack()
    out = summaries.summarise(one, checkpoints=(0.5,)).set_index(["dataset", "strategy"])
    block = one.blocks[2]
    row = out.loc[(block.dataset, "margin")]
    ours = np.trapezoid(block.of("margin"), block.grid, axis=1) / 180
    base = np.trapezoid(block.of("random"), block.grid, axis=1) / 180
    assert row["aubc"] == pytest.approx(ours.mean())
    assert row["gain"] == pytest.approx((ours - base).mean())
    share = (ours - base).mean() / (block.full.mean() - base.mean())
    assert row["normalised_gain"] == pytest.approx(share)
    assert row["deficiency"] == pytest.approx(1 - share)
    assert row["ng_low"] < share < row["ng_high"]
    assert row["at_50"] == pytest.approx(block.of("margin").mean(axis=0)[8])
    assert row["start"] == out.loc[(block.dataset, "random"), "start"]
    assert out.xs("random", level="strategy")["gain"].eq(0).all()


def test_without_whole_pool_runs_shares_are_null_and_flagged() -> None:
    frame = curves_of(4, 3, 6)
    frame = frame[frame["strategy"] != "all"]
    one = cells.stacks(cells.tidy(frame, "accuracy", "higher"), "random")[0]
    out = summaries.summarise(one)
    assert out["normalised_gain"].isna().all()
    assert (out["flag"] == "no whole-pool run").all()
    totals = aggregate.aggregates(one, "random")
    assert totals["iqm"].isna().all()
    assert totals["better"].notna().all()
    assert aggregate.profiles(one, "random").empty
    table = targets.label_table(one, "random")
    assert set(table["target"]) == {"random"}


def test_no_head_room_is_flagged_and_kept_out_of_the_shares() -> None:
    frame = curves_of(4, 3, 6)
    low = (frame["dataset"] == "data-01") & (frame["strategy"] == "all")
    frame.loc[low, "accuracy"] = 0.5
    one = cells.stacks(cells.tidy(frame, "accuracy", "higher"), "random")[0]
    out = summaries.summarise(one).set_index("dataset")
    assert (out.loc["data-01", "flag"] == "no head-room").all()
    assert out.loc["data-01", "normalised_gain"].isna().all()
    assert (aggregate.aggregates(one, "random")["iqm_datasets"] == 3).all()


def test_labels_to_target_keep_their_censoring() -> None:
    one = stack()
    out = targets.label_table(one, "random", ("random", "gap:0.5", 0.99, 0.0))
    never = out[out["target"] == "0.99"]
    assert (never["reached"] == 0).all()
    assert never["median"].isna().all()
    assert (never["restricted_mean"] == 200).all()
    assert (never["utilisation_sign"] == "").all()
    at_once = out[out["target"] == "0.0"]
    assert (at_once["median"] == 20).all()
    half = out[out["target"] == "gap:0.5"]
    assert (half["reached"] == 12).all()
    assert half["utilisation"].notna().all()
    assert (half[half["strategy"] == "random"]["utilisation"] == 1).all()
    with pytest.raises(BadValue, match="unknown target 'soon'"):
        targets.label_table(one, "random", ("soon",))
    with pytest.raises(BadValue, match="unknown target 'gap:2'"):
        targets.label_table(one, "random", ("gap:2",))


def test_survival_over_datasets_is_the_share_under_way() -> None:
    one = stack()
    out = targets.survival_curves(one, "random", "gap:0.5").set_index(["strategy", "share"])
    block_shares = []
    for block in one.blocks:
        goal = targets.target_value(block, "gap:0.5", "random")
        labels = targets.times(block, goal)[block.strategies.index("margin")]
        block_shares.append(np.mean(labels / 200 > 0.25))
    assert out.loc[("margin", 0.25), "surviving"] == pytest.approx(np.mean(block_shares))


def test_cost_axis() -> None:
    frame = curves_of(8, 3, 6)
    frame["cost"] = frame["n_labeled"] * 3.0
    result = compare(frame, metric="accuracy", axis="cost")
    assert result.stacks[0].blocks[0].grid[-1] == 600
    assert result.design[0]["axis"] == "cost"
    labels = compare(frame, metric="accuracy")
    assert result.tables["against"]["mean_difference"].tolist() == pytest.approx(
        labels.tables["against"]["mean_difference"].tolist()
    )


def test_starts_that_differ_are_said() -> None:
    frame = curves_of(8, 2, 6)
    assert compare(frame, metric="accuracy").notes == ()
    late = frame[frame["n_labeled"] > 20]
    said = compare(late, metric="accuracy", missing="refuse").notes
    assert said == (
        "data-00, data-01, data-02 and 5 more: the first checkpoints of the strategies differ, so "
        "runs do not share their start rows, or curves begin after the first query",
    )


def test_variants_are_one_unit_of_the_aggregates_too() -> None:
    frame = curves_of(4, 3, 6)
    twin = frame.assign(dataset=frame["dataset"] + "-twin")
    base = {f"data-0{d}-twin": f"data-0{d}" for d in range(4)}
    once = compare(frame, metric="accuracy").tables["aggregates"]
    both = compare(pd.concat([frame, twin]), metric="accuracy", base=base).tables["aggregates"]
    assert both["better"].tolist() == pytest.approx(once["better"].tolist())
    width = both["better_wide_high"] - both["better_wide_low"]
    alone = once["better_wide_high"] - once["better_wide_low"]
    # Eight datasets, but four units: hardly narrower than four datasets.
    assert (width[1:] > 0.7 * alone[1:]).all()
    naive = compare(pd.concat([frame, twin]), metric="accuracy").tables["aggregates"]
    assert (naive["better_wide_high"] - naive["better_wide_low"])[1] < width[1]
    one = cells.stacks(cells.tidy(pd.concat([frame, twin]), "accuracy", "higher"), "random")[0]
    gains = within.overall_gain(one, "random", base=base)
    assert set(gains["dataset"]) == {"", "data-00", "data-01", "data-02", "data-03"}


def test_corrected_t_is_left_out_where_the_source_fixes_the_test_rows() -> None:
    runs, rounds = tables_of(curves_of(8, 2, 6))
    protocol = Protocol(test="source")
    spec = RunSpec(Ref("a"), Ref("b"), Ref("c"), Ref("c"), protocol, 0)
    fixed = compare(runs.assign(spec=spec.json), rounds, metric="accuracy")
    assert fixed.tables["within"]["corrected_p"].isna().all()
    assert fixed.notes == ("no corrected t test where the source fixes the test rows",)


def test_bounds_and_whole_pool_runs_are_never_ranked() -> None:
    result = compare(curves_of(8, 4, 6), metric="accuracy", unranked=["least_confident"])
    assert set(result.tables["ranks"]["strategy"]) == {"random", "margin", "entropy"}


def test_penalties_count_beaten_checkpoints() -> None:
    frame = curves_of(3, 3, 6, effect=0)
    better = frame["strategy"] == "margin"
    frame.loc[better & (frame["n_labeled"] > 20), "accuracy"] += 0.5
    one = cells.stacks(cells.tidy(frame, "accuracy", "higher"), "random")[0]
    out = aggregate.penalties(one, "random")
    assert out.loc["margin", "random"] == pytest.approx(3)
    assert out.loc["random", "margin"] == 0
    assert out.loc["mean", "margin"] == 0


# ---------------------------------------------------------------- tables


def test_latex_marks_the_best_only_where_something_differs() -> None:
    clear, flat = stack(effect=0.05), stack(effect=0.0)
    marked = typeset.cell_table(clear)
    assert (marked["mark"] == "best").any()
    one_row = typeset.cell_table(
        cells.stacks(cells.tidy(curves_of(2, 2, 5), "accuracy", "higher"), "random")[0]
    )
    assert (one_row["mark"] == "").all()  # five trials cannot show anything
    text = typeset.cell_latex(marked, typeset.foot_rows(clear, "random"), "Area.", "random")
    assert r"$\mathbf{" in text
    assert r"\toprule" in text
    assert text.count(r"$\pm$") == 20
    assert r"least\_confident" in text
    assert flat.blocks


def test_best_of_a_row_is_bold_for_a_hand_made_row() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(0.8, 0.01, (1, 12, 1)) + np.zeros((4, 12, 3))
    base[1] += 0.05 + rng.normal(0, 1e-3, (12, 1))
    base[2] += 0.05 + rng.normal(0, 1e-3, (12, 1))
    base[3] += rng.normal(0, 1e-3, (12, 1))
    names = ("random", "a", "b", "c")
    block = cells.Block(
        "d", "", "", np.array([1.0, 2, 3]), names, tuple(range(12)), base, base[0, :, 0]
    )
    marks = typeset.cell_table(cells.Stack("", "", (block,), names)).set_index("strategy")
    assert sorted(marks.loc[["a", "b"], "mark"]) == ["best", "equal"]
    assert (marks.loc[["random", "c"], "mark"] == "").all()


def test_people_s_table_and_its_twins() -> None:
    frame = typeset.headline_table(compared().tables["against"])
    assert list(frame.columns)[:3] == ["strategy", "verdict", "difference"]
    assert r"\begin{tabular}" in typeset.latex(frame, "A & B")
    assert r"A \& B" in typeset.latex(frame, "A & B")
    assert typeset.markdown(frame).splitlines()[1].startswith("| --- |")
    assert typeset.escape("a_b%<c>") == r"a\_b\%$<$c$>$"


def test_band_of_the_overall_gain_needs_six_datasets() -> None:
    assert within.overall_gain(stack(), "random")["low"].isna().all()
    frame = cells.tidy(curves_of(8, 2, 6), "accuracy", "higher")
    out = within.overall_gain(cells.stacks(frame, "random")[0], "random")
    mean = out[out["dataset"] == ""]
    assert mean["low"].notna().all()
    assert mean["mean"].iloc[0] == pytest.approx(0, abs=1e-12)
