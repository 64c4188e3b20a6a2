"""Imported by the server from which fresh processes are forked: albench's own entries, no plugin.

Each process then begins where this import ended instead of importing everything again.
"""

import sklearn.metrics
import sklearn.naive_bayes

from albench.core import registry
from albench.runner import worker

registry.load()
__all__ = ["registry", "sklearn", "worker"]
