"""Results of several folders: merged, or taken over."""

from collections.abc import Callable, Sequence
from pathlib import Path

from albench import provenance
from albench.errors import BadResults
from albench.grid import missing
from albench.store import Store
from albench.suite import Suite
from albench.union import united


def take_over(suite: Suite, store: Store, other: Store) -> int:
    """Copy the runs of the grid that another store holds; returns how many."""
    import pyarrow.compute as pc

    runs, rounds = other.arrow()
    assert rounds is not None
    wanted = {spec.id for spec in missing(suite, store)}
    ids = [run for run in runs["run"].to_pylist() if run in wanted]
    if ids:
        import pyarrow as pa

        chosen = pa.array(ids)
        store.write_shard(
            runs.filter(pc.is_in(runs["run"], chosen)),
            rounds.filter(pc.is_in(rounds["run"], chosen)),
        )
    return len(ids)


def merge(
    sources: Sequence[Path | str],
    into: Path | str,
    report: Callable[[str], None] = lambda sentence: None,
) -> Store:
    """The union of stores in a new or existing folder; the sources are left as they are.

    report  called with one sentence about each damaged part of a source, which is left out
    Raises BadResults where two of them hold other numbers for the same run.
    """
    for folder in sources:
        if not Path(folder).is_dir():
            raise BadResults(f"{folder}: no such results folder")
    target = Store(into, report)
    stores = [Store(folder, left_out(folder, report), frozen=True) for folder in sources]
    parts = [store.arrow() for store in [*stores, target]]
    runs, rounds = united([a for a, _ in parts], [b for _, b in parts if b is not None])
    assert rounds is not None
    manifests = [store.manifest for store in [*stores, target]]
    names = {m["suite"] for m in manifests if m.get("suite")}
    if len(names) > 1:
        raise BadResults(f"results of different suites: {', '.join(sorted(names))}")
    target.write_shard(runs, rounds)
    target.pack(**provenance.merged([m for m in manifests if m]))
    return target


def left_out(folder: Path | str, report: Callable[[str], None]) -> Callable[[str], None]:
    """A report that says of which source it speaks and what follows."""
    return lambda sentence: report(f"{folder}: {sentence}; its runs are left out")
