"""OpenML by data id: `{use = "openml", id = 1464}`.

A data id names one version of a dataset for good; the file is verified by the checksum
that OpenML reports. `md5` and `version` in the suite pin both beyond what the server says.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge

from albench import parsed
from albench.columns import from_frame, read_arff
from albench.data import Dataset
from albench.errors import BadData, BadValue
from albench.openml_api import arff_file, described, suite_ids, usable
from albench.registry import dataset

Id = Annotated[int, Ge(1)]


def expanded(table: dict[str, Any]) -> list[dict[str, Any]]:
    """`{use = "openml", suite = 99}` as one entry per dataset of that OpenML suite."""
    if "suite" not in table:
        return [table]
    rest = {k: v for k, v in table.items() if k != "suite"}
    if "id" in rest or "name" in rest:
        raise BadValue('openml: suite = ... stands for many datasets; leave out "id" and "name"')
    return [rest | {"id": number} for number in suite_ids(table["suite"])]


@dataset("openml", cite="Vanschoren et al. 2013; Bischl et al. 2021", expand=expanded)
def openml(
    *,
    id: Id,
    version: Id | None = None,
    md5: str | None = None,
    target: str | None = None,
    positive: str | None = None,
    drop: Sequence[str] = (),
) -> Dataset:
    """A dataset of OpenML by its data id; nominal attributes are categorical.

    target: OpenML's default target attribute unless named. Row identifiers and attributes
    that OpenML marks as to be ignored are dropped.
    """
    meta = described(id)
    usable(meta, version, md5)
    what = f"OpenML {id} ({meta['name']})"
    name = target or meta["target"]
    if not name:
        raise BadData(f"{what} has no default target; name one with target = ...")
    if target is None and meta["target_type"] == "numeric":
        raise BadData(
            f"{what}: the target {name!r} is numeric, a regression task; albench is for "
            "classification"
        )
    frame = parsed.frame(parsed.key("openml", meta["md5"]), lambda: table(meta))
    dropped = [
        c for c in dict.fromkeys([*meta["ignore"], *drop]) if c in frame.columns or c in drop
    ]
    nominal = [c for c in frame.columns if frame[c].dtype.kind not in "biuf" and c not in dropped]
    return from_frame(frame, name, what, drop=dropped, categorical=nominal, positive=positive)


def table(meta: dict[str, Any]) -> Any:
    """The data frame of a description's ARFF file, nominal columns as text."""
    frame, nominal = read_arff(arff_file(meta))
    texts = {c: frame[c].astype(object).where(frame[c].notna(), None) for c in nominal}
    return frame.assign(**texts)
