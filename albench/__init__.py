"""albench: reproducible benchmarks of pool-based active learning on tabular classification."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from albench.analysis.comparison import compare
    from albench.data import Dataset
    from albench.errors import AlbenchError, Skip
    from albench.loop import OracleQuery, Outcome, Picks, Query, Round, Task, simulate
    from albench.python import read_results, run
    from albench.registry import dataset, make_strategy, metric, model, strategy
    from albench.spec import Protocol, Ref, RunSpec
    from albench.suite import Suite
    from albench.suitefile import load_suite

__version__ = "0.1.0"
HOME = {
    "AlbenchError": "errors",
    "Dataset": "data",
    "OracleQuery": "loop",
    "Outcome": "loop",
    "Picks": "loop",
    "Protocol": "spec",
    "Query": "loop",
    "Ref": "spec",
    "Round": "loop",
    "RunSpec": "spec",
    "Skip": "errors",
    "Suite": "suite",
    "Task": "loop",
    "compare": "analysis.comparison",
    "dataset": "registry",
    "load_suite": "suitefile",
    "make_strategy": "registry",
    "metric": "registry",
    "model": "registry",
    "read_results": "python",
    "run": "python",
    "simulate": "loop",
    "strategy": "registry",
}
__all__ = [
    "AlbenchError",
    "Dataset",
    "OracleQuery",
    "Outcome",
    "Picks",
    "Protocol",
    "Query",
    "Ref",
    "Round",
    "RunSpec",
    "Skip",
    "Suite",
    "Task",
    "compare",
    "dataset",
    "load_suite",
    "make_strategy",
    "metric",
    "model",
    "read_results",
    "run",
    "simulate",
    "strategy",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that the import stays quick."""
    if name not in HOME:
        raise AttributeError(f"module 'albench' has no attribute {name!r}")
    return getattr(import_module(f"albench.{HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
