"""Tables written in the manners of spreadsheets, each read as it was written or refused by name.

`python tests/benchmarks/tables.py [N] [SEED]` writes N tables (2,000), reads each as a run does
(default options) and as `new suite` does (with its proposals), and counts: read, refused with a
message that names what is wrong, changed in silence, tracebacks. Exits with 1 unless the last
two are 0.
"""

import bz2
import gzip
import io
import lzma
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from albench.core.errors import AlbenchError, BadData
from albench.datasets._doctor import Report, examined, said
from albench.datasets._look import OPTIONS, looked, settled
from albench.datasets._options import MISSING
from albench.datasets._read import READERS, format_of

Rng = np.random.Generator
WORDS = ["red", "blue", "tan", "grey; dark", 'said "so"', "a, b", "Ünal", "line\nbreak", "x\\y"]
NAMES = ["a", "b c", "größe", "x\\y", 'q"q', "p,q", "smile \U0001f600", "n" * 999, "0", "1"]


@dataclass
class Column:
    """A column as it is meant and as it is written.

    kind   number, text, date, long, mixed, odd: `odd` need not be read, only told
    true   the values meant, None where missing
    cells  the cells written
    """

    name: str
    kind: str
    true: list[Any]
    cells: list[str]


@dataclass
class Made:
    """A table, its bytes and the manners in which it is written."""

    columns: list[Column]
    labels: list[str | None]
    content: bytes = b""
    ending: str = "csv"
    target: str = "label"
    manners: list[str] = field(default_factory=list)
    broken: bool = False


def number(rng: Rng, name: str, n: int) -> Column:
    """Plain numbers, whole or not, some in scientific notation."""
    values = (rng.normal(size=n) * 10.0 ** rng.integers(-3, 6)).round(int(rng.integers(1, 6)))
    if rng.random() < 0.3:
        values = rng.integers(-50, 50, size=n).astype(float)
        return Column(name, "number", list(values), [str(int(v)) for v in values])
    return Column(name, "number", list(values), [repr(float(v)) for v in values])


def with_sign(rng: Rng, name: str, n: int) -> Column:
    """Percent, currency, thousands."""
    values = rng.integers(1000, 10**7, size=n)
    form = rng.choice(["{:,}", "${}", "{} %", "€ {}", "${:,}.50", "{:,}.25"])
    true = [float(v) + (0.5 if ".50" in form else 0.25 if ".25" in form else 0) for v in values]
    return Column(name, "number", true, [str(form).format(int(v)) for v in values])


def comma(rng: Rng, name: str, n: int) -> Column:
    """A decimal comma, sometimes with points between thousands."""
    values = (rng.normal(size=n) * 100).round(2)
    cells = [f"{v:.2f}".replace(".", ",") for v in values]
    if rng.random() < 0.3:
        values = rng.integers(10**5, 10**8, size=n) / 100
        cells = [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in values]
    return Column(name, "number", [float(v) for v in values], cells)


def words(rng: Rng, name: str, n: int) -> Column:
    """A few texts with anything in them."""
    true = [str(v) for v in rng.choice(WORDS, size=n)]
    return Column(name, "text", list(true), list(true))


def gaps(rng: Rng, name: str, n: int) -> Column:
    """Numbers of which some are missing, as a word or as nothing."""
    made = number(rng, name, n)
    word = str(rng.choice([*MISSING, "", " "]))
    for i in np.flatnonzero(rng.random(n) < 0.2):
        made.true[i], made.cells[i] = None, word
    return made


def dates(rng: Rng, name: str, n: int) -> Column:
    """Dates in one of the usual forms."""
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, size=n), "D")
    form = str(rng.choice(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%S"]))
    return Column(name, "odd", [None] * n, [d.strftime(form) for d in days])


def long(rng: Rng, name: str, n: int) -> Column:
    """Whole numbers beyond 64 bits."""
    return Column(
        name, "odd", [None] * n, [str(2**64 + int(v)) for v in rng.integers(9**9, size=n)]
    )


def mixed(rng: Rng, name: str, n: int) -> Column:
    """Numbers and words."""
    made = number(rng, name, n)
    for i in [0, *np.flatnonzero(rng.random(n) < 0.1)]:
        made.cells[i] = "off scale"
    return Column(name, "odd", [None] * n, made.cells)


def codes(rng: Rng, name: str, n: int) -> Column:
    """Codes that begin with 0: 01 is not 1."""
    cells = [str(v) for v in rng.choice(["01", "1", "007", "7"], size=n)]
    return Column(name, "odd", [None] * n, cells)


def naming(rng: Rng, name: str, n: int) -> Column:
    """One distinct text a row."""
    return Column(name, "odd", [None] * n, [f"car {v}" for v in rng.permutation(n)])


def rising(rng: Rng, name: str, n: int) -> Column:
    """The number of the row."""
    return Column(name, "odd", [None] * n, [str(i + 1) for i in range(n)])


def label_cells(rng: Rng, n: int) -> list[str | None]:
    """Classes as texts that a careless reader would make one."""
    kinds = [["y", "n"], ["1.1", "1.10", "1.2"], ["01", "1", "007"], ["1", "1.0", "2"]]
    kinds += [["None", "mild", "NA"], ["True", "False"], ["10", "9", "-1"], ["yes", "Yes", "no"]]
    chosen = kinds[rng.integers(len(kinds))]
    labels: list[str | None] = [chosen[i % len(chosen)] for i in rng.permutation(n)]
    if rng.random() < 0.15:
        for i in np.flatnonzero(rng.random(n) < 0.1):
            labels[i] = None
    return labels


KINDS = (number, with_sign, words, gaps, dates, long, mixed, codes, naming, rising)


def made(rng: Rng) -> Made:
    """One table in one manner."""
    n = int(rng.integers(30, 90))
    names = [NAMES[i] for i in rng.permutation(len(NAMES))]
    columns = [number(rng, names[0], n)]
    more = names[1 : int(rng.integers(2, 6))]
    columns += [KINDS[rng.integers(len(KINDS))](rng, name, n) for name in more]
    out = Made(columns, label_cells(rng, n))
    WRITERS[rng.integers(len(WRITERS))](rng, out)
    return out


def cell(text: str, sign: str) -> str:
    """A cell, quoted where it must be."""
    if any(c in text for c in (sign, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text


def lines(out: Made, sign: str, header: bool = True) -> list[str]:
    """The lines of a text table, the target somewhere among the columns."""
    labels = ["" if label is None else label for label in out.labels]
    columns = [*((c.name, c.cells) for c in out.columns), (out.target, labels)]
    rows = [sign.join(cell(name, sign) for name, _ in columns)] if header else []
    written = zip(*(cells for _, cells in columns), strict=True)
    return [*rows, *(sign.join(cell(text, sign) for text in row) for row in written)]


def as_text(rng: Rng, out: Made) -> None:
    """Separators, encodings, line ends and packing."""
    sign = str(rng.choice([",", ";", "\t", "|"]))
    if sign == ";" and rng.random() < 0.6:
        out.columns = [comma(rng, c.name, len(c.cells)) for c in out.columns]
        out.manners.append("decimal comma")
    end = str(rng.choice(["\n", "\r\n"]))
    text = end.join(lines(out, sign)) + end * int(rng.integers(0, 3))
    codec = str(rng.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    try:
        out.content = text.encode(codec)
    except UnicodeEncodeError:
        codec, out.content = "utf-8", text.encode()
    pack = [None, gzip.compress, bz2.compress, lzma.compress][int(rng.integers(4))]
    out.content = pack(out.content) if pack else out.content
    out.manners += [f"separator {sign!r}", codec, pack.__module__ if pack else "plain"]


def trailing(rng: Rng, out: Made) -> None:
    """Each row ends with a separator, the header does not."""
    head, *body = lines(out, ",")
    out.content = "\n".join([head, *(f"{row}," for row in body)]).encode()
    out.manners.append("trailing comma")


def headless(rng: Rng, out: Made) -> None:
    """No names; the target is the last column."""
    out.columns = [number(rng, f"x{i + 1}", len(out.labels)) for i in range(3)]
    out.target = "x4"
    out.content = "\n".join(lines(out, ",", header=False)).encode()
    out.manners.append("no header")


def doubled(rng: Rng, out: Made) -> None:
    """A name given twice."""
    out.columns = [number(rng, "a", len(out.labels)), number(rng, "a (2)", len(out.labels))]
    head, *body = lines(out, ",")
    out.content = "\n".join([head.replace("a (2)", "a"), *body]).encode()
    out.manners.append("name given twice")


def ragged(rng: Rng, out: Made) -> None:
    """One row with a cell too many or too few: to be refused."""
    rows = lines(out, ",")
    rows[int(rng.integers(2, 9))] = "1,2" if rng.random() < 0.5 else rows[1] + ",1,2"
    out.content, out.broken = "\n".join(rows).encode(), True
    out.manners.append("ragged")


def index_column(rng: Rng, out: Made) -> None:
    """A column without a name that counts the rows, as pandas writes it."""
    rows = lines(out, ",")
    out.content = "\n".join([f",{rows[0]}", *(f"{i},{r}" for i, r in enumerate(rows[1:]))]).encode()
    out.manners.append("index")


def as_arff(rng: Rng, out: Made) -> None:
    """ARFF with comments, tabs and quotes."""
    out.columns = [c for c in out.columns if c.kind in ("number", "text")][:1]
    out.columns = [number(rng, "a", len(out.labels)), number(rng, "b 'c", len(out.labels))]
    out.labels = [label or "n" for label in out.labels]
    space = str(rng.choice([" ", "\t", "  "]))
    quoted = ", ".join(f"'{label}'" for label in dict.fromkeys(out.labels))
    head = ["% a comment", "@RELATION r", ""]
    for c in out.columns:
        name = "'" + c.name.replace("'", "\\'") + "'"
        head.append(f"@attribute{space}{name}{space}real % in metres")
    head += [f"@attribute{space}label{space}{{{quoted}}} %{{low, high}}", "@data"]
    rows = zip(*(c.cells for c in out.columns), out.labels, strict=True)
    body = [", ".join([*row[:-1], f"'{row[-1]}'"]) for row in rows]
    out.content, out.ending = "\n".join([*head, *body, ""]).encode(), "arff"
    out.manners.append("arff")


def as_parquet(rng: Rng, out: Made) -> None:
    """Decimals, dates and lists."""
    n = len(out.labels)
    cents = rng.integers(-(10**6), 10**6, size=n)
    frame = pd.DataFrame({"0": [Decimal(int(v)) / 100 for v in cents]})
    out.columns = [Column("0", "number", [float(v) / 100 for v in cents], [])]
    if rng.random() < 0.5:
        frame["1"] = [pd.Timestamp("2020-01-01").date()] * n
        out.columns.append(Column("1", "odd", [None] * n, []))
    if rng.random() < 0.5:
        frame["2"] = [[1.0, 2.0]] * n
        out.columns.append(Column("2", "odd", [None] * n, []))
    frame["label"] = out.labels
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    out.content, out.ending = buffer.getvalue(), "parquet"
    out.manners.append("parquet")


WRITERS: tuple[Callable[[Rng, Made], None], ...] = (
    *([as_text] * 6),
    trailing,
    headless,
    doubled,
    ragged,
    index_column,
    as_arff,
    as_parquet,
)


def differs(out: Made, report: Report, told: str) -> Iterator[str]:
    """What a reader made of the table that was not written and that no line tells."""
    kept = range(len(out.labels)) if report.kept is None else report.kept.tolist()
    labels = [out.labels[i] for i in kept]
    if list(report.labels) != [label for label in labels if label is not None]:
        yield f"labels {report.labels[:4]} for {labels[:4]}"
    if None in out.labels and "have no value in the target" not in told + report_text(report):
        yield "labels that are missing"
    frame = report.features() if any(c.values for c in report.columns) else pd.DataFrame()
    for c in out.columns:
        if c.kind == "odd":
            if repr(c.name) not in told:
                yield f"nothing is said of {c.name[:20]!r}"
            continue
        if c.name not in frame.columns:
            if repr(c.name) not in told:
                yield f"{c.name[:20]!r} is gone"
            continue
        for got, meant in zip(frame[c.name], (c.true[i] for i in kept), strict=True):
            if meant is None and (got is None or got != got):
                continue
            same = got == meant if c.kind == "text" else abs(got - meant) <= 1e-12 * abs(meant)
            if not same:
                yield f"{c.name[:20]!r}: {got!r} for {meant!r}"
                break


def report_text(report: Report) -> str:
    """All lines of a report."""
    return "\n".join(said(f) for f in report.found)


def tried(out: Made, folder: Path) -> dict[str, str]:
    """How the table fares as a run reads it, and as `new suite` does: outcome by way."""
    path = folder / f"t.{out.ending}"
    path.write_bytes(out.content)
    fate = {}
    for way in ("run", "new suite"):
        try:
            fate[way] = fared(out, path, way)
        except AlbenchError as error:
            named = str(error)
            fate[way] = "refused" if len(named) > len(str(path)) + 10 else f"no reason: {named}"
        except Exception:
            fate[way] = "traceback: " + traceback.format_exc(limit=-2)
    return fate


def fared(out: Made, path: Path, way: str) -> str:
    """`read`, `refused`, or what was changed in silence."""
    if way == "run":
        use = format_of(path, out.content)
        options = OPTIONS[use]()
        report = examined(READERS[use](out.content, options), out.target, options)
        told = report_text(report)
    else:
        first = looked(path, out.target, {})
        found = settled(first, set())
        report = found.report
        told = report_text(first.report) + report_text(report) + "".join(s for _, s in found.why)
    if report.errors:
        if all(f.column or f.said for f in report.errors):
            return "refused"
        raise BadData("")
    if out.broken:
        return "changed: a ragged table was read"
    changed = next(differs(out, report, told), None)
    return "read" if changed is None else f"changed: {changed}"


def campaign(n: int, seed: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Counts by way and outcome, and what went wrong."""
    counts: Counter[tuple[str, str]] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(n):
            out = made(np.random.default_rng([seed, i]))
            for way, fate in tried(out, Path(folder)).items():
                counts[way, fate.partition(":")[0]] += 1
                if fate not in ("read", "refused"):
                    wrong.append(f"table {i} ({', '.join(out.manners)}), {way}: {fate}")
    return counts, wrong


def main() -> None:
    """Run the campaign and print its counts."""
    words = sys.argv[1:]
    counts, wrong = campaign(int(words[0]) if words else 2000, int(words[1]) if words[1:] else 0)
    for (way, outcome), count in sorted(counts.items()):
        sys.stdout.write(f"{way:10} {outcome:10} {count}\n")
    for line in wrong[:20]:
        sys.stdout.write(line + "\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
