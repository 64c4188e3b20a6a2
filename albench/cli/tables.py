"""Options of tables on the command line, and how findings and a suite over a table are told."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from albench.core.tables import is_name
from albench.datasets._options import TextOptions, explained

if TYPE_CHECKING:
    from albench.datasets._look import Looked
    from albench.suite.panel import Panel

F = TypeVar("F", bound=Callable[..., Any])


def with_table_options(command: F) -> F:
    """Give a command the options of `TextOptions`; it takes them as `**options`.

    They have the names of the keys of a suite; a list is given by naming the option again.
    """
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    told, more = explained(TextOptions), []
    for f in fields(TextOptions):
        kind: Any = str | None
        if isinstance(f.default, bool) or f.name == "header":
            kind = bool | None
        elif isinstance(f.default, tuple) or f.name == "missing":
            kind = list[str] | None
        flags = [f"--{f.name}/--no-{f.name}"] if f.name == "header" else [f"--{f.name}"]
        option = typer.Option(*flags, help=told[f.name].replace("`", "") + ".")
        more.append(
            inspect.Parameter(
                f.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[kind, option],
            )
        )
    command.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
    command.__annotations__.pop("options", None)
    command.__annotations__.update({p.name: p.annotation for p in more})
    return command


def given_of(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given; lists as tuples."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in options.items()
        if value is not None
    }


def rows_of(found: "Looked") -> list[dict[str, Any]]:
    """One row per column: how it is taken and why."""
    said = {f.column for f in found.report.errors}
    return [
        {
            "column": c.name,
            "taken as": ("?" if c.name in said else "") + c.kind,
            "why": c.why,
            "distinct": c.distinct or None,
            "missing": c.missing or None,
        }
        for c in found.report.columns
    ]


def lines_of(found: "Looked") -> list[str]:
    """The findings that are more than a column's row, the worst first."""
    from albench.datasets._doctor import said

    order = {"error": 0, "note": 1, "fine": 2}
    ranked = sorted(found.report.found, key=lambda f: order[f.level])
    lines = []
    for f in ranked:
        option = "; ".join(f"{key} = {toml(value)}" for key, value in f.option.items())
        hint = " or ".join(part for part in (option, f.other) if part)
        lines.append(f"{f.level}: {said(f)}{f' -> {hint}' if hint else ''}")
    return lines


def toml(value: Any) -> str:
    """A value as TOML has it."""
    import json

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return str(value)


def remark(text: str) -> str:
    """A text as one comment of TOML: no line ends, no control signs."""
    return "".join(c if c.isprintable() else " " for c in text)


def suite_text(title: str, entry: dict[str, Any], panel: "Panel", found: Sequence[str]) -> str:
    """A suite over one table: keys, the panel and why, then the table's entry.

    found  lines of the entry (options with comments, other choices as comments)
    """
    protocol = {"use": "standard"} | panel.protocol
    lines = [
        f"title = {toml(title)}",
        *(f"# {remark(sentence)}" for sentence in panel.why),
        f"protocol = {toml(protocol)}",
        f"models = {toml(panel.models)}",
        f"strategies = {toml(panel.strategies)}",
        f"trials = {panel.trials}",
        f"metrics = {toml(panel.metrics)}",
        f"primary = {toml(panel.primary)}",
        'baseline = "random"',
        "# when one would have stopped labelling, said by `albench stop` and by the report: once",
        "# predictions no longer change (early), once they agree from model to model (later)",
        f"stopping = {toml(panel.stopping)}",
        "",
        "[[datasets]]",
        *(f"{key} = {toml(value)}" for key, value in entry.items()),
        *found,
    ]
    return "\n".join(lines) + "\n"


def option_lines(found: "Looked") -> list[str]:
    """The options of a table as lines of a suite, each with why it was chosen."""
    why: dict[str, list[str]] = {}
    for name, sentence in found.why:
        why.setdefault(name, []).append(sentence)
    lines = []
    for name, value in found.given().items():
        lines += [f"# {remark(sentence)}" for sentence in why.get(name, ())]
        lines.append(f"{name} = {toml(value)}")
    for other, sentence in found.others:
        lines += [f"# {remark(sentence)}", f"# or: {remark(other)}"]
    return lines


def label_of(stem: str) -> str:
    """What tables call a file."""
    return stem if is_name(stem) else "table"
