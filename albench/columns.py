"""A data frame with a target column as a Dataset, or one clear message why not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from albench.data import MOST_CLASSES, Dataset, within_bound
from albench.errors import BadData

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
    from albench.registry import did_you_mean

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
    import arff
    import pandas as pd

    with table_error(path, "ARFF"):
        text = path.read_text(encoding="utf-8")
    body = next((r for r in text.lower().partition("@data")[2].splitlines() if r.strip()), "")
    kind = arff.LOD if body.lstrip().startswith("{") else arff.DENSE
    try:
        found = arff.loads(text, return_type=kind)
    except (arff.ArffException, ValueError) as error:
        raise BadData(f"{path} is no ARFF file: {str(error).splitlines()[0]}") from None
    names = [name for name, _ in found["attributes"]]
    nominal = [name for name, kind in found["attributes"] if isinstance(kind, list)]
    if kind == arff.DENSE:
        return pd.DataFrame(found["data"], columns=names), nominal
    within_bound(len(found["data"]) * len(names) * 8, str(path))
    zero = [values[0] if isinstance(values, list) else 0.0 for _, values in found["attributes"]]
    rows = [[row.get(i, zero[i]) for i in range(len(names))] for row in found["data"]]
    return pd.DataFrame(rows, columns=names), nominal
