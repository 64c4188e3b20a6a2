"""The standings as CSV and Markdown."""

import csv
import io

from albench.reporting.board import COLUMNS, Board, View, flat


def as_csv(board: Board) -> str:
    """All views in one table."""
    buffer = io.StringIO()
    names = ["model", "metric", "budget share", "datasets", *(c.name for c in COLUMNS)]
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    for view in board.views:
        where = {
            "model": view.model,
            "metric": view.metric,
            "budget share": f"{view.share:g}",
            "datasets": view.group,
        }
        writer.writerows({k: harmless(v) for k, v in (where | row).items()} for row in flat(view))
    return buffer.getvalue()


def harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return (
        f"'{text}" if text[:1] in "=@" or (text[:1] in "+-" and not text[1:2].isdigit()) else text
    )


def as_markdown(view: View, board: Board) -> str:
    """The first view as a Markdown table."""
    names = [c.name for c in COLUMNS]
    lines = [names, ["---"] * len(names), *([row[n] for n in names] for row in flat(view))]
    body = "\n".join(
        "| " + " | ".join(plain_markdown(cell) for cell in line) + " |" for line in lines
    )
    return f"# {plain_markdown(board.suite.title)}\n\n{body}\n\n{plain_markdown(view.note)}\n"


def plain_markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    for mark in "\\|`*_<>[]":
        text = text.replace(
            mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark]
        )
    return "---" if set(text) == {"-"} else text
