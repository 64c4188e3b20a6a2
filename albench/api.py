"""The same from Python: run a suite, and read its results as data frames."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.runner import Progress, open_store
from albench.runner import run as run_suite
from albench.runner.grid import labelled
from albench.suite import Suite
from albench.suite.toml import load_suite

if TYPE_CHECKING:
    import pandas as pd


def run(suite: Suite | str | Path, results: Path | str | None = None, **options: Any) -> Progress:
    """Run what is missing of a suite.

    suite    a Suite, the path of its file, or the name of a shipped one
    results  folder of the results, default `results/<suite>`
    options  jobs, backend, scheduler, options, shard, reuse, on_progress, report: see
             `albench.runner.run`
    """
    return run_suite(suite if isinstance(suite, Suite) else load_suite(suite), results, **options)


def read_results(
    suite: Suite | str | Path, results: Path | str | None = None
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """The tables `runs` and `rounds` of a suite, with its labels.

    Every run of the grid is a row of `runs`; one that is not stored has the status
    `missing`. Raises BadResults for a folder that holds another suite.
    """
    suite = suite if isinstance(suite, Suite) else load_suite(suite)
    return labelled(suite, open_store(suite, results))
