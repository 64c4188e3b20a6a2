"""Replay stored runs from their specs and compare: do the numbers follow from the code?

Picks and labels must be the same, scores agree within 1e-9. Nothing that came with a
results folder is executed: strategies from outside are those the verifier has loaded, and
a run that needs one he has not loaded, or another version, is named as not replayed.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from albench.core import registry
from albench.core.display import Displayed, Sheet
from albench.core.errors import BadResults, BadValue, CheckFailed, UnknownName, UsageError
from albench.core.parameters import nested_kind
from albench.core.safe import printable
from albench.core.spec import Ref, RunSpec, plain
from albench.core.tables import FULL_POOL, claims, metric_columns
from albench.results import provenance
from albench.results.consistent import Row, contradictions, spec_of
from albench.results.store import Store
from albench.runner.worker import Finished, Options
from albench.testing.compared import MOST_LINES, difference, odds, of_grid, same_picks
from albench.testing.replay import Job, replayed

if TYPE_CHECKING:
    import pandas as pd


Verdict = Literal["same", "differs", "differs, other environment", "not replayed"]
NOT_REPLAYED: Verdict = "not replayed"
OTHER: Verdict = "differs, other environment"


def replays(
    drawn: Sequence["Drawn"], options: Options | None, tick: Callable[[], None]
) -> dict[int, tuple[Verdict, str, Finished | None]]:
    """Drawn runs replayed, those of a strategy in a fresh process; by place in `drawn`.

    The verdict is `same` where there is a replay to compare, else why there was none.
    """
    found: dict[int, tuple[Verdict, str, Finished | None]] = {}
    groups: dict[Ref, list[int]] = {}
    for at, one in enumerate(drawn):
        no = barred(one.spec)
        if no is None:
            groups.setdefault(one.spec.strategy, []).append(at)
        else:
            found[at] = (*no, None)
            tick()
    for places in groups.values():
        jobs = [Job(drawn[at].spec, drawn[at].options(options)) for at in places]
        for at, again in zip(places, replayed(jobs), strict=True):
            if isinstance(again, str):
                found[at] = NOT_REPLAYED, again, None
            elif again.run["status"] == "timeout":
                found[at] = NOT_REPLAYED, str(again.run["reason"]), None
            else:
                found[at] = "same", "", again
            tick()
    return found


@dataclass(frozen=True)
class Drawn:
    """One stored run that is replayed."""

    spec: RunSpec
    row: Row
    rounds: "pd.DataFrame | None"

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics known here that it claims, or that stand in its rounds all the same."""
        claimed = {m.rpartition("@")[0] for m in claims(self.row["metrics"])}
        held = (
            set()
            if self.rounds is None
            else {*metric_columns(self.rounds.dropna(axis=1, how="all"))}
        )
        return tuple(sorted(label for label in claimed | held if version_here(label)))

    def options(self, options: Options | None) -> Options:
        """How it is replayed: every number that it holds."""
        rounds = self.rounds
        trace = rounds is not None and bool(rounds["margin_rank"].notna().any())
        return replace(options or Options(()), metrics=self.metrics, trace=trace)

    def judged(self, again: Finished, manifest: dict[str, Any]) -> tuple[Verdict, str]:
        """The verdict on a replay, and the first difference.

        Another environment may pick other rows. It does not explain other scores of the
        same rows.
        """
        found = difference(self.row, self.rounds, again, self.metrics)
        if not found:
            return "same", ""
        excused = elsewhere(self.row, manifest) and not same_picks(self.rounds, again)
        return (OTHER if excused else "differs"), found


def version_here(label: str) -> str | None:
    """The version of the metric of that label; None where it is unknown here."""
    try:
        return registry.resolve("metric", label).version
    except UsageError:
        return None


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
    if not isinstance(then, dict):
        return {}
    return {printable(str(k)): printable(str(v)) for k, v in then.items()}


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
    yield from rebuilt(chosen)


VERSION = re.compile(r"[0-9][0-9A-Za-z.+!_-]{0,40}")


def rebuilt(runs: "pd.DataFrame") -> Iterator[str]:
    """The pip line that rebuilds each environment that runs name, where it is another."""
    here = provenance.versions()
    for text in sorted(runs["versions"].dropna().unique())[:MOST_LINES]:
        then = versions_then({"versions": text})
        known = {name: then[name] for name in here if VERSION.fullmatch(then.get(name, ""))}
        if not known or known == here:
            continue
        pins = " ".join(f"{name}=={known[name]}" for name in known if name != "python")
        python = f"Python {known['python']}: " if "python" in known else ""
        yield f"to rebuild the recorded environment: {python}pip install {pins}"


def of_metrics(runs: "pd.DataFrame", rounds: "pd.DataFrame") -> Iterator[str]:
    """Metric columns that no replay here can confirm, and claims of other versions."""
    strange = [m for m in metric_columns(rounds) if not version_here(m) and rounds[m].notna().any()]
    if strange:
        yield (
            f"the metrics {', '.join(strange)} are unknown here, so their numbers are not "
            "verified; give the file that defines them by --plugin"
        )
    used = {m for text in runs["metrics"].dropna() for m in claims(text)}
    for claim in sorted(used):
        name, _, version = claim.rpartition("@")
        here = version_here(name)
        if here is not None and here != version:
            yield f"metric {name!r} is version {here} here, {version} there"


REPLAYED = ("done", "skipped")


@dataclass(frozen=True, repr=False)
class Verification(Displayed):
    """What a verification found.

    runs    one row per sampled run: run, dataset, strategy, model, trial, verdict (see
            `replay.Verdict`), found (the first difference, or why it was not replayed)
    faults  what is wrong with the files or tables as such; one is enough to fail
    notes   what a reader must know: other versions, other machines, what was not replayed
    seed    drew the sample
    lenient whether runs that differ in another environment pass
    """

    runs: "pd.DataFrame"
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    seed: int = 0
    lenient: bool = False

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
        wrong = ("differs",) if self.lenient else ("differs", OTHER)
        return not self.faults and not idle and not verdicts.isin(wrong).any()

    @property
    def failure(self) -> str:
        """Why it did not pass, in one line."""
        counts = self.runs["verdict"].value_counts()
        idle = int(counts.get(NOT_REPLAYED, 0))
        if idle == len(self.runs) and not self.faults:
            return f"none of the {idle} sampled runs could be replayed here: nothing is verified"
        return (
            f"{int(counts.get('differs', 0))} of {len(self.runs) - idle} replayed runs differ, "
            f"{int(counts.get(OTHER, 0))} more in another environment; "
            f"faults in the files: {len(self.faults)}"
        )


def verify(
    folder: Path | str,
    sample: int = 20,
    seed: int | None = None,
    *,
    known: Sequence[Ref] = (),
    expected: Sequence[str] = (),
    allow_environment: bool = False,
    options: Options | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Verification:
    """Replay a sample of the runs in a results folder, each strategy in a fresh process.

    sample    how many runs, spread over datasets and strategies; 0 for all
    seed      seeds the sample; None: drawn, so that nobody knows beforehand what is looked at
    known     datasets, strategies, oracles and costs that read a file of the verifier's own (see
              `Ref.source`)
    expected  the runs of the suite's grid, where there is one
    allow_environment  pass runs that pick other rows under other library versions or CPUs
    options   timeout and engine of the replay
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
    seed = secrets.randbits(31) if seed is None else seed
    faults += (*contradictions(runs, rounds), *of_metrics(runs, rounds))
    chosen = sampled(runs[~runs["run"].isin(unreadable(runs))], sample, seed)
    drawn = drawings(chosen, rounds, {ref: ref for ref in known})
    done = iter(range(1, len(drawn) + 1))
    again = replays(drawn, options, lambda: progress(next(done), len(drawn)))
    rows = []
    for number, one in enumerate(drawn):
        verdict, why, replay = again[number]
        if replay is not None:
            verdict, why = one.judged(replay, manifest)
        shown = {key: one.row[key] for key in ("run", "dataset", "strategy", "model", "trial")}
        rows.append(shown | {"verdict": verdict, "found": why})
    import pandas as pd

    table = pd.DataFrame(
        rows, columns=["run", "dataset", "strategy", "model", "trial", "verdict", "found"]
    )
    said = (
        *notes(manifest, runs, chosen, table),
        *of_grid(runs, expected),
        f"sample drawn with seed {seed}; `--seed {seed}` draws it again",
    )
    return Verification(table, tuple(faults), said, seed, allow_environment)


def drawings(
    chosen: "pd.DataFrame", rounds: "pd.DataFrame", sources: dict[Ref, Ref]
) -> list[Drawn]:
    """The drawn runs, each with its rounds."""
    parts = dict(list(rounds[rounds["run"].isin(set(chosen["run"]))].groupby("run")))
    rows: list[Row] = chosen.to_dict("records")
    return [
        Drawn(with_source(spec_of(row["run"], row["spec"]), sources), row, parts.get(row["run"]))
        for row in rows
    ]


def unreadable(runs: "pd.DataFrame") -> set[str]:
    """The runs without a spec of their own; `contradictions` names them."""
    rows: list[Row] = runs[["run", "spec"]].to_dict("records")
    found = set()
    for row in rows:
        try:
            spec_of(row["run"], row["spec"])
        except UsageError:
            found.add(row["run"])
    return found


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
    """The spec with the files from which the verifier's suite reads what it names."""
    dataset, strategy = (sources.get(ref, ref) for ref in (spec.dataset, spec.strategy))
    rules = spec.protocol
    cost = None if rules.cost is None else sources.get(rules.cost, rules.cost)
    rules = replace(rules, oracle=sources.get(rules.oracle, rules.oracle), cost=cost)
    return replace(spec, dataset=dataset, strategy=strategy, protocol=rules)


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
    yield odds(ready, len(chosen) - len(idle))
    for why, number in idle.value_counts().sort_index().items():
        yield f"{number} sampled run{'s' if number > 1 else ''} not replayed: {why}"
    if ready < len(runs):
        yield f"{len(runs) - ready} runs that failed or timed out were not replayed"
    yield from environment(manifest, chosen)
    for name, told in sorted(manifest.get("entries", {}).items()):
        kind, _, entry = name.partition(":")
        if kind not in registry.KINDS or entry not in registry.names(kind):
            continue
        here = registry.entry(kind, entry)
        if told.get("source") not in (None, here.digest, *here.traits.formerly):
            yield f"the source of {kind} {entry} is not the one that ran, though its name is"
