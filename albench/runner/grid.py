"""A suite's grid against what is stored: labels, status, what is missing, what is merged."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from albench.core import registry
from albench.core.errors import BadResults, BadValue
from albench.core.reasons import Reason
from albench.core.spec import RunSpec
from albench.core.tables import LABELS, claims
from albench.core.traits import did_you_mean
from albench.results import provenance
from albench.results.consistent import own_specs, refused, spec_of, specs_of
from albench.results.store import Store
from albench.results.union import united
from albench.runner.worker import versions_of
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd


def missing(suite: Suite, store: Store) -> list[RunSpec]:
    """The specs of the grid that the store does not hold with all metrics of the suite.

    Failed and timed-out runs count as missing, skipped ones do not.
    """
    stored = store.runs(["metrics", "spec"])
    own_specs(stored, store.folder)
    wanted = set(claims(versions_of(suite.metrics)))
    held = {
        run
        for run, status, metrics in zip(
            stored["run"], stored["status"], stored["metrics"], strict=True
        )
        if status == "skipped" or (status == "done" and wanted <= set(claims(metrics)))
    }
    return [spec for spec in suite.specs if spec.id not in held]


def skipped_in(suite: Suite, runs: "pd.DataFrame") -> Suite:
    """`with_skipped` from the stored table instead of the data."""
    dropped = runs[runs["reason_code"] == Reason.trial_skipped]
    if not len(dropped):
        return suite
    trials = {(r.dataset, r.protocol, r.trial) for r in specs_of(dropped)}
    gone = {
        (dataset.label, label, trial)
        for dataset in suite.datasets
        for label, protocol in suite.protocols
        for ref, rules, trial in trials
        if dataset.ref == ref and protocol == rules
    }
    return replace(suite, skipped=frozenset(gone))


def standing(suite: Suite, store: Store, runs: "pd.DataFrame") -> "pd.DataFrame":
    """One row per cell and trial of the grid: the labels and the run.

    Strategies that `--add` added are in it; trials that the protocol skipped give way to
    later seeds.
    """
    import pandas as pd

    known = registry.names("strategy")
    added = [name for name in store.manifest.get("added", ()) if name in known]
    elsewhere = set(store.manifest.get("added", ())) - set(known)
    suite = skipped_in(suite.adding(added), runs)
    return pd.DataFrame(
        [(*cell[:5], cell.spec.id) for cell in suite.cells()]
        + from_elsewhere(suite, store, runs, elsewhere),
        columns=["dataset", "protocol", "model", "strategy", "trial", "run"],
    )


def from_elsewhere(
    suite: Suite, store: Store, runs: "pd.DataFrame", names: set[str]
) -> list[tuple[str, str, str, str, int, str]]:
    """Rows of added strategies whose plugin is not loaded: what is stored of them.

    Of a plugin that was edited between runs, the version that the manifest names.
    """
    entries = store.manifest.get("entries", {})
    versions = {name: entries.get(f"strategy:{name}", {}).get("version") for name in names}
    datasets = {entry.ref.json: entry.label for entry in suite.datasets}
    models = {(m.ref.json, (m.query or m.ref).json): m.label for m in suite.models}
    protocols = {value.json: label for label, value in suite.protocols}
    named = runs["strategy"].str.split("(").str[0].isin(names)
    rows = []
    for run, text in zip(runs.loc[named, "run"], runs.loc[named, "spec"], strict=True):
        spec = spec_of(run, text)
        dataset, protocol = datasets.get(spec.dataset.json), protocols.get(spec.protocol.json)
        model = models.get((spec.model.json, spec.query_model.json))
        current = spec.strategy.version == versions[spec.strategy.name]
        if dataset and protocol and model and current:
            rows.append((dataset, protocol, model, spec.strategy.name, spec.trial, run))
    return rows


def labels_of(suite: Suite) -> dict[str, dict[str, str]]:
    """Run -> column of `runs` -> the suite's label, of each run of the grid.

    A run that stands under several labels has the first, in the order of the suite.
    """
    found: dict[str, dict[str, str]] = {}
    for cell in suite.cells():
        told = {column: getattr(cell, name) for name, column in LABELS.items()}
        found.setdefault(cell.spec.id, told)
    return found


def labelled(
    suite: Suite, store: Store, compact: Sequence[str] | None = None
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """The suite's grid as a `runs` table with the suite's labels, and the rounds.

    The columns of `LABELS` say the same as those beside which they stand, whatever suite or
    version of albench stored the run. A run that is not stored has the status `missing`. One
    run may stand under two labels.

    compact  as `Reader.read`
    """
    runs, rounds = store.read(compact)
    own_specs(runs, store.folder)
    table = with_status(standing(suite, store, runs), runs)
    kept = rounds["run"].isin(table["run"])
    return table, rounds if kept.all() else rounds[kept].reset_index(drop=True)


def grid_status(suite: Suite, store: Store) -> "pd.DataFrame":
    """`labelled` without the rounds: columns of the key, run, status, reason and its code."""
    runs = store.runs(["reason", "reason_code", "strategy", "spec"])
    own_specs(runs, store.folder)
    return with_status(standing(suite, store, runs), runs)


def with_status(grid: "pd.DataFrame", runs: "pd.DataFrame") -> "pd.DataFrame":
    """The grid with what is stored of each run; labels are those of the grid."""
    rest = [c for c in runs.columns if c not in grid.columns]
    table = grid.merge(runs[["run", *rest]], on="run", how="left")
    table["status"] = table["status"].fillna("missing")
    for name, column in LABELS.items():
        if column in table.columns:
            table[column] = table[name]
    return table


def take_over(suite: Suite, store: Store, other: Store) -> int:
    """Copy the runs of the grid that another store holds; returns how many.

    Raises BadResults for a store that contradicts itself.
    """
    import pyarrow.compute as pc

    runs, rounds = other.arrow()
    assert rounds is not None
    refused(runs.to_pandas(), rounds.to_pandas(), str(other.folder))
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


def without(suite: Suite, store: Store, names: Sequence[str]) -> None:
    """Take strategies off what was added to a suite; their runs stay in the tables.

    suite  as its file has it; what stands in it stays there
    Raises BadValue for one that was not added.
    """
    with store.writing():
        added, entries = store.manifest.get("added", []), store.manifest.get("entries", {})
        for name in names:
            if name not in added:
                raise BadValue(f"--remove {name}: it was not added{did_you_mean(name, added)}")
        gone = {f"strategy:{name}" for name in names}
        gone -= {f"strategy:{labelled.ref.name}" for labelled in suite.strategies}
        store.note(
            added=[name for name in added if name not in names],
            entries={key: value for key, value in entries.items() if key not in gone},
        )


def merge(
    sources: Sequence[Path | str],
    into: Path | str,
    report: Callable[[str], None] = lambda sentence: None,
) -> Store:
    """The union of stores in a new or existing folder; the sources are left as they are.

    report  called with one sentence about each damaged part of a source, which is left out
    Raises BadResults where two of them hold other numbers for the same run, or where one
    contradicts itself (see `albench.results.consistent`); nothing is written then.
    """
    for folder in sources:
        if not Path(folder).is_dir():
            raise BadResults(f"{folder}: no such results folder")
    target = Store(into, report)
    stores = [Store(folder, left_out(folder, report)) for folder in sources]
    parts = [store.arrow() for store in [*stores, target]]
    for store, (some, bought) in zip([*stores, target], parts, strict=True):
        assert bought is not None
        refused(some.to_pandas(), bought.to_pandas(), str(store.folder))
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
