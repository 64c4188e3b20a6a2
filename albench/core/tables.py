"""The two tables, `runs` and `rounds`, and readers that refuse holes and doubles.

runs    one row per run: what it was, how it ended
rounds  one row per evaluation of a run: scores, and what was bought since the one before
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from albench.core.errors import BadResults

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


SCHEMA_VERSION = 1
KEY = ("dataset", "protocol", "model", "strategy", "trial")
STATUSES = ("done", "skipped", "failed", "timeout")
FULL_POOL = "all"

RUNS = {
    "run": "string",
    "spec": "string",
    "dataset": "string",
    "model": "string",
    "query_model": "string",
    "strategy": "string",
    "protocol": "string",
    "trial": "int64",
    "status": "string",
    "reason": "string",
    "reason_code": "string",
    "n_train": "int64",
    "n_test": "int64",
    "n_features": "int64",
    "n_classes": "int64",
    "seconds": "float64",
    "peak_memory": "float64",
    "engine": "string",
    "metrics": "string",
    "versions": "string",
    "revision": "string",
}
ROUNDS = {
    "run": "string",
    "round": "int32",
    "n_labeled": "int32",
    "cost": "float64",
    "seconds_fit": "float64",
    "seconds_query": "float64",
    "picks": "list<int32>",
    "labels": "list<int32>",
    "probability": "list<float64>",
    "n_tied": "int32",
    "margin_rank": "list<float64>",
}


def arrow_type(name: str) -> "pa.DataType":
    """The Arrow type of a column type's name."""
    import pyarrow as pa

    if name.startswith("list<"):
        return pa.list_(arrow_type(name[5:-1]))
    return {"string": pa.string(), "float64": pa.float64(), "int64": pa.int64()}.get(
        name, pa.int32()
    )


def runs_table(rows: list[dict[str, Any]]) -> "pa.Table":
    """Rows of `runs` as an Arrow table; a key that is missing is null."""
    return arrow_table(rows, RUNS)


def rounds_table(rows: list[dict[str, Any]]) -> "pa.Table":
    """Rows of `rounds` as an Arrow table; keys besides `ROUNDS` are metrics."""
    metrics = sorted({key for row in rows for key in row} - set(ROUNDS))
    return arrow_table(rows, ROUNDS | dict.fromkeys(metrics, "float64"))


def arrow_table(rows: list[dict[str, Any]], columns: dict[str, str]) -> "pa.Table":
    """Rows as an Arrow table with the given columns; NaN becomes null."""
    import pyarrow as pa

    return pa.table(
        {
            name: pa.array(
                [row.get(name) for row in rows],
                type=arrow_type(kind),
                from_pandas=kind == "float64",
            )
            for name, kind in columns.items()
        }
    )


def metric_columns(rounds: "pd.DataFrame") -> list[str]:
    """The columns of `rounds` that hold metrics, sorted."""
    return sorted(set(rounds.columns) - set(ROUNDS) - set(RUNS))


def checked(runs: "pd.DataFrame", rounds: "pd.DataFrame") -> None:
    """Raise BadResults where a run stands twice, or a done run lacks rounds."""
    twice = runs["run"][runs["run"].duplicated()]
    if len(twice):
        raise BadResults(f"{len(twice)} runs stand twice in `runs`, the first is {twice.iloc[0]}")
    counts = rounds.groupby("run")["round"].agg(["size", "max", "nunique"])
    wrong = counts[(counts["size"] != counts["max"] + 1) | (counts["nunique"] != counts["size"])]
    if len(wrong):
        raise BadResults(
            f"{len(wrong)} runs have missing or doubled rounds, the first is {wrong.index[0]}"
        )
    bare = set(runs.loc[runs["status"] == "done", "run"]) - set(counts.index)
    if bare:
        raise BadResults(f"{len(bare)} runs are done but have no rounds, the first is {min(bare)}")


def joined(runs: "pd.DataFrame", rounds: "pd.DataFrame") -> "pd.DataFrame":
    """One row per round of the done runs, with the key columns of the run.

    `runs` may name a run more than once, under several labels. Columns: run, dataset,
    protocol, model, strategy, trial, then those of `rounds`. Sorted by key and round.
    """
    done = runs.loc[runs["status"] == "done", ["run", *KEY]]
    return (
        done.merge(rounds, on="run", how="inner")
        .sort_values([*KEY, "round"], kind="stable")
        .reset_index(drop=True)
    )


def listed(values: Any) -> list[Any] | None:
    """An array as a list for a list column; None stays None."""
    return None if values is None else np.asarray(values).tolist()
