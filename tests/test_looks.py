"""Sequential looks: levels, decisions, error rates over the whole path."""

from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from albench.analysis.comparison import looks
from albench.analysis.comparison.looks import Decisions, Design, Open


def obrien_fleming(t: float, level: float) -> float:
    return float(4 * stats.norm.sf(stats.norm.isf(level / 4) / sqrt(t)))


def test_levels_are_those_of_published_tables() -> None:
    """Five equal looks at .05, O'Brien-Fleming-like spending (Lan and DeMets): the usual z."""
    found = looks.levels((0.2, 0.4, 0.6, 0.8, 1.0), 0.05, obrien_fleming)
    z = stats.norm.isf(np.array(found) / 2)
    assert z == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)


def test_levels_spend_what_they_may_under_brownian_motion() -> None:
    shares = (0.25, 0.5, 0.75, 1.0)
    z = stats.norm.isf(np.array(looks.levels(shares, 0.05)) / 2)
    rng = np.random.default_rng(0)
    walk = rng.standard_normal((200_000, 4)).cumsum(axis=1) / np.sqrt([1, 2, 3, 4])
    crossed = np.maximum.accumulate(np.abs(walk) > z, axis=1).mean(axis=0)
    assert crossed == pytest.approx([0.05 * t**2 for t in shares], abs=0.0015)
    assert looks.levels((1.0,), 0.05) == pytest.approx((0.05,))


def test_looks_are_at_least_four_trials_apart_and_at_most_ten() -> None:
    assert looks.schedule(20) == (4, 8, 12, 16, 20)
    assert looks.schedule(100) == tuple(range(10, 101, 10))
    assert looks.schedule(3) == (3,)
    assert looks.schedule(9) == (5, 9)


def opened(gaps: Any, datasets: Any = None, **more: Any) -> Open:
    values = np.asarray(gaps, dtype=float)
    means = values if datasets is None else np.asarray(datasets, dtype=float)
    return Open(values, means, np.zeros(len(means)), np.full(len(means), 9.0), **more)


UP = np.arange(1, 13) / 1000 + 0.02


def test_decisions_follow_holm_and_stay() -> None:
    design = Design((5, 10, 15, 20))
    # the smallest p of 12 signs is 2^-11 = .00049; the first look has .05 / 16 in all
    assert design.level(0, 1) == pytest.approx(0.05 / 16)
    family = {"a": opened(UP), "b": opened(-UP), "c": opened(np.r_[UP[:6], -UP[6:]])}
    first = looks.decide(design, 0, family, Decisions())
    assert first.verdict == {"a": "better", "b": "worse"}
    assert set(first.at.values()) == {5}
    later = looks.decide(design, 3, {**family, "a": opened(-UP)}, first)
    assert later.verdict["a"] == "better"
    # eleven tests at the first look: .00028 each is less than twelve signs can reach
    many = {str(k): opened(UP) for k in range(11)}
    assert looks.decide(design, 0, many, Decisions()).verdict == {}
    assert len(looks.decide(design, 3, many, Decisions()).verdict) == 11


def test_equal_needs_the_mean_the_datasets_and_the_posterior() -> None:
    design = Design((5, 10))
    flat = np.linspace(-0.001, 0.001, 12)
    for one, verdict in (
        (opened(flat), {"x": "equal"}),
        (opened(flat, typical=False), {}),
        (opened(flat, [0.02, 0.02, 0.02, -0.05, *np.zeros(8)]), {}),
        (opened(np.linspace(-0.04, 0.04, 12), flat), {}),
    ):
        assert looks.decide(design, 1, {"x": one}, Decisions()).verdict == verdict


def test_two_one_sided_is_scipys() -> None:
    d = np.random.default_rng(1).normal(0.002, 0.01, 15)
    upper = stats.ttest_1samp(d, 0.01, alternative="less").pvalue
    lower = stats.ttest_1samp(d, -0.01, alternative="greater").pvalue
    assert looks.two_one_sided(d, 0.01) == pytest.approx(max(upper, lower))


def test_rank_sums_decide_as_the_test_does() -> None:
    rng = np.random.default_rng(4)
    for _ in range(300):
        d = rng.normal(0.6, 1, 12)
        p = stats.wilcoxon(d, method="exact").pvalue
        assert looks.rank_sum_decides(d, 0.03) == (p <= 0.03)


def test_projection_tells_futile_from_promising() -> None:
    design = Design((10, 20, 40))
    rng, nine = np.random.default_rng(2), np.full(12, 9.0)
    spread = Open(rng.normal(0, 0.1, 12), rng.normal(0, 0.1, 12), np.full(12, 1e-8), nine)
    assert looks.chance(design, 0, spread, 1) == 0.0
    nearly = rng.normal(0.03, 0.02, 12)
    noisy = Open(nearly, nearly, np.full(12, 0.02**2), nine)
    assert looks.chance(design, 0, noisy, 1) > 0.5
    these = Design((10, 20, 40), scope="these")
    values = rng.normal(0.01, 0.02, 10)
    assert looks.chance(these, 0, Open(values, nearly, np.full(12, 1e-6), nine), 1) > 0.3


def simulated(
    rng: np.random.Generator, design: Design, between: float, mean: float = 0.0, tests: int = 3
) -> Decisions:
    """One sequential run of `tests` comparisons on ten datasets."""
    n, last = 10, design.trials[-1]
    truth = mean + between * rng.standard_normal((tests, n))
    trials = truth[:, :, None] + 0.05 * rng.standard_normal((tests, n, last))
    found = Decisions()
    for look, j in enumerate(design.trials):
        part = trials[:, :, :j]
        units = part.mean(axis=2) if design.scope == "beyond" else part.mean(axis=1)
        errors, df = part.var(axis=2, ddof=1) / j, np.full(n, j - 1.0)
        family = {k: Open(units[k], part[k].mean(axis=1), errors[k], df) for k in range(tests)}
        found = looks.decide(design, look, family, found)
    return found


@pytest.mark.parametrize(("scope", "between"), [("beyond", 0.0), ("beyond", 0.05), ("these", 0.0)])
def test_familywise_error_holds_over_the_whole_path(scope: Any, between: float) -> None:
    """Nulls beyond the datasets (means symmetric about 0), and on them (all means 0)."""
    rng = np.random.default_rng(11)
    design = Design((4, 8, 12, 16, 20), rope=1e-6, scope=scope)
    wrong = [
        any(v in ("better", "worse") for v in simulated(rng, design, between).verdict.values())
        for _ in range(400)
    ]
    # two standard errors of .05 with 400 runs: .022
    assert np.mean(wrong) <= 0.05 + 0.022


def test_naive_looks_would_err_more_often() -> None:
    """The same without levels of its own: each look at .05 with Holm."""
    rng = np.random.default_rng(11)
    trials = rng.standard_normal((1000, 3, 40))
    looked = [stats.wilcoxon(trials[..., :j], axis=-1).pvalue for j in range(8, 41, 4)]
    wrong = (np.min(looked, axis=0) * 3 <= 0.05).any(axis=1)
    assert wrong.mean() > 0.08


def test_false_equality_holds_over_the_whole_path() -> None:
    """The mean on the border of the rope: equal is wrong, and said at most .05 of the time."""
    rng = np.random.default_rng(12)
    design = Design((4, 8, 12, 16, 20), rope=0.01, scope="these")
    said = [simulated(rng, design, 0.0, 0.01, 1).verdict.get(0) == "equal" for _ in range(500)]
    assert np.mean(said) <= 0.05 + 0.0195
