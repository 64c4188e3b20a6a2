"""The union of result tables: one row per run, contradictions refused by name."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from albench.core.errors import AlbenchError, Contradiction
from albench.core.spec import Protocol, canonical
from albench.core.tables import KEY, LABELS, RUNS, claims, rounds_table, runs_table
from albench.suite.protocols import protocol_name

if TYPE_CHECKING:
    import pyarrow as pa


RANK = {"done": 0, "skipped": 1, "timeout": 2, "failed": 3}
MAY_DIFFER = ("seconds_fit", "seconds_query", "part")


def united(
    runs: Sequence["pa.Table"],
    rounds: Sequence["pa.Table"] | None,
    some: Sequence[str] | None = None,
) -> tuple["pa.Table", "pa.Table | None"]:
    """Merge parts of a store into sorted tables; commutes and can be repeated.

    A run that was done outranks one that was skipped, timed out or failed; of two done
    runs the one with more metrics stands and takes over the other's further metrics. A row
    that lacks the suite's labels takes them from another of the same run. The column
    `protocol` is what the value in the spec is called now, so that rows of several versions
    of albench call one protocol by one name.

    some  the columns of rounds that are enough, where they were read alone
    Raises Contradiction where two parts hold other picks or scores for the same run.
    """
    import pyarrow as pa

    if rounds is None:
        return sorted_runs(named(without_doubles(concat(runs, runs_table([]))))), None
    parts = [with_part(table, i) for i, table in enumerate(rounds)]
    tagged = [with_part(table, i) for i, table in enumerate(runs)]
    all_runs = concat(tagged, with_part(runs_table([]), 0))
    due = rounds_table([])
    due = due if some is None else due.select([c for c in due.column_names if c in some])
    all_rounds = concat(parts, with_part(due, 0))
    if len(pa.compute.unique(all_runs["run"])) < len(all_runs):
        all_runs, all_rounds = resolved(all_runs, all_rounds)
    all_runs, all_rounds = all_runs.drop_columns("part"), all_rounds.drop_columns("part")
    all_runs = sorted_runs(named(all_runs))
    return all_runs, sorted_rounds(all_runs, all_rounds)


def concat(tables: Sequence["pa.Table"], empty: "pa.Table") -> "pa.Table":
    """One table of all columns that any part has."""
    import pyarrow as pa

    held = [table for table in tables if len(table)]
    if len(held) == 1 and {*empty.column_names} <= {*held[0].column_names}:
        return held[0].combine_chunks()
    return pa.concat_tables([*tables, empty], promote_options="permissive").combine_chunks()


def with_part(table: "pa.Table", part: int) -> "pa.Table":
    """The table with a column that tells which part a row came from."""
    import pyarrow as pa

    return table.append_column("part", pa.array([part] * len(table), type=pa.int32()))


def without_doubles(runs: "pa.Table") -> "pa.Table":
    """The best row of each run, by status, then by number of metrics."""
    if len(runs["run"].unique()) == len(runs):
        return runs
    best = best_rows(runs)
    return with_labels(runs, best).take(sorted(best.values()))


def with_labels(runs: "pa.Table", best: dict[str, int]) -> "pa.Table":
    """The table where rows that stand lack no label that another row of the same run has.

    The labels of a row belong together; of several rows the least in order gives them, so
    that the order of the parts does not matter.
    """
    import pyarrow as pa

    columns = [name for name in LABELS.values() if name in runs.column_names]
    if not columns:
        return runs
    names = runs["run"].to_pylist()
    labels = list(zip(*(runs[c].to_pylist() for c in columns), strict=True))
    known: dict[str, tuple[Any, ...]] = {}
    for run, told in zip(names, labels, strict=True):
        if None not in told:
            known[run] = min(known.get(run, told), told)
    for run, i in best.items():
        labels[i] = labels[i] if None not in labels[i] else known.get(run, labels[i])
    for at, column in enumerate(columns):
        values = pa.array([told[at] for told in labels], type=pa.string())
        runs = runs.set_column(runs.column_names.index(column), column, values)
    return runs


def named(runs: "pa.Table") -> "pa.Table":
    """The table with each protocol under the name that its value has.

    A value that has none here (its oracle is a plugin's that is not loaded), or a spec that
    cannot be read, is called by the least of the names stored for it.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not {"spec", "protocol"} <= set(runs.column_names) or not len(runs):
        return runs
    # the trial ends the text, so all trials of a cell share what is read
    cells = pc.replace_substring_regex(runs["spec"], r',"trial":[0-9]+\}$', "}")
    cells = cells.combine_chunks().dictionary_encode()
    values = [protocol_json(cell) for cell in cells.dictionary.to_pylist()]
    of_row = [None if i is None else values[i] for i in cells.indices.to_pylist()]
    stored = runs["protocol"].to_pylist()
    told: dict[str | None, set[str]] = {}
    for value, name in zip(of_row, stored, strict=True):
        told.setdefault(value, set()).update([name] if name else [])
    names = {value: name_of(value) or min(told[value], default=None) for value in told if value}
    new = [names[v] if v else name for v, name in zip(of_row, stored, strict=True)]
    at = runs.column_names.index("protocol")
    return runs.set_column(at, "protocol", pa.array(new, type=pa.string()))


def protocol_json(text: str) -> str | None:
    """The canonical JSON of the protocol in the JSON of a spec; None where there is none."""
    try:
        return canonical(json.loads(text)["protocol"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def name_of(text: str) -> str | None:
    """What the protocol of a canonical JSON is called; None where that cannot be told here."""
    try:
        return protocol_name(Protocol.from_table(json.loads(text)))
    except (AlbenchError, ValueError, KeyError, TypeError, AttributeError):
        return None


def best_rows(runs: "pa.Table") -> dict[str, int]:
    """Run -> index of the row that stands, the same for any order of the parts."""
    columns = ["status", "metrics", "reason", "spec", *LABELS.values()]
    columns = [c for c in columns if c in runs.column_names]
    values = runs.select(["run", *columns]).to_pylist()

    def quality(i: int) -> tuple[Any, ...]:
        row = values[i]
        metrics = row.get("metrics") or ""
        labels = [row.get(column) for column in LABELS.values()]
        labels = [(label is None, label or "") for label in labels]
        worth = (RANK[row["status"]], -len(claims(metrics)), metrics)
        return (*worth, row.get("reason") or "", labels)

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
        held = {m for row in done for m in claims(row["metrics"])}
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
    return with_labels(runs, best).take(sorted(best.values()))


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
                elif column not in MAY_DIFFER and not same(row[column], value):
                    raise Contradiction(
                        f"contradiction: run {run}, round {row['round']}: {column} is "
                        f"{row[column]} in one part and {value} in another"
                    )
    return merged


def same(one: Any, other: Any) -> bool:
    """Whether two values of a cell do not contradict each other: NaN equals NaN, null anything."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    both_nan = isinstance(one, float) and isinstance(other, float) and one != one and other != other
    return other is None or both_nan or bool(one == other)


def sorted_runs(runs: "pa.Table") -> "pa.Table":
    """Runs in the order of their keys."""
    keys = [k for k in (*KEY, "run") if k in runs.column_names]
    ordered = [c for c in RUNS if c in runs.column_names]
    return runs.select(ordered).sort_by([(key, "ascending") for key in keys])


def sorted_rounds(runs: "pa.Table", rounds: "pa.Table") -> "pa.Table":
    """Rounds in the order of their runs; rounds without a run are left out."""
    import numpy as np
    import pyarrow as pa

    fixed = rounds_table([]).column_names
    columns = [*fixed, *sorted(set(rounds.column_names) - set(fixed))]
    rounds = rounds.select([name for name in columns if name in rounds.column_names])
    of_run = rounds["run"].combine_chunks().dictionary_encode()
    if isinstance(of_run, pa.ChunkedArray):
        of_run = of_run.unify_dictionaries().combine_chunks()
    place = {run: i for i, run in enumerate(runs["run"].to_pylist())}
    places = np.array([place.get(run, -1) for run in of_run.dictionary.to_pylist()], dtype=np.int64)
    at = places[of_run.indices.to_numpy()] if len(rounds) else places
    number = rounds["round"].to_numpy()
    later = (at[1:] > at[:-1]) | ((at[1:] == at[:-1]) & (number[1:] >= number[:-1]))
    if later.all() and (at >= 0).all():
        return rounds
    order = np.lexsort((number, at))
    return rounds.take(pa.array(order[at[order] >= 0]))
