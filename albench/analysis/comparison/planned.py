"""How many datasets and trials a suite needs to find an effect, from results of a pilot."""

from collections.abc import Sequence
from math import inf, nan
from typing import NamedTuple

import numpy as np
import pandas as pd

from albench.analysis import intervals
from albench.analysis.comparison import cells, power, room, scopes, shares
from albench.analysis.comparison.blocks import Stack
from albench.analysis.comparison.options import curves_frame
from albench.analysis.question import ROPE, Options
from albench.core.errors import BadResults, BadValue


class Pilot(NamedTuple):
    """The paired blocks of one protocol and model, and which datasets nothing can be learnt on."""

    stack: Stack
    left_out: list[str]


def pilot(runs: pd.DataFrame, rounds: pd.DataFrame | None, options: Options) -> list[Pilot]:
    """The blocks that variances are taken from, without any test.

    Raises a UsageError with the reason where nothing is paired.
    """
    frame, _ = curves_frame(runs, rounds, options)
    rope, out = options.rope or ROPE, []
    for stack in cells.stacks(
        frame,
        options.baseline,
        unranked=options.unranked,
        unranked_models=options.unranked_models,
    ):
        blocks = stack.all_blocks(options.baseline)
        if blocks:
            rooms = room.rooms(blocks, options.baseline, options.summary, rope)
            out.append(Pilot(stack, room.unlearnable(rooms)))
    if not out:
        raise BadResults(f"the pilot has no trial that {options.baseline} shares with a strategy")
    return out


class Size(NamedTuple):
    """A design: datasets, trials on each, and tests in Holm's family."""

    datasets: int
    trials: int
    tests: int


def beyond(
    found: Sequence[Pilot], options: Options, effect: float, wanted: float, size: Size
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
    level, parts = options.alpha / max(size.tests, 1), []
    for stack, left_out in found:
        own = shares.shares(stack, options.baseline, options.summary, left_out)
        table = shares.table(own).drop(columns=["datasets", "trials", "difference"])
        rows = [_row(s, effect, wanted, size, level) for s in own.values()]
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
    sd, df = float(np.sqrt(variance)), s.datasets - 1
    found = power.power(size.datasets, effect / sd, level, df) if sd > 0 else nan
    spread = power.Spread(s.between, s.trial, size.datasets, df)
    return {
        "power": found,
        "datasets": power.datasets_for(effect, sd, level, wanted, df=df),
        "trials": power.trials_for(effect, spread, level, wanted),
        "detectable": power.effect_size(size.datasets, level, wanted, df) * sd,
    }


def on_each(found: Sequence[Pilot], options: Options, effect: float, wanted: float) -> pd.DataFrame:
    """On each dataset of the pilot: trials that find an effect there, in both scopes.

    Columns: dataset, rows, sd (over trials, median over strategies), these (trials needed for a
    statement on these rows, by the signed-rank test of one comparison), like (for one on rows
    like these, by the corrected t test; inf: the floor is above it; NaN below `scopes.ROWS` rows
    or where sizes are unknown), floor (the least effect that endless trials find there).
    """
    from scipy.special import ndtri

    alpha, base = options.alpha, options.baseline
    factor = float(ndtri(1 - alpha / 2) + ndtri(wanted))
    rows = []
    for stack, _ in found:
        each = scopes.scopes(stack, base, summary=options.summary)
        blocks = {b.dataset: b for b in stack.all_blocks(base)}
        for dataset, part in each.groupby("dataset", sort=False):
            block = blocks[str(dataset)]
            # of a t interval back to the standard deviation over trials
            half = (part["high"] - part["low"]) / 2
            t = [intervals.t_quantile(n - 1) for n in part["trials"]]
            sd = float((half / t * np.sqrt(part["trials"])).median())
            df = float(part["trials"].median()) - 1
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
                    "these": power.datasets_for(effect, sd, alpha, wanted, df=df),
                    "like": nan if few or not np.isfinite(ratio) else like,
                    "floor": nan if few else factor * sd * np.sqrt(ratio),
                }
            )
    return pd.DataFrame(rows)
