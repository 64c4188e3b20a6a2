"""Bytes -> a table of cells as they are written: layout, names, and rows that do not fit.

Nothing is interpreted here: a cell of a text file is its text, so that no reader can make
another number or class of it. What cannot be read as what was written is refused by name.
"""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

from albench.core.errors import BadData
from albench.datasets._options import TextOptions

Level = Literal["fine", "note", "error"]
SEPARATORS = (",", ";", "\t", "|")
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?$")
NAMED = {"\t": "a tab", " ": "a space"}
SAMPLE = 200_000  # bytes looked at for separator and header
PART = 1 << 24
BLOCK = 1 << 25  # bytes of one row at most


@dataclass(frozen=True)
class Finding:
    """One thing a table is found to have.

    level   `fine`: how something is taken; `note`: look at it; `error`: a run refuses it
    column  of which column, or "" of the table
    said    one sentence
    option  what would settle it: option -> value (lists are added to)
    other   another choice, as a line of the suite
    """

    level: Level
    column: str
    said: str
    option: dict[str, Any] = field(default_factory=dict)
    other: str = ""


@dataclass(frozen=True)
class Table:
    """Cells by column, and what was found on the way.

    cells     name -> an Arrow array: text, or a type of Parquet
    declared  name -> what the format says of it: `nominal`, `numeric`, `text`, `date`, and
              `doubtful` of texts among which `1.234` was a number of the format's own
    layout    one line: how the file is laid out
    """

    cells: dict[str, Any]
    declared: dict[str, str] = field(default_factory=dict)
    found: tuple[Finding, ...] = ()
    layout: str = ""

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(next(iter(self.cells.values()))) if self.cells else 0


def decompressed(content: bytes, name: str) -> bytes:
    """The bytes inside gz, bz2, xz or a zip with one file; told by their first bytes."""
    try:
        if content[:2] == b"\x1f\x8b":
            return gzip.decompress(content)
        if content[:3] == b"BZh":
            return bz2.decompress(content)
        if content[:6] == b"\xfd7zXZ\x00":
            return lzma.decompress(content)
        if content[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                members = [m for m in archive.namelist() if not m.endswith("/")]
                if len(members) != 1:
                    raise BadData(
                        f"{name} is a zip of {len(members)} files ({', '.join(members[:3])}, ...); "
                        "take the one out that is meant"
                    )
                return archive.read(members[0])
    except (OSError, EOFError, ValueError, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as e:
        raise BadData(f"{name} is compressed and cannot be unpacked: {e}") from None
    return content


def shown(sign: str) -> str:
    """A separator for people."""
    return NAMED.get(sign, repr(sign))


def decoded(content: bytes, encoding: str) -> bytes:
    """The text in UTF-8, without a byte order mark; raises BadData with what may be right."""
    if b"\x00" in content[:SAMPLE] and not encoding.lower().startswith("utf-16"):
        wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = "; encoding = 'utf-16' may read it" if wide else "; is this a binary file?"
        raise BadData(f"it is no text in {encoding}: it holds the byte 0{hint}")
    try:
        if encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig", "ascii"):
            text = content.removeprefix(b"\xef\xbb\xbf")
            decoder = codecs.getincrementaldecoder("utf-8")()
            for at in range(0, len(text), PART):  # in parts: a whole copy needs the memory
                decoder.decode(text[at : at + PART], final=at + PART >= len(text))
            return text
        return content.decode(encoding).removeprefix("\ufeff").encode("utf-8")
    except LookupError:
        raise BadData(f"encoding = {encoding!r} is not known; such as utf-8, cp1252") from None
    except UnicodeError as error:
        raise BadData(
            f"it is no text in {encoding.upper()} ({error}); encoding = 'cp1252' reads most "
            "tables of older programs"
        ) from None


def guessed_encoding(content: bytes) -> str:
    """The encoding of a text, as well as its bytes tell."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def sample(text: bytes) -> list[str]:
    """The first lines of a text that hold something."""
    head = text[:SAMPLE].decode("utf-8", errors="replace")
    lines = re.split(r"\r\n|\n|\r", head)
    lines = lines if len(text) <= SAMPLE else lines[:-1] or lines
    return [line for line in lines if line.strip()]


def cells_of(lines: Sequence[str], separator: str) -> list[list[str]]:
    """Lines as cells."""
    return list(csv.reader(lines, delimiter=separator))


def guessed_separator(text: bytes) -> str:
    """The sign that cuts the first lines into the same number of cells; a comma where none."""
    lines = sample(text)[:200]
    best, score = ",", 0.0
    for sign in SEPARATORS:
        try:
            counts = [len(row) for row in cells_of(lines, sign)]
        except csv.Error:
            continue
        width = max(set(counts[1:] or counts), key=(counts[1:] or counts).count)
        same = counts.count(width) / len(counts)
        header = counts[0] in (width, width - 1)
        if width > 1 and header and (same, width) > (score, 1) and same > 0.9:
            best, score = sign, same
    return best


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with a point or a comma."""
    return NUMBER.match(cell.strip()) is not None


def looks_like_data(rows: list[list[str]]) -> bool:
    """Whether the first row belongs to the data: it has numbers where the next ones have.

    Names that count the columns (0, 1, 2, ... or 1, 2, 3, ...) are names, and so are years
    and other whole numbers that rise in steps of one.
    """
    head, body = rows[0], [row for row in rows[1:50] if len(row) >= len(rows[0])]
    numbers = [i for i, cell in enumerate(head) if is_number(cell)]
    if not numbers or not body:
        return False
    whole = [head[i].strip() for i in numbers]
    if len(whole) > 1 and all(cell.isdigit() for cell in whole):
        steps = {int(b) - int(a) for a, b in pairwise(whole)}
        if steps == {1}:
            return False
    alike = [i for i in numbers if all(is_number(row[i]) or not row[i].strip() for row in body)]
    fractions = any(not head[i].strip().isdigit() for i in alike)
    return len(alike) > 0 and (fractions or 2 * len(alike) >= len(head) or len(head) < 3)


def delimited(content: bytes, options: TextOptions) -> Table:
    """A CSV or the like as a table of texts; raises BadData for what is no such table."""
    text = decoded(content, options.encoding)
    lines = sample(text)
    if not lines:
        raise BadData("it is empty")
    sign = options.separator
    if len(sign) != 1:
        raise BadData(f"separator = {sign!r}: one character is due")
    try:
        rows = cells_of(lines[:200], sign)
    except csv.Error as error:
        raise BadData(f"its first lines are no cells: {error}") from None
    check_separator(text, rows, sign)
    header = options.header
    if header is None:
        if looks_like_data(rows):
            raise HeaderInDoubt(
                f"the first row looks like data ({', '.join(rows[0][:4])}, ...): header = false "
                "where it is, header = true where it holds names"
            )
        header = True
    width = width_of(rows, header)
    body = after_first_row(text, rows[0], sign) if header else text
    arrays = read_cells(body, sign, width, len(lines) > 0 and header)
    names, found = names_of(rows[0] if header else [], width)
    cells = dict(zip(names, arrays, strict=False))
    if header and width == len(rows[0]) + 1:
        cells, more = without_last(cells, arrays[-1], rows)
        found = [*found[:-1], more]
    layout = f"separator {shown(sign)}, {options.encoding}, " + (
        "names in the first row" if header else "no names"
    )
    return Table(cells, {}, tuple(found), layout)


class HeaderInDoubt(BadData):
    """The first row may be names or data."""


def check_separator(text: bytes, rows: list[list[str]], sign: str) -> None:
    """Raise BadData where another separator cuts the lines, and this one does not."""
    if len(rows[0]) > 1 and len({len(row) for row in rows}) == 1:
        return
    better = guessed_separator(text)
    if better != sign and len(cells_of([sample(text)[0]], better)[0]) > len(rows[0]):
        names = ", ".join(cells_of([sample(text)[0]], better)[0][:4])
        raise BadData(
            f"the first row has {len(rows[0])} cell{'s' * (len(rows[0]) > 1)} with the separator "
            f"{shown(sign)} and holds {shown(better)}: separator = {better!r} (then {names}, ...)"
        )


def width_of(rows: list[list[str]], header: bool) -> int:
    """Cells of a row: as many as the header, or one more where every row has one more."""
    head, body = len(rows[0]), [len(row) for row in (rows[1:] if header else rows)]
    if header and body and all(n == head + 1 for n in body):
        return head + 1
    return head


def after_first_row(text: bytes, head: list[str], sign: str) -> bytes:
    """The text behind its first row, which may hold line ends in quotes."""
    at = 0
    for match in re.finditer(rb"\r\n|\n|\r", text[: SAMPLE + 1]):
        part = text[at : match.start()]
        if not part.strip():
            at = match.end()
            continue
        if part.count(b'"') % 2 == 0:
            return text[match.end() :]
    return b""


def read_cells(body: bytes, sign: str, width: int, header: bool) -> list[Any]:
    """Every column as text; raises BadData with the row that has other cells."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    if not body.strip():
        return [pa.array([], pa.string())] * width
    names = [str(i) for i in range(width)]
    wrong: list[Any] = []

    def strange(row: Any) -> str:
        wrong.append(row)
        return "error"

    try:
        read = arrow.read_csv(
            io.BytesIO(body),
            read_options=arrow.ReadOptions(use_threads=False, block_size=BLOCK, column_names=names),
            parse_options=arrow.ParseOptions(
                delimiter=sign,
                newlines_in_values=b'"' in body,
                invalid_row_handler=strange,
            ),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        if wrong:
            row = wrong[0]
            at = f"line {row.number + header}" if row.number is not None else "a row"
            raise BadData(
                f"{at} has {row.actual_columns} cells, {width} are due "
                f"({str(row.text)[:60]!r}); is the separator {shown(sign)}, are cells with it "
                "quoted?"
            ) from None
        raise BadData(f"it is no table: {str(error).splitlines()[0]}") from None
    return list(read.columns)


def names_of(head: list[str], width: int) -> tuple[list[str], list[Finding]]:
    """Distinct names of the columns, and what was done to get them."""
    if not head:
        return [f"x{i + 1}" for i in range(width)], []
    given = [cell.strip() for cell in head] + [""] * (width - len(head))
    return distinct(given)


def distinct(given: Sequence[str]) -> tuple[list[str], list[Finding]]:
    """Names without doubles or gaps: `a`, `a (2)`, `column 3`; and a note of each."""
    names: list[str] = []
    found: list[Finding] = []
    taken = set(given)
    for i, name in enumerate(given):
        wanted, k = name or f"column {i + 1}", 2
        first = wanted not in names and (bool(name) or wanted not in taken)
        while not first and (wanted in names or wanted in taken):
            wanted, k = f"{name or f'column {i + 1}'} ({k})", k + 1
        if name and wanted != name:
            found.append(
                Finding(
                    "note", "", f"the name {name!r} is given twice; the later one is {wanted!r}"
                )
            )
        elif not name:
            found.append(
                Finding("fine", "", f"the name of column {i + 1} is empty; it is {wanted!r}")
            )
        names.append(wanted)
    return names, found


def without_last(
    cells: dict[str, Any], last: Any, rows: list[list[str]]
) -> tuple[dict[str, Any], Finding]:
    """The table where every row ends with one more separator than the header."""
    import pyarrow.compute as pc

    filled = int(pc.sum(pc.not_equal(pc.utf8_trim_whitespace(last), "")).as_py() or 0)
    if filled:
        raise BadData(
            f"the rows have {len(rows[1])} cells, the header {len(rows[0])}: is the first column "
            f"without a name? Give it one (row 1 is {', '.join(rows[1][:4])}, ...)"
        )
    name = list(cells)[-1]
    return {k: v for k, v in cells.items() if k != name}, Finding(
        "note",
        "",
        "each row ends with a separator and the header does not: the empty last cell is left out",
    )


@contextmanager
def concerning(name: str) -> Iterator[None]:
    """Begin the message of BadData with the name of the file."""
    try:
        yield
    except BadData as error:
        raise type(error)(f"{name}: {error}") from None


def guessed_layout(content: bytes, options: TextOptions, given: set[str]) -> TextOptions:
    """The options with separator, encoding and header as the text tells them.

    given  names of the options that are not to be guessed
    """
    if "encoding" not in given:
        options = replace(options, encoding=guessed_encoding(content))
    text = decoded(content, options.encoding)
    if "separator" not in given:
        options = replace(options, separator=guessed_separator(text))
    if "header" not in given:
        try:
            rows = cells_of(sample(text)[:200], options.separator)
        except csv.Error:
            return options
        if rows and looks_like_data(rows):
            options = replace(options, header=False)
    return options
