"""SVG paths in fewer letters: points on a straight line dropped, steps instead of places."""

import re
from itertools import pairwise

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
