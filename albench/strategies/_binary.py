"""Labels of two classes as signs, for strategies that are defined for two classes only."""

import numpy as np

from albench.core.arrays import Floats
from albench.core.errors import Skip
from albench.simulation.query import Query


def signs(query: Query) -> Floats:
    """(l,) 1 for the second class, -1 for the first; raises Skip for other than two classes."""
    if query.n_classes != 2:
        raise Skip(f"binary only: {query.n_classes} classes")
    return np.where(query.y_labeled == 1, 1.0, -1.0)
