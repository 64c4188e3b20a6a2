"""Statistics across datasets: worked examples of papers and guard rails."""

from math import comb, isnan, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from albench.analysis.comparison import across, cells, paired
from albench.core.errors import BadResults, BadValue, UnknownName

# Demsar 2006, JMLR 7, Table 6: AUC of four variants of C4.5 on 14 datasets.
COLUMNS = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]
TABLE_6 = {
    "adult": (0.763, 0.768, 0.771, 0.798),
    "breast-cancer": (0.599, 0.591, 0.590, 0.569),
    "breast-cancer-wisconsin": (0.954, 0.971, 0.968, 0.967),
    "cmc": (0.628, 0.661, 0.654, 0.657),
    "ionosphere": (0.882, 0.888, 0.886, 0.898),
    "iris": (0.936, 0.931, 0.916, 0.931),
    "liver": (0.661, 0.668, 0.609, 0.685),
    "lung-cancer": (0.583, 0.583, 0.563, 0.625),
    "lymphography": (0.775, 0.838, 0.866, 0.875),
    "mushroom": (1.000, 1.000, 1.000, 1.000),
    "primary-tumor": (0.940, 0.962, 0.965, 0.962),
    "rheum": (0.619, 0.666, 0.614, 0.669),
    "voting": (0.972, 0.981, 0.975, 0.975),
    "wine": (0.957, 0.978, 0.946, 0.970),
}


def demsar(printed: bool = False) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(TABLE_6, orient="index", columns=COLUMNS)
    if not printed:  # the paper breaks this tie by digits that it does not print
        table.loc["voting", "C4.5+cf"] += 1e-4
    return table


def test_demsar_mean_ranks() -> None:
    mean = across.ranks(demsar())
    assert mean[COLUMNS].tolist() == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert mean.index[0] == "C4.5+m+cf"


def test_demsar_omnibus_in_both_tie_conventions() -> None:
    ours = across.friedman(demsar())
    assert ours["chi2"] == pytest.approx(9.28, abs=0.005)
    assert ours["F"] == pytest.approx(3.69, abs=0.005)
    assert ours["p"] == pytest.approx(0.0198, abs=5e-5)
    assert ours["chi2_ties"] == pytest.approx(10.23, abs=0.005)
    assert (ours["df1"], ours["df2"]) == (3, 39)


def test_demsar_first_trap_the_printed_digits_give_other_ranks() -> None:
    table = demsar(printed=True)
    mean, omnibus = across.ranks(table), across.friedman(table)
    assert mean["C4.5+cf"] == pytest.approx(2.929, abs=5e-4)
    assert mean["C4.5+m+cf"] == pytest.approx(1.929, abs=5e-4)
    assert omnibus["chi2"] == pytest.approx(9.857, abs=5e-4)
    assert omnibus["F"] == pytest.approx(3.987, abs=5e-4)
    assert omnibus["chi2_ties"] == pytest.approx(10.952, abs=5e-4)


def test_demsar_second_trap_scipy_corrects_for_ties() -> None:
    table = demsar(printed=True)
    theirs = stats.friedmanchisquare(*table.to_numpy().T)
    assert theirs.statistic == pytest.approx(across.friedman(table)["chi2_ties"])
    assert theirs.pvalue == pytest.approx(0.01199, abs=5e-6)


def test_demsar_critical_distances() -> None:
    assert across.nemenyi(demsar(), 0.05) == pytest.approx(1.25, abs=0.005)
    assert across.nemenyi(demsar(), 0.10) == pytest.approx(1.12, abs=0.005)
    assert across.nemenyi(demsar()) / sqrt(20 / 84) == pytest.approx(2.569, abs=5e-4)
    assert across.bonferroni_dunn(demsar()) == pytest.approx(1.168, abs=5e-4)


def test_demsar_against_the_control() -> None:
    out = across.against(demsar(), "C4.5").loc[["C4.5+m+cf", "C4.5+m", "C4.5+cf"]]
    assert out["friedman_z"].tolist() == pytest.approx([2.416, 2.342, 0.512], abs=1e-3)
    # The paper computes from rounded ranks, hence .607 where full precision gives .608.
    assert out["friedman_p"].tolist() == pytest.approx([0.016, 0.019, 0.607], abs=2e-3)
    holm = out["friedman_holm_p"].tolist()
    assert holm == pytest.approx([0.0472, 0.0472, 0.608], abs=1e-3)
    assert (out["n"] == 14).all()


def test_demsar_wilcoxon_rank_sums_with_split_zeros() -> None:
    table = demsar()
    d = np.round((table["C4.5+m"] - table["C4.5"]).to_numpy(), 12)
    ranks = stats.rankdata(np.abs(d))
    zeros = ranks[d == 0].sum() / 2
    assert ranks[d > 0].sum() + zeros == pytest.approx(93)
    assert ranks[d < 0].sum() + zeros == pytest.approx(12)
    row = across.against(table, "C4.5").loc["C4.5+m"]
    assert row["wilcoxon_p"] < 0.05
    every_sign = stats.PermutationMethod(n_resamples=np.inf)
    exact = stats.wilcoxon(d, zero_method="zsplit", method=every_sign).pvalue
    assert row["wilcoxon_p"] == pytest.approx(exact, rel=1e-12)
    assert (row["wins"], row["ties"], row["losses"]) == (10, 2, 2)


def test_below_the_guard_rail_there_is_a_sentence_and_no_p() -> None:
    out = across.against(demsar().iloc[:5], "C4.5")
    assert out[["wilcoxon_p", "holm_p", "sign_flip_p"]].isna().all().all()
    assert out[["friedman_p", "friedman_holm_p"]].isna().all().all()
    assert (out["note"] == "cannot reach 0.05 with 5 datasets (3 tests need 7)").all()
    assert out["mean_difference"].notna().all()
    six = across.against(demsar().iloc[:6], "C4.5")
    assert six["wilcoxon_p"].notna().all()
    assert six["holm_p"].isna().all()


def test_no_all_pairs_statement_below_fifteen_datasets() -> None:
    out = across.pairs(demsar())
    assert len(out) == comb(4, 2)
    assert out["holm_p"].isna().all()
    assert "15 datasets" in out["note"].iloc[0]
    assert out["wilcoxon_p"].notna().all()


def test_pairs_equal_against_for_the_same_pair() -> None:
    rng = np.random.default_rng(14)
    wide = pd.DataFrame(rng.normal(size=(16, 4)), columns=list("abcd"))
    out = across.pairs(wide).set_index(["a", "b"])
    one = across.against(wide, "d").loc["a"]
    assert out.loc[("a", "d"), "mean_difference"] == pytest.approx(one["mean_difference"])
    assert out.loc[("a", "d"), "wilcoxon_p"] == pytest.approx(one["wilcoxon_p"])
    assert out["holm_p"].notna().all()


def test_holm_equals_statsmodels_and_passes_over_nan() -> None:
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(15).random(12) ** 2
    assert across.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    with_hole = np.insert(p, 3, np.nan)
    assert np.delete(across.holm(with_hole), 3) == pytest.approx(across.holm(p))
    assert isnan(across.holm(with_hole)[3])
    assert (across.finner(p) <= across.holm(p) + 1e-12).all()
    assert across.finner([0.01, 0.04]) == pytest.approx([1 - 0.99**2, 0.04])
    assert across.holm([]).shape == (0,)


def test_friedman_equals_independent_formulas_and_nemenyi_scikit_posthocs() -> None:
    posthocs = pytest.importorskip("scikit_posthocs")
    rng = np.random.default_rng(16)
    wide = pd.DataFrame(rng.normal(size=(20, 5)), columns=list("abcde"))
    out = across.friedman(wide)
    assert out["chi2"] == pytest.approx(stats.friedmanchisquare(*wide.to_numpy().T).statistic)
    # Without ties Iman-Davenport's F is that of a two-way analysis of variance of ranks.
    r = wide.rank(axis=1, ascending=False).to_numpy()
    between = 20 * ((r.mean(axis=0) - 3) ** 2).sum() / 4
    within = ((r - r.mean(axis=0) - r.mean(axis=1, keepdims=True) + 3) ** 2).sum() / (4 * 19)
    assert out["F"] == pytest.approx(between / within)
    p = posthocs.posthoc_nemenyi_friedman(wide)
    mean, distance = across.ranks(wide), across.nemenyi(wide)
    for a, b in [("a", "b"), ("c", "e"), ("b", "d")]:
        assert (abs(mean[a] - mean[b]) > distance) == (p.loc[a, b] < 0.05)


def test_friedman_says_nothing_where_nothing_can_be_said() -> None:
    assert isnan(across.friedman(demsar().iloc[:, :2])["p"])
    assert isnan(across.friedman(demsar().iloc[:1])["p"])
    assert isnan(across.friedman(demsar() * 0 + 0.5)["p"])
    perfect = demsar() * 0 + [1, 2, 3, 4]
    assert across.friedman(perfect)["p"] == pytest.approx((1 / 24) ** 13, rel=1e-9, abs=0)


def test_signed_rank_rope_equals_baycomp_for_the_same_seed() -> None:
    baycomp = pytest.importorskip("baycomp")
    rng = np.random.default_rng(17)
    wide = pd.DataFrame(rng.normal(0.8, 0.02, (12, 3)), columns=["a", "b", "c"])
    wide["c"] = wide["a"] - rng.choice([0.0, 0.02, 0.04], 12)
    for other, rope in (("b", 0.01), ("c", 0.02), ("c", 0.01)):
        x, y = (np.ascontiguousarray(wide[s].round(12)) for s in ("a", other))
        theirs = baycomp.two_on_multiple(x, y, rope=rope, random_state=3)
        ours = across.signed_rank_rope(wide, "a", other, rope=rope, seed=3)
        assert ours == pytest.approx(theirs, abs=2e-5)
        assert ours == across.signed_rank_rope(wide, "a", other, rope=rope, seed=3)
        back = across.signed_rank_rope(wide, other, "a", rope=rope, seed=3)
        assert ours.better == pytest.approx(back.worse, abs=1e-12)
        assert sum(ours) == pytest.approx(1)


def test_bars_join_what_lies_within_the_distance() -> None:
    mean = pd.Series({"a": 1.0, "b": 1.5, "c": 2.4, "d": 4.0})
    assert across.groups(mean, 1.0) == [["a", "b"], ["b", "c"]]
    assert across.groups(mean, 1.4) == [["a", "b", "c"]]
    assert across.groups(mean, 0.1) == []


def test_bad_tables_are_refused_with_a_sentence() -> None:
    holed = demsar()
    holed.loc["wine", "C4.5+m"] = np.nan
    with pytest.raises(BadValue, match=r"1 holes \(strategies C4.5\+m\)"):
        across.ranks(holed)
    with pytest.raises(UnknownName, match=r"'random' is not among the strategies: C4.5, "):
        across.against(demsar(), "random")
    with pytest.raises(BadValue, match="1 strategies"):
        across.against(demsar()[["C4.5"]], "C4.5")
    with pytest.raises(BadValue, match="twice"):
        across.ranks(pd.concat([demsar(), demsar()]))
    with pytest.raises(BadValue, match="rope"):
        across.signed_rank_rope(demsar(), "C4.5", "C4.5+m", rope=0)


@pytest.mark.parametrize(("tests", "n"), [(1, 6), (5, 8), (9, 9), (15, 10), (45, 11), (105, 13)])
def test_guard_rails(tests: int, n: int) -> None:
    assert paired.smallest_n(tests) == n
    assert 2 / 2**n * tests <= 0.05 < 2 / 2 ** (n - 1) * tests


def test_rounds_in_which_no_label_arrives_are_no_checkpoints_of_their_own() -> None:
    """Late labels and abstentions: the same labels are in hand at several evaluations."""
    rows = [
        {
            "dataset": "d",
            "strategy": s,
            "trial": t,
            "round": r,
            "n_labeled": n,
            "cost": c,
            "accuracy": 0.5 + n / 100,
        }
        for s in ("random", "margin")
        for t in range(3)
        for r, (n, c) in enumerate([(10, 10), (10, 20), (10, 30), (20, 30), (30, 30)])
    ]
    frame = cells.tidy(pd.DataFrame(rows), "accuracy", "higher")
    (stack,) = cells.stacks(frame, "random")
    assert stack.blocks[0].grid.tolist() == [10, 20, 30]
    (over_cost,) = cells.stacks(frame, "random", axis="cost")
    assert over_cost.blocks[0].grid.tolist() == [10, 20, 30]
    assert over_cost.blocks[0].scores[0, 0].tolist() == [0.6, 0.6, 0.8]
    with pytest.raises(BadResults, match="occurs twice"):
        cells.tidy(pd.DataFrame(rows * 2), "accuracy", "higher")
    with pytest.raises(BadResults, match="occurs twice"):
        cells.tidy(pd.DataFrame(rows).drop(columns="round"), "accuracy", "higher")
