"""Files: svmlight, CSV, Parquet and ARFF, by path or address, known by their SHA-256.

In a suite: `{use = "csv", path = "mine.csv", target = "y"}`, path relative to the suite, or
`{use = "csv", url = "https://...", sha256 = "...", target = "y"}`. The checksum stands in
the identity of a run, the path and the address do not.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from albench.core.errors import BadData, BadValue
from albench.core.files import File, sha256
from albench.core.registry import dataset
from albench.datasets import _cache as parsed
from albench.datasets._cache import cached, checked, obtained
from albench.datasets._dataset import Dataset, from_frame, read_arff, table_error

Count = Annotated[int, Ge(0)]


def pinned(table: dict[str, Any], folder: Path) -> tuple[dict[str, Any], str | None]:
    """A suite's entry with its file by checksum, and where the file is."""
    path, url = table.pop("path", None), table.pop("url", None)
    if path is not None and url is not None:
        raise BadValue("give either path or url")
    if path is None:
        if "sha256" not in table:
            raise BadValue("a file needs path = ..., or url = ... with sha256 = ...")
        return table, url
    if not isinstance(path, str):
        raise BadValue(f"path = {path!r}: text is due")
    file = (folder / Path(path).expanduser()).absolute()
    if not file.is_file():
        raise BadData(f"no such file: {file}")
    found = sha256(file)
    if table.setdefault("sha256", found) != found:
        raise BadData(f"{file}: expected SHA-256 {table['sha256']}, found {found}")
    return table, str(file)


def located(source: str | None, digest: str) -> Path:
    """The verified file: where the suite says, else in the cache or the mirror."""
    if source is not None and "://" not in source:
        path = Path(source)
        wanted = File(path.name, digest)
        if path.is_file():
            return checked(path, wanted)
        if cached(wanted) is None:
            raise BadData(f"{source} is gone (SHA-256 {digest})")
        return obtained(wanted)
    name = source.rsplit("/", 1)[-1] if source else digest
    return obtained(File(name, digest, source))


def with_test(found: Dataset, n_test: int) -> Dataset:
    """The dataset, its last n_test rows marked as the source's own test rows."""
    import dataclasses

    import numpy as np

    if not n_test:
        return found
    if n_test >= found.n:
        raise BadData(f"n_test = {n_test} of {found.n} rows leaves no train rows")
    return dataclasses.replace(found, test_rows=np.arange(found.n - n_test, found.n))


@dataset("svmlight", cite="Joachims 1999", resolve=pinned)
def svmlight(
    source: str | None = None,
    *,
    sha256: str,
    d: Count = 0,
    positive: str | None = None,
    n_test: Count = 0,
) -> Dataset:
    """A file in svmlight (LIBSVM) format: `label index:value ...`, absent values are 0.

    Name it in a suite by `path`, or by `url` with `sha256`.
    d       number of features, where the last ones may never occur (0: the largest index)
    n_test  so many rows at the end are the source's own test rows
    """
    name = source or sha256
    found = parsed.arrays(
        parsed.key("svmlight", sha256, d), lambda: read_svmlight(located(source, sha256), d)
    )
    try:
        made = Dataset.of(found["X"], found["labels"], positive=positive)
    except BadData as error:
        raise BadData(f"{name}: {error}") from None
    return with_test(made, n_test)


def read_svmlight(path: Path, d: int = 0) -> dict[str, Any]:
    """Features (dense) and labels of a file; raises BadData where it is no such file."""
    from sklearn.datasets import load_svmlight_file

    from albench.datasets._dataset import dense

    try:
        X, labels = load_svmlight_file(str(path), n_features=d or None)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadData(f"{path} is no svmlight file: {error}") from None
    return {"X": dense(X, str(path)), "labels": labels}


@dataset("csv", cite="a file of one's own", resolve=pinned)
def csv(
    source: str | None = None,
    *,
    sha256: str,
    target: str,
    positive: str | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    separator: str = ",",
    n_test: Count = 0,
) -> Dataset:
    """A CSV file with a header: numbers are numeric, all else is categorical.

    Name it in a suite by `path`, or by `url` with `sha256`. Empty cells and NA are missing
    values; a numeric column gets the median of the train rows and an indicator for them, a
    categorical one a category of its own (`albench.datasets._cut`).
    drop, categorical  columns to leave out, and to read as categories whatever they hold
    n_test             so many rows at the end are the source's own test rows
    """
    import pandas as pd

    def read() -> Any:
        path = located(source, sha256)
        with table_error(path, "CSV"):
            return pd.read_csv(path, sep=separator, low_memory=False)

    frame = parsed.frame(parsed.key("csv", sha256, separator), read)
    options = {"drop": drop, "categorical": categorical, "positive": positive}
    return with_test(from_frame(frame, target, source or sha256, **options), n_test)  # type: ignore[arg-type]


@dataset("parquet", cite="a file of one's own", resolve=pinned)
def parquet(
    source: str | None = None,
    *,
    sha256: str,
    target: str,
    positive: str | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    n_test: Count = 0,
) -> Dataset:
    """A Parquet file: numbers are numeric, all else is categorical. Parameters as of `csv`."""
    import pandas as pd

    path = located(source, sha256)
    with table_error(path, "Parquet"):
        frame = pd.read_parquet(path)
    options = {"drop": drop, "categorical": categorical, "positive": positive}
    return with_test(from_frame(frame, target, str(path), **options), n_test)  # type: ignore[arg-type]


@dataset("arff", cite="a file of one's own", resolve=pinned)
def arff(
    source: str | None = None,
    *,
    sha256: str,
    target: str,
    positive: str | None = None,
    drop: Sequence[str] = (),
    n_test: Count = 0,
) -> Dataset:
    """An ARFF file: nominal attributes are categorical, `?` is missing. Else as `csv`."""
    frame, nominal = read_arff(located(source, sha256))
    options = {"drop": drop, "categorical": nominal, "positive": positive}
    return with_test(from_frame(frame, target, source or sha256, **options), n_test)  # type: ignore[arg-type]
