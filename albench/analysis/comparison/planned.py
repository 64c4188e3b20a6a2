"""How many datasets and trials a suite needs to find an effect, from results of a pilot."""

from math import inf, nan
from typing import NamedTuple

import numpy as np
import pandas as pd

from albench.analysis import intervals
from albench.analysis.comparison import Comparison, power, scopes, shares
from albench.core.errors import BadValue


class Size(NamedTuple):
    """A design: datasets, trials on each, and tests in Holm's family."""

    datasets: int
    trials: int
    tests: int


def beyond(
    pilot: Comparison, effect: float, wanted: float, size: Size, alpha: float
) -> pd.DataFrame:
    """Beyond the datasets: one row per protocol, model and strategy of the pilot.

    Columns: protocol, model, strategy, sd (of one trial's difference), dataset, strategy x
    dataset, test rows, trial (shares of its variance), power (of the design `size` at `effect`),
    datasets (needed at its trials), trials (needed on its datasets; inf: no number), detectable
    (by the design with power `wanted`).
    """
    if not effect > 0:
        raise BadValue(f"--effect {effect}: a positive difference, in units of the metric")
    if not 0.05 < wanted < 1:
        raise BadValue(f"--power {wanted}: a probability above .05 and below 1, such as 0.8")
    level, parts = alpha / max(size.tests, 1), []
    for stack, design in zip(pilot.stacks, pilot.design, strict=True):
        found = shares.shares(stack, design["baseline"], design["summary"], design["left_out"])
        table = shares.table(found).drop(columns=["datasets", "trials", "difference"])
        rows = [_row(s, effect, wanted, size, level) for s in found.values()]
        table = table.join(pd.DataFrame(rows, index=table.index))
        table.insert(0, "model", stack.model)
        table.insert(0, "protocol", stack.protocol)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _row(
    s: shares.Shares, effect: float, wanted: float, size: Size, level: float
) -> dict[str, float]:
    variance = s.of_means(size.trials) if np.isfinite(s.trial) else nan
    if not np.isfinite(variance):
        return {"power": nan, "datasets": nan, "trials": nan, "detectable": nan}
    sd = float(np.sqrt(variance))
    found = power.power(size.datasets, effect / sd, level) if sd > 0 else nan
    return {
        "power": found,
        "datasets": power.datasets_for(effect, sd, level, wanted),
        "trials": power.trials_for(effect, s.between, s.trial, size.datasets, level, wanted),
        "detectable": power.effect_size(size.datasets, level, wanted) * sd,
    }


def on_each(pilot: Comparison, effect: float, wanted: float, alpha: float) -> pd.DataFrame:
    """On each dataset of the pilot: trials that find an effect there, in both scopes.

    Columns: dataset, rows, sd (over trials, median over strategies), these (trials needed for a
    statement on these rows, by the signed-rank test of one comparison), like (for one on rows
    like these, by the corrected t test; inf: the floor is above it; NaN below `scopes.ROWS` rows
    or where sizes are unknown), floor (the least effect that endless trials find there).
    """
    from scipy.special import ndtri

    factor = float(ndtri(1 - alpha / 2) + ndtri(wanted))
    rows = []
    for stack, design in zip(pilot.stacks, pilot.design, strict=True):
        found = scopes.scopes(stack, design["baseline"], summary=design["summary"])
        blocks = {b.dataset: b for b in stack.all_blocks(design["baseline"])}
        for dataset, part in found.groupby("dataset", sort=False):
            block = blocks[str(dataset)]
            # of a t interval back to the standard deviation over trials
            half = (part["high"] - part["low"]) / 2
            t = [intervals.t_quantile(n - 1) for n in part["trials"]]
            sd = float((half / t * np.sqrt(part["trials"])).median())
            ratio = block.n_test / block.n_train if block.n_train > 0 else nan
            few = not part["rows"].iloc[0] >= scopes.ROWS
            spare = (effect / (factor * sd)) ** 2 - ratio if sd > 0 else nan
            like = np.ceil(1 / spare) if spare > 0 else inf
            rows.append(
                {
                    "protocol": stack.protocol,
                    "model": stack.model,
                    "dataset": dataset,
                    "rows": part["rows"].iloc[0],
                    "sd": sd,
                    "these": power.datasets_for(effect, sd, alpha, wanted),
                    "like": nan if few or not np.isfinite(ratio) else like,
                    "floor": nan if few else factor * sd * np.sqrt(ratio),
                }
            )
    return pd.DataFrame(rows)
