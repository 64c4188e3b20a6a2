"""Raw data frames as numbers: an encoder fitted on the train rows only."""

from typing import Any

from albench.learner import Floats, Ints


def encoded(frame: Any, train: Ints, test: Ints) -> tuple[Floats, Floats]:
    """Train and test features as float64 matrices with the same columns.

    Numeric columns: missing values become the median, with an indicator column where any
    is missing. Other columns: one column per category of the train rows; a missing value
    is a category of its own, a category unseen in the train rows is all zeros. Raises
    BadData where the dense result would be larger than `data.DENSE_BYTES`.
    """
    fitted, table = fitted_encoder(frame, train)
    return fitted.transform(table.iloc[train]), fitted.transform(table.iloc[test])


def column_names(frame: Any, train: Ints) -> tuple[str, ...]:
    """Names of the columns that `encoded` gives: `age`, `age missing`, `colour = red`."""
    fitted, _ = fitted_encoder(frame, train)
    imputer, text = fitted.transformers_[0], fitted.transformers_[1]
    numeric, other = list(imputer[2]), list(text[2])
    names = [str(c) for c in numeric]
    if numeric:
        names += [f"{numeric[i]} missing" for i in imputer[1].indicator_.features_]
    if other:
        categories = zip(other, text[1].categories_, strict=True)
        names += [f"{column} = {value}" for column, values in categories for value in values]
    return tuple(names)


def fitted_encoder(frame: Any, train: Ints) -> tuple[Any, Any]:
    """The encoder, fitted on the train rows, and the whole table as it takes it."""
    import numpy as np
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    from albench.data import within_bound

    numeric = [c for c in frame.columns if frame[c].dtype.kind in "biuf"]
    other = [c for c in frame.columns if c not in numeric]
    text = frame[other].astype(object).where(frame[other].notna(), "(missing)").astype(str)
    width = 2 * len(numeric) + sum(int(text[c].iloc[train].nunique()) for c in other)
    within_bound(8.0 * len(frame) * width, f"the table with its categories as {width} columns")
    table = frame[numeric].astype(np.float64).join(text)
    encoder = make_column_transformer(
        (SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), numeric),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), other),
    )
    return encoder.fit(table.iloc[train]), table
