"""`check`, `verify`: whether a strategy is fair, and stored numbers are what the code gives."""

from pathlib import Path
from typing import Annotated

import typer

from albench.cli.options import FormatOpt, PluginOpt, ResultsOpt, load_plugins, suite_of
from albench.cli.output import Format, note, show, show_frame
from albench.cli.run import Engine, EngineOpt, TimeoutOpt
from albench.core.errors import BadResults, CheckFailed

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

    The data are drawn afresh at each call, so that no strategy can know them.
    """
    import secrets

    from albench.testing.audit import BEYOND, check_strategy
    from albench.testing.scenes import SCENES

    load_plugins(plugin)
    seed = secrets.randbits(31) if seed is None else seed
    findings = check_strategy(strategy, seed)
    notes = [
        f"data drawn with seed {seed}; `--seed {seed}` repeats this check",
        f"scenes: {'; '.join(scene.name for scene in SCENES)}",
        *BEYOND,
    ]
    show([vars(f) for f in findings], ["check", "verdict", "tried", "found"], fmt=fmt, notes=notes)
    failed = [f.check for f in findings if f.verdict == "fail"]
    if failed:
        raise CheckFailed(f"{strategy}: {len(failed)} checks: {', '.join(failed)}")


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
    is replayed in a fresh process; one from outside only picks there, and its picks are scored
    where its file was never loaded. Exit 1 where a run differs, a file is faulty, or nothing
    at all could be replayed.
    """
    from albench.core.spec import Ref
    from albench.runner.worker import Options
    from albench.testing.verify import verify as verified

    folder, known, expected = Path(target), tuple[Ref, ...](), tuple[str, ...]()
    load_plugins(plugin)
    if results is None and not folder.is_dir() and len(folder.parts) > 1 and not folder.suffix:
        raise BadResults(f"{target}: no such folder")
    if results is not None or not folder.is_dir():
        suite = suite_of(target, plugin)
        folder = results or Path("results") / suite.name
        known = tuple(d.ref for d in suite.datasets)
        expected = tuple(spec.id for spec in suite.specs)
    options = Options(
        (), timeout=timeout, engine=engine.value, plugins=tuple(map(str, plugin or ()))
    )
    found = verified(
        folder,
        sample,
        seed,
        known=known,
        expected=expected,
        allow_environment=allow_environment,
        options=options,
    )
    show_frame(found.runs, fmt=fmt, notes=found.notes)
    for fault in found.faults:
        note(f"fault: {fault}")
    if not found.passed:
        raise CheckFailed(found.failure)
