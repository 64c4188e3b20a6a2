"""Which metric decides where a suite names none: average precision, if its classes are rare.

Where one class holds less than a tenth, accuracy is the share of the others, and balanced accuracy
moves with a threshold that class weights move as well as a strategy does.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import nan

from albench.core import registry
from albench.core.errors import AlbenchError
from albench.core.spec import Ref

BELOW = 0.1
"""The share of the rarest class below which average precision decides."""
DECIDES, BESIDE = "average_precision_macro", "balanced_accuracy"
AT_HAND = ("bundled", "synthetic", "files")
"""Modules of `albench.datasets` whose tables are there without a download."""


def decided(datasets: Sequence[Ref], metrics: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The metrics of a suite that names no primary one, and which of them decides.

    The first one; where in every dataset the rarest class is known to hold less than a tenth (and
    less than half of an even share), average precision, with balanced accuracy beside it.
    """
    if not all(rare(*rarest(ref)) for ref in datasets):
        return tuple(metrics), metrics[0]
    return tuple(dict.fromkeys((DECIDES, *metrics, BESIDE))), DECIDES


def rare(share: float, classes: int) -> bool:
    """Whether average precision should decide; not where the share is not known."""
    from albench.analysis.bought.rare import is_rare

    return share < BELOW and bool(is_rare(share, classes))


@lru_cache(maxsize=256)
def rarest(ref: Ref) -> tuple[float, int]:
    """Share of the rarest class of a dataset, and how many classes it has; NaN: not known.

    Known of tables that come with albench, of the catalogue, and of the suite's own files: of what
    has to be downloaded it must not depend on whether it was.
    """
    import numpy as np

    from albench.datasets import uci

    catalogued = {table.name: table for table in uci.selected()}
    if ref.name in catalogued:
        table = catalogued[ref.name]
        return float(table.about["smallest"]), table.classes
    module = registry.entry("dataset", ref.name).make.__module__
    inner = [value for _, value in ref.params if isinstance(value, Ref)]
    known = module in {f"albench.datasets.{name}" for name in AT_HAND}
    if not known or any(np.isnan(rarest(one)[0]) for one in inner):
        return nan, 0
    try:
        counts = np.bincount(registry.build("dataset", ref).y)
    except AlbenchError:  # the run says what is wrong with it
        return nan, 0
    present = counts[counts > 0]
    return float(present.min() / present.sum()), len(present)
