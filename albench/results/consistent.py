"""Do stored tables agree with themselves? What can be said without replaying a run.

`verify` lists what is found here as faults; `merge` and `run --reuse` take nothing over in
which anything is found, and whoever reads a stored spec reads it by `spec_of`.
"""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from albench.core.arrays import Bools, Ints
from albench.core.errors import BadResults, UsageError
from albench.core.safe import printable
from albench.core.spec import RunSpec
from albench.core.tables import checked

if TYPE_CHECKING:
    import pandas as pd


Row: TypeAlias = dict[Any, Any]
LONGEST_SPEC = 2**16
MOST_QUOTED = 200
PER_PICK = ("labels", "probability", "margin_rank", "annotators")
NEVER_NEGATIVE = ("seconds_fit", "seconds_query", "cost", "n_labeled")
SIZES = ("seconds", "peak_memory", "n_train", "n_test", "n_features", "n_classes")


def told_by(spec: RunSpec) -> dict[str, Any]:
    """The columns of `runs` that follow from the spec alone, under every version of albench."""
    return {
        "run": spec.id,
        "spec": spec.json,
        "dataset": spec.dataset.label,
        "model": spec.model.label,
        "query_model": spec.query_model.label,
        "strategy": spec.strategy.label,
        "trial": spec.trial,
    }


def spec_of(run: Any, text: Any) -> RunSpec:
    """The spec of a stored run; raises BadResults unless its digest is the run's id."""
    if not isinstance(text, str) or len(text) > LONGEST_SPEC:
        raise BadResults(f"run {run} has no spec")
    try:
        spec = RunSpec.from_json(text)
        same = spec.id == run and spec.json == text
    except UsageError as error:
        raise BadResults(f"run {run}: its spec cannot be read: {quoted(error)}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        said = f"{type(error).__name__}: {quoted(error)}"
        raise BadResults(f"run {run}: its spec cannot be read: {said}") from None
    if not same:
        raise BadResults(f"run {run}: its spec has the digest {spec.id}")
    return spec


def own_specs(runs: "pd.DataFrame", place: object) -> None:
    """Raise BadResults for a run whose spec, as text, does not have the digest that is its id.

    Quicker than `specs_of`, where the ids are known to be those of specs. place: the folder.
    """
    for run, text in zip(runs["run"], runs["spec"], strict=True):
        known = isinstance(text, str) and hashlib.sha256(text.encode()).hexdigest()[:20] == run
        if not known:
            raise BadResults(
                f"run {run} has no spec of its own; `albench verify {place}` lists what else is "
                "wrong there"
            )


def quoted(error: Exception) -> str:
    """What an error says of a text from elsewhere, at most a line."""
    return printable(str(error)[:MOST_QUOTED])


def specs_of(runs: "pd.DataFrame") -> list[RunSpec]:
    """The specs of stored runs, by their columns `run` and `spec`; see `spec_of`."""
    return [spec_of(run, text) for run, text in zip(runs["run"], runs["spec"], strict=True)]


def contradictions(runs: "pd.DataFrame", rounds: "pd.DataFrame") -> list[str]:
    """What contradicts itself in the two tables, a sentence each; empty where nothing does."""
    return [*doubled(runs, rounds), *of_runs(runs), *of_rounds(rounds, rows_of(runs))]


def refused(runs: "pd.DataFrame", rounds: "pd.DataFrame", place: str) -> None:
    """Raise BadResults where the tables of a folder contradict themselves.

    place  the folder, for the message
    """
    found = contradictions(runs, rounds)
    if found:
        more = f", and {len(found) - 1} more faults" if len(found) > 1 else ""
        raise BadResults(
            f"{place} contradicts itself: {found[0]}{more}; `albench verify {place}` lists them, "
            "and nothing was taken over"
        )


def doubled(runs: "pd.DataFrame", rounds: "pd.DataFrame") -> list[str]:
    """Runs that stand twice, and rounds that are missing or doubled."""
    try:
        checked(runs, rounds)
    except BadResults as error:
        return [str(error)]
    stray = set(rounds["run"]) - set(runs.loc[runs["status"] == "done", "run"])
    if stray:
        return [f"{len(stray)} runs have rounds but are not done, the first is {min(stray)}"]
    return []


def of_runs(runs: "pd.DataFrame") -> Iterator[str]:
    """Rows of `runs` that do not follow from their spec, or that hold a size that none can be."""
    rows: list[Row] = runs.to_dict("records")
    for row in rows:
        try:
            told = told_by(spec_of(row["run"], row["spec"]))
        except UsageError as error:
            yield str(error)
            continue
        wrong = [key for key in told if told[key] != row[key]]
        if wrong:
            yield f"run {row['run']}: {wrong[0]} does not follow from its spec"
        below = [key for key in SIZES if row[key] is not None and row[key] < 0]
        if below:
            yield f"run {row['run']} has negative {below[0]}"


def rows_of(runs: "pd.DataFrame") -> "pd.Series[float]":
    """How many rows the dataset of each run has, by run: those of train and test."""
    return (runs["n_train"] + runs["n_test"]).set_axis(runs["run"])


def of_rounds(rounds: "pd.DataFrame", rows: "pd.Series[float]") -> Iterator[str]:
    """What no run can have bought or taken. rows: see `rows_of`."""
    if rounds.empty:
        return
    for name in NEVER_NEGATIVE:
        yield from first(rounds, (rounds[name] < 0).to_numpy(), f"has negative {name}")
    runs = run_codes(rounds)
    lengths = np.fromiter(map(len, rounds["picks"]), np.int64, len(rounds))
    picks = np.concatenate([np.asarray(p, np.int64) for p in rounds["picks"]])
    at = np.repeat(np.arange(len(rounds)), lengths)
    most = rounds["run"].map(rows[~rows.index.duplicated()]).fillna(np.inf).to_numpy()
    outside = at[(picks < 0) | (picks >= most[at])]
    yield from first(rounds, marked(rounds, outside), "bought a row that its dataset does not have")
    for name in PER_PICK:
        held = np.fromiter(map(length, rounds[name]), np.int64, len(rounds))
        other = (held >= 0) & (held != lengths)
        yield from first(rounds, other, f"holds {name} of another number than it bought")
    yield from first(rounds, marked(rounds, bought_again(rounds, picks, at)), "bought a row twice")
    below = rounds["labels"].map(lambda held: held is not None and bool((held < 0).any()))
    yield from first(rounds, below.to_numpy(dtype=bool), "holds a label below 0")
    order = np.lexsort((rounds["round"], runs))
    falls = (np.diff(rounds["n_labeled"].to_numpy()[order]) < 0) & (np.diff(runs[order]) == 0)
    yield from first(rounds, marked(rounds, order[1:][falls]), "loses labels on the way")


def bought_again(rounds: "pd.DataFrame", picks: Ints, at: Ints) -> Ints:
    """The rounds that buy what their run has bought: a row, or a row of the same annotator.

    picks, at  (m,) what was bought, and in which round
    """
    runs = run_codes(rounds)[at]
    who = np.zeros(len(picks), dtype=np.int64)
    if "annotators" in rounds:
        held = [
            -np.ones(len(p)) if a is None or len(a) != len(p) else np.asarray(a)
            for p, a in zip(rounds["picks"], rounds["annotators"], strict=True)
        ]
        who = np.concatenate(held).astype(np.int64)
    order = np.lexsort((at, who, picks, runs))
    keys = np.stack([runs, picks, who])[:, order]
    same = (np.diff(keys) == 0).all(axis=0)
    again: Ints = at[order[1:][same]]
    return again


def run_codes(rounds: "pd.DataFrame") -> Ints:
    """(n,) a number for the run of each round."""
    codes: Ints = rounds["run"].astype("category").cat.codes.to_numpy().astype(np.intp)
    return codes


def marked(rounds: "pd.DataFrame", at: Ints) -> Bools:
    """(n,) whether a round is one of those at these places."""
    found = np.zeros(len(rounds), dtype=bool)
    found[at] = True
    return found


def first(rounds: "pd.DataFrame", wrong: Bools, what: str) -> Iterator[str]:
    """A sentence on the first of the rounds that are wrong."""
    if wrong.any():
        yield f"run {rounds['run'].iloc[int(np.argmax(wrong))]} {what}"


def length(value: Any) -> int:
    """How many a list column holds; -1 where it is null."""
    return -1 if value is None else len(value)
