"""One stored run and its replay: the first difference, and what to make of it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from albench import provenance, registry
from albench.clock import one_thread
from albench.errors import BadData, Unavailable
from albench.execute import Finished, Options, resident, run_one, versions_of
from albench.spec import RunSpec
from albench.tables import metric_columns

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
        return "" if row["reason"] == again.run["reason"] else "skipped for another reason"
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
    """Whether a run says that it was made with other library versions or on another CPU."""
    then = versions_then(row)
    return bool(then) and (then != provenance.versions() or bool(other_machines(manifest)))


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
