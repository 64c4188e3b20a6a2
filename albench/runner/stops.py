"""Where stopping rules would have stopped the stored runs: models refitted, nothing queried."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from albench.core import registry
from albench.core.errors import BadResults
from albench.core.files import write_atomic
from albench.core.spec import Ref, RunSpec, canonical
from albench.results import provenance
from albench.runner.cuts import Cut, blocks, over_cuts
from albench.runner.worker import SEES_TEST, sees_test
from albench.simulation.loop import Ledger
from albench.simulation.stopping import Watch

if TYPE_CHECKING:
    import pandas as pd


FILE = "stopping.parquet"
COLUMNS = ("run", "rule", "round", "spent", "why", "refused")
PART = 48
"""Cuts between two writes of what was found, so that an interrupted command goes on from there."""
Say = Callable[[str], None]


def replayed(
    runs: "pd.DataFrame", rounds: "pd.DataFrame", cuts: Iterable[Cut], rules: Sequence[Ref]
) -> "pd.DataFrame":
    """Where each rule would have stopped each run, one row per run and rule.

    Columns: run, rule (canonical JSON), round of the evaluation after which it stopped (-1:
    never), spent (labels by then, or in all, held-out ones included), why, refused (why the rule
    does not apply, or null). The model is fitted again on what the run had in hand after each
    round; the rule sees what it would have seen then.
    """
    import pandas as pd

    by = dict(iter(rounds.groupby("run")))
    found = [row for cut in cuts for row in of_run(cut, by[cut.run].sort_values("round"), rules)]
    return pd.DataFrame(found, columns=list(COLUMNS))


def of_run(cut: Cut, rounds: "pd.DataFrame", rules: Sequence[Ref]) -> Iterator[dict[str, Any]]:
    """Rows of one run."""
    built = {rule.json: registry.build("stopping", rule) for rule in rules}
    watch = Watch(built, cut.task, cut.learner, lambda: cut.spec.rng("stopping"))
    if sees_test(cut.spec):
        watch.refused = dict.fromkeys(built, SEES_TEST)
    watch.answered(cut.oracle)
    ledger = Ledger(cut.task, cut.oracle)
    at: dict[str, int] = {}
    asked = rounds["annotators"] if "annotators" in rounds else [None] * len(rounds)
    for number, (picks, who) in enumerate(zip(rounds["picks"], asked, strict=True)):
        if not watch.open:
            break
        bought = cut.positions(np.asarray(picks, dtype=np.intp))
        named = None if who is None else np.asarray(who, dtype=np.intp)
        answers = ledger.buy(bought, cut.task.delay if number else 0, named)
        before = set(watch.stopped)
        evidence = ledger.evidence(number, bought, answers)
        if not len(evidence.labeled):  # a start from nothing: no model to ask about
            continue
        watch.ask(evidence, cut.fit(evidence.labeled, evidence.y_labeled))
        at |= dict.fromkeys(set(watch.stopped) - before, number)
    total = sum(len(picks) for picks in rounds["picks"])
    for name, rule in built.items():
        stop, held = watch.stopped.get(name), int(getattr(rule, "held", 0))
        yield {
            "run": cut.run,
            "rule": name,
            "round": at.get(name, -1),
            "spent": held + (total if stop is None else stop.labels),
            "why": None if stop is None else stop.why,
            "refused": watch.refused.get(name),
        }


def stops(
    specs: Sequence[RunSpec],
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    rules: Sequence[Ref],
    *,
    folder: Path | None = None,
    jobs: int = -1,
    plugins: Sequence[str] = (),
    say: Say = lambda sentence: None,
) -> "pd.DataFrame":
    """`replayed` for the finished runs, what is known from before read from a file.

    specs   the finished runs to judge; runs, rounds: their tables
    folder  the results folder, where `stopping.parquet` keeps what was found; None: nowhere.
            What other versions of the libraries found is found anew
    """
    import pandas as pd

    known = remembered(folder)
    wanted = {(spec.id, rule.json) for spec in specs for rule in rules}
    held = set(zip(known["run"], known["rule"], strict=True))
    lacking: dict[str, list[Ref]] = {}
    for spec in specs:
        lacking[spec.id] = [rule for rule in rules if (spec.id, rule.json) not in held]
    for part in parts_of([spec for spec in specs if lacking[spec.id]], lacking):
        missing = lacking[part[0].id]
        ids = {spec.id for spec in part}
        some = (runs[runs["run"].isin(ids)], rounds[rounds["run"].isin(ids)])
        found = over_cuts(replayed, *some, part, jobs, plugins, rules=missing)
        known = pd.concat([known, found], ignore_index=True) if len(known) else found
        remember(folder, known, say)
    here = [pair in wanted for pair in zip(known["run"], known["rule"], strict=True)]
    return known[here].reset_index(drop=True)


def parts_of(
    specs: Sequence[RunSpec], lacking: Mapping[str, Sequence[Ref]]
) -> Iterator[list[RunSpec]]:
    """Runs that lack the same rules, some cuts at a time."""
    groups: dict[tuple[str, ...], list[RunSpec]] = {}
    for spec in specs:
        groups.setdefault(tuple(rule.json for rule in lacking[spec.id]), []).append(spec)
    for group in groups.values():
        units = blocks(group)
        for i in range(0, len(units), PART):
            yield [spec for unit in units[i : i + PART] for spec in unit]


def stamp() -> bytes:
    """What the numbers depend on besides runs and rules."""
    return canonical(provenance.versions()).encode()


def remembered(folder: Path | None) -> "pd.DataFrame":
    """What was found before in these results; nothing where it is of other versions."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    nothing = pd.DataFrame({name: pd.Series(dtype=object) for name in COLUMNS})
    file = None if folder is None else folder / FILE
    if file is None or not file.is_file():
        return nothing
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise BadResults(f"{file} cannot be read ({error}); it is derived: delete it") from error
    if (table.schema.metadata or {}).get(b"versions") != stamp():
        return nothing
    if set(table.column_names) != set(COLUMNS):
        raise BadResults(f"{file} has other columns than are due; it is derived: delete it")
    held: pd.DataFrame = table.select(list(COLUMNS)).to_pandas()
    return held


def remember(folder: Path | None, found: "pd.DataFrame", say: Say) -> None:
    """Keep what was found; say so where the folder cannot be written to."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    if folder is None:
        return
    types = {"round": pa.int32(), "spent": pa.int64()}
    arrays = {
        name: pa.array(found[name], type=types.get(name, pa.string()), from_pandas=True)
        for name in COLUMNS
    }
    table = pa.table(arrays).replace_schema_metadata({b"versions": stamp()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    try:
        write_atomic(folder / FILE, buffer.getvalue())
    except OSError as error:
        say(f"{folder / FILE} is not written ({error.strerror}): the next call refits")


def rules_of(text: str) -> Ref:
    """The rule of a row's canonical JSON."""
    return Ref.from_table(json.loads(text))
