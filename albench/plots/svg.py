"""Figures as SVG inside a page: thin paths, no outside fonts or scripts, own identifiers."""

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from matplotlib.figure import Figure

from albench.plots.style import theme

Point = tuple[int, int]
"""In tenths of a point."""

TOLERANCE = 1.2
"""How far, in tenths of a point, a dropped point may lie from the line that stays."""
LINES = re.compile(r"(?:M-?[\d.]+ -?[\d.]+(?:L-?[\d.]+ -?[\d.]+)*z?)+")
PART = re.compile(r"M([^Mz]+)(z?)")


def thinned(path: str) -> str:
    """The `d` of a path of straight lines (`M`, `L`, `z`, a tenth of a point); others as it is."""
    path = path.strip()
    if not LINES.fullmatch(path):
        return path
    return "".join(steps(kept(points(body)), end) for body, end in PART.findall(path))


def points(body: str) -> list[Point]:
    """The points of `x yLx yL...`."""
    pairs = (pair.split() for pair in body.split("L"))
    return [(round(10 * float(x)), round(10 * float(y))) for x, y in pairs]


def kept(line: list[Point]) -> list[Point]:
    """The points without which the line would move (Ramer 1972; Douglas and Peucker 1973)."""
    stay, open_parts = {0, len(line) - 1}, [(0, len(line) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if last - first < 2:
            continue
        far, at = max((apart(line[i], line[first], line[last]), i) for i in range(first + 1, last))
        if far > TOLERANCE**2:
            stay.add(at)
            open_parts += [(first, at), (at, last)]
    return [line[i] for i in sorted(stay)]


def apart(point: Point, one: Point, other: Point) -> float:
    """Squared distance of a point to the stretch between two others."""
    dx, dy = other[0] - one[0], other[1] - one[1]
    x, y = point[0] - one[0], point[1] - one[1]
    length = dx * dx + dy * dy
    along = min(1.0, max(0.0, (x * dx + y * dy) / length)) if length else 0.0
    return float((x - along * dx) ** 2 + (y - along * dy) ** 2)


def steps(line: list[Point], end: str) -> str:
    """A move to the first point, then steps from point to point."""
    moves = [v for p, q in pairwise(line) for v in (q[0] - p[0], q[1] - p[1])]
    told = "".join(t if t.startswith("-") else f" {t}" for t in map(tenths, moves)).lstrip()
    return f"M{tenths(line[0][0])} {tenths(line[0][1])}{f'l{told}' if told else ''}{end}"


def tenths(value: int) -> str:
    """Tenths as a decimal number in as few letters as that takes."""
    whole, rest = divmod(abs(value), 10)
    text = (str(whole) if whole or not rest else "") + (f".{rest}" if rest else "")
    return f"-{text}" if value < 0 else text


@contextmanager
def page_theme() -> Iterator[None]:
    """`theme` for pages: text stays text, and a dollar sign in a name is one."""
    import matplotlib as mpl

    with theme(), mpl.rc_context({"svg.fonttype": "none", "text.parse_math": False}):
        yield


def inline(fig: Figure, key: str, title: str) -> str:
    """The figure as an `<svg>` element; equal figures give equal text.

    key     begins every identifier, so that figures of one page do not clash
    title   what a reader who does not see the figure is told
    Call inside `page_theme`.
    """
    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.S)
    text = re.sub(r'<style type="text/css">.*?</style>', "", text, flags=re.S)
    text = lean(named(text, key))
    head, rest = text.split(">", 1)
    box = re.search(r'viewBox="[^"]+"', head)
    wide = re.search(r'width="([\d.]+)pt"', head)
    limit = f' style="max-width:{float(wide[1]) * 1.25:.0f}px"' if wide else ""
    opened = f'<svg xmlns="http://www.w3.org/2000/svg" {box[0] if box else ""} class="figure"'
    said = f"<title>{html.escape(title)}</title>"
    return f'{opened} role="img"{limit}>{said}{rest}'.strip()


def named(text: str, key: str) -> str:
    """The text with short identifiers that begin with `key`, those that nothing uses dropped."""
    used = re.findall(r'(?:url\(|xlink:href=")#([^)"]+)', text)
    short = {name: f"{key}-{place}" for place, name in enumerate(dict.fromkeys(used))}
    text = re.sub(
        r'\s*\bid="([^"]+)"', lambda m: f' id="{short[m[1]]}"' if m[1] in short else "", text
    )
    text = re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{short[m[1]]})", text)
    return re.sub(r'xlink:href="#([^"]+)"', lambda m: f'href="#{short[m[1]]}"', text)


def lean(text: str) -> str:
    """The text without comments, needless blanks, groups and digits beyond a tenth of a point."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = NUMBERS.sub(lambda m: DIGITS.sub(tenth, m[0]), text)
    text = PATHS.sub(lambda m: f' d="{thinned(PARTED.sub(shut, m[1]))}', text)
    text = re.sub(r'style="([^"]*)"', lambda m: f'style="{m[1].replace("; ", ";")}"', text)
    text = re.sub(r"(style=\"[^\"]*\")", lambda m: m[1].replace(": ", ":"), text)
    for needless in NEEDLESS:
        text = text.replace(needless, "")
    text = re.sub(r' transform="rotate\(-?0 [^"]*"', "", text)
    text = MARKERS.sub(hoisted, ungrouped(text))
    return re.sub(r"\s*\n\s*", "\n", text)


NUMBERS = re.compile(r'\b(?:d|x|y|points|width|height)="[^"]*"|\b(?:rotate|translate)\([^)]*\)')
"""Attributes in which a tenth of a point is enough; text keeps its digits."""
DIGITS = re.compile(r"-?\d+\.\d+")
PATHS = re.compile(r' d="([^"]*)')
PARTED = re.compile(r"\s*([A-Za-z])\s*")
NEEDLESS = (";stroke-linejoin:miter", "font-family:'DejaVu Sans';", ";stroke-dashoffset:0")
"""Defaults, and the font, which the page names once for all figures."""
MARKERS = re.compile(r'<g clip-path="([^"]+)">((?:\s*<use [^>]*style="([^"]*)"/>)+)\s*</g>')


def shut(letter: "re.Match[str]") -> str:
    """A command of a path without the blanks around it."""
    return letter[1]


def tenth(number: "re.Match[str]") -> str:
    """A coordinate to a tenth of a point, in as few letters as that takes."""
    short = f"{float(number[0]):.1f}".removesuffix(".0")
    return "0" if short == "-0" else short


def ungrouped(text: str) -> str:
    """The text without `<g>` that say nothing."""
    kept: list[bool] = []

    def judged(tag: "re.Match[str]") -> str:
        if tag[0].endswith("/>"):
            return ""  # an empty group
        if tag[0] != "</g>":
            kept.append(tag[0] != "<g>")
            return tag[0] if kept[-1] else ""
        return tag[0] if kept.pop() else ""

    return re.sub(r"<g\b[^>]*>|</g>", judged, text)


def hoisted(group: "re.Match[str]") -> str:
    """The markers of one line with their style on the group, where all have the same."""
    clip, uses, style = group.groups()
    if set(re.findall(r'style="([^"]*)"', uses)) != {style}:
        return group[0]
    bare = uses.replace(f' style="{style}"', "")
    return f'<g clip-path="{clip}" style="{style}">{bare}</g>'
