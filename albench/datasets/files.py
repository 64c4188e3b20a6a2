"""Files of one's own, by path or address, known by their SHA-256.

CSV and TSV (also gz, zip, bz2, xz), ARFF, Parquet, Feather, spreadsheets, svmlight, npz.

In a suite: `{use = "csv", path = "mine.csv", target = "y"}`, path relative to the suite, or
`{use = "csv", url = "https://...", sha256 = "...", target = "y"}`. The checksum stands in
the identity of a run, the path and the address do not.

Every table goes through the doctor (`albench.datasets._doctor`): what it finds wrong is an
error of the run, or told before the first one. Labels are texts, as they are written: `1.1` and
`1.10` are two classes; they stand in the order of their values where all are numbers, else as
text.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from albench.core.errors import BadData, BadValue
from albench.core.files import File, sha256
from albench.core.registry import dataset
from albench.datasets import _cache as cache
from albench.datasets._cache import cached, checked, obtained
from albench.datasets._dataset import Dataset, dense
from albench.datasets._doctor import dataset_of, examined
from albench.datasets._options import ColumnOptions, NumberOptions, TextOptions, taking
from albench.datasets._read import READERS
from albench.datasets._table import Table, concerning

Count = Annotated[int, Ge(0)]
READING = 2  # raised where the same bytes and options are read as another table
LABEL, GROUP, TIME = "\x1flabel", "\x1fgroup", "\x1ftime"  # no column of a table is called so


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
    import numpy as np

    if not n_test:
        return found
    if n_test >= found.n:
        raise BadData(f"n_test = {n_test} of {found.n} rows leaves no train rows")
    return replace(found, test_rows=np.arange(found.n - n_test, found.n))


def read_svmlight(path: Path, d: int = 0) -> dict[str, Any]:
    """Features (dense) and labels of a file; raises BadData where it is no such file."""
    from sklearn.datasets import load_svmlight_file

    try:
        X, labels = load_svmlight_file(str(path), n_features=d or None)
    except (ValueError, UnicodeDecodeError, OverflowError) as error:
        raise BadData(f"{path} is no svmlight file: {error}") from None
    return {"X": dense(X, str(path)), "labels": labels}


def told_apart(path: Path, labels: Any) -> None:
    """Raise BadData where labels that are written in several ways are one number."""
    import numpy as np

    lines = path.read_bytes().splitlines()
    words = {line.split(None, 1)[0] for line in lines if line.strip() and line[:1] != b"#"}
    n_numbers = len(np.unique(labels))
    if len(words) > n_numbers:
        shown = ", ".join(sorted(word.decode(errors="replace") for word in words)[:6])
        raise BadData(
            f"{path}: {len(words)} distinct texts of labels ({shown}) became {n_numbers} numbers; "
            "in this format a label is a number, so write each class in one way"
        )


@dataset("svmlight", cite="Joachims 1999", resolve=pinned, version="2")
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

    def read() -> dict[str, Any]:
        path = located(source, sha256)
        found = read_svmlight(path, d)
        told_apart(path, found["labels"])
        return found

    found = cache.arrays(cache.key("svmlight", READING, sha256, d), read)
    with concerning(name):
        made = Dataset.of(found["X"], found["labels"], positive=positive)
    return with_test(made, n_test)


@dataset("npz", cite="a file of one's own", resolve=pinned)
def npz(
    source: str | None = None,
    *,
    sha256: str,
    features: str = "X",
    target: str = "y",
    positive: str | None = None,
    n_test: Count = 0,
) -> Dataset:
    """Arrays of NumPy, such as embeddings: a matrix of features and one label a row.

    Name it in a suite by `path`, or by `url` with `sha256`; nothing is unpickled.
    features, target  names of the two arrays in the file
    n_test            so many rows at the end are the source's own test rows
    """
    import zipfile

    import numpy as np

    path = located(source, sha256)
    with concerning(str(path)):
        try:
            with np.load(path, allow_pickle=False) as found:
                missing = [key for key in (features, target) if key not in found.files]
                if missing:
                    raise BadData(f"no array {missing[0]!r}; it has {', '.join(found.files)}")
                X, y = found[features], found[target]
        except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
            raise BadData(f"it is no npz file of plain arrays: {error}") from None
        return with_test(Dataset.of(X, y, positive=positive), n_test)


def of_table(
    use: str,
    where: tuple[str | None, str],
    target: str,
    options: ColumnOptions,
    *more: Any,
) -> Dataset:
    """The dataset of a file with columns, read once and kept.

    where    source and SHA-256 of the file
    options  how it is read; with `more` (a sheet) it is the name under which it is kept
    """
    source, digest = where

    def read() -> Any:
        path = located(source, digest)
        return kept_frame(READERS[use](path.read_bytes(), options, *more), target, options)

    chosen = [getattr(options, name) for name in vars(options) if name != "positive"]
    name = cache.key(use, READING, digest, target, chosen, options.positive, *more)
    with concerning(source or digest):
        return from_kept(cache.frame(name, read), options.positive)


def kept_frame(table: Table, target: str, options: ColumnOptions) -> Any:
    """A frame of features, labels, groups and times, with what was found as its attributes."""
    import numpy as np

    report = examined(table, target, options)
    made = dataset_of(report, options.positive)
    frame = report.features()
    frame[LABEL] = np.array(made.classes, dtype=object)[made.y]
    if made.groups is not None:
        frame[GROUP] = made.groups
    if made.times is not None:
        frame[TIME] = made.times
    frame.attrs = {"notes": list(made.notes)}
    return frame


def from_kept(frame: Any, positive: str | None) -> Dataset:
    """The dataset that `kept_frame` kept."""
    from albench.datasets._doctor import made

    own = [name for name in (LABEL, GROUP, TIME) if name in frame.columns]
    X = frame.drop(columns=own)
    found = made(X, list(frame[LABEL]), positive)
    return replace(
        found,
        groups=frame[GROUP].to_numpy() if GROUP in own else None,
        times=frame[TIME].to_numpy() if TIME in own else None,
        notes=tuple(frame.attrs.get("notes", ())),
    )


def chosen(kind: Callable[..., Any], given: dict[str, Any]) -> Any:
    """Options of a kind; lists become tuples, so that equal ones are equal."""
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})


@dataset("csv", cite="a file of one's own", resolve=pinned, version="2")
@taking(TextOptions)
def csv(
    source: str | None = None, *, sha256: str, target: str, n_test: Count = 0, **options: Any
) -> Dataset:
    """A CSV, TSV or other text table, also as gz, zip, bz2 or xz.

    Name it in a suite by `path`, or by `url` with `sha256`. Numbers are numeric, texts are
    categories; a numeric column gets the median of the train rows and an indicator for missing
    values, a categorical one a category of its own. Options: `albench data look --help`.
    n_test  so many rows at the end are the source's own test rows
    """
    return with_test(
        of_table("csv", (source, sha256), target, chosen(TextOptions, options)), n_test
    )


@dataset("arff", cite="a file of one's own", resolve=pinned, version="2")
@taking(ColumnOptions)
def arff(
    source: str | None = None, *, sha256: str, target: str, n_test: Count = 0, **options: Any
) -> Dataset:
    """An ARFF file of WEKA or KEEL: nominal attributes are categorical, `?` is missing.

    Else as `csv`.
    """
    return with_test(
        of_table("arff", (source, sha256), target, chosen(ColumnOptions, options)), n_test
    )


@dataset("parquet", cite="a file of one's own", resolve=pinned, version="2")
@taking(ColumnOptions)
def parquet(
    source: str | None = None, *, sha256: str, target: str, n_test: Count = 0, **options: Any
) -> Dataset:
    """A Parquet file: numbers and decimals are numeric, texts are categories. Else as `csv`."""
    return with_test(
        of_table("parquet", (source, sha256), target, chosen(ColumnOptions, options)), n_test
    )


@dataset("feather", cite="a file of one's own", resolve=pinned)
@taking(ColumnOptions)
def feather(
    source: str | None = None, *, sha256: str, target: str, n_test: Count = 0, **options: Any
) -> Dataset:
    """A Feather (Arrow) file; as `parquet`."""
    return with_test(
        of_table("feather", (source, sha256), target, chosen(ColumnOptions, options)), n_test
    )


@dataset("excel", cite="a file of one's own", resolve=pinned)
@taking(NumberOptions)
def excel(
    source: str | None = None,
    *,
    sha256: str,
    target: str,
    sheet: str | None = None,
    n_test: Count = 0,
    **options: Any,
) -> Dataset:
    """A sheet of an Excel or OpenDocument file; needs `pip install 'albench[excel]'`.

    sheet   its name; the first one unless named. Else as `csv`.
    """
    found = of_table("excel", (source, sha256), target, chosen(NumberOptions, options), sheet)
    return with_test(found, n_test)
