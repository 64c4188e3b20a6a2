"""Intervals from few units hold what they promise."""

import numpy as np
import pytest
from scipy import stats

from albench.analysis import intervals


def test_mean_is_scipys_t_interval_and_nothing_without_spread() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0])
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert intervals.mean(values) == pytest.approx(tuple(expected))
    assert np.isnan(intervals.mean(np.full(4, 2.0))).all()
    assert np.isnan(intervals.mean(values[:1])).all()


def test_ratio_is_the_set_of_ratios_that_the_paired_test_does_not_reject() -> None:
    rng = np.random.default_rng(0)
    below = rng.normal(2.0, 0.2, 6)
    above = 1.5 * below + rng.normal(0, 0.3, 6)
    low, high = intervals.ratio(above, below)
    for end in (low, high):
        assert stats.ttest_1samp(above - end * below, 0).pvalue == pytest.approx(0.05)
    # a denominator that may be zero leaves the ratio unbounded
    assert np.isnan(intervals.ratio(above, np.array([-1.0, 1.0, -2.0, 2.0, 0.5, -0.4]))).all()


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    rng = np.random.default_rng(1)
    parts = [rng.normal(size=(5, 2)), rng.normal(size=(8, 2))]
    error, df = intervals.jackknife(
        parts, lambda found: np.mean([p.mean(axis=0) for p in found], axis=0)
    )
    own = np.array([p.var(axis=0, ddof=1) / len(p) / 4 for p in parts])
    assert error == pytest.approx(np.sqrt(own.sum(axis=0)))
    assert df == pytest.approx(own.sum(axis=0) ** 2 / (own[0] ** 2 / 4 + own[1] ** 2 / 7))


def covered(low: np.ndarray, high: np.ndarray, truth: float) -> float:
    return float(np.mean((low <= truth) & (truth <= high)))


@pytest.mark.parametrize("n", [3, 4, 10])
def test_ratio_covers_at_few_trials_of_counts(n: int) -> None:
    """60 labels at a rate of 13 %, one tenth of the pool wrong; the bootstrap covers .73 at 3."""
    rng = np.random.default_rng(n)
    below = rng.normal(0.1, 0.004, (1500, n))
    above = rng.binomial(60, np.clip(rng.normal(0.13, 0.02, (1500, n)), 0, 1)) / 60
    ends = np.array([intervals.ratio(a, b) for a, b in zip(above, below, strict=True)])
    known = np.isfinite(ends[:, 0])
    assert known.mean() > 0.97
    assert 0.93 <= covered(*ends[known].T, 1.3) <= 0.97


@pytest.mark.parametrize("n", [4, 8, 15])
@pytest.mark.parametrize("ends", [(1, 1), (3, 1.5), (8, 1)])
def test_share_covers_from_four_units_on(n: int, ends: tuple[float, float]) -> None:
    """Also where shares crowd at one; the bootstrap covers .78 at two and .85 at four."""
    x = np.random.default_rng([n, 3]).beta(*ends, (4000, n))
    error = x.std(axis=1, ddof=1) / np.sqrt(n)
    low, high = intervals.share(x.mean(axis=1), error, np.full(4000, n - 1.0))
    assert 0.925 <= covered(low, high, ends[0] / sum(ends)) <= 0.97


@pytest.mark.parametrize("n", [10, 20])
@pytest.mark.parametrize("skew", ["both", "exponential", "cut off"])
def test_labels_saved_are_covered_where_differences_are_skewed(n: int, skew: str) -> None:
    """The t interval alone covers .90 at ten exponential ones."""
    rng = np.random.default_rng([n, len(skew)])

    def saved(size: tuple[int, ...]) -> np.ndarray:
        if skew == "exponential":
            return rng.exponential(30, size)
        if skew == "cut off":  # most of theirs reach the budget
            ours, theirs = rng.lognormal(4.6, 0.4, size), rng.lognormal(5.3, 0.5, size)
        else:
            ours, theirs = (rng.lognormal(m, 0.6, size) for m in (4.0, 4.3))
        return np.minimum(theirs, 200) - np.minimum(ours, 200)

    truth = float(saved((500_000,)).mean())
    ends = np.array([intervals.skewed(d) for d in saved((2500, n))])
    assert 0.93 <= covered(*ends.T, truth) <= 0.975


def test_skewed_is_halls_interval_where_that_is_wider_and_nothing_of_few() -> None:
    d = np.random.default_rng(2).exponential(1.0, 12)
    low, high = intervals.skewed(d)
    error, t = d.std(ddof=1) / np.sqrt(12), stats.t.ppf(0.975, 11)
    assert low == pytest.approx(d.mean() - t * error)
    # the upper end solves Hall's cubic: its transformed statistic is the lower quantile of t
    x = (d.mean() - high) / error
    skew = stats.skew(d) * (1 - 1 / 12) ** 1.5 * 144 / 110
    cubic = x + skew * x**2 / 3 / 12**0.5 + skew**2 * x**3 / 27 / 12 + skew / 6 / 12**0.5
    assert cubic == pytest.approx(-t)
    flat = np.arange(12.0)
    assert intervals.skewed(flat) == pytest.approx(intervals.mean(flat))
    assert np.isnan(intervals.skewed(d[:9])).all()
    assert np.isnan(intervals.skewed(np.full(12, 3.0))).all()
