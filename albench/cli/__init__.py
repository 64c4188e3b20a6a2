"""The command line: parse, call, show. No arithmetic here.

Exit codes: 0 success; 1 a check that was asked for fails, or runs failed; 2 a user's
mistake; 130 interrupted.
"""

import re
import signal
import sys
from typing import Any

import typer

from albench.cli import (
    bought,
    check,
    compare,
    data,
    figures,
    new,
    plan,
    repair,
    report,
    run,
    status,
    stop,
    submit,
    transfer,
)
from albench.cli.output import emit, note
from albench.core.errors import AlbenchError, UsageError

INTERRUPTED = 130
app = typer.Typer(
    name="albench",
    help="Reproducible benchmarks of pool-based active learning on tabular classification.",
    epilog="Data files are kept in the folder ALBENCH_DATA (default: the platform's cache folder); "
    "ALBENCH_MIRROR names a folder that is looked at before any network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
MODULES = (
    *(status, plan, run, compare, figures, bought, stop, transfer),
    *(report, data, new, check, submit, repair),
)
for module in MODULES:
    module.add_to(app)


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Reproducible benchmarks of pool-based active learning on tabular classification."""
    if version:
        from albench import __version__

        emit(__version__)
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """The entry point; ends the process with the exit code of the command."""
    signal.signal(signal.SIGTERM, terminated)
    sys.exit(exit_code(arguments))


def terminated(number: int, frame: Any) -> None:
    """End on SIGTERM as on Ctrl-C."""
    raise KeyboardInterrupt


def interrupted() -> int:
    """Say how to go on."""
    note("interrupted; what is stored stays, the same command goes on from there")
    return INTERRUPTED


def exit_code(arguments: list[str] | None) -> int:
    """Run a command and turn how it ended into an exit code and one message."""
    try:
        code = app(args=arguments, standalone_mode=False)
        # the parser turns Ctrl-C into an exit with 130
        return interrupted() if code == INTERRUPTED else code if isinstance(code, int) else 0
    except typer.Exit as error:
        return int(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return interrupted()
    except UsageError as error:
        note(f"error: {error}")
        return 2
    except AlbenchError as error:
        note(f"failed: {error}")
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        # what the parser raises has no public base class that all versions of typer share
        if not hasattr(error, "format_message"):
            raise
        return misparsed(error)


CHOICE = re.compile(r"(?:Value error, )?'([^']*)' is not one of ('.*')\.?$")


def misparsed(error: Any) -> int:
    """Say what the parser did not understand; without a command, what there is."""
    said = str(error.format_message())
    if type(error).__name__ == "NoArgsIsHelpError":
        emit(said)
        return 0
    if found := CHOICE.search(said):
        from albench.core.traits import did_you_mean

        given, known = found[1], re.findall("'([^']*)'", found[2])
        said = f"{said[: found.start()]}there is no {given!r}{did_you_mean(given, known)}"
    note(f"error: {said}")
    return 2
