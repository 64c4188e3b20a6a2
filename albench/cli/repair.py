"""`repair`: set a damaged results folder right."""

from pathlib import Path
from typing import Annotated

import typer

from albench.cli.output import emit


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("repair")(repair)


def repair(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A results folder.")],
) -> None:
    """Rebuild what can be derived of a damaged results folder, and say what was done.

    Nothing is made up, and nothing deleted: what is damaged keeps its content under a name
    that ends in `.damaged`.
    """
    from albench.results.repair import repaired
    from albench.results.store import Store

    for sentence in repaired(folder):
        emit(sentence)
    emit(f"{folder}: {len(Store(folder).runs(['status']))} runs, all of them whole")
