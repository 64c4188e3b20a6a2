"""`check`, `verify`: whether a strategy is fair, and stored numbers are what the code gives."""

from typing import Annotated

import typer

from albench.cli.options import FormatOpt, PluginOpt, ResultsOpt, load_plugins
from albench.cli.output import Format, note, show, show_frame
from albench.cli.run import Engine, EngineOpt, TimeoutOpt
from albench.core.errors import CheckFailed

TargetArg = Annotated[
    str, typer.Argument(metavar="SUITE|DIR", help="A suite, or a folder with results.")
]
SampleOpt = Annotated[
    int, typer.Option("--sample", metavar="N", help="How many runs to replay; 0: all.")
]
SeedOpt = Annotated[
    int | None, typer.Option("--seed", metavar="S", help="Seeds the sample (default: drawn).")
]
AllowOpt = Annotated[
    bool,
    typer.Option(
        "--allow-environment",
        help="Pass runs that pick other rows under other library versions or another CPU.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("check")(check)
    app.command("verify")(verify)


def check(
    strategy: Annotated[str, typer.Argument(help="Its name; with --plugin one of your own.")],
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="S", help="Repeats a check (default: new data).")
    ] = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Check that a strategy keeps the contract and does not peek; exit 1 if it fails.

    The data are drawn afresh at each call, so that no strategy can know them; published ones are
    tried in disguise. Picks are compared with those in a process that holds no data.
    """
    from albench.api.checks import check as checked

    load_plugins(plugin)
    found = checked(strategy, seed=seed)
    rows = [vars(row) for row in found.rows]
    show(rows, ["check", "verdict", "tried", "found"], fmt=fmt, notes=found.notes)
    if not found.passed:
        raise CheckFailed(found.verdict)


def verify(
    target: TargetArg,
    results: ResultsOpt = None,
    sample: SampleOpt = 20,
    seed: SeedOpt = None,
    allow_environment: AllowOpt = False,
    timeout: TimeoutOpt = None,
    engine: EngineOpt = Engine.auto,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Replay stored runs from their specs: same, differs, or differs in another environment.

    Picks and labels must be the same, scores agree within 1e-9. Nothing that came with the
    folder is executed; a strategy from outside is the one given by --plugin. Runs of entries
    that are not known here, or are another version, are named as not replayed. Each strategy
    is replayed in a fresh process; one from outside picks in a process that holds no data, and
    its picks are scored where its file was never loaded. Exit 1 where a run differs, a file is
    faulty, or nothing at all could be replayed.
    """
    from albench.api.checks import verify as verified

    load_plugins(plugin)
    found = verified(
        target,
        results,
        sample=sample,
        seed=seed,
        allow_environment=allow_environment,
        timeout=timeout,
        engine=engine.value,
        plugins=plugin or (),
    )
    show_frame(found.runs, fmt=fmt, notes=found.notes)
    for fault in found.faults:
        note(f"fault: {fault}")
    if not found.passed:
        raise CheckFailed(found.failure)
