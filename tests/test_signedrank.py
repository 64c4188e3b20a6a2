"""The exact signed-rank test with ties and zeros, and the interval that goes with it."""

from itertools import pairwise, product

import numpy as np
import pytest
from scipy import stats

from albench.analysis.comparison import paired, signedrank


def enumerated(d: np.ndarray) -> float:
    """Two-sided p by all signs of the differences that are not zero, zeros split."""
    d = np.round(d, 12)
    ranks = stats.rankdata(np.abs(d))
    zeros, moving = ranks[d == 0].sum() / 2, ranks[d != 0]
    seen = ranks[d > 0].sum() + zeros
    middle = ranks.sum() / 2
    sums = [zeros + float(np.dot(s, moving)) for s in product((0, 1), repeat=len(moving))]
    return float(np.mean([abs(t - middle) >= abs(seen - middle) - 1e-9 for t in sums]))


@pytest.mark.parametrize("n", range(1, 13))
def test_p_equals_the_enumeration_of_all_signs(n: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(6):
        d = rng.integers(-3, 4, n) / 100 + rng.choice([0, 0.005], n)
        assert paired.wilcoxon_p(d) == pytest.approx(enumerated(d), abs=1e-14)


def test_p_equals_scipy_s_permutations_with_ties_and_zeros() -> None:
    rng = np.random.default_rng(3)
    for n in (5, 9, 12):
        d = rng.integers(-2, 5, n).astype(float)
        method = stats.PermutationMethod(n_resamples=np.inf)
        theirs = stats.wilcoxon(d, zero_method="zsplit", method=method).pvalue
        assert paired.wilcoxon_p(d) == pytest.approx(min(theirs, 1), abs=1e-14)


def test_p_without_ties_equals_scipy_s_exact_one_at_every_n() -> None:
    rng = np.random.default_rng(4)
    for n in (6, 14, 25, 51, 100, 200):
        d = rng.normal(0.2, 1, n)
        theirs = stats.wilcoxon(d, method="exact").pvalue
        assert paired.wilcoxon_p(d) == pytest.approx(theirs, rel=1e-10)


def test_a_case_that_the_normal_approximation_gets_wrong() -> None:
    """Eleven ties of one sign among fourteen: 2 / 2^14 has no bell curve."""
    d = np.full(14, 0.01)
    assert paired.wilcoxon_p(d) == pytest.approx(2 / 2**14, rel=1e-12)
    approximate = stats.wilcoxon(d, zero_method="zsplit", method="asymptotic").pvalue
    assert approximate > 1.4 * paired.wilcoxon_p(d)
    zeros = np.array([0.0] * 10 + [0.01] * 5)
    # ten zeros say nothing, the five others can have 32 signs
    assert paired.wilcoxon_p(zeros) == pytest.approx(2 / 32)


def test_nothing_and_all_zero() -> None:
    assert np.isnan(paired.wilcoxon_p([]))
    assert paired.wilcoxon_p([0.0, 0.0]) == 1.0
    assert paired.wilcoxon_p([1e-15, -1e-15]) == 1.0


def test_hodges_lehmann_of_the_textbook() -> None:
    """Hollander and Wolfe 1999, examples 3.1, 3.3 and 3.4: depression before and after."""
    before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    value, low, high = paired.hodges_lehmann(np.subtract(after, before), level=0.96)
    assert (value, low, high) == pytest.approx((-0.46, -0.786, -0.010), abs=1e-9)


def test_the_interval_holds_the_centres_that_the_test_keeps() -> None:
    rng = np.random.default_rng(5)
    for n in (6, 9, 15, 30):
        d = np.round(rng.gamma(2, 1, n), 6)
        value, low, high = paired.hodges_lehmann(d)
        assert low <= value <= high
        averages = sorted({round((a + b) / 2, 9) for a in d for b in d})
        centres = [(a + b) / 2 for a, b in pairwise(averages)]
        kept = [c for c in centres if paired.wilcoxon_p(d - c) > 0.05]
        inside = [c for c in centres if low < c < high]
        assert kept == inside
    assert np.isnan(paired.hodges_lehmann(np.arange(5.0))[1])
    assert np.isfinite(paired.hodges_lehmann(np.arange(6.0))[1])


def test_small_tails_keep_their_digits() -> None:
    p = paired.wilcoxon_p(np.arange(1, 301) / 100)
    assert p == pytest.approx(2.0**-299, rel=1e-9)
    assert signedrank.null_distribution((1, 2, 3)).sum() == pytest.approx(1)
