"""The union of result tables: one row per run, contradictions refused by name."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from albench.core.errors import Contradiction
from albench.core.tables import KEY, RUNS, rounds_table, runs_table

if TYPE_CHECKING:
    import pyarrow as pa


RANK = {"done": 0, "skipped": 1, "timeout": 2, "failed": 3}
MAY_DIFFER = ("seconds_fit", "seconds_query", "part")


def united(
    runs: Sequence["pa.Table"], rounds: Sequence["pa.Table"] | None
) -> tuple["pa.Table", "pa.Table | None"]:
    """Merge parts of a store into sorted tables; commutes and can be repeated.

    A run that was done outranks one that was skipped, timed out or failed; of two done
    runs the one with more metrics stands and takes over the other's further metrics.
    Raises Contradiction where two parts hold other picks or scores for the same run.
    """
    import pyarrow as pa

    all_runs = concat(runs, runs_table([]))
    if rounds is None:
        return sorted_runs(without_doubles(all_runs, ["run"])), None
    parts = [with_part(table, i) for i, table in enumerate(rounds)]
    tagged = [with_part(table, i) for i, table in enumerate(runs)]
    all_runs = concat(tagged, with_part(runs_table([]), 0))
    all_rounds = concat(parts, with_part(rounds_table([]), 0))
    if len(pa.compute.unique(all_runs["run"])) < len(all_runs):
        all_runs, all_rounds = resolved(all_runs, all_rounds)
    all_runs, all_rounds = all_runs.drop_columns("part"), all_rounds.drop_columns("part")
    all_runs = sorted_runs(all_runs)
    return all_runs, sorted_rounds(all_runs, all_rounds)


def concat(tables: Sequence["pa.Table"], empty: "pa.Table") -> "pa.Table":
    """One table of all columns that any part has."""
    import pyarrow as pa

    return pa.concat_tables([*tables, empty], promote_options="permissive").combine_chunks()


def with_part(table: "pa.Table", part: int) -> "pa.Table":
    """The table with a column that tells which part a row came from."""
    import pyarrow as pa

    return table.append_column("part", pa.array([part] * len(table), type=pa.int32()))


def without_doubles(runs: "pa.Table", key: list[str]) -> "pa.Table":
    """The best row of each run, by status, then by number of metrics."""
    if len(runs["run"].unique()) == len(runs):
        return runs
    return runs.take(sorted(best_rows(runs).values()))


def best_rows(runs: "pa.Table") -> dict[str, int]:
    """Run -> index of the row that stands, the same for any order of the parts."""
    columns = [c for c in ("status", "metrics", "reason", "spec") if c in runs.column_names]
    values = runs.select(["run", *columns]).to_pylist()

    def quality(i: int) -> tuple[Any, ...]:
        row = values[i]
        metrics = row.get("metrics") or ""
        return (RANK[row["status"]], -len(metrics.split(",")), metrics, row.get("reason") or "")

    best: dict[str, int] = {}
    for i, row in enumerate(values):
        if row["run"] not in best or quality(i) < quality(best[row["run"]]):
            best[row["run"]] = i
    return best


def resolved(runs: "pa.Table", rounds: "pa.Table") -> tuple["pa.Table", "pa.Table"]:
    """Resolve runs that stand more than once."""
    import pyarrow as pa

    best, rows = best_rows(runs), runs.to_pylist()
    names = [row["run"] for row in rows]
    doubled = {name for name, n in Counter(names).items() if n > 1}
    is_double = pa.compute.is_in(rounds["run"], pa.array(sorted(doubled)))
    pieces: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rounds.filter(is_double).to_pylist():
        pieces.setdefault((row["run"], row["part"]), []).append(row)
    kept, metrics = [], {}
    for run in sorted(doubled):
        done = [row for row in rows if row["run"] == run and row["status"] == "done"]
        main = pieces.get((run, rows[best[run]]["part"]), [])
        kept += agreed(run, main, [pieces.get((run, row["part"]), []) for row in done])
        held = {m for row in done for m in (row["metrics"] or "").split(",") if m}
        metrics[best[run]] = ",".join(sorted(held))
    back = pa.Table.from_pylist(kept, schema=rounds.schema)
    single = rounds.filter(pa.compute.invert(is_double))
    return overwritten(runs, best, metrics), pa.concat_tables([single, back])


def overwritten(runs: "pa.Table", best: dict[str, int], metrics: dict[int, str]) -> "pa.Table":
    """The rows that stand, with the metrics that their rounds now hold."""
    import pyarrow as pa

    values = runs["metrics"].to_pylist()
    for i, names in metrics.items():
        values[i] = names or values[i]
    at = runs.column_names.index("metrics")
    runs = runs.set_column(at, "metrics", pa.array(values, type=pa.string()))
    return runs.take(sorted(best.values()))


def agreed(
    run: str, main: list[dict[str, Any]], pieces: list[list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The rounds of a run, with values that only another part has filled in.

    Raises Contradiction where two parts disagree on a value that both have.
    """
    merged = [dict(row) for row in sorted(main, key=lambda row: row["round"])]
    for piece in pieces:
        others = sorted(piece, key=lambda row: row["round"])
        if len(others) != len(merged):
            raise Contradiction(
                f"contradiction: run {run} has {len(merged)} rounds in one part, "
                f"{len(others)} in another"
            )
        for row, other in zip(merged, others, strict=True):
            for column, value in other.items():
                if row[column] is None:
                    row[column] = value
                elif value is not None and value != row[column] and column not in MAY_DIFFER:
                    raise Contradiction(
                        f"contradiction: run {run}, round {row['round']}: {column} is "
                        f"{row[column]} in one part and {value} in another"
                    )
    return merged


def sorted_runs(runs: "pa.Table") -> "pa.Table":
    """Runs in the order of their keys."""
    keys = [k for k in (*KEY, "run") if k in runs.column_names]
    ordered = [c for c in RUNS if c in runs.column_names]
    return runs.select(ordered).sort_by([(key, "ascending") for key in keys])


def sorted_rounds(runs: "pa.Table", rounds: "pa.Table") -> "pa.Table":
    """Rounds in the order of their runs; rounds without a run are left out."""
    import numpy as np
    import pyarrow as pa

    place = {run: i for i, run in enumerate(runs["run"].to_pylist())}
    at = np.array([place.get(run, -1) for run in rounds["run"].to_pylist()], dtype=np.int64)
    order = np.lexsort((rounds["round"].to_numpy(), at))
    fixed = rounds_table([]).column_names
    columns = [*fixed, *sorted(set(rounds.column_names) - set(fixed))]
    return rounds.select(columns).take(pa.array(order[at[order] >= 0]))
