"""Replay stored runs from their specs and compare: do the numbers follow from the code?

Picks and labels must be the same, scores agree within 1e-9. Nothing that came with a
results folder is executed: strategies from outside are those the verifier has loaded, and
a run that needs one he has not loaded, or another version, is named as not replayed.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from albench.core import registry
from albench.core.display import Displayed, Sheet
from albench.core.errors import (
    BadData,
    BadResults,
    BadValue,
    CheckFailed,
    Unavailable,
    UnknownName,
    UsageError,
)
from albench.core.parameters import nested_kind
from albench.core.spec import Ref, RunSpec, plain
from albench.core.tables import FULL_POOL, checked, metric_columns
from albench.results import provenance
from albench.results.store import Store
from albench.runner.clock import one_thread
from albench.runner.worker import Finished, Options, described, resident, run_one, versions_of

if TYPE_CHECKING:
    import pandas as pd


Verdict = Literal["same", "differs", "differs, other environment", "not replayed"]
NOT_REPLAYED: Verdict = "not replayed"
TOLERANCE = 1e-9
EXACT = ("round", "n_labeled", "picks", "labels", "n_tied")
CLOSE = ("cost", "probability", "margin_rank")
SHAPE = ("n_train", "n_test", "n_features", "n_classes")


def judged(
    spec: RunSpec,
    row: dict[Any, Any],
    rounds: "pd.DataFrame | None",
    manifest: dict[str, Any],
    options: Options | None,
) -> tuple[Verdict, str]:
    """One run replayed: the verdict, and the first difference or why there was no replay."""
    try:
        resident(spec.dataset)
    except (BadData, Unavailable) as error:
        return NOT_REPLAYED, f"dataset {spec.dataset.label} cannot be had here: {error}"
    here = [m for m in str(row["metrics"] or "").split(",") if m in versions_here()]
    trace = rounds is not None and bool(rounds["margin_rank"].notna().any())
    replay = replace(
        options or Options(()), metrics=tuple(m.split("@")[0] for m in here), trace=trace
    )
    with one_thread():
        again = run_one(spec, replay)
    if again.run["status"] == "timeout":
        return NOT_REPLAYED, str(again.run["reason"])
    found = difference(row, rounds, again)
    if not found:
        return "same", ""
    return ("differs, other environment" if elsewhere(row, manifest) else "differs"), found


def versions_here() -> set[str]:
    """The metrics there are, with their versions."""
    return set(versions_of(registry.names("metric")).split(","))


def difference(row: dict[Any, Any], stored: "pd.DataFrame | None", again: Finished) -> str:
    """The first thing in which a replay differs from what is stored; empty if nothing does."""
    if again.run["status"] != row["status"]:
        why = str(again.run["reason"] or "").strip().splitlines()
        said = f": {why[-1]}" if why else ""
        return f"it is stored as {row['status']}, the replay {again.run['status']}{said}"
    for key in SHAPE:
        if row["status"] == "done" and row[key] != again.run[key]:
            return f"{key}: {row[key]} stored, {again.run[key]} replayed"
    if row["status"] == "skipped":
        code, now = row["reason_code"], again.run["reason_code"]
        return "" if code == now else f"it is stored as {code}, the replay is {now}"
    held = [] if stored is None else stored.sort_values("round").to_dict("records")
    if len(held) != len(again.rounds):
        return f"{len(held)} rounds stored, {len(again.rounds)} replayed"
    scores = () if stored is None else tuple(metric_columns(stored))
    for one, other in zip(held, again.rounds, strict=True):
        for column in (*EXACT, *CLOSE, *scores):
            if column in scores and column not in other:
                continue  # a metric that the verifier lacks; `environment` says so
            mine, replayed = one[column], other.get(column)
            if not equal(mine, replayed, 0.0 if column in EXACT else TOLERANCE):
                return f"round {one['round']}: {column}: {parted(mine, replayed)}"
    return ""


def equal(one: Any, other: Any, tolerance: float) -> bool:
    """Whether two cells agree; null, NaN and None are one."""
    a, b = numbers(one), numbers(other)
    if a.shape != b.shape:
        return False
    return bool(((np.abs(a - b) <= tolerance) | (np.isnan(a) & np.isnan(b))).all())


def numbers(cell: Any) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """A cell as an array of floats; what is missing is NaN."""
    if cell is None:
        return np.array(np.nan)
    return np.asarray(cell, dtype=np.float64)


def parted(stored: Any, replayed: Any) -> str:
    """Where two cells first differ."""
    a, b = numbers(stored), numbers(replayed)
    if a.ndim == b.ndim == 1 and len(a) == len(b):
        at = int(np.flatnonzero(~((a == b) | (np.isnan(a) & np.isnan(b))))[0])
        return f"position {at}: {a[at]:.17g} stored, {b[at]:.17g} replayed"
    if a.ndim == b.ndim == 0:
        return f"{a:.17g} stored, {b:.17g} replayed"
    sizes = [len(x) if x.ndim else "no" for x in (a, b)]
    return f"{sizes[0]} values stored, {sizes[1]} replayed"


def elsewhere(row: dict[Any, Any], manifest: dict[str, Any]) -> bool:
    """Whether a run says that it was made with other library versions or on another CPU.

    Another version of albench is no excuse: its runs are to be the same, or their entries of
    another version.
    """
    then = provenance.environment(versions_then(row))
    here = provenance.environment(provenance.versions())
    return bool(then) and (then != here or bool(other_machines(manifest)))


def versions_then(row: dict[Any, Any]) -> dict[str, str]:
    """The library versions that a run was made with; empty where it does not say."""
    try:
        then = json.loads(row["versions"])
    except (ValueError, TypeError, RecursionError):
        return {}
    return {str(k): str(v) for k, v in then.items()} if isinstance(then, dict) else {}


def other_machines(manifest: dict[str, Any]) -> list[str]:
    """The CPUs on which the results were made, other than this one."""
    told = [manifest.get("machine", {}), *manifest.get("also", {}).get("machine", [])]
    cpus = {str(m.get("cpu")) for m in told if isinstance(m, dict) and m.get("cpu")}
    return sorted(cpus - {str(provenance.machine()["cpu"])})


def environment(manifest: dict[str, Any], chosen: "pd.DataFrame") -> Iterator[str]:
    """What differs between the machine that ran and this one, and what cannot be compared."""
    here = provenance.versions()
    apart: dict[str, set[str]] = {}
    for text in chosen["versions"].dropna().unique():
        for name, version in versions_then({"versions": text}).items():
            if here.get(name) != version:
                apart.setdefault(name, set()).add(version)
    for name, versions in sorted(apart.items()):
        yield f"{name}: {', '.join(sorted(versions))} there, {here.get(name, 'none')} here"
    for cpu in other_machines(manifest):
        yield f"CPU: {cpu} there, {provenance.machine()['cpu']} here"
    used = {m for text in chosen["metrics"].dropna() for m in text.split(",") if m}
    lacking = sorted(used - versions_here())
    if lacking:
        yield f"not compared, for want of that metric and version here: {', '.join(lacking)}"


Row: TypeAlias = dict[Any, Any]
REPLAYED = ("done", "skipped")
LONGEST_SPEC = 2**16


@dataclass(frozen=True, repr=False)
class Verification(Displayed):
    """What a verification found.

    runs    one row per sampled run: run, dataset, strategy, model, trial, verdict (see
            `replay.Verdict`), found (the first difference, or why it was not replayed)
    faults  what is wrong with the files or tables as such; one is enough to fail
    notes   what a reader must know: other versions, other machines, what was not replayed
    """

    runs: "pd.DataFrame"
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    def sheet(self) -> Sheet:
        """The verdict, the runs that were replayed, and what is wrong with the files."""
        said = "verified" if self.passed else f"not verified: {self.failure}"
        faults = [f"fault: {fault}" for fault in self.faults]
        return Sheet(lines=[said, *faults], frame=self.runs, notes=self.notes)

    @property
    def passed(self) -> bool:
        """Whether nothing differs where it must not, and anything was replayed at all."""
        verdicts = self.runs["verdict"]
        idle = len(verdicts) > 0 and bool((verdicts == NOT_REPLAYED).all())
        return not self.faults and not idle and not (verdicts == "differs").any()

    @property
    def failure(self) -> str:
        """Why it did not pass, in one line."""
        counts = self.runs["verdict"].value_counts()
        idle = int(counts.get(NOT_REPLAYED, 0))
        if idle == len(self.runs) and not self.faults:
            return f"none of the {idle} sampled runs could be replayed here: nothing is verified"
        return (
            f"{int(counts.get('differs', 0))} of {len(self.runs) - idle} replayed runs differ; "
            f"faults in the files: {len(self.faults)}"
        )


def verify(
    folder: Path | str,
    sample: int = 20,
    seed: int = 0,
    *,
    known: Sequence[Ref] = (),
    options: Options | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Verification:
    """Replay a sample of the runs in a results folder.

    sample   how many runs, spread over datasets and strategies; 0 for all
    seed     seeds the sample
    known    datasets that read a file of the verifier's own (see `Ref.source`)
    options  timeout and engine of the replay
    Raises CheckFailed where files are not what their checksums or the schema say,
    BadResults for a folder that holds no results.
    """
    faults: list[str] = []
    if not Path(folder).is_dir():
        raise BadResults(f"{folder}: no such results folder")
    try:
        store = Store(folder, faults.append)
        manifest, (runs, rounds) = store.manifest, store.read()
    except BadResults as error:
        raise CheckFailed(str(error)) from error
    if runs.empty:
        raise BadResults(f"{folder} holds no runs")
    faults += of_tables(runs, rounds)
    sources = {ref: ref for ref in known}
    chosen = sampled(runs, sample, seed)
    drawn: list[Row] = chosen.to_dict("records")
    specs = [with_source(spec_of(row), sources) for row in drawn]
    parts = dict(list(rounds[rounds["run"].isin(set(chosen["run"]))].groupby("run")))
    rows = []
    for number, (spec, row) in enumerate(zip(specs, drawn, strict=True)):
        verdict, why = barred(spec) or judged(spec, row, parts.get(row["run"]), manifest, options)
        shown = {key: row[key] for key in ("run", "dataset", "strategy", "model", "trial")}
        rows.append(shown | {"verdict": verdict, "found": why})
        progress(number + 1, len(specs))
    import pandas as pd

    table = pd.DataFrame(
        rows, columns=["run", "dataset", "strategy", "model", "trial", "verdict", "found"]
    )
    return Verification(table, tuple(faults), tuple(notes(manifest, runs, chosen, table)))


def of_tables(runs: "pd.DataFrame", rounds: "pd.DataFrame") -> list[str]:
    """What contradicts itself in the tables, whichever runs are sampled."""
    found = []
    try:
        checked(runs, rounds)
    except BadResults as error:
        found.append(str(error))
    rows: list[Row] = runs.to_dict("records")
    for row in rows:
        try:
            told = described(spec_of(row))
        except UsageError as error:
            found.append(str(error))
            continue
        wrong = [key for key in told if key != "protocol" and told[key] != row[key]]
        if wrong:
            found.append(f"run {row['run']}: {wrong[0]} does not follow from its spec")
    twice = rounds["picks"].map(lambda picks: len(set(picks)) != len(picks))
    if twice.any():
        found.append(f"run {rounds.loc[twice, 'run'].iloc[0]} bought a row twice in one round")
    return found


def spec_of(row: Row) -> RunSpec:
    """The spec of a stored run; raises BadResults unless its digest is the run's id."""
    text = row["spec"]
    if not isinstance(text, str) or len(text) > LONGEST_SPEC:
        raise BadResults(f"run {row['run']} has no spec")
    try:
        spec = RunSpec.from_json(text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadResults(f"run {row['run']}: its spec cannot be read: {error}") from None
    if spec.id != row["run"] or spec.json != text:
        raise BadResults(f"run {row['run']}: its spec has the digest {spec.id}")
    return spec


def sampled(runs: "pd.DataFrame", sample: int, seed: int) -> "pd.DataFrame":
    """Finished runs spread over datasets and strategies, by dataset.

    Each next run comes from the stratum (dataset, strategy) whose dataset and strategy
    have been drawn least; ties and the run within the stratum are drawn at random.
    """
    if sample < 0:
        raise BadValue(f"--sample {sample}: a number of runs, 0 for all")
    ready = runs[runs["status"].isin(REPLAYED)].sort_values("run", kind="stable")
    if not sample or sample >= len(ready):
        return ready.sort_values(["dataset", "trial", "run"], kind="stable")
    rng = np.random.default_rng(seed)
    strata = {
        key: rng.permutation(part.index)
        for key, part in ready.groupby(["dataset", "strategy"], sort=True)
    }
    left = {key: list(rows) for key, rows in strata.items()}
    drawn: dict[Any, int] = {}
    chosen = []
    for _ in range(sample):
        order = [list(left)[i] for i in rng.permutation(len(left))]
        key = min(order, key=lambda k: [drawn.get(k, 0), *sorted(seen(drawn, k))[::-1]])
        for part in (key, ("dataset", key[0]), ("strategy", key[1])):
            drawn[part] = drawn.get(part, 0) + 1
        chosen.append(left[key].pop())
        if not left[key]:
            del left[key]
    return ready.loc[chosen].sort_values(["dataset", "trial", "run"], kind="stable")


def seen(drawn: dict[Any, int], key: tuple[str, str]) -> tuple[int, int]:
    """How often a stratum's dataset and its strategy have been drawn."""
    return drawn.get(("dataset", key[0]), 0), drawn.get(("strategy", key[1]), 0)


def with_source(spec: RunSpec, sources: dict[Ref, Ref]) -> RunSpec:
    """The spec with the file from which the verifier's suite reads its dataset."""
    return replace(spec, dataset=sources.get(spec.dataset, spec.dataset))


def barred(spec: RunSpec) -> tuple[Verdict, str] | None:
    """The verdict on a run that must not or cannot be replayed here, None for the others.

    Entries that are unknown here or of another version leave it open. Parameters that the
    registry refuses do not: these versions of the entries cannot have made the run.
    """
    refs: list[tuple[registry.Kind, Ref]] = [
        ("dataset", spec.dataset),
        ("strategy", spec.strategy),
        ("model", spec.model),
        ("model", spec.query_model),
    ]
    for kind, ref in dict.fromkeys(refs):
        try:
            why = stranger(kind, ref)
        except UsageError as error:
            return "differs", f"no suite could ask for it: {error}"
        if why:
            return NOT_REPLAYED, why
    return None


def stranger(kind: registry.Kind, ref: Ref) -> str:
    """Why an entry of a spec is not the one known here; empty where it is.

    Raises UsageError for parameters that no suite could hold.
    """
    if kind == "strategy" and ref.name == FULL_POOL:
        return ""
    try:
        entry = registry.entry(kind, ref.name)
    except UnknownName:
        return f"{kind} {ref.name!r} is unknown here; give the file that defines it by --plugin"
    if entry.version != ref.version:
        return f"{kind} {ref.name!r} is version {entry.version} here, {ref.version} there"
    given = {}
    for key, value in ref.params:
        inner = nested_kind(entry.parameters[key].annotation) if key in entry.parameters else None
        given[key] = value if inner else plain(value)
        for item in value if isinstance(value, tuple) else (value,):
            why = stranger(inner, item) if inner and isinstance(item, Ref) else ""
            if why:
                return why
    if registry.checked_params(entry, given, "", None) != ref.params:
        raise BadValue(f"{kind} {ref.label}: parameters that no suite would write so")
    return ""


def notes(
    manifest: dict[str, Any], runs: "pd.DataFrame", chosen: "pd.DataFrame", table: "pd.DataFrame"
) -> Iterator[str]:
    """What a reader of the verdicts must know."""
    ready = int(runs["status"].isin(REPLAYED).sum())
    idle = table.loc[table["verdict"] == NOT_REPLAYED, "found"]
    yield f"{len(chosen) - len(idle)} of {ready} finished runs were replayed"
    for why, number in idle.value_counts().sort_index().items():
        yield f"{number} sampled run{'s' if number > 1 else ''} not replayed: {why}"
    if ready < len(runs):
        yield f"{len(runs) - ready} runs that failed or timed out were not replayed"
    yield from environment(manifest, chosen)
    for name, told in sorted(manifest.get("entries", {}).items()):
        kind, _, entry = name.partition(":")
        if kind not in registry.KINDS or entry not in registry.names(kind):
            continue
        if told.get("source") not in (None, registry.entry(kind, entry).digest):
            yield f"the source of {kind} {entry} is not the one that ran, though its name is"
