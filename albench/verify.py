"""Replay stored runs from their specs and compare: do the numbers follow from the code?

Picks and labels must be the same, scores agree within 1e-9. Nothing that came with a
results folder is executed: strategies from outside are those the verifier has loaded, and
a run that needs one he has not loaded, or another version, is named as not replayed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from albench import registry, replay
from albench.errors import BadResults, BadValue, CheckFailed, UnknownName, UsageError
from albench.execute import Options, described
from albench.params import nested_kind
from albench.ref import Ref, plain
from albench.spec import RunSpec
from albench.store import Store
from albench.tables import FULL_POOL, checked

if TYPE_CHECKING:
    import pandas as pd

Row: TypeAlias = dict[Any, Any]
REPLAYED = ("done", "skipped")
LONGEST_SPEC = 2**16


@dataclass(frozen=True)
class Verification:
    """What a verification found.

    runs    one row per sampled run: run, dataset, strategy, model, trial, verdict (see
            `replay.Verdict`), found (the first difference, or why it was not replayed)
    faults  what is wrong with the files or tables as such; one is enough to fail
    notes   what a reader must know: other versions, other machines, what was not replayed
    """

    runs: "pd.DataFrame"
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing differs where it must not, and anything was replayed at all."""
        verdicts = self.runs["verdict"]
        idle = len(verdicts) > 0 and bool((verdicts == replay.NOT_REPLAYED).all())
        return not self.faults and not idle and not (verdicts == "differs").any()

    @property
    def failure(self) -> str:
        """Why it did not pass, in one line."""
        counts = self.runs["verdict"].value_counts()
        idle = int(counts.get(replay.NOT_REPLAYED, 0))
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
        store = Store(folder, faults.append, frozen=True)
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
        verdict, why = barred(spec) or replay.judged(
            spec, row, parts.get(row["run"]), manifest, options
        )
        shown = {key: row[key] for key in ("run", "dataset", "strategy", "model", "trial")}
        rows.append(shown | {"verdict": verdict, "found": why})
        progress(number + 1, len(specs))
    import pandas as pd

    table = pd.DataFrame(rows, columns=["run", "dataset", "strategy", "model", "trial",
                                        "verdict", "found"])  # fmt: skip
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
    strata = {key: rng.permutation(part.index) for key, part in
              ready.groupby(["dataset", "strategy"], sort=True)}  # fmt: skip
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


def barred(spec: RunSpec) -> tuple[replay.Verdict, str] | None:
    """The verdict on a run that must not or cannot be replayed here, None for the others.

    Entries that are unknown here or of another version leave it open. Parameters that the
    registry refuses do not: these versions of the entries cannot have made the run.
    """
    refs: list[tuple[registry.Kind, Ref]] = [
        ("dataset", spec.dataset), ("strategy", spec.strategy),
        ("model", spec.model), ("model", spec.query_model),
    ]  # fmt: skip
    for kind, ref in dict.fromkeys(refs):
        try:
            why = stranger(kind, ref)
        except UsageError as error:
            return "differs", f"no suite could ask for it: {error}"
        if why:
            return replay.NOT_REPLAYED, why
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
    idle = table.loc[table["verdict"] == replay.NOT_REPLAYED, "found"]
    yield f"{len(chosen) - len(idle)} of {ready} finished runs were replayed"
    for why, number in idle.value_counts().sort_index().items():
        yield f"{number} sampled run{'s' if number > 1 else ''} not replayed: {why}"
    if ready < len(runs):
        yield f"{len(runs) - ready} runs that failed or timed out were not replayed"
    yield from replay.environment(manifest, chosen)
    for name, told in sorted(manifest.get("entries", {}).items()):
        kind, _, entry = name.partition(":")
        if kind not in registry.KINDS or entry not in registry.names(kind):
            continue
        if told.get("source") not in (None, registry.entry(kind, entry).digest):
            yield f"the source of {kind} {entry} is not the one that ran, though its name is"
