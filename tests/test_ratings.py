"""Bradley-Terry ratings, improvability, rank intervals and the hierarchical sensitivity check."""

import itertools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from generated import curves_of
from scipy import optimize, stats
from situations import suite_of, told

from albench.analysis.comparison import across, hierarchical, ratings, table_of
from albench.plots import figures
from albench.plots.style import theme


def likelihood(x: np.ndarray, table: np.ndarray, prior: float) -> float:
    """Less the log likelihood, game by game: each dataset, each pair."""
    out = 0.0
    for row in table:
        for i, j in itertools.combinations(range(len(row)), 2):
            share = 0.5 if row[i] == row[j] else float(row[i] > row[j])
            out += share * np.log1p(np.exp(x[j] - x[i])) + (1 - share) * np.log1p(
                np.exp(x[i] - x[j])
            )
    return float(out + prior * (np.log1p(np.exp(x)) + np.log1p(np.exp(-x))).sum() / 2)


def drawn(n: int, k: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.7 + 0.01 * np.arange(k), 0.03, (n, k)).round(2)  # some are drawn
    return pd.DataFrame(values, columns=list("rabcd")[:k])


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_strengths_maximise_the_likelihood_of_all_games(prior: float) -> None:
    table = drawn(9, 4)
    found = ratings.strengths(ratings.games(table).sum(axis=0), prior)
    at = likelihood(found, table.to_numpy(), prior)
    best = optimize.minimize(
        likelihood, np.zeros(4), args=(table.to_numpy(), prior), options={"gtol": 1e-8}
    )
    assert at == pytest.approx(best.fun, abs=1e-9)
    assert found - found[0] == pytest.approx(best.x - best.x[0], abs=1e-4)


def test_two_strategies_have_the_odds_of_their_games() -> None:
    """Three games of four won: odds 3, 400 log10(3) = 190.8 points; one draw more: 3.5 to 1.5."""
    table = pd.DataFrame({"r": [0.5] * 4, "a": [0.6, 0.7, 0.8, 0.4]})
    won = ratings.games(table).sum(axis=0)
    assert ratings.elo(won, 0, prior=0.0) == pytest.approx([1000, 1000 + 400 * np.log10(3)])
    more = pd.concat([table, pd.DataFrame({"r": [0.5], "a": [0.5]})])
    found = ratings.elo(ratings.games(more).sum(axis=0), 0, prior=0.0)
    assert found[1] == pytest.approx(1000 + 400 * np.log10(3.5 / 1.5))


def test_strengths_are_those_of_a_logistic_regression_of_games() -> None:
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    table = drawn(12, 5, seed=3)
    won = ratings.games(table).sum(axis=0)
    rows, counts = [], []
    for i, j in itertools.combinations(range(5), 2):
        x = np.zeros(5)
        x[i], x[j] = 1, -1
        rows.append(x[1:])
        counts.append((won[i, j], won[j, i]))
    fit = GLM(np.array(counts), np.array(rows), family=Binomial()).fit()
    found = ratings.strengths(won, 0.0)
    assert found[1:] - found[0] == pytest.approx(fit.params, abs=1e-6)


def test_a_strategy_that_wins_everything_has_a_finite_rating() -> None:
    table = drawn(8, 4).assign(b=2.0)
    out = ratings.ratings(table, "r").set_index("strategy")
    assert out.index[0] == "b"
    assert np.isfinite(out.loc["b", ["elo", "elo_low", "elo_high"]].astype(float)).all()
    assert out.loc["r", "elo"] == 1000
    assert np.isnan(out.loc["r", "elo_low"])


def test_intervals_leave_out_datasets_below_twenty_and_draw_them_from_there_on() -> None:
    table = drawn(12, 3)
    out = ratings.ratings(table, "r").set_index("strategy")
    left = []
    for i in range(12):
        rest = ratings.games(table.drop(index=i)).sum(axis=0) * 12 / 11
        left.append(ratings.elo(rest, 0)[1])
    error = np.sqrt(11 * np.var(left))
    assert out.loc["a", "elo_high"] - out.loc["a", "elo"] == pytest.approx(
        stats.t.ppf(0.975, 11) * error
    )
    many = ratings.ratings(drawn(24, 3), "r").set_index("strategy").loc["b"]
    won, rng = ratings.games(drawn(24, 3)), np.random.default_rng(7)
    values = [ratings.elo(won[rng.integers(24, size=24)].sum(axis=0), 0)[2] for _ in range(500)]
    low, high = np.quantile(values, [0.025, 0.975])
    width = high - low
    assert many["elo_low"] == pytest.approx(low, abs=0.15 * width)
    assert many["elo_high"] == pytest.approx(high, abs=0.15 * width)
    few = ratings.ratings(table[:3], "r")
    assert few[["elo_low", "elo_high", "improvability_low"]].isna().all().all()


def test_improvability_by_hand() -> None:
    """Errors .4, .2 and .1, .2: the best is 50 % and 0 % below r, 0 % and 50 % below a."""
    table = pd.DataFrame({"r": [0.6, 0.9], "a": [0.8, 0.8]})
    out = ratings.ratings(table, "r").set_index("strategy")["improvability"]
    assert out.to_dict() == pytest.approx({"r": 25.0, "a": 25.0})
    loss = ratings.ratings(-pd.DataFrame({"r": [2.0, 1.0], "a": [1.5, 1.0]}), "r", lower=True)
    assert loss.set_index("strategy")["improvability"].to_dict() == {"r": 12.5, "a": 0.0}
    free = ratings.ratings(table * 10, "r")
    assert free["improvability"].isna().all()
    assert ratings.improvability(np.array([[0.0, 0.2]])).tolist() == [[0.0, 100.0]]


def test_a_comparison_has_ratings_and_rank_intervals_of_the_datasets_that_count() -> None:
    full = {f"d{i}": 0.9 for i in range(1, 11)} | {"d11": 0.52}
    gaps = {"a": [0.02 + 0.001 * i for i in range(10)] + [-0.4], "b": [0.01] * 11}
    found = told(suite_of(gaps, full=full, labels=[0, 1] * 5))
    elo = found.tables["ratings"].set_index("strategy")
    assert elo.loc["random", "elo"] == 1000
    assert elo.loc["a", "datasets"] == 10
    ranks = found.tables["ranks"].set_index("strategy")
    assert ranks.loc["a", "rank"] == 1.0
    frame = figures.frames(found)["ranks"].set_index("strategy")
    assert frame[["rank", "rank_low", "rank_high"]].equals(
        ranks[["rank", "rank_low", "rank_high"]].loc[frame.index]
    )
    about = pytest.importorskip("albench.reporting.figures").about(found, 0, ["random", "a", "b"])
    with theme(), mpl.rc_context():
        fig, caption = figures.FIGURES["ranks"].draw(frame.reset_index(), about)
    assert "pale: 95 % intervals of the mean rank" in caption
    pale = [line for line in fig.axes[0].lines if line.get_alpha() == 0.35]
    drawn_ends = sorted(tuple(line.get_xdata()) for line in pale)
    assert drawn_ends == sorted(zip(frame["rank_low"], frame["rank_high"], strict=True))


def test_rank_intervals_cover_with_few_datasets() -> None:
    """Mean ranks of five strategies over 6 datasets; the bootstrap covers .85 there."""
    rng = np.random.default_rng(4)
    shift = np.linspace(0, 1.2, 5)
    big = pd.DataFrame(rng.normal(shift, 1, (200_000, 5)))
    truth = big.rank(axis=1, ascending=False).mean().to_numpy()
    hits = np.zeros(5)
    for _ in range(600):
        found = across.rank_intervals(pd.DataFrame(rng.normal(shift, 1, (6, 5))), 0).sort_index()
        hits += (found["rank_low"] <= truth) & (truth <= found["rank_high"])
    assert 0.925 <= hits.mean() / 600 <= 0.975


def test_random_effects_solve_paule_and_mandels_equation() -> None:
    rng = np.random.default_rng(1)
    v = rng.uniform(1e-5, 4e-4, 14)
    d = 0.02 + rng.normal(0, 0.02, 14) + rng.normal(0, np.sqrt(v))
    mean, low, high, tau = hierarchical.random_effects(d, v)

    def excess(square: float) -> float:
        w = 1 / (v + square)
        return float((w * (d - np.average(d, weights=w)) ** 2).sum() - 13)

    assert tau**2 == pytest.approx(optimize.brentq(excess, 0, 1), rel=1e-4)
    w = 1 / (v + tau**2)
    assert mean == pytest.approx(np.average(d, weights=w))
    knapp = np.sqrt((w * (d - mean) ** 2).sum() / 13 / w.sum())
    error = max(knapp, np.sqrt(1 / w.sum()))
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 13) * error, rel=1e-4)
    even = hierarchical.random_effects(d, np.full(14, 1e-5))
    assert even[0] == pytest.approx(d.mean())
    assert np.isnan(hierarchical.random_effects(d, np.full(14, np.nan))).all()
    assert np.isnan(hierarchical.random_effects(d[:2], v[:2])).all()


def test_components_are_those_that_were_put_in() -> None:
    rng = np.random.default_rng(2)
    shared, own = rng.normal(0, 0.03, 120), rng.normal(0, 0.02, (120, 5))
    rows = [
        {"strategy": f"s{k}", "unit": f"d{i}", "variance": 1e-4}
        | {"difference": 0.01 * k + shared[i] + own[i, k] + rng.normal(0, 0.01)}
        for i in range(120)
        for k in range(5)
    ]
    found = hierarchical.components(pd.DataFrame(rows))
    assert found == pytest.approx((0.03, 0.02), rel=0.12)


def test_the_sensitivity_check_names_where_it_parts() -> None:
    found = told(curves_of(10, 4, 6).assign(n_train=100, n_test=50))
    table = table_of(found, "hierarchical")
    assert set(table["strategy"]) == {"margin", "entropy", "least_confident"}
    assert (table["estimate_low"] < table["estimate"]).all()
    assert "for 3 of 3 strategies" in hierarchical.told(table.assign(agrees=True))
    apart = hierarchical.told(table.assign(agrees=[True, False, True]))
    assert apart.endswith(f"for 2 of 3 strategies; apart: {table['strategy'].iloc[1]}")
    # one trial each: nothing is known of the noise
    alone = table_of(told(suite_of({"a": [0.01 * i for i in range(8)]}, trials=1)), "hierarchical")
    assert alone["estimate"].isna().all()
    assert hierarchical.told(alone) == ""
