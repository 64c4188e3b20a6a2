"""The sentence on a view's standings, by hand-made tables."""

import pandas as pd

from albench.reporting.leader import answer

COLUMNS = ["strategy", "rank", "verdict", "mean_difference", "low", "high", "holm_p"]


def table(*rows: tuple[object, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.assign(wins=7.0, ties=1.0, losses=2.0)


BASE = ("random", 3.0, float("nan"), float("nan"), float("nan"), float("nan"), float("nan"))


def test_the_largest_difference_of_those_that_beat_the_baseline_is_to_be_used() -> None:
    said = answer(
        table(
            ("a", 1.2, "better", 0.02, 0.01, 0.03, 0.001),
            ("b", 1.5, "better", 0.03, 0.01, 0.05, 0.004),
            ("c", 2.0, "not told apart", 0.09, -0.1, 0.2, 0.5),
            BASE,
        ),
        "random",
        "With m",
        "accuracy",
    )
    assert said == (
        "With m, use b: it beats random by +0.030 [+0.010, +0.050] accuracy (area under the curve; "
        "Holm p = 0.004), ahead on 7 of 10 datasets with room to gain; 1 more beats random, too. "
        "By mean rank a stands first."
    )


def test_without_a_winner_the_baseline_is_kept_and_nothing_is_called_equal_that_is_not() -> None:
    said = answer(
        table(
            ("a", 1.5, "not told apart", 0.02, -0.01, 0.05, 0.2),
            ("b", 1.5, "equal", 0.0, -0.001, 0.001, 0.9),
            ("c", 4.0, "worse", -0.1, -0.2, -0.05, 0.001),
            BASE,
        ),
        "random",
        "With m",
        "accuracy",
    )
    assert said == (
        "With m, keep to random: no strategy is shown to beat it (of 3: 1 worse, 1 practically "
        "equal, 1 not told apart from it). a and b share the best mean rank, which is no finding "
        "by itself."
    )


def test_too_few_datasets_claim_nothing() -> None:
    rows = (("a", 1.0, "too few datasets", 0.1, 0.0, 0.2, float("nan")), BASE)
    said = answer(table(*rows), "random", "With m", "accuracy")
    assert said.startswith("With m: a has the best mean rank, but these are too few datasets")
    assert answer(table(BASE), "random", "With m", "accuracy") == (
        "With m: there is nothing to compare with random."
    )


def test_a_zero_has_no_sign() -> None:
    from albench.reporting.page import spread

    assert spread(-0.001, -0.004, 0.02) == "0.00 [0.00, 0.02]"
    assert spread(-0.01, -0.06, 0.0) == "-0.01 [-0.06, 0.00]"
