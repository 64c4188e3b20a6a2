"""albench: reproducible benchmarks of pool-based active learning on tabular classification."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from albench.core.version import VERSION

if TYPE_CHECKING:
    from albench import testing
    from albench.api.asking import compare, curves
    from albench.api.checks import check, verify
    from albench.api.running import run
    from albench.api.stopping import stop
    from albench.api.tables import read_results
    from albench.api.views import audit, bias, coverage, figures, noise, rare, report
    from albench.core.errors import AlbenchError, Skip
    from albench.core.registry import dataset, make_strategy, metric, model, stopping, strategy
    from albench.core.spec import Protocol, Ref, RunSpec
    from albench.datasets._dataset import Dataset
    from albench.simulation.loop import simulate
    from albench.simulation.query import OracleQuery, Picks, Query
    from albench.simulation.stopping import StopQuery
    from albench.simulation.task import Outcome, Round, Task
    from albench.suite import Suite
    from albench.suite.toml import load_suite


__version__ = VERSION
HOME = {
    "AlbenchError": "core.errors",
    "Dataset": "datasets._dataset",
    "OracleQuery": "simulation.query",
    "Outcome": "simulation.task",
    "Picks": "simulation.query",
    "Protocol": "core.spec",
    "Query": "simulation.query",
    "Ref": "core.spec",
    "Round": "simulation.task",
    "RunSpec": "core.spec",
    "Skip": "core.errors",
    "StopQuery": "simulation.stopping",
    "Suite": "suite",
    "Task": "simulation.task",
    "audit": "api.views",
    "bias": "api.views",
    "check": "api.checks",
    "compare": "api.asking",
    "coverage": "api.views",
    "curves": "api.asking",
    "dataset": "core.registry",
    "figures": "api.views",
    "load_suite": "suite.toml",
    "make_strategy": "core.registry",
    "metric": "core.registry",
    "model": "core.registry",
    "noise": "api.views",
    "rare": "api.views",
    "read_results": "api.tables",
    "report": "api.views",
    "run": "api.running",
    "simulate": "simulation.loop",
    "stop": "api.stopping",
    "stopping": "core.registry",
    "strategy": "core.registry",
    "verify": "api.checks",
}
ROOMS = ("testing",)
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
    "StopQuery",
    "Suite",
    "Task",
    "audit",
    "bias",
    "check",
    "compare",
    "coverage",
    "curves",
    "dataset",
    "figures",
    "load_suite",
    "make_strategy",
    "metric",
    "model",
    "noise",
    "rare",
    "read_results",
    "report",
    "run",
    "simulate",
    "stop",
    "stopping",
    "strategy",
    "testing",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that the import stays quick."""
    if name in ROOMS:
        return import_module(f"albench.{name}")
    if name not in HOME:
        raise AttributeError(f"module 'albench' has no attribute {name!r}")
    return getattr(import_module(f"albench.{HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
