"""Datasets, data frames made into one, and what in a table is probably a mistake.

`cut` draws the test rows before and independent of any query, from the `split` stream
alone, and the start from the `start` stream. Preprocessing never sees a test row.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.core.errors import BadData
from albench.datasets._arff import parsed_arff
from albench.datasets._cells import numbered, row_number

MOST_CLASSES = 500
DENSE_BYTES = 2**31


@dataclass(frozen=True, eq=False)
class Dataset:
    """A classification table.

    X          (n, d) float64, or a raw data frame that `cut` encodes on the train rows
    y          (n,) class indices
    classes    names of the classes, in index order
    positive   index of the positive class, or None
    test_rows  the source's own test rows, for protocols with test = "source"
    features   names of the columns of a matrix X, or nothing
    groups     (n,) number of each row's group, for `split = "group"`
    times      (n,) when each row was made, in any unit, for `split = "time"`
    notes      what was found of the table when it was read, told before the first run
    """

    X: Any
    y: Ints
    classes: tuple[str, ...]
    positive: int | None = None
    test_rows: Ints | None = None
    features: tuple[str, ...] = ()
    groups: Ints | None = None
    times: Floats | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        X: Any,
        labels: Sequence[Any] | np.ndarray[Any, Any],
        positive: Any = None,
        classes: Sequence[str] | None = None,
        features: Sequence[str] = (),
    ) -> "Dataset":
        """A dataset from features and labels of any type.

        Classes are the sorted distinct labels (numbers by value, else as text), renamed by
        `classes`; `positive` is one of the labels; `features` names the columns of a matrix.
        Raises BadData for features or labels that cannot be used.
        """
        values = usable_labels(labels)
        found, y = np.unique(values, return_inverse=True)
        names = tuple(classes) if classes is not None else tuple(label_name(v) for v in found)
        index = None
        if positive is not None:
            at = np.flatnonzero(found.astype(str) == str(positive))
            if not len(at):
                raise BadData(
                    f"positive class {positive!r} is none of {', '.join(map(str, found))}"
                )
            index = int(at[0])
        columns = tuple(str(name) for name in features)
        made = cls(checked_features(X), y.astype(np.intp), names, index, features=columns)
        return made.checked()

    def checked(self) -> "Dataset":
        """Itself; raises BadData where no classification task can be made of it."""
        if len(self.X) != len(self.y):
            raise BadData(f"{len(self.X)} rows of features, {len(self.y)} labels")
        if self.features and len(self.features) != self.d:
            raise BadData(f"{len(self.features)} names of features, {self.d} columns")
        if len(self.classes) < 2:
            raise BadData(f"one class only ({self.classes[0] if self.classes else 'none'})")
        if len(self.classes) > MOST_CLASSES:
            raise BadData(f"{len(self.classes)} classes; is this a regression target?")
        return self

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def d(self) -> int:
        """Number of feature columns, before any encoding."""
        return int(self.X.shape[1])


def usable_labels(labels: Any) -> Any:
    """Labels as a flat array of numbers or texts; raises BadData where some are missing."""
    import pandas as pd

    values = np.asarray(labels)
    if values.ndim != 1:
        raise BadData(f"labels have shape {values.shape}; one for each row is due")
    given = pd.Series(labels if len(values) else [], dtype=object)
    if missing := int(given.isna().sum()):
        raise BadData(f"{missing} labels are missing")
    return given.astype(str).to_numpy(dtype=str) if values.dtype.kind == "O" else values


def label_name(value: Any) -> str:
    """A label as text; whole numbers without a decimal point."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def checked_features(X: Any) -> Any:
    """Features as float64, or a frame with texts as names; raises BadData for what cannot be used.

    A sparse matrix is made dense within `DENSE_BYTES`.
    """
    if hasattr(X, "columns"):
        return checked_frame(X)
    if hasattr(X, "toarray"):
        X = dense(X, "the features")
    try:
        X = np.ascontiguousarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadData(f"features are not numbers: {error}") from error
    if X.ndim != 2 or not X.shape[1]:
        raise BadData(f"features have shape {X.shape}; rows and columns are due")
    wrong = ~np.isfinite(X)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise BadData(
            f"{int(wrong.sum())} feature values are NaN or infinite, "
            f"the first in row {row}, column {column}"
        )
    return X


def checked_frame(frame: Any) -> Any:
    """A frame whose columns are named by texts and hold numbers or categories.

    Raises BadData for names that are one as text, and for columns of dates or lists. Decimals
    are numbers.
    """
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise BadData(f"two columns are called {twice[0]!r}")
    return frame.assign(
        **{c: v for c in frame.columns if (v := usable_column(frame[c])) is not None}
    )


def usable_column(column: Any) -> Any:
    """A column of objects as numbers where it holds decimals, None where it stays as it is."""
    import pandas as pd

    if column.dtype.kind in "Mm":
        raise BadData(f"column {column.name!r} holds dates; make numbers of them, or drop it")
    if column.dtype.kind != "O":
        return None
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "decimal":
        return column.astype("float64")
    if kind in ("date", "datetime", "datetime64", "time", "timedelta", "period"):
        raise BadData(f"column {column.name!r} holds dates; make numbers of them, or drop it")
    given = column.dropna()
    if (
        kind == "mixed"
        and given.map(lambda v: isinstance(v, list | tuple | dict | np.ndarray)).any()
    ):
        raise BadData(f"column {column.name!r} holds lists; make one column of each item")
    return None


def within_bound(n_bytes: float, what: str) -> None:
    """Raises BadData where a dense table would need more memory than `DENSE_BYTES`."""
    if n_bytes > DENSE_BYTES:
        raise BadData(
            f"{what} needs {n_bytes / 2**30:.1f} GB as a dense table; "
            f"the bound is {DENSE_BYTES / 2**30:g} GB"
        )


def dense(X: Any, what: str) -> Floats:
    """A sparse matrix as a dense one; raises BadData beyond `DENSE_BYTES`."""
    within_bound(float(X.shape[0]) * X.shape[1] * 8, f"{what} (sparse)")
    return np.asarray(X.toarray(), dtype=np.float64)


TEXT_VALUES = 100


def from_frame(
    frame: Any,
    target: str,
    what: str,
    *,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    positive: str | None = None,
) -> Dataset:
    """The dataset of a frame; `what` begins the message of BadData.

    Numbers and truth values are numeric features; all else is categorical, as are the
    columns named so. Missing values stay for the encoder, which is fitted on train rows.
    Raises BadData for a target that is absent, constant, has missing values or looks like
    a regression target, and for columns that mix numbers with text or hold free text.
    """
    try:
        for name in (target, *drop, *categorical):
            present(name, frame, "target column" if name == target else "column")
        labels = target_labels(frame[target], target)
        X = frame.drop(columns=[target, *drop])
        if not X.shape[1]:
            raise BadData("no feature column is left")
        columns = {name: feature(X[name], name in categorical) for name in X.columns}
        return dataset_of(type(frame)(columns), labels, positive)
    except BadData as error:
        raise BadData(f"{what}: {error}") from None


def dataset_of(X: Any, labels: Any, positive: str | None) -> Dataset:
    """A matrix where all columns are complete numbers, else the frame itself."""
    plain = all(X[c].dtype.kind in "biuf" and X[c].notna().all() for c in X.columns)
    if not plain:
        return Dataset.of(X, labels, positive=positive)
    return Dataset.of(X.to_numpy(dtype=float), labels, positive=positive, features=tuple(X.columns))


def present(name: str, frame: Any, what: str) -> None:
    """Raises BadData where there is no such column."""
    from albench.core.traits import did_you_mean

    if name not in frame.columns:
        known = [str(c) for c in frame.columns]
        raise BadData(f"no {what} {name!r}{did_you_mean(name, known)}")


def target_labels(column: Any, name: str) -> Any:
    """The labels; raises BadData where they make no classification task."""
    missing = int(column.isna().sum())
    if not len(column):
        raise BadData("no rows, only a header")
    if missing:
        raise BadData(f"{missing} of {len(column)} rows have no value in the target {name!r}")
    k, n = column.nunique(), len(column)
    if k < 2:
        raise BadData(f"the target {name!r} is constant: one class only")
    numeric = column.dtype.kind in "iuf"
    fractions = column.dtype.kind == "f" and bool((column % 1 != 0).any())
    many = k >= MOST_CLASSES or (numeric and k > 50 and k > n / 20) or (fractions and k > 20)
    if many:
        raise BadData(
            f"the target {name!r} has {k} distinct values in {n} rows; is this regression? "
            "albench is for classification"
        )
    values = column.to_numpy()
    return values if values.dtype.kind in "biuf" else column.astype(str).to_numpy(dtype=str)


def feature(column: Any, categorical: bool) -> Any:
    """One feature: float64, or text with None for missing values."""
    if column.dtype.kind in "biuf" and not categorical:
        return finite(column.astype("float64"))
    given = column[column.notna()]
    if column.dtype.kind in "Mm":
        raise BadData(f"column {column.name!r} holds dates; make numbers of them, or drop it")
    declared = categorical or str(column.dtype) == "category"
    text = given.astype(str)
    if not declared:
        refuse_mixed(given, text)
        if text.nunique() > max(TEXT_VALUES, len(text) / 10):
            raise BadData(
                f"column {column.name!r} holds {text.nunique()} distinct texts in {len(text)} "
                f"rows; drop it (`drop = [{column.name!r}]`), or name it in `categorical`"
            )
    return text.astype(object).reindex(column.index)


def finite(column: Any) -> Any:
    """The column; raises BadData where a value is infinite."""
    import numpy as np

    wrong = np.flatnonzero(np.isinf(column.to_numpy()))
    if len(wrong):
        raise BadData(f"column {column.name!r} is infinite in row {wrong[0]}")
    return column


def refuse_mixed(given: Any, text: Any) -> None:
    """Raises BadData for a column of which some values are numbers and some are not."""
    import pandas as pd

    truth = given.map(lambda value: isinstance(value, bool))
    number = pd.to_numeric(text.where(~truth), errors="coerce").notna()
    if number.any() and not number.all():
        rare = text[~number] if number.mean() >= 0.5 else text[number]
        kind = "no numbers" if number.mean() >= 0.5 else "numbers"
        raise BadData(
            f"column {given.name!r} mixes numbers and text: {len(rare)} of {len(text)} values are "
            f"{kind}, the first is {rare.iloc[0]!r} in row {rare.index[0]}; clean it, or name it "
            "in `categorical`"
        )


@contextmanager
def table_error(path: Path, kind: str) -> Iterator[None]:
    """Raises BadData where reading a table of that kind fails."""
    import pandas as pd
    import pyarrow as pa

    try:
        yield
    except (pd.errors.ParserError, pd.errors.EmptyDataError, pa.ArrowInvalid) as error:
        raise BadData(f"{path} is no {kind} file: {str(error).splitlines()[0]}") from None
    except UnicodeDecodeError as error:
        raise BadData(f"{path} is no text in UTF-8: {error}") from None


def read_arff(path: Path) -> tuple[Any, list[str]]:
    """The frame of an ARFF file (dense or sparse), and its nominal columns."""
    import pandas as pd

    with table_error(path, "ARFF"):
        text = path.read_text(encoding="utf-8")
    try:
        found = parsed_arff(text, within_bound)
    except BadData as error:
        raise BadData(f"{path} is no ARFF file: {error}") from None
    columns = {}
    for name, kind in found.kinds.items():
        cells = found.cells[name]
        try:
            given = [None if c is None else float(c) for c in cells] if kind == "numeric" else cells
        except ValueError as error:
            raise BadData(f"{path} is no ARFF file: attribute {name!r}: {error}") from None
        columns[name] = pd.Series(given, dtype="float64" if kind == "numeric" else object)
    nominal = [name for name, kind in found.kinds.items() if isinstance(kind, tuple)]
    return pd.DataFrame(columns), nominal


def suspects(dataset: Dataset) -> Iterator[str]:
    """One sentence for what was found when the table was read, each column that looks like row
    numbers, each class with one row."""
    yield from dataset.notes
    for name, values in columns(dataset):
        told = f"column {name!r} {row_number(name, values).said}" if numbered(values) else None
        if told is not None and told not in dataset.notes:
            yield told
    counts = np.bincount(dataset.y, minlength=len(dataset.classes))
    for index in np.flatnonzero(counts == 1):
        yield (
            f"class {dataset.classes[index]!r} has one row: it is either never tested or never "
            "learned; leave it out or merge it with another"
        )


def columns(dataset: Dataset) -> Iterator[tuple[str, Any]]:
    """Names and values of the numeric columns."""
    X = dataset.X
    if isinstance(X, np.ndarray):
        names = dataset.features or tuple(str(i) for i in range(X.shape[1]))
        yield from zip(names, X.T, strict=True)
        return
    for name in X.columns:
        if X[name].dtype.kind in "iuf":
            yield str(name), X[name].to_numpy(dtype=np.float64)
