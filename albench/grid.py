"""A suite's grid against what is stored: labels, status, what is missing."""

from dataclasses import replace
from typing import TYPE_CHECKING

from albench import registry
from albench.execute import TRIAL, versions_of
from albench.spec import RunSpec
from albench.store import Store
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd


def missing(suite: Suite, store: Store) -> list[RunSpec]:
    """The specs of the grid that the store does not hold with all metrics of the suite.

    Failed and timed-out runs count as missing, skipped ones do not.
    """
    stored = store.runs(["metrics"])
    wanted = set(versions_of(suite.metrics).split(","))
    held = {
        run
        for run, status, metrics in zip(
            stored["run"], stored["status"], stored["metrics"], strict=True
        )
        if status == "skipped" or (status == "done" and wanted <= set((metrics or "").split(",")))
    }
    return [spec for spec in suite.specs if spec.id not in held]


def skipped_in(suite: Suite, runs: "pd.DataFrame") -> Suite:
    """`with_skipped` from the stored table instead of the data."""
    dropped = runs[runs["reason"].fillna("").str.startswith(TRIAL) & (runs["status"] == "skipped")]
    if not len(dropped):
        return suite
    trials = {(r.dataset, r.protocol, r.trial) for r in map(RunSpec.from_json, dropped["spec"])}
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
        spec = RunSpec.from_json(text)
        dataset, protocol = datasets.get(spec.dataset.json), protocols.get(spec.protocol.json)
        model = models.get((spec.model.json, spec.query_model.json))
        current = spec.strategy.version == versions[spec.strategy.name]
        if dataset and protocol and model and current:
            rows.append((dataset, protocol, model, spec.strategy.name, spec.trial, run))
    return rows


def labelled(suite: Suite, store: Store) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """The suite's grid as a `runs` table with the suite's labels, and the rounds.

    A run that is not stored has the status `missing`. One run may stand under two labels.
    """
    runs, rounds = store.read()
    table = with_status(standing(suite, store, runs), runs)
    kept = rounds["run"].isin(table["run"])
    return table, rounds[kept].reset_index(drop=True)


def grid_status(suite: Suite, store: Store) -> "pd.DataFrame":
    """`labelled` without the rounds: columns of the key, run, status and reason."""
    runs = store.runs(["reason", "strategy", "spec"])
    return with_status(standing(suite, store, runs), runs)


def with_status(grid: "pd.DataFrame", runs: "pd.DataFrame") -> "pd.DataFrame":
    """The grid with what is stored of each run."""
    rest = [c for c in runs.columns if c not in grid.columns]
    table = grid.merge(runs[["run", *rest]], on="run", how="left")
    table["status"] = table["status"].fillna("missing")
    return table
