"""Curve summaries: the definitions' check values, and formulas against plain loops."""

import warnings
from math import inf, isnan

import numpy as np
import pytest

from albench.analysis.comparison import summaries, targets
from albench.core.errors import BadValue

N = [10, 20, 40]
S = [0.5, 0.6, 0.8]


def test_area_check_value_is_a_mean_height_in_score_units() -> None:
    assert summaries.aubc(N, S) == pytest.approx(0.65)
    assert summaries.alc(N, S) == pytest.approx((0.55 + 0.7) / 2)


def test_functions_take_many_curves_at_once() -> None:
    rng = np.random.default_rng(1)
    n = np.array([5, 7, 20, 21, 60])
    many = rng.random((4, 3, 5))
    for f in (summaries.aubc, summaries.alc, lambda n, s: summaries.labels_to(n, s, 0.5, hold=1)):
        stacked = f(n, many)
        assert stacked.shape == (4, 3)
        assert stacked[2, 1] == f(n, many[2, 1])


def test_area_against_a_plain_loop() -> None:
    rng = np.random.default_rng(2)
    n = np.cumsum(rng.integers(1, 9, 12))
    s = rng.random(12)
    area = sum((s[i] + s[i + 1]) / 2 * (n[i + 1] - n[i]) for i in range(11)) / (n[-1] - n[0])
    logs = np.log2(n)
    guyon = sum((s[i] + s[i + 1]) / 2 * (logs[i + 1] - logs[i]) for i in range(11))
    assert summaries.aubc(n, s) == pytest.approx(area, abs=1e-14)
    assert summaries.alc(n, s) == pytest.approx(guyon / (logs[-1] - logs[0]), abs=1e-14)


def test_global_alc_is_zero_for_guessing_and_one_for_perfection() -> None:
    assert summaries.alc(N, [0.5] * 3, chance=0.5) == pytest.approx(0)
    assert summaries.alc(N, [1.0] * 3, chance=0.5) == pytest.approx(1)
    # Prolonged horizontally to 160 labels: the last two of four octaves stay at .8.
    assert summaries.alc(N, S, budget=160) == pytest.approx((0.55 + 0.7 + 0.8 + 0.8) / 4)


def test_a_single_checkpoint_has_no_area() -> None:
    assert isnan(summaries.aubc([10], [0.5]))
    assert summaries.quality_at([10], [0.5], 10) == 0.5


@pytest.mark.parametrize("n", [[10, 10, 20], [20, 10, 40], [10, 20], [10, np.nan, 40]])
def test_what_is_no_curve_is_refused(n: list[float]) -> None:
    with pytest.raises(BadValue):
        summaries.aubc(n, S)


def test_deficiency_check_value_and_normalised_gain() -> None:
    random = [0.35, 0.35, 0.35]
    assert summaries.deficiency(N, S, random, 0.8) == pytest.approx(1 / 3)
    assert summaries.normalised_gain(N, S, random, 0.8) == pytest.approx(2 / 3)
    direct = (summaries.aubc(N, S) - 0.35) / (0.8 - 0.35)
    assert summaries.normalised_gain(N, S, random, 0.8) == pytest.approx(direct)
    assert summaries.gain(N, S, random) == pytest.approx(0.3)


def test_no_head_room_is_undefined_and_not_clipped() -> None:
    assert isnan(summaries.normalised_gain(N, S, S, 0.65))
    assert isnan(summaries.deficiency(N, S, [0.9] * 3, 0.8))
    assert summaries.deficiency(N, [0.9] * 3, S, 0.8) < 0
    assert isnan(summaries.bounded_deficiency(N, [0.9] * 3, S, 0.8))
    assert summaries.bounded_deficiency(N, S, S, 0.8) == pytest.approx(0.5)


def test_points_on_the_curve() -> None:
    assert summaries.quality_at(N, S, 30) == pytest.approx(0.7)
    assert isnan(summaries.quality_at(N, S, 41))
    assert summaries.area_from(N, S, 20, 40) == pytest.approx(0.7)
    assert summaries.area_from(N, S, 15, 30) == pytest.approx((0.575 * 5 + 0.65 * 10) / 15)
    assert summaries.harm_rate([0.5, 0.4, 0.7, 0.9], [0.5] * 4) == pytest.approx(1 / 3)
    assert summaries.worst_loss([0.5, 0.4, 0.7, 0.9], [0.5] * 4) == pytest.approx(-0.1)
    # Float noise is no harm.
    assert summaries.harm_rate([0.5, 0.1 + 0.2 - 1e-16], [0.5, 0.3]) == 0


def test_first_lead_needs_every_later_checkpoint() -> None:
    assert summaries.first_lead([1, 2, 3, 4], [0, 0.1, -0.1, 0.1]) == 4
    assert summaries.first_lead([1, 2, 3, 4], [0.1, 0.1, 0.1, 0.1]) == 1
    assert summaries.first_lead([1, 2, 3, 4], [0.1, 0.1, 0.1, 0.0]) == inf
    assert summaries.first_lead([1, 2], [[0, 1], [1, 0]]).tolist() == [2, inf]


def test_ramp_up_and_stability() -> None:
    s = [0.0, 0.5, 0.75, 0.95, 1.0]
    assert summaries.ramp_up(s, 2) == pytest.approx(0.75)
    assert summaries.learning_stability(s, 2) == pytest.approx((0.25 / 2) / (1 / 4))
    assert isnan(summaries.ramp_up([0.5, 0.7, 0.5], 1))
    with pytest.raises(BadValue, match="between 1 and the 4 steps"):
        summaries.ramp_up(s, 5)


def test_slope_is_per_doubling() -> None:
    n = 2.0 ** np.arange(8)
    assert summaries.slope(n, 0.5 + 0.03 * np.arange(8), share=1) == pytest.approx(0.03)


def test_labels_to_check_values_for_one_and_two_checkpoints() -> None:
    assert summaries.labels_to(N, S, 0.7, hold=1) == pytest.approx(30)
    assert summaries.labels_to(N, S, 0.7, hold=2) == inf
    assert summaries.labels_to(N, S, 0.7) == inf


def test_labels_to_passes_over_a_touch_that_does_not_hold() -> None:
    n, s = [10, 20, 30, 40, 50], [0.5, 0.8, 0.6, 0.8, 0.8]
    assert summaries.labels_to(n, s, 0.7, hold=1) == pytest.approx(10 + 20 / 3)
    assert summaries.labels_to(n, s, 0.7) == pytest.approx(35)
    assert summaries.labels_to(n, s, 0.7, hold=6) == inf
    assert summaries.labels_to(n, [s, s], [0.45, 0.7]).tolist() == [10, pytest.approx(35)]
    with pytest.raises(BadValue, match="hold"):
        summaries.labels_to(n, s, 0.7, hold=0)


def test_labels_to_does_not_bridge_a_missing_score() -> None:
    assert summaries.labels_to([10, 20, 30], [0.5, 0.8, np.nan], 0.7) == inf


def test_kaplan_meier_check_values() -> None:
    for km in (
        summaries.kaplan_meier([10, 20, 30, 40, 40], [True, True, True, False, False]),
        summaries.kaplan_meier([10, 20, 30, inf, inf], budget=40),
    ):
        assert km.median == 30
        assert km.restricted_mean == pytest.approx(28)
        assert (km.reached, km.trials) == (3, 5)


def test_kaplan_meier_without_a_single_arrival() -> None:
    km = summaries.kaplan_meier([inf, inf], budget=50)
    assert km.median == inf
    assert km.restricted_mean == 50
    assert len(km.labels) == 0
    with pytest.raises(BadValue, match="say at which budget"):
        summaries.kaplan_meier([inf, inf])


def test_kaplan_meier_and_its_band_equal_scipys() -> None:
    from scipy.stats import CensoredData, ecdf

    rng = np.random.default_rng(3)
    for _ in range(20):
        times = rng.integers(5, 40, 25).astype(float)
        event = rng.random(25) < 0.6
        event[np.argmax(times)] = False
        ours = summaries.kaplan_meier(times, event)
        theirs = ecdf(CensoredData(uncensored=times[event], right=times[~event])).sf
        assert ours.surviving == pytest.approx(theirs.evaluate(ours.labels))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is undefined, and says so, at 0 and 1
            band = theirs.confidence_interval(method="log-log")
        inside = (ours.surviving > 0) & (ours.surviving < 1)
        assert ours.low[inside] == pytest.approx(band.low.evaluate(ours.labels)[inside])
        assert ours.high[inside] == pytest.approx(band.high.evaluate(ours.labels)[inside])


def test_wilson_equals_scipys() -> None:
    from scipy.stats import binomtest

    for k, n in [(0, 20), (7, 20), (20, 20), (1, 1)]:
        theirs = binomtest(k, n).proportion_ci(method="wilson")
        assert summaries.wilson(k, n) == pytest.approx((theirs.low, theirs.high))
    assert all(isnan(x) for x in summaries.wilson(0, 0))


def test_ratios_are_bounds_where_a_run_is_censored() -> None:
    assert str(targets.utilisation(30, 60, 100)) == "0.50"
    assert str(targets.utilisation(30, inf, 100)) == "<= 0.30"
    assert str(targets.utilisation(inf, 50, 100)) == "> 2.00"
    assert str(targets.utilisation(inf, inf, 100)) == "undefined"
    assert targets.saving(30, 60, 100).value == pytest.approx(0.5)
    assert targets.saving(30, inf, 100).sign == ">="
    assert targets.saving(inf, 50, 100).sign == "<"
