"""The recommendation follows its rules: a winner, equality, ignorance, few datasets."""

from typing import Any

import numpy as np
import pandas as pd
from generated import curves_of

from albench import compare
from albench.analysis.comparison import summaries
from albench.analysis.comparison.advice import advice
from albench.analysis.comparison.standings import labels_needed


def told(frame: pd.DataFrame, **options: Any) -> str:
    found = advice(compare(frame, metric="accuracy", **options))
    assert len(found) == 1
    return found[0]


def test_a_winner_is_named_with_size_budget_and_uncertainty() -> None:
    text = told(curves_of(datasets=18, strategies=4, trials=10, effect=0.03))
    assert text.startswith("With logreg under standard, use margin: over 18 datasets")
    assert "Holm p" in text
    assert "The lead is sure" in text
    assert "holds the final score of random" in text


def test_winners_that_the_test_does_not_tell_apart_are_named_together() -> None:
    frame = curves_of(datasets=18, strategies=2, trials=10, effect=0.03)
    rng = np.random.default_rng(0)
    twin = frame[frame["strategy"] == "margin"].assign(strategy="twin")
    twin["accuracy"] += np.where(twin["round"] > 0, rng.normal(0, 0.002, len(twin)), 0)
    text = told(pd.concat([frame, twin], ignore_index=True))
    assert "Not told apart from it: " in text
    assert {"margin", "twin"} <= set(text.replace(":", " ").replace(".", " ").split())


def test_practical_equality_recommends_the_baseline() -> None:
    frame = curves_of(datasets=18, strategies=2, trials=10, effect=0.0)
    text = told(frame, rope=0.02)
    assert text.startswith("With logreg under standard, keep to random")
    assert "Practically equal to it (within 0.02): margin" in text


def test_ignorance_says_what_would_have_been_seen() -> None:
    frame = curves_of(datasets=12, strategies=2, trials=4, effect=0.0, seed=3)
    text = told(frame, rope=1e-6)
    assert "keep to random: no strategy is shown to beat it" in text
    assert "Undecided: margin; a difference of 0." in text


def test_few_datasets_speak_for_themselves_only() -> None:
    frame = curves_of(datasets=2, strategies=2, trials=20, effect=0.05)
    text = told(frame)
    assert "use margin: it is ahead of random on 2 of 2 datasets" in text
    assert "for these datasets only" in text


def test_the_mean_is_that_over_all_datasets_not_of_the_significant_ones() -> None:
    frame = curves_of(datasets=3, strategies=2, trials=20, effect=0.05)
    rng = np.random.default_rng(0)
    here = (frame["dataset"] == "data-00") & (frame["round"] > 0)
    base = frame[here & (frame["strategy"] == "random")].set_index(["trial", "round"])["accuracy"]
    same = here & (frame["strategy"] == "margin")
    keys = pd.MultiIndex.from_frame(frame.loc[same, ["trial", "round"]])
    frame.loc[same, "accuracy"] = base[keys].to_numpy() + rng.normal(0, 0.01, len(keys))
    found = compare(frame, metric="accuracy")
    gap = found.tables["against"].set_index("strategy").loc["margin", "mean_difference"]
    text = told(frame)
    assert "ahead of random on 2 of 3 datasets (Wilcoxon over trials, Holm)" in text
    assert f"Its mean difference over 3 datasets is {gap:+.3f}." in text


def test_the_share_of_runs_that_hold_a_score_stands_beside_the_baseline_s() -> None:
    frame = curves_of(datasets=18, strategies=4, trials=10, effect=0.03)
    found = compare(frame, metric="accuracy")
    own = labels_needed(found.stacks[0], "random")["reached"]["random"]
    assert f"of the runs (random itself in {own:.0%})" in told(frame)


def test_with_several_models_the_best_pair_is_named() -> None:
    frame = curves_of(datasets=3, strategies=2, trials=20, effect=0.05)
    worse = frame.assign(model="forest", accuracy=frame["accuracy"] - 0.1)
    found = compare(pd.concat([frame, worse]), metric="accuracy")
    *each, last = advice(found)
    assert len(each) == 2
    means = {s.model: summaries.wide(s).mean().max() for s in found.stacks}
    assert last.startswith(
        f"Of all models and strategies, logreg with margin {means['logreg']:.3f} is best by the "
        f"mean area under accuracy over 3 datasets; then forest with margin {means['forest']:.3f}."
    )


def test_few_trials_recommend_nothing() -> None:
    text = told(curves_of(datasets=2, strategies=2, trials=4, effect=0.05))
    assert "keep to random" in text
    assert "neither beyond these datasets: cannot reach 0.05 with 2 datasets" in text
    assert "nor on them: cannot reach 0.05 with 4 trials (2 tests need 7)" in text


def test_losing_datasets_are_warned_of() -> None:
    frame = curves_of(datasets=18, strategies=2, trials=10, effect=0.03)
    bad = (frame["dataset"] == "data-00") & (frame["strategy"] == "margin") & (frame["round"] > 0)
    frame.loc[bad, "accuracy"] -= 0.1
    text = told(frame)
    assert "use margin" in text
    assert "Beware: it is behind random on data-00" in text
