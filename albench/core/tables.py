"""The two tables, `runs` and `rounds`, and readers that refuse holes and doubles.

runs    one row per run: what it was, how it ended
rounds  one row per evaluation of a run: scores, and what was bought since the one before

A column carries the schema version that brought it, so that a file says by its version which
columns it must have; a new column raises `SCHEMA_VERSION`, and no stored file goes stale.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from albench.core.arrays import Ints
from albench.core.errors import BadResults

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


SCHEMA_VERSION = 3
KEY = ("dataset", "protocol", "model", "strategy", "trial")
STATUSES = ("done", "skipped", "failed", "timeout")
FULL_POOL = "all"
MOST_NAME = 1000


class Column(NamedTuple):
    """A column of a stored table.

    kind   name of its type, see `arrow_type`
    since  the schema version that brought it; older files lack it, and are read with nulls
    """

    kind: str
    since: int = 1


LABELS = {name: f"{name}_label" for name in KEY if name != "trial"}
"""Column of a name -> column of what the suite calls it. `digits` under two protocols is one
name and two labels; of a run that stands under several labels, the first is stored."""

RUNS = {
    "run": Column("string"),
    "spec": Column("string"),
    "dataset": Column("string"),
    "model": Column("string"),
    "query_model": Column("string"),
    "strategy": Column("string"),
    "protocol": Column("string"),
    "trial": Column("int64"),
    "status": Column("string"),
    "reason": Column("string"),
    "n_train": Column("int64"),
    "n_test": Column("int64"),
    "n_features": Column("int64"),
    "n_classes": Column("int64"),
    "seconds": Column("float64"),
    "peak_memory": Column("float64"),
    "engine": Column("string"),
    "metrics": Column("string"),
    "versions": Column("string"),
    "revision": Column("string"),
    **dict.fromkeys(LABELS.values(), Column("string", since=2)),
    "reason_code": Column("string", since=2),
    "stopped": Column("string", since=3),
    "stopped_at": Column("int64", since=3),
}
ROUNDS = {
    "run": Column("string"),
    "round": Column("int32"),
    "n_labeled": Column("int32"),
    "cost": Column("float64"),
    "seconds_fit": Column("float64"),
    "seconds_query": Column("float64"),
    "picks": Column("list<int32>"),
    "labels": Column("list<int32>"),
    "probability": Column("list<float64>"),
    "n_tied": Column("int32"),
    "margin_rank": Column("list<float64>"),
    "annotators": Column("list<int32>", since=3),
}


def is_name(text: str) -> bool:
    """Whether a text may stand as a name in a table: one line, of bounded length."""
    return len(text) <= MOST_NAME and text.isprintable()


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
    return arrow_table(rows, ROUNDS | dict.fromkeys(metrics, Column("float64")))


def arrow_table(rows: list[dict[str, Any]], columns: Mapping[str, Column]) -> "pa.Table":
    """Rows as an Arrow table with the given columns; NaN becomes null."""
    import pyarrow as pa

    return pa.table(
        {
            name: pa.array(
                [row.get(name) for row in rows],
                type=arrow_type(column.kind),
                from_pandas=column.kind == "float64",
            )
            for name, column in columns.items()
        }
    )


def metric_columns(rounds: "pd.DataFrame") -> list[str]:
    """The columns of `rounds` that hold metrics, sorted."""
    return sorted(set(rounds.columns) - set(ROUNDS) - set(RUNS))


def claims(text: str | None) -> list[str]:
    """The metrics of `runs.metrics`, each as `label@version`; a label may hold commas."""
    return [part for part in re.split(r",(?![^(]*\))", text or "") if part]


def bare_metric(label: str) -> str:
    """The metric of a label: `log_loss` of `log_loss(clip=1e-07)`."""
    return label.partition("(")[0]


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


def lists(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column of lists as arrays, whether it holds them already or is stored compactly."""
    import pandas as pd

    if not isinstance(column.dtype, pd.ArrowDtype):
        return column
    import pyarrow as pa

    made = pa.chunked_array(pieces(column), column.dtype.pyarrow_dtype).to_pandas()
    return pd.Series(made.to_numpy(), index=column.index, name=column.name)


def flat(column: "pd.Series[Any]") -> tuple[Ints, Ints]:
    """A column of lists of numbers as all numbers in a row, and the length of each list.

    What is no list has the length -1.
    """
    import pandas as pd

    if isinstance(column.dtype, pd.ArrowDtype):
        import pyarrow as pa
        import pyarrow.compute as pc

        found = pa.chunked_array(pieces(column), column.dtype.pyarrow_dtype).combine_chunks()
        long = pc.fill_null(pc.list_value_length(found), -1).to_numpy(zero_copy_only=False)
        return found.flatten().to_numpy(zero_copy_only=False), long.astype(np.intp)
    values = column.to_numpy()
    held = [value for value in values if isinstance(value, list | np.ndarray)]
    lengths = [len(v) if isinstance(v, list | np.ndarray) else -1 for v in values]
    return np.concatenate([[], *held]).astype(np.int64), np.array(lengths, dtype=np.intp)


def pieces(column: "pd.Series[Any]") -> list[Any]:
    """The arrays of Arrow that a compact column is made of."""
    import pyarrow as pa

    array: Any = column.array
    held = array.__arrow_array__()
    return list(held.chunks) if isinstance(held, pa.ChunkedArray) else [held]


def set_digests(column: "pd.Series[Any]") -> "np.ndarray[Any, np.dtype[np.uint64]]":
    """A number for each list of a column: equal for equal numbers in whatever order.

    Zero for what is no list. Numbers are mixed (Steele, Lea and Flood 2014) and added up.
    """
    numbers, lengths = flat(column)
    mixed = numbers.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    ends = np.concatenate([[0], np.cumsum(np.maximum(lengths, 0))])
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(mixed, dtype=np.uint64)])
    found = sums[ends[1:]] - sums[ends[:-1]] + lengths.astype(np.int64).view(np.uint64)
    return np.where(lengths < 0, np.uint64(0), found + np.uint64(1))
