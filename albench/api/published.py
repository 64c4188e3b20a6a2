"""Published numbers beside ours: of one suite, and of every suite that comes with some."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.core.errors import BadData, BadValue
from albench.suite.protocols import PROTOCOLS, protocol_name

if TYPE_CHECKING:
    import pandas as pd

    from albench.suite import Suite


def beside(suite: "Suite", ending: str) -> Path | None:
    """A file beside the suite's own: `<suite>.published.csv`, `<suite>.rounds.parquet`."""
    if suite.path is None:
        return None
    path = suite.path.with_name(f"{suite.path.stem}.{ending}")
    return path if path.is_file() else None


def claims_of(suite: "Suite") -> "pd.DataFrame":
    """The published numbers beside a suite's file; raises BadValue where there are none."""
    from albench.analysis.reproduce import claims

    path = beside(suite, "published.csv")
    if path is None:
        stem = suite.name if suite.path is None else suite.path.with_suffix("")
        raise BadValue(
            f"suite {suite.name!r} has no published numbers: {stem}.published.csv does not exist"
        )
    return claims(path)


def values_of(
    suite: "Suite", runs: "pd.DataFrame", rounds: "pd.DataFrame"
) -> "pd.DataFrame | None":
    """The published curves beside a suite's file, value by value with ours; None without any.

    The file names protocols by their labels, or by `batch`. Raises BadData where it lacks a
    column.
    """
    import pandas as pd

    from albench.analysis.publications import KEY, values

    path = beside(suite, "rounds.parquet")
    if path is None:
        return None
    printed = pd.read_parquet(path)
    if "batch" in printed.columns:
        labels = {value.batch: label for label, value in suite.protocols}
        printed["protocol"] = printed.pop("batch").map(labels)
    lacking = [name for name in KEY if name not in printed.columns]
    if lacking:
        raise BadData(f"{path}: no column {', '.join(lacking)}")
    return values(runs, rounds, printed)


def all_cells(results: Path) -> "Iterator[tuple[Suite, pd.DataFrame, pd.DataFrame | None]]":
    """Each shipped suite with published numbers: its cells, and its curves value by value.

    results  folder that holds a folder of results per suite; what is not there is not run
    """
    from albench.suite.toml import load_suite, shipped

    for name, path in shipped().items():
        if path.with_name(f"{name}.published.csv").is_file():
            suite = load_suite(name)
            runs, rounds = finished(suite, results / name)
            found = values_of(suite, runs, rounds) if len(runs) else None
            yield suite, judged_cells(suite, runs, rounds), found


def claims(
    results: Path = Path("results"), dataset: str | None = None, strategy: str | None = None
) -> "tuple[pd.DataFrame, pd.DataFrame, list[str]]":
    """Every published number beside ours, the support of conclusions, and protocols in words.

    dataset, strategy  only the numbers of one. Raises BadValue where there is none
    """
    import pandas as pd

    from albench.analysis.claims import narrowed, support

    parts, words = [], {}
    for suite, cells, _ in all_cells(results):
        parts.append(cells.assign(publication=suite.name))
        for _, value in suite.protocols:
            told = differences_of(protocol_name(value))
            words[suite.name] = f"{suite.name} ({protocol_name(value)}): {told}"
    table = narrowed(pd.concat(parts, ignore_index=True), dataset, strategy)
    return table, support(table), [words[name] for name in dict.fromkeys(table["publication"])]


def differences_of(protocol: str) -> str:
    """What a named protocol says of how it differs from the paper, as one sentence."""
    if protocol not in PROTOCOLS:
        return "no named protocol, so nothing is known of differences"
    _, _, told = PROTOCOLS[protocol][1].partition("Differs: ")
    return " ".join(told.split()) or "no difference is known"


def publications(results: Path = Path("results")) -> "tuple[pd.DataFrame, list[str]]":
    """One row per shipped suite with published numbers, from the results at hand; and reasons.

    results  folder that holds a folder of results per suite; what is not there is not run
    """
    import pandas as pd

    from albench.analysis.publications import line, reasons, summed

    rows: list[dict[str, Any]] = []
    said: list[str] = []
    for suite, cells, found in all_cells(results):
        rows.append(line(suite.name, cells, found))
        said += reasons(suite.name, cells)
    return pd.DataFrame([*rows, summed(rows)]), said


def judged_cells(
    suite: "Suite", runs: "pd.DataFrame", rounds: "pd.DataFrame", margin: float | None = None
) -> "pd.DataFrame":
    """The published cells of a suite with ours and a verdict."""
    from albench.analysis.reproduce import reproduced

    return reproduced(runs, rounds, claims_of(suite), margin=margin, alpha=suite.question().alpha)


def finished(suite: "Suite", folder: Path) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """The labelled tables of a suite from a folder; without rows where it holds none."""
    import pandas as pd

    from albench.core.tables import KEY, ROUNDS, RUNS
    from albench.runner import open_store
    from albench.runner.grid import labelled

    if not (folder / "runs.parquet").is_file():
        blank = {metric: pd.Series(dtype="float64") for metric in suite.metrics}
        runs = pd.DataFrame(columns=[*RUNS, *(k for k in KEY if k not in RUNS)])
        return runs, pd.DataFrame(columns=list(ROUNDS)).assign(**blank)
    runs, rounds = labelled(suite, open_store(suite, folder))
    return runs, rounds


__all__ = ["claims", "claims_of", "publications", "values_of"]
