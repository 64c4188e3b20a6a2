"""Folders of results as a careful cheat would leave them: checksums and seal fit, numbers lie.

`FORGERIES` names each by what was changed; `COMMANDS` are those that read a folder. Both are
used by `tests/test_strangers.py` and by the campaign `tests/benchmarks/faults.py`.
"""

import contextlib
import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from albench.cli import exit_code
from albench.core import registry
from albench.core.files import sha256
from albench.core.spec import RunSpec
from albench.results import intake

SUITE = """
datasets = [
    "iris",
    {use = "wine", protocol = {start = 4, missing = "skip"}},
    {use = "wdbc", name = "wdbc-noisy", protocol = {oracle = {use = "uniform"}}},
]
models = ["gnb"]
strategies = ["random", "margin", "passes"]
trials = 2
metrics = ["accuracy", "log_loss"]
protocol = {use = "standard", start = 10, budget = 30}
plugins = ["passes.py"]
"""
PASSES = """
import albench
from albench.core.errors import Skip

@albench.strategy("passes")
def passes(query):
    if query.X.shape[1] == 13:
        raise Skip("no wine for it")
    return query.pool[: query.n]
"""
TRICK = "red\x1b[31m turned \u202e back\x07"


def rewritten(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a manifest and seal it."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(intake.sealed(manifest))


def forged(folder: Path, table: str, change: Callable[[pd.DataFrame], Any]) -> None:
    """Change a table and make checksums and seal fit."""
    path = folder / f"{table}.parquet"
    found = pq.read_table(path)
    frame = found.to_pandas()
    changed = change(frame)
    frame = changed if isinstance(changed, pd.DataFrame) else frame
    pq.write_table(pa.Table.from_pandas(frame, schema=found.schema, preserve_index=False), path)
    rewritten(folder, lambda m: m["sha256"].update({table: sha256(path)}))


def made(folder: Path) -> tuple[Path, Path]:
    """A suite with its plugin, and its true results."""
    registry.ENTRIES["strategy"].pop("passes", None)  # of an earlier folder
    (folder / "passes.py").write_text(PASSES)
    suite = folder / "s.toml"
    suite.write_text(SUITE)
    assert exit_code(["run", str(suite), "--results", str(folder / "true"), "--jobs", "1"]) == 0
    return suite, folder / "true"


Cell = Callable[[Any], Any]


class Forgery(NamedTuple):
    """What is changed.

    table     `runs`, `rounds`, or `manifest`
    change    changes the frame in place, or gives another
    silent    what no reader but `verify` can know: a number that may be true
    harmless  nothing that a run is: a text beside it
    """

    table: str
    change: Callable[[Any], Any]
    silent: bool = False
    harmless: bool = False


def cell(column: str, value: Cell, place: int = 3) -> Callable[[pd.DataFrame], None]:
    """Change one cell of a column, by a function of what stands there."""

    def change(frame: pd.DataFrame) -> None:
        frame[column] = frame[column].astype(object)
        frame.at[frame.index[place], column] = value(frame[column].iloc[place])

    return change


def every(column: str, value: Cell) -> Callable[[pd.DataFrame], None]:
    """Change all cells of a column."""

    def change(frame: pd.DataFrame) -> None:
        frame[column] = [value(old) for old in frame[column]]

    return change


def respecified(change: Callable[[dict[str, Any]], Any]) -> Callable[[pd.DataFrame], None]:
    """Another spec in a row of `runs`, under the digest that it has as text."""
    import hashlib

    def alter(frame: pd.DataFrame) -> None:
        for place in frame.index[frame["status"] == "skipped"].append(frame.index[:1]):
            told = json.loads(frame.at[place, "spec"])
            change(told)
            text = json.dumps(told, sort_keys=True, separators=(",", ":"))
            frame.at[place, "spec"] = text
            frame.at[place, "run"] = hashlib.sha256(text.encode()).hexdigest()[:20]

    return alter


def swapped(column: str) -> Callable[[pd.DataFrame], None]:
    """The column from the other end."""
    return lambda frame: frame.__setitem__(column, frame[column].iloc[::-1].values)


def other_params(frame: pd.DataFrame) -> None:
    """Runs of parameters that no suite could hold, under their true ids."""
    for i in frame.index[:4]:
        text = frame.at[i, "spec"].replace(
            '"gnb","version":"1"', '"gnb","version":"1","with":{"var_smoothing":-1.0}'
        )
        spec = RunSpec.from_json(text)
        frame.loc[i, ["run", "spec", "model", "query_model"]] = [
            spec.id,
            text,
            *[spec.model.label] * 2,
        ]


def doubled(frame: pd.DataFrame) -> pd.DataFrame:
    """A row stands twice."""
    return pd.concat([frame, frame.iloc[[3]]], ignore_index=True)


def bought_again(frame: pd.DataFrame) -> None:
    """A row of the dataset is bought in two rounds."""
    one, other = of_one_run(frame)
    picks = frame.at[other, "picks"].copy()
    picks[0] = frame.at[one, "picks"][0]
    frame.at[other, "picks"] = picks


def of_one_run(frame: pd.DataFrame) -> tuple[int, int]:
    """Two rounds of one run, the first and the second."""
    run = frame["run"].value_counts(sort=False).loc[lambda n: n > 2].index[0]
    first, second = frame.index[frame["run"] == run][:2]
    return int(first), int(second)


def added(name: str, **told: str) -> Callable[[dict[str, Any]], None]:
    """The manifest says that a strategy was added."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["added"] = [*manifest.get("added", []), name]
        if told:
            manifest.setdefault("entries", {})[f"strategy:{name}"] = told

    return change


def first_shift(value: Any) -> Any:
    """The list with its first item one higher."""
    out = value.copy()
    out[0] += 1
    return out


FORGERIES: Mapping[str, Forgery] = {
    "the spec of another run": Forgery("runs", swapped("spec")),
    "no spec": Forgery("runs", every("spec", lambda old: None)),
    "an empty spec": Forgery("runs", every("spec", lambda old: "{}")),
    "a spec that is no JSON": Forgery("runs", every("spec", lambda old: old[:-9])),
    "a spec that is a list": Forgery("runs", every("spec", lambda old: "[1, 2]")),
    "a spec nested beyond reading": Forgery("runs", every("spec", lambda old: "[" * 60_000)),
    "a spec of a megabyte": Forgery("runs", cell("spec", lambda old: old + " " * 2**20)),
    "a spec that steers a terminal": Forgery("runs", every("spec", lambda old: TRICK)),
    "a spec without its protocol": Forgery("runs", respecified(lambda t: t.pop("protocol"))),
    "a spec with a protocol of words": Forgery(
        "runs", respecified(lambda t: t.update(protocol="standard"))
    ),
    "a spec with a field of tomorrow": Forgery(
        "runs", respecified(lambda t: t["protocol"].update(telepathy=1))
    ),
    "a spec with a budget below its start": Forgery(
        "runs", respecified(lambda t: t["protocol"].update(budget=3))
    ),
    "a spec with a start of text": Forgery(
        "runs", respecified(lambda t: t["protocol"].update(start="ten"))
    ),
    "a spec with an endless trial": Forgery("runs", respecified(lambda t: t.update(trial=1e999))),
    "a spec with a negative trial": Forgery("runs", respecified(lambda t: t.update(trial=-1))),
    "a spec of a later identity": Forgery("runs", respecified(lambda t: t.update(identity=9))),
    "parameters that no suite can hold": Forgery("runs", other_params),
    "swapped strategies": Forgery("runs", swapped("strategy")),
    "swapped datasets": Forgery("runs", swapped("dataset")),
    "swapped models": Forgery("runs", every("model", lambda old: "svc-rbf")),
    "swapped trials": Forgery("runs", every("trial", lambda old: 1 - old)),
    "a null trial": Forgery("runs", cell("trial", lambda old: None)),
    "a null strategy": Forgery("runs", every("strategy", lambda old: None)),
    "a null dataset": Forgery("runs", every("dataset", lambda old: None)),
    "a run that stands twice": Forgery("runs", doubled),
    "negative seconds": Forgery("runs", cell("seconds", lambda old: -1.0)),
    "a negative number of train rows": Forgery("runs", every("n_train", lambda old: -5)),
    "a null number of train rows": Forgery("runs", every("n_train", lambda old: None), silent=True),
    "null metrics": Forgery("runs", every("metrics", lambda old: None), harmless=True),
    "metrics that steer a terminal": Forgery("runs", every("metrics", lambda old: TRICK)),
    "metrics of another version": Forgery(
        "runs", every("metrics", lambda old: "accuracy@77"), silent=True
    ),
    "versions that are no JSON": Forgery("runs", every("versions", lambda old: "{"), harmless=True),
    "versions that steer a terminal": Forgery(
        "runs", every("versions", lambda old: json.dumps({"numpy": TRICK})), harmless=True
    ),
    "null versions": Forgery("runs", every("versions", lambda old: None), harmless=True),
    "a reason that steers a terminal": Forgery(
        "runs", every("reason", lambda old: TRICK + str(old)), harmless=True
    ),
    "a reason of five megabytes": Forgery(
        "runs", every("reason", lambda old: "x" * 5_000_000), harmless=True
    ),
    "a reason with an absolute path": Forgery(
        "runs", every("reason", lambda old: f"/home/eve/{old}"), harmless=True
    ),
    "a null reason": Forgery("runs", every("reason", lambda old: None), harmless=True),
    "an unknown reason code": Forgery("runs", every("reason_code", lambda old: "luck")),
    "an unknown status": Forgery("runs", cell("status", lambda old: "won")),
    "done, but without rounds": Forgery("runs", every("status", lambda old: "done")),
    "skipped, but with rounds": Forgery("runs", cell("status", lambda old: "skipped")),
    "a label that steers a terminal": Forgery("runs", every("strategy_label", lambda old: TRICK)),
    "a label of a megabyte": Forgery("runs", every("dataset_label", lambda old: "x" * 2**20)),
    "swapped labels of the suite": Forgery("runs", swapped("strategy_label"), harmless=True),
    "null picks": Forgery("rounds", cell("picks", lambda old: None)),
    "no picks": Forgery("rounds", cell("picks", lambda old: old[:0])),
    "picks that are no rows": Forgery("rounds", cell("picks", lambda old: old + 100_000)),
    "negative picks": Forgery("rounds", cell("picks", lambda old: -old - 1)),
    "a row bought in two rounds": Forgery("rounds", bought_again),
    "a row bought twice in a round": Forgery("rounds", cell("picks", lambda old: old * 0 + old[0])),
    "picks in another order": Forgery("rounds", cell("picks", lambda old: old[::-1]), silent=True),
    "null labels": Forgery("rounds", cell("labels", lambda old: None), silent=True),
    "labels of another number": Forgery("rounds", cell("labels", lambda old: old[:-1])),
    "labels of classes that there are not": Forgery(
        "rounds", cell("labels", lambda old: old * 0 + 99), silent=True
    ),
    "negative labels": Forgery("rounds", cell("labels", lambda old: old * 0 - 2)),
    "another label": Forgery("rounds", cell("labels", lambda old: (old + 1) % 2), silent=True),
    "a round that stands twice": Forgery("rounds", doubled),
    "a round that is missing": Forgery("rounds", lambda f: f.drop(index=of_one_run(f)[1])),
    "a run that ends early": Forgery(
        "rounds", lambda f: f[~(f["round"] == f["round"].max())], silent=True
    ),
    "rounds of no run": Forgery("rounds", cell("run", lambda old: "f" * 20)),
    "a negative round": Forgery("rounds", cell("round", lambda old: -1)),
    "a null number of labels": Forgery("rounds", cell("n_labeled", lambda old: None)),
    "labels that get fewer": Forgery("rounds", cell("n_labeled", lambda old: old - 30)),
    "more labels than were bought": Forgery(
        "rounds", every("n_labeled", lambda old: old + 1), silent=True
    ),
    "a negative cost": Forgery("rounds", cell("cost", lambda old: -old)),
    "an endless cost": Forgery("rounds", every("cost", lambda old: float("inf")), silent=True),
    "a null cost": Forgery("rounds", every("cost", lambda old: None), silent=True),
    "negative seconds of a query": Forgery("rounds", every("seconds_query", lambda old: -1.0)),
    "a better score": Forgery("rounds", cell("accuracy", lambda old: old + 1e-4), silent=True),
    "better scores": Forgery("rounds", every("accuracy", lambda old: 0.99), silent=True),
    "a score beyond its bounds": Forgery(
        "rounds", every("accuracy", lambda old: 9e99), silent=True
    ),
    "endless scores": Forgery("rounds", every("accuracy", lambda old: float("inf")), silent=True),
    "null scores": Forgery("rounds", every("accuracy", lambda old: None), silent=True),
    "a null score": Forgery("rounds", cell("log_loss", lambda old: None), silent=True),
    "a probability of no pick": Forgery(
        "rounds", cell("probability", lambda old: [0.5] * 3), silent=False
    ),
    "an addition unknown here": Forgery("manifest", added("theirs"), harmless=True),
    "an addition that is a path": Forgery("manifest", added("../../etc/passwd"), harmless=True),
    "an addition with markup": Forgery(
        "manifest", added("<script>alert(1)</script>", version="1"), harmless=True
    ),
    "an addition of a kind that is none": Forgery(
        "manifest", lambda m: m.update(added=[""]), harmless=True
    ),
    "an entry of nothing": Forgery(
        "manifest", lambda m: m["entries"].update({":": {}, "strategy:": {}}), harmless=True
    ),
    "another suite": Forgery("manifest", lambda m: m.update(suite="nothing"), harmless=True),
    "a machine of nothing": Forgery("manifest", lambda m: m.update(machine={}), harmless=True),
    "a machine of numbers": Forgery(
        "manifest", lambda m: m.update(machine={"cpu": 3, "cores": [1]}), harmless=True
    ),
    "a question of nothing": Forgery("manifest", lambda m: m.update(question={}), harmless=True),
    "a question of lists": Forgery(
        "manifest", lambda m: m.update(question={"metric": [], "rope": []}), harmless=True
    ),
    "versions of nothing": Forgery("manifest", lambda m: m.update(versions={}), harmless=True),
    "also of nothing": Forgery("manifest", lambda m: m.update(also={"machine": []}), harmless=True),
    "also of numbers": Forgery(
        "manifest", lambda m: m.update(also={"machine": [1, None, "x"]}), harmless=True
    ),
    "a key of nobody": Forgery("manifest", lambda m: m.update(looks=TRICK)),
    "looks of nothing": Forgery("manifest", lambda m: m.update(looks=3), harmless=True),
}


def apply(forgery: Forgery, folder: Path) -> None:
    """Forge a folder."""
    if forgery.table == "manifest":
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        forgery.change(manifest)
        path.write_text(intake.sealed(manifest))
    else:
        forged(folder, forgery.table, forgery.change)


COMMANDS: Mapping[str, tuple[str, ...]] = {
    "status": ("status", "S", "--results", "R"),
    "failed": ("status", "S", "--failed", "--results", "R"),
    "compare": ("compare", "S", "--results", "R"),
    "curves": ("curves", "S", "--results", "R"),
    "labels": ("curves", "S", "--table", "labels", "--results", "R"),
    "plan": ("plan", "S", "--effect", "0.01", "--results", "R"),
    "bias": ("bias", "S", "--jobs", "1", "--results", "R"),
    "coverage": ("coverage", "S", "--jobs", "1", "--results", "R"),
    "rare": ("rare", "S", "--jobs", "1", "--results", "R"),
    "noise": ("noise", "S", "--jobs", "1", "--results", "R"),
    "audit": ("audit", "S", "--jobs", "1", "--results", "R"),
    "figures": ("figures", "S", "--results", "R", "--to", "O"),
    "report": ("report", "S", "--results", "R", "--to", "O"),
    "leaderboard": ("leaderboard", "S", "--results", "R", "--to", "O"),
    "dry run": ("run", "S", "--results", "R", "--dry-run"),
    "merge": ("merge", "R", "--into", "O"),
    "reuse": ("run", "S", "--results", "O", "--reuse", "R", "--jobs", "1"),
    "verify": ("verify", "R", "--sample", "0", "--plugin", "P"),
    "repair": ("repair", "R"),
}


class Outcome(NamedTuple):
    """How a command ended.

    code   its exit code; None where it ended in a traceback
    said   what it printed
    raw    whether control characters or direction marks reached the terminal or a page
    """

    code: int | None
    said: str
    raw: bool


def called(command: str, suite: Path, results: Path, out: Path) -> Outcome:
    """A command on a folder, in this process; the plugin lies beside the suite."""
    plugin = suite.with_name("passes.py")
    given = {"S": str(suite), "R": str(results), "O": str(out), "P": str(plugin)}
    words = [given.get(word, word) for word in COMMANDS[command]]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code: int | None = exit_code(words)
        except BaseException as error:
            import traceback

            traceback.print_exception(error, limit=-4)
            code = None
    text = said.getvalue()
    return Outcome(code, text, any(map(is_raw, [text, *pages(out)])))


def pages(folder: Path) -> list[str]:
    """What was written for people to read."""
    kinds = (".html", ".md", ".csv", ".tex", ".txt")
    return [
        Path(base, name).read_text("utf-8", errors="replace")
        for base, _, names in os.walk(folder)
        for name in names
        if name.endswith(kinds)
    ]


def is_raw(text: str) -> bool:
    """Whether a text holds what steers a terminal or turns a line."""
    return any(mark in text for mark in ("\x1b", "\u202e", "\x07"))
