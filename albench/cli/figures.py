"""`figures`: the figures of a suite, on a screen or set for a page in print."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albench.cli.compare import AxisOpt, Missing, MissingOpt, over
from albench.cli.options import (
    BaselineOpt,
    FormatOpt,
    MetricOpt,
    ModelOpt,
    OnlyOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
    stored,
    suite_of,
)
from albench.cli.output import Format, note, show
from albench.core.errors import BadValue

if TYPE_CHECKING:
    from albench.analysis.question import Options
    from albench.plots.style import Print
    from albench.suite import Suite

INCH = {"mm": 1 / 25.4, "cm": 1 / 2.54, "in": 1.0, "pt": 1 / 72.27}
"""Inches of a unit; a point as TeX has it."""
ToOpt = Annotated[
    Path | None, typer.Option("--to", metavar="DIR", help="Folder (default: figures).")
]
BoughtOpt = Annotated[
    int,
    typer.Option(
        "--bought",
        metavar="RUNS",
        min=0,
        help="Runs (whole trials, the first) that figures of what was bought rest on; 0: none.",
    ),
]
AsOpt = Annotated[str, typer.Option("--as", metavar="A,B", help="Of pdf, svg, png.")]
WhichOpt = Annotated[
    str | None,
    typer.Option("--which", metavar="A,B", help="Only these, as learning,gain; all by default."),
]
WidthOpt = Annotated[
    str | None,
    typer.Option(
        "--width",
        metavar="84mm",
        help="Width in print (mm, cm, in, pt): texts have their sizes there.",
    ),
]
FontOpt = Annotated[
    str | None, typer.Option("--font", metavar="NAME", help="Family of all texts; installed.")
]
StyleOpt = Annotated[
    str | None,
    typer.Option("--style", metavar="NAME|FILE", help="acm, ieee, neurips, or a TOML file."),
]
ColorsOpt = Annotated[
    Path | None,
    typer.Option(
        "--colors",
        metavar="FILE",
        help='TOML with strategy = "#rrggbb", the same for all suites of a project.',
    ),
]
OrderOpt = Annotated[
    str | None,
    typer.Option("--order", metavar="A,B", help="Strategies in this order, the rest behind."),
]
PanelsOpt = Annotated[
    str | None,
    typer.Option("--panels", metavar="2x3", help="Rows and columns of panels by dataset."),
]
SharedOpt = Annotated[
    bool | None,
    typer.Option(
        "--shared/--own-limits", help="Whether panels of a row share limits (default: they do)."
    ),
]
NoLegendOpt = Annotated[bool, typer.Option("--no-legend", help="Leave legends out.")]


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("figures")(figures)


def figures(
    suite: SuiteArg,
    results: ResultsOpt = None,
    to: ToOpt = None,
    formats: AsOpt = "pdf,svg,png",
    baseline: BaselineOpt = None,
    metric: MetricOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    axis: AxisOpt = None,
    missing: MissingOpt = Missing.complete,
    bought: BoughtOpt = 600,
    which: WhichOpt = None,
    width: WidthOpt = None,
    font: FontOpt = None,
    style: StyleOpt = None,
    colors: ColorsOpt = None,
    order: OrderOpt = None,
    panels: PanelsOpt = None,
    shared: SharedOpt = None,
    no_legend: NoLegendOpt = False,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Draw the figures of a suite, with captions; the same tables give the same bytes.

    For a paper: `albench figures SUITE --which learning,gain --width 84mm --as pdf`.
    """
    from albench.plots.style import check_formats

    loaded = suite_of(suite, plugin)
    kinds = [kind.strip() for kind in formats.split(",") if kind.strip()]
    check_formats(kinds)
    names = [s.label for s in loaded.strategies]
    how = print_of(style, width, font, colors)
    how = replace(
        how,
        order=ordered(names, order),
        legend=not no_legend,
        panels=panels_of(panels),
        shared=how.shared if shared is None else shared,
    )
    loaded = suite_of(suite, plugin, only) if only else loaded
    asked = replace(
        loaded.question(metric, baseline), missing=missing.value, axis=over(loaded, axis)
    )
    job = Job(loaded, asked, kinds, chosen(which), names, how)
    captions, notes = drawn(job, results, to, model, bought)
    rows = [{"figure": name, "files": ", ".join(kinds), "caption": text} for name, text in captions]
    show(rows, ["figure", "files", "caption"], fmt=fmt, notes=notes)


@dataclass(frozen=True)
class Job:
    """What is drawn, and how.

    names  strategies of the suite, all of them and in its order; which: figures, None for all
    """

    suite: "Suite"
    asked: "Options"
    kinds: Sequence[str]
    which: Sequence[str] | None
    names: Sequence[str]
    how: "Print"


def drawn(
    job: Job, results: Path | None, to: Path | None, model: str | None, bought: int
) -> tuple[list[tuple[str, str]], list[str]]:
    """Draw and write: names with captions, and notes."""
    from albench.analysis.comparison import compare
    from albench.plots.figures import FIGURES
    from albench.plots.style import printed
    from albench.reporting.figures import draw, draw_bought
    from albench.reporting.source import Source
    from albench.runner import open_store

    runs, rounds = stored(job.suite, results, model)
    folder = to or open_store(job.suite, results).folder / "figures"
    found = compare(runs, rounds, job.asked)
    notes = [*found.notes]
    with printed(job.how):
        made = draw(found, folder, job.kinds, job.names, job.which)
        captions = [(name, picture.caption) for name, picture in made]
        if bought and (job.which is None or set(job.which) - set(FIGURES)):
            source = Source(job.suite, runs, rounds, baseline=job.asked.baseline, most=bought)
            note(f"now what was bought in {source.trials} trials (--bought 0 leaves it out)")
            more, left_out = draw_bought(source, folder, job.kinds, job.names, job.which)
            captions, notes = captions + more, notes + left_out
    if job.which is not None and not captions:
        named = ", ".join(job.which)
        raise BadValue(f"--which {named}: none of these can be drawn from these results")
    return captions, [*notes, f"in {folder}"]


def chosen(which: str | None) -> list[str] | None:
    """The names of `--which`; None for all."""
    if which is None:
        return None
    from albench.plots.bought import FIGURES as OF_BOUGHT
    from albench.plots.figures import FIGURES

    names = [name.strip() for name in which.split(",") if name.strip()]
    known = [*FIGURES, *OF_BOUGHT]
    strange = [name for name in names if name not in known]
    if strange or not names:
        raise BadValue(
            f"--which {which}: no figure {', '.join(strange) or 'is named'}; there are "
            f"{', '.join(known)}"
        )
    return names


def ordered(names: Sequence[str], order: str | None) -> tuple[str, ...]:
    """The strategies of `--order`."""
    first = [name.strip() for name in (order or "").split(",") if name.strip()]
    strange = [name for name in first if name not in names]
    if strange:
        raise BadValue(f"--order {order}: no strategy {', '.join(strange)}; {', '.join(names)}")
    return tuple(first)


def print_of(
    style: str | None, width: str | None, font: str | None, colors: Path | None
) -> "Print":
    """How figures are set, by a style and what is said beside it."""
    from albench.plots.style import STYLES, Print, has_font

    how = Print() if style is None else STYLES.get(style) or style_file(Path(style))
    if how.font and not has_font(how.font):
        note(f"font {how.font!r} of style {style} is not installed; DejaVu Sans stands for it")
        how = replace(how, font="")
    if font is not None:
        if not has_font(font):
            raise BadValue(f"--font {font}: no such font is installed")
        how = replace(how, font=font)
    if width is not None:
        how = replace(how, width=inches(width))
    if colors is not None:
        how = replace(how, colors=colors_of(table_of(colors, "--colors"), "--colors"))
    return how


def table_of(path: Path, option: str) -> dict[str, object]:
    """A TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise BadValue(f"{option} {path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadValue(f"{option} {path}: no TOML ({error})") from None


def style_file(path: Path) -> "Print":
    """A style of one's own: width, font, size, and a table of colors."""
    from albench.plots.style import STYLES, Print

    if not path.suffix:
        raise BadValue(f"--style {path}: one of {', '.join(STYLES)}, or a TOML file")
    table = table_of(path, "--style")
    strange = set(table) - {"width", "font", "size", "colors"}
    if strange:
        raise BadValue(f"--style {path}: unknown key {min(strange)!r}; width, font, size, colors")
    size, colors = table.get("size", 8.0), table.get("colors", {})
    if isinstance(size, bool) or not isinstance(size, int | float) or not 4 <= size <= 24:
        raise BadValue(f"--style {path}: size = {size!r}: points from 4 to 24")
    if not isinstance(colors, dict):
        raise BadValue(f'--style {path}: colors is a table, as margin = "#0072b2"')
    return Print(
        width=inches(str(table["width"])) if "width" in table else None,
        font=str(table.get("font", "")),
        size=float(size),
        colors=colors_of(colors, "--style"),
    )


def colors_of(table: dict[str, object], option: str) -> dict[str, str]:
    """Colours by strategy, each one that can be drawn."""
    from albench.plots.style import can_be_drawn

    for name, color in table.items():
        if not isinstance(color, str) or not can_be_drawn(color):
            raise BadValue(f'{option}: {name} = {color!r} is no colour such as "#0072b2"')
    return {name: str(color) for name, color in table.items()}


def inches(width: str) -> float:
    """A width with its unit, in inches."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mm|cm|in|pt)", width.strip())
    value = float(found[1]) * INCH[found[2]] if found else 0.0
    if not 1 <= value <= 40:
        raise BadValue(f"--width {width}: a number with mm, cm, in or pt, from 1in to 40in")
    return value


def panels_of(panels: str | None) -> tuple[int, int] | None:
    """Rows and columns."""
    if panels is None:
        return None
    found = re.fullmatch(r"([1-9]\d?)x([1-9]\d?)", panels.strip())
    if found is None:
        raise BadValue(f"--panels {panels}: rows and columns, as 2x3")
    return int(found[1]), int(found[2])
