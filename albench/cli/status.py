"""`list`, `show`, `status`: what there is, and how far a suite has come."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albench.cli.options import FormatOpt, PluginOpt, ResultsOpt, SuiteArg, load_plugins, suite_of
from albench.cli.output import WIDE, Format, emit, note, show, show_frame, table_width
from albench.core.errors import BadValue, UnknownName
from albench.core.tables import KEY

if TYPE_CHECKING:
    import pandas as pd

    from albench.core.parameters import Entry


class What(StrEnum):
    """What can be listed."""

    datasets = "datasets"
    strategies = "strategies"
    models = "models"
    metrics = "metrics"
    protocols = "protocols"
    oracles = "oracles"
    costs = "costs"
    stopping = "stopping"
    suites = "suites"


IRREGULAR = {"strategies": "strategy", "stopping": "stopping"}
SINGULAR = {w.value: IRREGULAR.get(w.value, w.value[:-1]) for w in What}


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("list")(list_entries)
    app.command("show")(show_entry)
    app.command("status")(status)


def list_entries(
    what: Annotated[
        What | None, typer.Argument(help="Which kind; all of them if left out.")
    ] = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Datasets with this tag, such as rare or core."),
    ] = None,
) -> None:
    """List what a suite can name, with one line on each."""

    load_plugins(plugin)
    if tag and what is not What.datasets:
        raise BadValue("--tag is for datasets: albench list datasets --tag rare")
    if what is None:
        rows = [row | {"kind": SINGULAR[w]} for w in What for row in listing(w)]
        show(rows, ["kind", "name", "summary"], fmt=fmt)
        return None
    rows = tagged(listing(what), tag or ())
    if what is What.strategies:
        return show_strategies(rows, fmt)
    extra = {
        What.datasets: ["n", "d", "classes", "tags", "source"],
        What.models: ["probabilities", "source"],
        What.metrics: ["better", "source"],
        What.oracles: ["source"],
    }.get(what, [])
    show(rows, ["name", *extra, "summary"], fmt=fmt)
    return None


def tagged(rows: list[dict[str, Any]], tags: Sequence[str]) -> list[dict[str, Any]]:
    """The datasets that have all these tags; all rows where none is given."""
    from albench.datasets.uci import selected

    if not tags:
        return rows
    names = {table.name for table in selected(tags)}
    return [row for row in rows if row["name"] in names]


SHORT = ["name", "family", "needs", "batch-aware"]
METADATA = ["family", "needs", "multi-class", "batch-aware", "sequential", "cost", "source"]


def show_strategies(rows: list[dict[str, Any]], fmt: Format) -> None:
    """The strategies with as many columns as the terminal holds; all in other formats."""
    width = table_width() or WIDE
    if fmt is not Format.table or width >= 200:
        return show(rows, ["name", *METADATA, "summary"], fmt=fmt)
    for row in rows:
        if row["sequential"]:
            row["needs"] = ", ".join(filter(None, [row["needs"], "sequential labels"]))
    more = [c for c, least in (("cost", 110), ("source", 150)) if width >= least]
    rest = [c for c in ("cost", "source") if c not in more]
    said = [f"{', '.join(rest)}: albench show strategy NAME, or --format csv"] if rest else []
    notes = ["; ".join(["binary = not multi-class", *said])]
    return show(rows, [*SHORT, *more, "summary"], notes=notes, kept=["name", "summary"])


def listing(what: What) -> list[dict[str, Any]]:
    """The rows of one kind."""
    from albench.core import registry
    from albench.suite.protocols import PROTOCOLS
    from albench.suite.toml import shipped

    if what is What.protocols:
        return [
            {"name": name, "summary": text.split("\n")[0]} for name, (_, text) in PROTOCOLS.items()
        ]
    if what is What.suites:
        return [{"name": n, "summary": title_of(path)} for n, path in shipped().items()]
    kind: Any = SINGULAR[what]
    return [row_of(registry.entry(kind, name)) for name in registry.names(kind)]


def row_of(entry: "Entry") -> dict[str, Any]:
    """An entry as a row."""
    from albench.datasets.uci import marks

    traits = entry.traits
    tags = {"tags": " ".join(marks(entry.name))} if entry.kind == "dataset" else {}
    return (
        traits.told(entry.kind)
        | tags
        | {
            "name": entry.name,
            "summary": entry.summary,
            "source": traits.cite,
            "needs": ", ".join(traits.needs),
            "batch-aware": traits.batch_aware,
            "sequential": traits.sequential,
            "multi-class": "binary" not in traits.needs,
            "probabilities": bool(traits.proba),
        }
    )


def title_of(path: Path) -> str:
    """The title of a suite file."""
    import tomllib

    return str(tomllib.loads(path.read_text(encoding="utf-8")).get("title", ""))


def show_entry(
    kind: Annotated[
        str,
        typer.Argument(
            help="dataset, strategy, model, metric, protocol, oracle, cost, stopping, suite."
        ),
    ],
    name: Annotated[str, typer.Argument(help="The name in the registry.")],
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Show what an entry is, its parameters, what it needs, and its source."""
    from albench.core import registry
    from albench.strategies._checked import checked

    load_plugins(plugin)
    single = SINGULAR.get(kind, kind)
    if single == "protocol":
        return show_protocol(name, fmt)
    if single == "suite":
        return show_suite(name, fmt)
    if single not in registry.KINDS:
        raise UnknownName(
            f"unknown kind {kind!r}{registry.did_you_mean(kind, list(SINGULAR.values()))}"
        )
    wanted: Any = single
    entry = registry.entry(wanted, name)
    told = entry.traits.told(entry.kind)
    if single == "strategy":
        told = {"needs": "any query model"} | told
        told["multi_class"] = "binary" not in entry.traits.needs
        known = checked(name)
        if known is not None:
            told |= {"checked": f"{known.against}; on {known.data}", "checked_by": known.test}
    if single == "model":
        told |= times_of(name)
    about = [{"property": key, "value": value} for key, value in sorted(told.items())]
    head = f"{entry.kind} {entry.name}, version {entry.version}\n\n{entry.doc}"
    rows = [row for row in about if not callable(row["value"])]
    return described(head, rows, fmt, parameter_rows(entry))


def times_of(name: str) -> dict[str, str]:
    """How long a fit of a model takes, as it was recorded; nothing where it was not."""
    from albench.models import _times

    taken = _times.SECONDS.get(name)
    if taken is None:
        return {}
    words = [
        f"{n:,} labels: {in_words(s, _times.LIMIT)}"
        for n, s in zip(_times.LABELS, taken, strict=True)
    ]
    return {"time_of_a_fit": f"{'; '.join(words)} ({_times.WHERE})"}


def in_words(seconds: float | None, limit: float) -> str:
    """A recorded time; None: longer than the limit."""
    if seconds is None:
        return f"over {limit:g} s"
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{1e3 * seconds:.3g} ms"


def described(
    head: str, rows: list[dict[str, Any]], fmt: Format, parameters: Sequence[dict[str, Any]] = ()
) -> None:
    """An entry: what it is in words, its properties, its parameters.

    In formats for machines both are one table, with the words among the notes.
    """
    if fmt is Format.table:
        emit(f"{head}\n")
        if rows:
            show(rows, ["property", "value"])
        if parameters:
            show(parameters, ["parameter", "type", "default"])
        return
    more = [
        {"property": f"parameter {p['parameter']}", "value": f"{p['type']}, default {p['default']}"}
        for p in parameters
    ]
    show([*rows, *more], ["property", "value"], fmt=fmt, notes=[head])


def show_suite(name: str, fmt: Format) -> None:
    """A suite: its file as it is, or its properties."""
    suite = suite_of(name)
    if fmt is Format.table:
        return emit(f"{suite.title}\n{suite.path}\n\n{suite.text}")
    labels = {"datasets": suite.datasets, "models": suite.models, "strategies": suite.strategies}
    rows: list[dict[str, Any]] = [
        {"property": kind, "value": [e.label for e in entries]} for kind, entries in labels.items()
    ]
    rows += [
        {"property": "protocols", "value": [label for label, _ in suite.protocols]},
        {"property": "trials", "value": suite.trials.take},
        {"property": "metrics", "value": list(suite.metrics)},
        {"property": "primary", "value": suite.primary},
        {"property": "baseline", "value": suite.baseline},
    ]
    return show(rows, ["property", "value"], fmt=fmt, notes=[f"{suite.title}; {suite.path}"])


def show_protocol(name: str, fmt: Format) -> None:
    """A protocol's fields and what differs from the defaults."""
    from albench.suite.protocols import PROTOCOLS, protocol

    value = protocol(name)
    rows = [{"property": key, "value": text} for key, text in value.shown().items()]
    head = f"protocol {name}: {PROTOCOLS[name][1]}"
    described(head, rows, fmt)


def parameter_rows(entry: "Entry") -> list[dict[str, Any]]:
    """The parameters of an entry, as a suite gives them."""
    from albench.core.parameters import readable

    rows = [
        {
            "parameter": name,
            "type": readable(p.annotation),
            "default": "needed" if p.default is p.empty else readable_default(p.default),
        }
        for name, p in entry.parameters.items()
    ]
    if entry.traits.resolve is None:
        return rows
    # a file is named in a suite by its path; runs know it by its checksum
    place = [("path", "needed"), ("sha256", "taken from the file at path")]
    if entry.kind == "dataset":
        place = [("path", "needed, or url"), ("url", "none"), ("sha256", place[1][1])]
    own = [row for row in rows if row["parameter"] not in dict(place)]
    return [{"parameter": name, "type": "text", "default": d} for name, d in place] + own


def readable_default(value: Any) -> str:
    """A default as a suite would give it."""
    return "none" if value is None else str(value)


def grouped(bad: "pd.DataFrame") -> "pd.DataFrame":
    """Runs that failed or were skipped for the same reason, as one row with where they did."""
    import pandas as pd

    keys = ["strategy", "model", "status", "reason_code", "reason"]
    rows = []
    for values, part in bad.groupby(keys, sort=False, dropna=False):
        names = list(dict.fromkeys(part["dataset"].astype(str)))
        where = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
        rows.append(dict(zip(keys, values, strict=True)) | {"runs": len(part), "datasets": where})
    columns = ["strategy", "model", "runs", "datasets", "status", "reason_code", "reason"]
    return pd.DataFrame(rows, columns=columns)


def status(
    suite: SuiteArg,
    results: ResultsOpt = None,
    failed: Annotated[bool, typer.Option("--failed", help="Show why runs failed.")] = False,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Show what is done, missing, failed or skipped, by dataset and strategy."""
    from albench.core.reasons import MEANING, Reason
    from albench.runner import open_store
    from albench.runner.grid import grid_status

    loaded = suite_of(suite, plugin)
    store = open_store(loaded, results, note)
    if not store.folder.is_dir():
        note(f"there is no folder {store.folder.resolve()}: nothing is stored yet")
    table = grid_status(loaded, store)
    if failed:
        bad = table[table["status"].isin(["failed", "timeout", "skipped"])]
        if bad.empty:
            note(f"none of {len(table)} runs failed or was skipped")
        by_code = bad["reason_code"].value_counts()
        shown = bad[[*KEY, "status", "reason_code", "reason"]]
        notes = [f"{n} runs {code}: {MEANING[Reason(str(code))]}" for code, n in by_code.items()]
        if fmt in (Format.table, Format.markdown, Format.latex):
            shown = grouped(shown)
            notes += ["every run by itself: --format csv"] if len(shown) < len(bad) else []
        kept = ["strategy", "runs", "reason_code", "reason"]
        return show_frame(shown, fmt=fmt, notes=notes, kept=kept)
    keys = ["dataset", "strategy"]
    counts = table.groupby([*keys, "status"], sort=False).size().unstack(fill_value=0)
    columns = ["done", "missing", "failed", "timeout", "skipped"]
    rows = counts.reindex(columns=columns, fill_value=0).reset_index()
    total = table["status"].value_counts()
    notes = [", ".join(f"{total.get(c, 0)} {c}" for c in columns) + f", {len(table)} runs in all"]
    return show_frame(rows[[*keys, *columns]], fmt=fmt, notes=notes)
