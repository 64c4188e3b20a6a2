"""A hierarchical model as a sensitivity check of the comparison over datasets.

The headline gives every dataset the same weight and knows nothing of how noisy its trials are. Here
the difference of a strategy to the baseline on dataset i is

    mean of trials_i ~ N(truth_i, v_i),   truth_i ~ N(mean, tau^2)

with the noise v_i of each dataset's own trials: a random-effects model, tau by Paule and Mandel
(1982), the mean with the standard error of Hartung and Knapp (2001), not below the model's own, and
Student's t. Over all strategies, by restricted maximum likelihood,

    difference_is ~ mean_s + dataset_i + own_is

where own_is holds strategy x dataset and the noise of trials, whose mean is taken off. Both by
statsmodels, of the extra `hierarchical`. A sensitivity check only: no verdict rests on it.
"""

import warnings
from collections.abc import Collection
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis import intervals
from albench.analysis.comparison import control
from albench.analysis.comparison.blocks import Stack
from albench.analysis.question import Options
from albench.core.arrays import Floats
from albench.core.errors import Unavailable

COLUMNS = [
    "strategy",
    "datasets",
    "mean_difference",
    "low",
    "high",
    "estimate",
    "estimate_low",
    "estimate_high",
    "sd_truth",
    "sd_dataset",
    "sd_own",
    "agrees",
]


def table(stack: Stack, options: Options, left_out: Collection[str] = ()) -> pd.DataFrame:
    """One row per strategy: the plain mean, and what the hierarchical models make of it.

    Columns: strategy, datasets, mean_difference with its t interval (low, high), estimate with
    its interval, sd_truth (tau), sd_dataset, sd_own (of strategy x dataset; both of the model of
    all strategies, the same in every row), agrees: whether both intervals say the same of zero.
    NaN where trials do not tell noise, or where datasets are fewer than three. Raises
    Unavailable without statsmodels.
    """
    cell = control.per_cell(stack, options.baseline, options.summary)
    unit = control.per_unit(cell[~cell["dataset"].isin(list(left_out))], options.base)
    together = components(unit)
    rows = []
    for strategy, part in unit.groupby("strategy", sort=False):
        d = part["difference"].to_numpy(dtype=np.float64)
        low, high = intervals.mean(d)
        found = random_effects(d, part["variance"].to_numpy(dtype=np.float64))
        same = bool(zero(low, high) == zero(*found[1:3])) if np.isfinite(found[1]) else None
        rows.append([strategy, len(d), float(d.mean()), low, high, *found, *together, same])
    return pd.DataFrame(rows, columns=COLUMNS)


def zero(low: float, high: float) -> int:
    """On which side of zero an interval lies: -1, 1, or 0 where it holds it."""
    return int(low > 0) - int(high < 0)


def random_effects(d: Floats, variance: Floats) -> tuple[float, float, float, float]:
    """Mean, low, high and tau of the random-effects model; see the module."""
    combine_effects = _statsmodels().combine_effects
    if len(d) < 3 or not np.isfinite(variance).all() or np.ptp(d) <= intervals.NO_SPREAD:
        return nan, nan, nan, nan
    # a dataset without any noise would have all the weight if tau were 0
    least = max(float(variance.max()) * 1e-6, 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on intervals of single datasets, which are not used
        found = combine_effects(d, np.maximum(variance, least), method_re="iterated", use_t=True)
    error = max(float(found.sd_eff_w_re_hksj), float(found.sd_eff_w_re))
    mean, half = float(found.mean_effect_re), intervals.t_quantile(len(d) - 1) * error
    return mean, mean - half, mean + half, float(np.sqrt(max(found.tau2, 0.0)))


def components(unit: pd.DataFrame) -> tuple[float, float]:
    """Standard deviations over datasets: what all strategies share, and strategy x dataset."""
    counts = unit.groupby("unit")["strategy"].nunique()
    whole = unit[unit["unit"].isin(counts.index[counts == unit["strategy"].nunique()])]
    known = bool(np.isfinite(whole["variance"]).all())
    if whole["unit"].nunique() < 3 or whole["strategy"].nunique() < 2 or not known:
        return nan, nan
    from statsmodels.regression.mixed_linear_model import MixedLM

    design = pd.get_dummies(whole["strategy"]).to_numpy(dtype=np.float64)
    scale = float(whole["difference"].std()) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a variance of zero is on the border, and is an answer
        model: Any = MixedLM(whole["difference"] / scale, design, groups=whole["unit"])
        found = model.fit(reml=True)
    own = float(found.scale) * scale**2 - float(whole["variance"].mean())
    shared = float(np.asarray(found.cov_re)[0, 0]) * scale**2
    return float(np.sqrt(max(shared, 0.0))), float(np.sqrt(max(own, 0.0)))


def _statsmodels() -> Any:
    try:
        from statsmodels.stats import meta_analysis
    except ImportError as error:
        raise Unavailable(
            "the hierarchical model needs statsmodels: pip install 'albench[hierarchical]'"
        ) from error
    return meta_analysis


def told(found: pd.DataFrame) -> str:
    """`hierarchical model ...: as the t intervals for 9 of 10 strategies; apart: badge`."""
    known = found[found["agrees"].notna()]
    if known.empty:
        return ""
    apart = [str(s) for s in known.loc[~known["agrees"].astype(bool), "strategy"]]
    told_apart = f"; apart: {', '.join(apart)}" if apart else ""
    return (
        "sensitivity check by a hierarchical model, which knows how noisy each dataset's trials "
        f"are: its intervals say of zero what the t intervals do for {len(known) - len(apart)} of "
        f"{len(known)} strategies{told_apart}"
    )
