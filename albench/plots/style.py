"""The look of every figure: palette, sizes, captions, and files equal for equal tables."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from matplotlib.figure import Figure

from albench.core.errors import BadValue

FORMATS = ("pdf", "svg", "png")
GREY = "#7f7f7f"
"""The baseline's colour, kept for it alone."""

# The colour-blind palette without its grey, which is the baseline's, and its yellow, which
# is too light for lines.
ORDER = (0, 1, 2, 3, 9, 4, 5, 6)
MARKERS = "sD^vP*X<>hdp8"
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (3, 1, 1, 1)), (0, (1, 1)))


@dataclass(frozen=True)
class Look:
    """How a strategy is drawn, wherever it is drawn."""

    color: Any
    marker: str
    line: Any
    width: float = 1.3
    front: int = 3

    @property
    def kwargs(self) -> dict[str, Any]:
        """For `Axes.plot`."""
        return {
            "color": self.color,
            "linestyle": self.line,
            "linewidth": self.width,
            "zorder": self.front,
        }


def looks(
    strategies: Sequence[str], baseline: str = "random", bounds: Sequence[str] = ()
) -> dict[str, Look]:
    """A look per strategy of a suite: give all of them, so that figures of parts agree.

    The baseline is grey and dashed; bounds are black and dotted; the others take colour,
    marker and line style in turn, and no two share all three.
    """
    import seaborn as sns

    bright = [sns.color_palette("colorblind")[i] for i in ORDER]
    # A second turn is drawn darker, which tells in print without colours too.
    colours = [*bright, *(tuple(0.5 * c for c in colour) for colour in bright)]
    out = {baseline: Look(GREY, "o", (0, (4, 2)), 1.6, 4)}
    others = [s for s in dict.fromkeys(strategies) if s != baseline and s not in bounds]
    for i, name in enumerate(others):
        line = LINES[(i + i // len(LINES)) % len(LINES)]
        out[name] = Look(colours[i % len(colours)], MARKERS[i % len(MARKERS)], line)
    for i, name in enumerate(bounds):
        out[name] = Look("black", MARKERS[i % len(MARKERS)], (0, (1, 1.5)), 1.0, 2)
    how = PRINT.get()
    first = [name for name in (baseline, *how.order) if name in out]
    placed = {name: out[name] for name in dict.fromkeys((*first, *out))}
    return {
        name: replace(look, color=how.colors[name]) if name in how.colors else look
        for name, look in placed.items()
    }


@dataclass(frozen=True)
class Print:
    """How figures are set for a page in print; as it is, how they are on a screen.

    width   of a figure in inches, None: as wide as its panels need
    font    family of all texts, "" for the usual one
    size    of ordinary text in points; smaller texts keep their distance to it
    colors  strategy -> colour, for those that keep one over suites
    order   strategies that come first, behind the baseline; colours do not follow it
    legend  whether figures have one
    panels  (rows, columns) of figures with a panel for each dataset
    shared  whether the panels of a row share their limits
    """

    width: float | None = None
    font: str = ""
    size: float = 8.0
    colors: Mapping[str, str] = field(default_factory=dict)
    order: Sequence[str] = ()
    legend: bool = True
    panels: tuple[int, int] | None = None
    shared: bool = True


SCREEN = Print()
PRINT: ContextVar[Print] = ContextVar("print", default=SCREEN)
STYLES = {
    "acm": Print(width=3.33, font="Linux Libertine O", size=8.0),
    "ieee": Print(width=3.5, font="Times New Roman", size=8.0),
    "neurips": Print(width=5.5, font="Times New Roman", size=9.0),
}
"""Width of a column and font of some publishers' templates; a font that is not installed is
refused by name where it is asked for, and left out where it comes with a style."""


@contextmanager
def printed(how: Print) -> Iterator[None]:
    """Figures drawn inside are set like that."""
    before = PRINT.set(how)
    try:
        yield
    finally:
        PRINT.reset(before)


def has_font(name: str) -> bool:
    """Whether a font of that family is installed."""
    from matplotlib import font_manager

    return name in font_manager.get_font_names()


def can_be_drawn(color: str) -> bool:
    """Whether a text names a colour."""
    from matplotlib.colors import is_color_like

    return bool(is_color_like(color))


@contextmanager
def theme() -> Iterator[None]:
    """Settings for drawing and saving; nothing is changed outside."""
    import matplotlib as mpl
    import seaborn as sns

    how = PRINT.get()

    own = {
        "font.family": how.font or "DejaVu Sans",
        "font.size": how.size,
        "axes.titlesize": how.size,
        "axes.labelsize": how.size,
        "xtick.labelsize": how.size - 1,
        "ytick.labelsize": how.size - 1,
        "legend.fontsize": how.size,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.7,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "hatch.linewidth": 0.5,
        "savefig.dpi": 150,
        "pdf.fonttype": 42,
        "svg.fonttype": "path",
        # names are shown as they are: a dollar sign starts no formula
        "text.parse_math": False,
        # Otherwise SVG identifiers are random.
        "svg.hashsalt": "albench",
    }
    default: Any = mpl.rcParamsDefault
    settings: Any = {**default, **sns.axes_style("ticks"), **own}
    # The backend belongs to the caller; figures here are made without pyplot.
    settings = {k: v for k, v in settings.items() if not k.startswith("backend")}
    with mpl.rc_context(settings), warnings.catch_warnings():
        # a character that no font has is drawn as a box; the caption holds the name
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that leaves room for legends outside its axes.

    Where a width is asked for (`Print`) it has that one, so that its texts have their sizes in
    print, and is lower by no more than a third.
    """
    asked = PRINT.get().width
    if asked is not None:
        width, height = asked, height * max(2 / 3, min(1.0, asked / width))
    return Figure(figsize=(width, height), layout="constrained")


def check_formats(formats: Sequence[str]) -> None:
    """Raise BadValue for a format that figures are not written in, or none at all."""
    strange = ", ".join(f for f in formats if f not in FORMATS) or "nothing"
    if not formats or strange != "nothing":
        raise BadValue(f"figures can be written as {', '.join(FORMATS)}; not as {strange}")


def save(fig: Figure, path: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write `path`.<format> for each; the same figure gives the same bytes.

    Raises BadValue for a format other than pdf, svg, png.
    """
    check_formats(formats)
    nothing: Mapping[str, dict[str, Any]] = {
        "pdf": {"CreationDate": None},
        "svg": {"Date": None},
        "png": {"Software": None},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    # One layout for all formats: faster, and the formats agree.
    fig.draw_without_rendering()
    fig.set_layout_engine("none")
    written = []
    for kind in formats:
        target = path.with_name(f"{path.name}.{kind}")
        fig.savefig(target, format=kind, metadata=nothing[kind])
        written.append(target)
    return written


def short(name: str, length: int = 24) -> str:
    """A name that fits: cut in the middle, where it is too long."""
    if len(name) <= length:
        return name
    return name[: length // 2 - 1] + "\N{HORIZONTAL ELLIPSIS}" + name[-(length // 2) :]


Counts: TypeAlias = Literal["datasets", "bases", "drawn"]
"""What a figure counts: datasets; base datasets, of which variants are averaged and count once;
or datasets, with wider intervals that draw base datasets."""


@dataclass(frozen=True)
class About:
    """What the captions must say.

    strategies: all of the suite, in its order, so that colours agree between figures;
    bounds: those that see hidden labels; trials: as text ("20", "16 to 20"); lower: the
    metric is better when lower, and negated wherever strategies are compared; bases: how many
    base datasets there are, and merged: which datasets are averaged into which of them.
    """

    metric: str
    measure: str
    baseline: str
    strategies: Sequence[str]
    trials: str
    datasets: int
    model: str = ""
    protocol: str = ""
    lower: bool = False
    alpha: float = 0.05
    rope: float = 0.01
    axis: str = "n_labeled"
    bounds: Sequence[str] = ()
    target: str = "random"
    bases: int = 0
    merged: str = ""

    @property
    def where(self) -> str:
        """Model, protocol, datasets and trials, as the captions end."""
        return self.ending()

    def ending(self, counts: Counts = "datasets") -> str:
        """How the caption of a figure ends: what it counts as a dataset."""
        setting = ", ".join(x for x in (self.model, self.protocol) if x)
        several = "s" if self.datasets != 1 else ""
        rest = f"{self.datasets} dataset{several}"
        if self.merged and counts == "bases":
            rest = f"{self.bases} base dataset{'s' if self.bases != 1 else ''} ({self.merged})"
        elif self.merged and counts == "drawn":
            rest += f", drawn as {self.bases} base datasets ({self.merged})"
        rest += f", {self.trials} trials each."
        return f"{setting}; {rest}" if setting else rest

    @property
    def difference(self) -> str:
        """The label of a difference to the baseline, positive = better."""
        return f"{self.metric}{' (negated)' if self.lower else ''} minus {self.baseline}"

    @property
    def look(self) -> dict[str, Look]:
        """The looks of the suite's strategies."""
        return looks(self.strategies, self.baseline, self.bounds)

    @property
    def x(self) -> str:
        """The label of the horizontal axis."""
        return "cost" if self.axis == "cost" else "labels, start included"
