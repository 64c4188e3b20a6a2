"""Power of the signed-rank test, shares of variance, and how much more data is due."""

import json
from math import inf

import numpy as np
import pandas as pd
import pytest
from generated import curves_of
from scipy import stats

from albench.analysis.comparison import cells, compare, power, shares
from albench.analysis.question import Options


def test_power_of_few_pairs_is_that_of_all_signs_alike() -> None:
    """Six pairs reach .05 only where all are ahead: probability Phi(effect)^6, in closed form."""
    for effect in (0.5, 1.0, 1.8):
        assert power.power(6, effect) == pytest.approx(stats.norm.cdf(effect) ** 6, abs=0.012)
    wanted = stats.norm.ppf(0.8 ** (1 / 6))
    assert power.effect_size(6) == pytest.approx(wanted, rel=0.02)
    # nine tests with nine datasets: again every dataset must be ahead
    assert power.effect_size(9, 0.05 / 9) == pytest.approx(stats.norm.ppf(0.8 ** (1 / 9)), rel=0.02)
    assert power.power(5, 10.0) == 0.0
    assert np.isnan(power.effect_size(5))


@pytest.mark.parametrize(("n", "level"), [(15, 0.05), (30, 0.05 / 9), (60, 0.05 / 9), (140, 0.05)])
def test_power_is_that_of_scipys_test(n: int, level: float) -> None:
    effect = power.effect_size(n, level)
    rng = np.random.default_rng([n, 1])
    p = stats.wilcoxon(rng.normal(effect, 1, (3000, n)), axis=1, method="exact").pvalue
    assert 0.775 <= np.mean(p <= level) <= 0.825


def test_power_with_an_estimated_spread_is_its_mean_over_pilots() -> None:
    rng = np.random.default_rng(5)
    for n, effect, df in ((8, 1.5, 7), (40, 0.6, 11)):
        scales = np.sqrt(rng.chisquare(df, 4000) / df)
        wanted = np.mean([power.power(n, effect * s) for s in scales])
        assert power.power(n, effect, df=df) == pytest.approx(wanted, abs=0.01)
        assert power.power(n, effect, df=1e6) == pytest.approx(power.power(n, effect), abs=0.002)


def test_moments_and_samples_agree_where_one_takes_over() -> None:
    for level in (0.05, 0.05 / 20):
        for effect in (0.4, 0.55, 0.8):
            drawn = power.power(power.SIMULATED, effect, level)
            assert power._by_moments(power.SIMULATED, np.array([effect]), level)[
                0
            ] == pytest.approx(drawn, abs=0.025)


def test_so_many_datasets_and_trials_are_the_fewest_that_do() -> None:
    n = power.datasets_for(0.01, 0.02, 0.05 / 9)
    assert power.power(int(n), 0.5, 0.05 / 9) >= 0.8 > power.power(int(n) - 1, 0.5, 0.05 / 9)
    needed = power.effect_size(24, 0.05 / 9)
    j = power.trials_for(0.01, power.Spread(0.0001, 0.001, 24), 0.05 / 9)
    assert 0.01 / np.sqrt(0.0001 + 0.001 / j) >= needed
    assert 0.01 / np.sqrt(0.0001 + 0.001 / (j - 1)) < needed
    # where datasets alone vary too much no number of trials helps
    assert power.trials_for(0.01, power.Spread(0.001, 0.001, 24), 0.05 / 9) == inf
    assert power.datasets_for(0.0, 0.02, 0.05) == inf
    assert power.datasets_for(1e-5, 1.0, 0.05) == inf


@pytest.mark.parametrize("middle", [0.0, 0.004])
def test_two_one_sided_tests_show_equality_as_often_as_promised(middle: float) -> None:
    n = int(power.datasets_for_equal(0.01 - middle, 0.02, 0.05))
    d = np.random.default_rng(3).normal(middle, 0.02, (4000, n))
    half = stats.t.ppf(0.95, n - 1) * d.std(axis=1, ddof=1) / np.sqrt(n)
    shown = np.mean((d.mean(axis=1) + half < 0.01) & (d.mean(axis=1) - half > -0.01))
    assert 0.78 <= shown <= 0.95  # one border counts where the mean is off the middle


def frame(
    rng: np.random.Generator, sizes: tuple[int, int, int], sd: dict[str, float], mean: float = 0.02
) -> pd.DataFrame:
    """Curves of two checkpoints, alike, with known components of variance."""
    n, trials, strategies = sizes
    rows = []
    shared = rng.normal(0, sd["dataset"], n)
    own = rng.normal(0, sd["strategy"], (n, strategies))
    for i in range(n):
        for j in range(trials):
            rows.append((f"d{i}", "random", j, 0.5))
            for s in range(strategies):
                value = mean + shared[i] + own[i, s] + rng.normal(0, sd["trial"])
                rows.append((f"d{i}", f"s{s}", j, 0.5 + value))
    runs = pd.DataFrame(rows, columns=["dataset", "strategy", "trial", "accuracy"])
    both = [runs.assign(n_labeled=k, n_train=400, n_test=100) for k in (10, 20)]
    return cells.tidy(pd.concat(both, ignore_index=True), "accuracy", "higher")


def test_shares_of_variance_are_those_that_were_put_in() -> None:
    sd = {"dataset": 0.03, "strategy": 0.02, "trial": 0.04}
    (stack,) = cells.stacks(frame(np.random.default_rng(0), (100, 3, 6), sd), "random")
    found = shares.shares(stack, "random")
    mean = {f: np.mean([getattr(s, f) for s in found.values()]) for f in shares.Shares._fields}
    assert mean["trial"] == pytest.approx(0.04**2, rel=0.1)
    assert mean["rows"] == pytest.approx(0.04**2 / 4, rel=0.1)  # 100 test rows to 400
    # the rows are part of what does not lessen with trials
    assert mean["dataset"] == pytest.approx(0.03**2, rel=0.3)
    assert mean["strategy"] + mean["rows"] == pytest.approx(0.02**2, rel=0.3)
    assert mean["trials"] == pytest.approx(3, rel=0.05)
    told = shares.table(found)
    columns = ["dataset", "strategy x dataset", "test rows", "trial"]
    assert told[columns].sum(axis=1).to_numpy() == pytest.approx(1.0)


def test_shares_by_hand() -> None:
    """Two datasets of two trials: differences .1, .3 and -.1, .1; means .2 and 0."""
    rows = [("a", 0, 0.1), ("a", 1, 0.3), ("b", 0, -0.1), ("b", 1, 0.1)]
    runs = pd.DataFrame(
        [(d, s, t, 0.5 + (x if s == "m" else 0)) for d, t, x in rows for s in ("random", "m")],
        columns=["dataset", "strategy", "trial", "accuracy"],
    )
    curves = pd.concat([runs.assign(n_labeled=k) for k in (1, 2)], ignore_index=True)
    (stack,) = cells.stacks(cells.tidy(curves, "accuracy", "higher"), "random")
    (one,) = shares.shares(stack, "random").values()
    assert one.trial == pytest.approx(0.02)  # both (.2 / sqrt 2)^2
    assert one.strategy == pytest.approx(0.02 - 0.01)  # of means .02, of noise .02 / 2
    assert np.isnan(one.dataset)
    assert np.isnan(one.rows)
    assert one.difference == pytest.approx(0.1)
    assert one.of_means() == pytest.approx(0.02)


def test_what_would_decide_is_said_with_its_way() -> None:
    far = shares.Shares(0.02, 0.0, 0.0004, 0.0, 0.02, 4.0, 10)
    due = shares.need(far, rope=0.01, tests=5)
    assert due.outcome == "differs"
    sd = np.sqrt(0.0004 + 0.005)
    assert power.power(int(due.datasets), 0.02 / sd, 0.01, 9) >= 0.8
    assert due.trials == inf  # .02 to .02 over datasets alone is too little for ten
    said = shares.told(due, far)
    assert said.startswith(f"to tell them apart takes about {int(due.datasets) - 10} more datasets")
    assert said.endswith("no number of trials on these would")
    noisy = shares.Shares(0.03, 0.0, 0.0001, 0.0, 0.02, 4.0, 10)
    assert "more trials on each of these" in shares.told(shares.need(noisy, rope=0.01), noisy)
    level = shares.Shares(0.0, 0.0, 0.0004, 0.0, 0.002, 4.0, 10)
    assert shares.need(level, rope=0.01).outcome == "equal"
    # where nothing can be won on most datasets, equality needs more of those with room
    roomless = shares.Shares(0.0, 0.0, 1e-8, 0.0, 1e-7, 4.0, 10)
    assert shares.need(roomless, rope=0.01).datasets == 11
    some = shares.need(roomless, rope=0.01, counted=1)
    assert (some.datasets, some.trials) == (15, inf)
    # where datasets are too noisy, trials make their intervals fit: 1.96 sd / sqrt(n) <= .01
    noise = shares.Shares(0.0, 0.0, 1e-6, 0.0, 0.0009, 4.0, 10)
    fit = shares.need(noise, rope=0.01, noisy=True)
    assert (fit.outcome, fit.datasets, fit.trials) == ("equal", inf, 35)
    assert shares.told(fit, noise) == (
        "to show them equal takes about 31 more trials on each of these, if differences stay as "
        "they are"
    )
    never = shares.Shares(0.01, 0.0, 1.0, 0.0, 1.0, 4.0, 10)
    assert "no number of trials" in shares.told(shares.need(never, rope=0.01), never)


def test_only_what_cannot_be_told_gets_a_projection() -> None:
    s = {"a": shares.Shares(0.02, 0.0, 0.0004, 0.0, 0.02, 4.0, 10)}
    against = pd.DataFrame(
        {"strategy": ["a", "b"], "verdict": ["unclear", "better"], "counted": 10, "noisy": 0}
    )
    found = shares.undecided(against, s, rope=0.01, tests=2)
    assert list(found["strategy"]) == ["a"]
    assert found["told"].iloc[0].startswith("to tell them apart takes")


def test_a_comparison_says_what_would_decide_and_where_variance_lies() -> None:
    found = compare(curves_of(8, 4, 6), None, Options("accuracy", "higher", rope=0.01))
    assert {"shares", "undecided", "scopes"} <= set(found.tables)
    open_ = found.tables["against"].query("verdict == 'unclear'")["strategy"]
    assert set(found.tables["undecided"]["strategy"]) == set(open_)
    said = [line for line in found.lines if line.startswith("logreg, what would decide (80 %")]
    assert len(said) == (1 if len(open_) else 0)
    assert all(name in said[0] for name in open_[:4])
    (lies,) = shares.where(found.tables["shares"])
    assert lies.startswith("logreg, variance of one trial's difference to the baseline")
    json.loads(found.json())  # no number is infinite there
