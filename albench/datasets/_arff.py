"""ARFF as WEKA and KEEL write it: attributes, dense and sparse rows, line numbers in errors."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from albench.core.errors import BadData

Within = Callable[[float, str], None]
NUMBERS = ("numeric", "real", "integer")
NAME = re.compile(r"""\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|([^\s{%]+))\s*""")
CELL = re.compile(r"""\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|([^,]*?))\s*(,|$)""")
ESCAPED = re.compile(r"\\(.)")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass
class Arff:
    """What an ARFF file says.

    kinds  attribute -> `numeric`, `text`, `date`, or the tuple of its nominal values
    cells  attribute -> its cells as text, None where `?` stands
    """

    kinds: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    cells: dict[str, list[str | None]] = field(default_factory=dict)


def parsed_arff(text: str, within: Within) -> Arff:
    """The attributes and cells of a file; raises BadData with the line that is wrong.

    within  (bytes of the dense table, what) -> raises BadData where these are too many
    """
    found, lines = Arff(), enumerate(text.splitlines(), 1)
    began = False
    for number, line in lines:
        word, _, rest = line.strip().partition(" ")
        word, tab, more = word.partition("\t")
        rest = f"{more} {rest}" if tab else rest
        if word.lower() == "@data":
            began = True
            break
        if word.lower() == "@attribute":
            name, kind = attribute(rest, number)
            if name in found.kinds:
                raise BadData(f"line {number}: the attribute {name!r} is declared twice")
            found.kinds[name] = kind
        elif word and not word.startswith(("%", "@")):
            raise BadData(f"line {number}: {line.strip()[:60]!r} before @data is no declaration")
    if not began:
        raise BadData("there is no @data")
    if not found.kinds:
        raise BadData("there is no @attribute")
    rows = list(read_rows(lines, found.kinds, within))
    columns = zip(*rows, strict=True) if rows else [()] * len(found.kinds)
    found.cells = {name: list(cells) for name, cells in zip(found.kinds, columns, strict=True)}
    return found


def unescaped(text: str) -> str:
    """A quoted text without its backslashes."""
    return ESCAPED.sub(lambda m: ESCAPES.get(m[1], m[1]), text) if "\\" in text else text


def attribute(text: str, number: int) -> tuple[str, str | tuple[str, ...]]:
    """Name and kind of an attribute; a comment may follow."""
    match = NAME.match(text)
    if match is None:
        raise BadData(f"line {number}: an attribute without a name")
    name = unescaped(next(part for part in match.groups() if part is not None))
    kind = text[match.end() :].strip()
    if kind.startswith("{"):
        return name, nominal(kind[1:], number)
    word = re.split(r"[\s%\[{]", kind, maxsplit=1)[0].lower()
    if word in NUMBERS:
        return name, "numeric"
    if word in ("string", "date"):
        return name, "text" if word == "string" else "date"
    if not word:
        raise BadData(f"line {number}: the attribute {name!r} has no type")
    raise BadData(
        f"line {number}: the attribute {name!r} has the type {word!r}; numeric, string, date and "
        "{a, b, c} are read"
    )


def nominal(text: str, number: int) -> tuple[str, ...]:
    """The values of a nominal attribute: up to the brace that closes it, outside quotes."""
    values, at = [], 0
    while True:
        match = re.compile(
            r"""\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|([^,}]*?))\s*([,}])"""
        ).match(text, at)
        if match is None:
            raise BadData(f"line {number}: the values of a nominal attribute are not closed by }}")
        value = next(part for part in match.groups()[:3] if part is not None)
        values.append(unescaped(value))
        at = match.end()
        if match[4] == "}":
            return tuple(v for v in values if v)


def read_rows(
    lines: Iterator[tuple[int, str]], kinds: dict[str, str | tuple[str, ...]], within: Within
) -> Iterator[list[str | None]]:
    """Rows of cells, dense or sparse; raises BadData with the line of one that does not fit."""
    names, admitted = list(kinds), [values_of(kind) for kind in kinds.values()]
    zeros = [kind[0] if isinstance(kind, tuple) and kind else "0" for kind in kinds.values()]
    n_cells = 0
    for number, line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("%"):
            continue
        if stripped.startswith("{"):
            n_cells += len(names)
            within(8.0 * n_cells, "the table (sparse ARFF)")
            row: list[str | None] = sparse(stripped, zeros, number)
        else:
            row = dense_row(stripped, len(names), number)
        for i, values in enumerate(admitted):
            if values is not None and row[i] is not None and row[i] not in values:
                raise BadData(
                    f"line {number}: {row[i]!r} is no value of the nominal attribute {names[i]!r}"
                )
        yield row


def values_of(kind: str | tuple[str, ...]) -> frozenset[str] | None:
    """The values a nominal attribute admits, or None."""
    return frozenset(kind) if isinstance(kind, tuple) else None


def dense_row(line: str, n: int, number: int) -> list[str | None]:
    """The cells of a dense row; a weight in braces at its end is left out."""
    if "'" not in line and '"' not in line and "%" not in line and "{" not in line:
        row = [cell.strip() for cell in (line.split(",") if "," in line else line.split("\t"))]
        given: list[str | None] = [None if cell in ("?", "") else cell for cell in row]
    else:
        given = quoted_cells(re.sub(r",\s*\{[^{}]*\}\s*$", "", line), number)
    if len(given) != n:
        raise BadData(f"line {number}: {len(given)} values, {n} attributes")
    return given


def quoted_cells(line: str, number: int) -> list[str | None]:
    """The cells of a row with quotes or a comment."""
    cells: list[str | None] = []
    at = 0
    while True:
        match = CELL.match(line, at)
        if match is None:
            end = line.find("%", at)
            if end > at:  # a comment behind the values
                return quoted_cells(line[:end].rstrip(), number)
            raise BadData(f"line {number}: a quote that is not closed, or text behind one")
        single, double, bare = match.groups()[:3]
        quoted = single if single is not None else double
        if quoted is not None:
            cells.append(unescaped(quoted))
        else:
            cells.append(None if bare in ("?", "") else bare)
        at = match.end()
        if match[4] == "":
            last = cells[-1]
            if quoted is None and last is not None and " %" in last:
                cells[-1] = last.partition(" %")[0].strip()
            return cells


def sparse(line: str, zeros: list[str], number: int) -> list[str | None]:
    """The cells of `{index value, ...}`; what is absent is zero, or the first nominal value."""
    row: list[str | None] = list(zeros)
    body, brace, _ = line[1:].rpartition("}")
    if not brace:
        raise BadData(f"line {number}: a sparse row is not closed by }}")
    for item in quoted_pairs(body):
        index, _, value = item.strip().partition(" ")
        if not index.isdigit() or int(index) >= len(zeros) or not value:
            raise BadData(f"line {number}: {item.strip()[:40]!r} is no `index value`")
        cell = value.strip()
        if cell[:1] in "'\"" and cell[-1:] == cell[:1] and len(cell) > 1:
            row[int(index)] = unescaped(cell[1:-1])
        else:
            row[int(index)] = None if cell == "?" else cell
    return row


def quoted_pairs(body: str) -> list[str]:
    """The items of a sparse row, commas in quotes kept."""
    if not body.strip():
        return []
    return re.findall(r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^,'"])+""", body)
