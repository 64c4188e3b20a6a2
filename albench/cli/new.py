"""`new`: files to start from."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albench.cli.output import emit, note, show
from albench.cli.tables import (
    given_of,
    label_of,
    lines_of,
    option_lines,
    remark,
    rows_of,
    suite_text,
    with_table_options,
)
from albench.core.errors import BadData, BadValue
from albench.core.traits import did_you_mean

if TYPE_CHECKING:
    from albench.suite.panel import Facts

TOLD = ("column", "taken as", "why", "distinct", "missing")
FEW = 40  # rows below which a comparison decides nothing
PACKED = (".gz", ".bz2", ".xz", ".zip")

STRATEGY = '''"""A query strategy of one's own."""

import numpy as np

from albench import strategy


@strategy("{name}", cite="")
def {function}(query):
    """Half by margin, half at random: replace this line and the body by your idea.

    query.X          features of all train rows (pool and labelled)
    query.labeled    positions with a label, query.y_labeled their labels
    query.pool       positions that can be picked; query.n of them are due
    query.proba      (pool, classes) probabilities of the query model; query.model itself
    query.rng        the generator to draw from
    query.top(score) the n pool positions with the largest score, ties as the protocol says
    """
    n_margin = (query.n + 1) // 2
    chosen = query.top(-query.margins, n_margin)
    rest = np.setdiff1d(query.pool, chosen)
    return np.concatenate([chosen, query.rng.choice(rest, query.n - n_margin, replace=False)])
'''


STOPPING = '''"""A stopping rule of one's own."""

from albench import stopping


@stopping("{name}", cite="")
def {function}(query, *, threshold: float = 0.05):
    """The model expects few mistakes on the pool: replace this line and the body by your idea.

    query.X          features of all train rows; query.pool positions that could be picked next
    query.labeled    positions with a label, query.y_labeled their labels
    query.proba      (pool, classes) probabilities of the fitted model, query.every of all rows
    query.picks      what was bought last, query.y_picks the answers to it
    query.selected   what the model said of those rows before it learnt them (None at first)
    query.n_bought   labels bought so far, query.remaining those that the budget still allows
    query.rng        the generator to draw from; a class keeps a memory over the run

    Returns False to go on, or a sentence on why to stop.
    """
    expected = float((1 - query.proba.max(axis=1)).mean())
    return expected < threshold and f"expected error on the pool {{expected:.3g}}"
'''


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    new = typer.Typer(no_args_is_help=True, help="Write a file to start from.")
    new.command("strategy")(new_strategy)
    new.command("stopping")(new_stopping)
    new.command("suite")(new_suite)
    app.add_typer(new, name="new")


def new_strategy(
    name: Annotated[str, typer.Argument(help="Its name, such as mine.")],
    to: Annotated[Path | None, typer.Option("--to", help="File (default NAME.py).")] = None,
) -> None:
    """Write a strategy that runs, ready to edit."""
    path = from_template("strategy", STRATEGY, name, to)
    emit(
        f"{path} is a strategy that runs. Next:\n"
        f"  albench run quickstart --plugin {path} --add {name}\n"
        f"  albench check {name} --plugin {path}"
    )


def new_stopping(
    name: Annotated[str, typer.Argument(help="Its name, such as mine.")],
    to: Annotated[Path | None, typer.Option("--to", help="File (default NAME.py).")] = None,
) -> None:
    """Write a stopping rule that runs, ready to edit."""
    path = from_template("stopping rule", STOPPING, name, to)
    emit(
        f"{path} is a stopping rule that runs. Next, on runs that are stored:\n"
        f"  albench stop quickstart --plugin {path} --rule {name}\n"
        f'or, in a protocol, to end runs by it: stop = "{name}"'
    )


def from_template(what: str, template: str, name: str, to: Path | None) -> Path:
    """Write a file from a template; raises BadValue for a name or a file that cannot be."""
    function = name.replace("-", "_")
    if not function.isidentifier():
        raise BadValue(f"{what} name {name!r}: letters, digits, - and _ only")
    path = to or Path(f"{function}.py")
    if path.exists():
        raise BadValue(f"{path} exists already; give another name with --to")
    written(path, template.format(name=name, function=function))
    return path


@with_table_options
def new_suite(
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="A table of your own.")],
    target: Annotated[
        str, typer.Option("--target", metavar="COLUMN", help="The column of classes.")
    ] = "",
    to: Annotated[Path | None, typer.Option("--to", help="File (default NAME.toml).")] = None,
    budget: Annotated[
        int | None, typer.Option("--budget", metavar="N", help="Labels to buy, start included.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", metavar="N", help="Labels bought at a time.")
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option("--cost", help="Of a label: 2.5; CLASS=5 (again for each); or a CSV file."),
    ] = None,
    session: Annotated[
        float | None, typer.Option("--session", help="What one session may cost together.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds-per-label", min=0.001, help="How long a person takes for one."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
    **options: Any,
) -> None:
    """Write a suite for a table of your own, ready to run.

    It says how each column is taken and what looks wrong. What would stop a run is settled by
    options in the file, each with why; other choices stand there as comments.
    """
    from albench.suite.panel import Asked, panel

    path = to or Path(f"{stem_of(data)}.toml")
    if path.exists() and not force:
        raise BadValue(f"{path} exists already; give another name with --to, or --force")
    facts, entry, lines, errors = described(data, target, given_of(options))
    asked = Asked(budget, batch, cost_of(cost, facts), session)
    chosen = panel(facts, asked)
    if facts.rare:
        entry.setdefault("positive", facts.rarest)
    more = [] if seconds is None else [f"seconds_per_label = {seconds}"]
    head = [f"# It does not run yet: {remark(sentence)}" for sentence in errors]
    text = suite_text(f"Which strategy suits {label_of(stem_of(data))}?", entry, chosen, lines)
    text = "\n".join([*head, *more, text])
    command = shlex.join(["albench", "run", str(path)])
    if errors:
        written(path, text)
        raise BadData(f"{path} is written and does not run yet: " + "; ".join(errors))
    runnable(text, path)
    written(path, text)
    few = " (few: differences will hardly show)" if facts.n < FEW else ""
    emit(f"{path} is a suite over {facts.n} rows{few} with {facts.k} classes. Next:\n  {command}")
    again = shlex.join(["albench", "stop", str(path)])
    note(f"and then, on when one could have stopped labelling: {again}")


def stem_of(data: Path) -> str:
    """The name of a file without its endings, compressed ones too."""
    stem = data.stem if data.suffix.lower() in PACKED else data.name
    return Path(stem).stem or "table"


def described(
    data: Path, target: str, given: dict[str, Any]
) -> tuple["Facts", dict[str, Any], list[str], list[str]]:
    """Facts of a file for the panel, its entry, lines of options, and what stands against it."""
    from albench.datasets._doctor import said
    from albench.datasets._look import OPTIONS, content_of, looked, settled
    from albench.datasets._read import format_of
    from albench.suite.panel import Facts

    use = format_of(data, content_of(data))
    entry: dict[str, Any] = {"use": use, "path": str(data.resolve())}
    if use not in OPTIONS:
        return of_arrays(data, entry, target, given)
    if not target:
        raise BadValue(f"{data}: --target COLUMN is due, the column of classes")
    first = looked(data, target, given)
    show(rows_of(first), TOLD)
    for line in lines_of(first):
        note(line)
    if not any(c.name == target for c in first.report.columns):
        raise BadData(f"{data}: " + "; ".join(said(f) for f in first.report.errors))
    found = settled(first, set(given))
    split = "group" if found.options.group else "time" if found.options.time else "random"
    entry |= {"target": target, "name": label_of(stem_of(data))}
    counts = found.counts if len(found.counts) > 1 else {"one": 1, "other": 1}
    facts = Facts(counts, found.report.width, split)
    return facts, entry, option_lines(found), [said(f) for f in found.report.errors]


def of_arrays(
    data: Path, entry: dict[str, Any], target: str, given: dict[str, Any]
) -> tuple["Facts", dict[str, Any], list[str], list[str]]:
    """The same of a file without named columns (svmlight, npz)."""
    import numpy as np

    from albench.core import registry
    from albench.suite.panel import Facts

    strange = sorted(set(given) - {"positive"})
    if strange:
        raise BadValue(f"{data}: a file of format {entry['use']} has no option {strange[0]!r}")
    more = {"target": target} if target and entry["use"] == "npz" else {}
    table = entry | more | given
    found = registry.build("dataset", registry.resolve("dataset", dict(table)))
    counts = np.bincount(found.y, minlength=len(found.classes)).tolist()
    facts = Facts(dict(zip(found.classes, counts, strict=True)), found.d)
    return facts, table | {"name": label_of(stem_of(data))}, [], []


def cost_of(given: Sequence[str] | None, facts: "Facts") -> dict[str, Any] | None:
    """What `--cost` says, as the protocol's table; raises BadValue for what it cannot be."""
    if not given:
        return None
    if len(given) == 1 and Path(given[0]).is_file():
        return {"use": "per_row", "path": str(Path(given[0]).resolve())}
    try:
        if len(given) == 1 and "=" not in given[0]:
            return {"use": "constant", "label": positive(given[0])}
        pairs = [item.rpartition("=") for item in given]
        prices = {name: positive(price) for name, _, price in pairs}
    except ValueError:
        raise BadValue(
            f"--cost {given[0]}: a price such as 2.5, CLASS=5 (again for each class), or a CSV "
            "file with the columns row and cost"
        ) from None
    for name in prices:
        if name not in facts.counts:
            raise BadValue(f"--cost {name}=...: no such class{did_you_mean(name, facts.counts)}")
    return {"use": "per_class", "classes": list(prices), "prices": list(prices.values())}


def positive(text: str) -> float:
    """A price; raises ValueError where it is none."""
    price = float(text)
    if not 0 < price < float("inf"):
        raise ValueError(text)
    return price


def runnable(text: str, path: Path) -> None:
    """Look at the data as `run` does; raises UsageError where it would refuse them."""
    import tomllib

    from albench.runner import preflight
    from albench.suite.toml import suite_of

    suite = suite_of(tomllib.loads(text), path, text)
    preflight(suite, suite.specs[:1], note)


def written(path: Path, text: str) -> None:
    """Write a file; raises BadValue where that fails."""
    try:
        path.write_text(text, encoding="utf-8")
    except (OSError, UnicodeEncodeError) as error:
        told = getattr(error, "strerror", None) or error
        raise BadValue(f"{str(path)[:200]!r} cannot be written: {told}") from error
