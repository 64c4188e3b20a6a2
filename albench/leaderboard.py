"""The leaderboard as files: a static site, CSV and Markdown, equal for equal tables."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from albench import pages
from albench.board import COLUMNS, Board, View, flat
from albench.files import write_atomic
from albench.site import Site


def write(board: Board, manifest: Mapping[str, Any], answers: list[str], folder: Path) -> int:
    """Write all pages; returns the number of bytes."""
    links = pages.slugs([s.label for s in board.suite.strategies], "strategy")
    links |= {f"dataset {k}": v for k, v in
              pages.slugs([d.label for d in board.suite.datasets], "dataset").items()}  # fmt: skip
    site = Site(board, manifest, {k: f"{v}.html" for k, v in links.items()})
    first = board.view(board.models[0], board.suite.primary)
    files = {
        "index.html": site.index(answers),
        "protocol.html": site.protocol(),
        "leaderboard.csv": as_csv(board),
        "leaderboard.md": as_markdown(first, board),
    }
    files |= {site.links[s.label]: site.strategy(s) for s in board.suite.strategies}
    for dataset in board.suite.datasets:
        files[site.links[f"dataset {dataset.label}"]] = site.dataset(dataset)
    for name, text in files.items():
        write_atomic(folder / name, text.encode())
    return sum(len(text.encode()) for text in files.values())


def as_csv(board: Board) -> str:
    """All views in one table."""
    buffer = io.StringIO()
    names = ["model", "metric", "budget share", "datasets", *(c.name for c in COLUMNS)]
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    for view in board.views:
        where = {"model": view.model, "metric": view.metric, "budget share": f"{view.share:g}",
                 "datasets": view.group}  # fmt: skip
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
