"""Wrong labels bought, affinity to them, and what relabelling would cost."""

import numpy as np
import pandas as pd
import pytest
from bought_runs import measured
from scipy import stats

from albench.analysis.bought import noise, words
from albench.core.registry import resolve
from albench.core.spec import Protocol

SHORT = {"start": 10, "budget": 60}


def under(oracle: object, cost: object = None, trials: int = 3) -> pd.DataFrame:
    protocol = Protocol(
        **SHORT,
        oracle=resolve("oracle", oracle),
        cost=None if cost is None else resolve("cost", cost),
    )
    return measured(noise.measured, protocol, "wdbc", trials)


def last(frame: pd.DataFrame) -> pd.DataFrame:
    end = frame[frame["checkpoint"] == 1]
    return end.pivot_table(index=["strategy", "trial"], columns="measure", values="value")


def test_an_exact_oracle_makes_no_mistakes_and_has_no_affinity() -> None:
    frame = measured(noise.measured)
    table = last(frame)
    assert (table[["wrong", "base", "abstained", "relabel_wrong"]] == 0).all().all()
    assert "misled" not in table  # undefined everywhere
    drawn = noise.affinity(frame)
    assert drawn["affinity"].isna().all()
    assert words.noise(drawn, {("wdbc", "small"): "exact"}) == ["the oracle made no mistakes."]


def test_uniform_flips_attract_nobody() -> None:
    frame = under({"use": "uniform", "rate": 0.3}, trials=8)
    drawn = noise.affinity(frame).set_index("strategy")
    assert drawn["base"].to_numpy() == pytest.approx(0.3, abs=0.03)
    assert drawn["affinity"].to_numpy() == pytest.approx(1.0, abs=0.25)
    assert (drawn["low"] <= drawn["affinity"]).all()
    assert (drawn["affinity"] <= drawn["high"]).all()
    lines = words.noise(noise.affinity(frame), {("wdbc", "small"): "uniform"})
    assert "by construction" in lines[-1]


def test_mistakes_near_the_boundary_attract_margin() -> None:
    frame = under({"use": "boundary", "rate": 0.1}, trials=8)
    drawn = noise.affinity(frame).set_index("strategy")
    assert drawn.loc["margin", "low"] > 1
    assert drawn.loc["margin", "affinity"] > 1.3 * drawn.loc["random", "affinity"]
    lines = words.noise(noise.affinity(frame), {("wdbc", "small"): "boundary"})
    assert lines[0].startswith("drawn to wrong labels (affinity above 1): margin on wdbc")


def test_relabelling_costs_what_the_prices_say() -> None:
    cost = {"use": "constant", "label": 2.0, "batch": 5.0}
    table = last(under({"use": "uniform", "rate": 0.3}, cost))
    assert (table["relabel_all"] == 2 * 2.0 * 60).all()
    assert (table["relabel_wrong"] % 2.0 == 0).all()
    assert (table["relabel_wrong"] > 0).all()
    assert (table["cost"] == 60 * 2.0 + 6 * 5.0).all()
    assert table["misled"].between(0, 1).all()
    # two classes: a wrong label is either seen through or believed
    assert (table["misled"] + table["memorised"]).to_numpy() == pytest.approx(1.0)


def test_abstentions_are_counted_and_carry_no_mistake() -> None:
    table = last(under({"use": "abstaining", "rate": 0.3}))
    assert table["abstained"].between(0.1, 0.5).all()
    assert (table["wrong"] == 0).all()


def test_ratio_of_means_with_its_interval() -> None:
    above, below = np.array([0.2, 0.3, 0.1, 0.2]), np.array([0.1, 0.1, 0.1, 0.1])
    ratio, low, high = noise.ratio_interval(above, below)
    assert ratio == pytest.approx(2.0)
    # the base does not vary: the t interval of above, divided by it
    t = stats.t.interval(0.95, 3, above.mean(), stats.sem(above))
    assert (low, high) == pytest.approx((t[0] / 0.1, t[1] / 0.1))
    assert noise.ratio_interval(above, below) == (ratio, low, high)
    assert np.isnan(noise.ratio_interval(above[:2], below[:2])[1])
    assert np.isnan(noise.ratio_interval(above, 0 * below)[0])
    assert np.isnan(noise.ratio_interval(0 * above + 0.2, below)[1])  # no spread, no interval


def test_an_interval_holds_one_exactly_where_the_test_of_chance_does_not_reject() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        below = rng.normal(0.1, 0.005, 4)
        above = rng.normal(0.12, 0.01, 4)
        _, low, high = noise.ratio_interval(above, below)
        p = noise.chance_p(above, below)
        assert p == pytest.approx(stats.ttest_rel(above, below).pvalue)
        assert (low <= 1 <= high) == (p > 0.05)


def test_drawn_to_wrong_labels_has_a_family_over_cells() -> None:
    """Forty cells at chance: by their own intervals some are drawn, after Holm none is."""
    rng = np.random.default_rng(1)
    rows = [
        (f"d{c}", "p", "m", "s", t, 1.0, measure, value)
        for c in range(40)
        for t in range(5)
        for measure, value in (("wrong", rng.normal(0.2, 0.02)), ("base", 0.2))
    ]
    names = ["dataset", "protocol", "model", "strategy", "trial", "checkpoint", "measure", "value"]
    drawn = noise.affinity(pd.DataFrame(rows, columns=names))
    assert ((drawn["low"] > 1) | (drawn["high"] < 1)).any()
    (line,) = words.noise(drawn, {})
    assert line.startswith("no strategy is shown to be drawn to wrong labels")
    assert "Holm over 40 cells" in line
    assert drawn["holm_p"].min() == pytest.approx(min(1.0, 40 * drawn["p"].min()))


def test_nothing_queried_is_null_not_a_crash() -> None:
    frame = measured(noise.measured, Protocol(start=10, budget=10))
    assert frame.loc[frame["measure"] == "wrong", "value"].isna().all()
    drawn = noise.affinity(frame)
    assert drawn.empty
    assert words.noise(drawn, {}) == ["nothing was queried, so no wrong label was bought."]


def test_the_figure_draws_the_affinities_that_there_are() -> None:
    from albench.plots.bought import affinity
    from albench.plots.style import looks, theme

    frame = pd.DataFrame(
        {
            "dataset": ["d", "d"],
            "strategy": ["random", "margin"],
            "affinity": [1.0, 2.2],
            "low": [0.9, 1.9],
            "high": [1.1, 2.5],
        }
    )
    look = looks(["random", "margin"])
    with theme():
        (picture,) = affinity(frame, look)
        picture.figure.draw_without_rendering()
        marks = [line for line in picture.figure.axes[0].lines if line.get_label() in look]
        assert [float(line.get_xdata()[0]) for line in marks] == [1.0, 2.2]
        assert affinity(frame.assign(affinity=np.nan), look) == []
