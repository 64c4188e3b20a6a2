"""The recommendation for a suite: the comparison, the curves, and what was bought."""

from typing import TYPE_CHECKING

from albench import kinds, views
from albench.topics import Source

if TYPE_CHECKING:
    from albench.analysis.cautions import Observed
    from albench.analysis.comparison import Comparison


def recommendation(source: Source, comparison: "Comparison") -> list[str]:
    """Which strategy, at which budget, against the baseline, how sure; with what to beware of."""
    from albench.analysis.advice import advice

    return advice(comparison, observed(source))


def observed(source: Source) -> "Observed | None":
    """What the rows bought show of rare classes and wrong labels; None without either."""
    import pandas as pd

    from albench.analysis import noise, rare
    from albench.analysis.cautions import Observed
    from albench.analysis.said import at_end

    found = wrong = pd.DataFrame()
    scarce = kinds.scarce(source)
    wanted = scarce | kinds.mistaken(source)
    if not wanted:
        return None
    source = source.on(wanted, (1.0,))
    if scarce:
        found = at_end(views.summary(source, rare.measured, rare.UNDEFINED), "found")
        found = found[found["dataset"].isin(scarce)]
    if not views.no_mistakes(source):
        measured = source.measured(noise.measured, checkpoints=source.checkpoints)
        wrong = noise.affinity(measured)
        wrong = wrong[wrong["base"] > 0]
    if found.empty and wrong.empty:
        return None
    return Observed(found, wrong, kinds.oracles(source), source.trials)
