"""`new`: files to start from."""

from pathlib import Path
from typing import Annotated

import typer

from albench.cli.output import emit, note
from albench.core.errors import BadData, BadValue

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
SUITE = """title = "Which strategy suits {stem}?"
protocol = {{use = "standard", start = {start}, batch = {batch}, budget = {budget}}}
datasets = [{{use = "csv", path = {path}, target = {target}, name = "{stem}"}}]
models = ["logreg", "forest"]
strategies = ["random", "margin", "entropy", "least_confident", "kcenter"]
trials = 20
metrics = ["accuracy", "balanced_accuracy", "f1_macro"]
primary = "balanced_accuracy"
baseline = "random"
"""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    new = typer.Typer(no_args_is_help=True, help="Write a file to start from.")
    new.command("strategy")(new_strategy)
    new.command("suite")(new_suite)
    app.add_typer(new, name="new")


def new_strategy(
    name: Annotated[str, typer.Argument(help="Its name, such as mine.")],
    to: Annotated[Path | None, typer.Option("--to", help="File (default NAME.py).")] = None,
) -> None:
    """Write a strategy that runs, ready to edit."""
    function = name.replace("-", "_")
    if not function.isidentifier():
        raise BadValue(f"strategy name {name!r}: letters, digits, - and _ only")
    path = to or Path(f"{function}.py")
    written(path, STRATEGY.format(name=name, function=function))
    emit(
        f"{path} is a strategy that runs. Next:\n"
        f"  albench run quickstart --plugin {path} --add {name}\n"
        f"  albench check {name} --plugin {path}"
    )


def new_suite(
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="A CSV file.")],
    target: Annotated[str, typer.Option("--target", metavar="COLUMN", help="What to predict.")],
    to: Annotated[Path | None, typer.Option("--to", help="File (default NAME.toml).")] = None,
    budget: Annotated[
        int | None, typer.Option("--budget", metavar="N", help="Labels to buy, start included.")
    ] = None,
) -> None:
    """Write a suite for a table of your own, ready to run."""
    import json

    n, classes = looked_at(data, target)
    train = int(n * 0.6)
    if budget is not None and not 3 <= budget <= train:
        raise BadValue(f"--budget {budget}: from 3 to {train}, the rows that can be bought")
    labels = budget or min(200, train // 2)
    start = min(20, max(2 * classes, labels // 5))
    if budget is not None:
        start = min(start, budget - 1)
    path = to or Path(f"{data.stem}.toml")
    text = SUITE.format(
        stem=data.stem.replace('"', ""),
        start=start,
        batch=max(1, (labels - start) // 18),
        budget=max(labels, start + 1),
        path=json.dumps(str(data.resolve())),
        target=json.dumps(target),
    )
    runnable(text, path)
    written(path, text)
    emit(f"{path} is a suite over {n} rows with {classes} classes. Next:\n  albench run {path}")


def looked_at(data: Path, target: str) -> tuple[int, int]:
    """Rows and classes of a CSV file; raises BadData where it does not suit."""
    import pandas as pd

    from albench.core import registry

    if not data.is_file():
        raise BadData(f"{data}: no such file")
    try:
        table = pd.read_csv(data)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadData(f"{data}: no CSV table: {error}") from error
    if target not in table.columns:
        known = registry.did_you_mean(target, [str(c) for c in table.columns])
        raise BadData(f"{data}: no column {target!r}{known}")
    empty = int(table[target].isna().sum())
    if empty:
        raise BadData(
            f"{data}: column {target!r} has {empty} empty cells; a row without a class can be "
            "neither bought nor tested, so leave those rows out or fill them in"
        )
    classes = int(table[target].nunique())
    if classes < 2:
        raise BadData(f"{data}: column {target!r} holds one value only")
    if classes > len(table) // 5 or classes > 500:
        raise BadData(f"{data}: column {target!r} holds {classes} values; is this regression?")
    if len(table) < 40:
        raise BadData(f"{data}: {len(table)} rows are too few for a comparison; 40 at least")
    return len(table), classes


def runnable(text: str, path: Path) -> None:
    """Look at the data as `run` does; raises UsageError where it would refuse them."""
    import tomllib

    from albench.runner import preflight
    from albench.suite.toml import suite_of

    suite = suite_of(tomllib.loads(text), path, text)
    preflight(suite, suite.specs[:1], note)


def written(path: Path, text: str) -> None:
    """Write a new file; raises BadValue rather than overwrite one."""
    if path.exists():
        raise BadValue(f"{path} exists already; give another name with --to")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadValue(f"{path} cannot be written: {error.strerror}") from error
