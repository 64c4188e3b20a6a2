"""OpenML: descriptions, suites and pinned files, and datasets by id.

What was fetched is kept in the cache folder: the description as JSON, the ARFF file with
the MD5 that OpenML reports. Once there, no server is asked again.

A data id names one version of a dataset for good; the file is verified by the checksum
that OpenML reports. `md5` and `version` in the suite pin both beyond what the server says.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

from annotated_types import Ge

from albench.core.errors import BadData, BadValue, Unavailable
from albench.core.registry import dataset
from albench.datasets import _cache as parsed
from albench.datasets import _download as download
from albench.datasets._cache import folder, mirror, replacing
from albench.datasets._cache import partial as waiting
from albench.datasets._dataset import Dataset, from_frame, read_arff, within_bound

RETRIES = 3
NO_DATASET = 111
NO_STUDY = 601
NO_ACCESS = 112
ELSEWHERE = (
    "where there is no network, take up the cache of another machine with `albench data import DIR`"
)
KEYS = frozenset(
    ("id", "version", "name", "status", "md5", "url", "target", "ignore", "target_type", "n", "d")
)
Made = TypeVar("Made")


def described(data_id: int) -> dict[str, Any]:
    """The description of a dataset: from the cache, the mirror, or the server.

    Keys: id, version, name, status, md5, url, target, ignore, target_type, n, d.
    """
    return remembered(f"{data_id}.json", lambda: asked(data_id), KEYS)


def remembered(
    name: str, ask: Callable[[], dict[str, Any]], keys: frozenset[str]
) -> dict[str, Any]:
    """A description kept in the cache or the mirror, asked for and kept where it is not.

    Raises Unavailable for a kept one that is no JSON or lacks one of the keys.
    """
    path = folder() / "openml" / name
    for place in candidates(name):
        if place.is_file():
            try:
                kept = json.loads(place.read_text("utf-8"))
            except (ValueError, RecursionError):
                kept = None
            if not isinstance(kept, dict) or not keys <= set(kept):
                raise Unavailable(f"{place} is damaged; delete it, so that it is asked again")
            return kept
    found = ask()
    with replacing(path) as partial:
        partial.write_text(json.dumps(found, indent=1, sort_keys=True), "utf-8")
    return found


def candidates(name: str) -> list[Path]:
    """Where a file of OpenML may lie: in the cache, then in the mirror."""
    root = mirror()
    return [folder() / "openml" / name, *(sorted(root.rglob(f"openml/{name}")) if root else [])]


def asked(data_id: int) -> dict[str, Any]:
    """The description as the server gives it now.

    Raises BadData for a dataset that does not exist, is private or deactivated, and
    Unavailable where the server does not answer.
    """
    with session(f"OpenML {data_id}") as openml:
        meta = openml.datasets.get_dataset(
            data_id,
            download_data=False,
            download_qualities=True,
            download_features_meta_data=True,
        )
        active = openml.datasets.check_datasets_active([data_id])[data_id]
    target, qualities = meta.default_target_attribute, meta.qualities or {}
    types = {feature.name: feature.data_type for feature in (meta.features or {}).values()}
    if target is not None and target not in types:
        raise Unavailable(f"OpenML {data_id}: its description does not list the feature {target!r}")
    return {
        "id": data_id,
        "version": meta.version,
        "name": meta.name,
        "md5": meta.md5_checksum,
        "status": "active" if active else "deactivated",
        "url": meta.url,
        "target": target,
        "target_type": types.get(target),
        "ignore": listed(meta.row_id_attribute) + listed(meta.ignore_attribute),
        "n": qualities.get("NumberOfInstances"),
        "d": qualities.get("NumberOfFeatures"),
    }


def listed(value: Any) -> list[str]:
    """None, one name, or several, as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def usable(meta: dict[str, Any], version: int | None, md5: str | None) -> None:
    """Raises BadData where a description is not what is asked for, or cannot be used."""
    what = f"OpenML {meta['id']} ({meta['name']}, version {meta['version']})"
    if version is not None and meta["version"] != version:
        raise BadData(f"{what}: version {version} is asked for")
    if md5 is not None and meta["md5"] != md5:
        raise BadData(f"{what}: expected MD5 {md5}, OpenML reports {meta['md5']}")
    if meta["status"] != "active":
        raise BadData(f"{what} is {meta['status']} on OpenML; use another version")
    if meta["n"] and meta["d"]:
        within_bound(float(meta["n"]) * float(meta["d"]) * 8, what)


def arff_file(meta: dict[str, Any]) -> Path:
    """The dataset's ARFF file, verified by the MD5 that OpenML reports.

    ARFF and not Parquet, because OpenML reports a checksum of the former only.
    """
    name = f"{meta['id']}-{meta['md5']}.arff"
    path = folder() / "openml" / name
    for place in candidates(name):
        if place.is_file():
            found = md5_of(place)
            if found != meta["md5"]:
                raise BadData(
                    f"{place} is not the file of OpenML {meta['id']} (changed or truncated): "
                    f"expected MD5 {meta['md5']}, found {found}; delete it, so that it is fetched"
                )
            return place
    fetched(meta, path)
    return path


def fetched(meta: dict[str, Any], path: Path) -> None:
    """Download the ARFF file, resumed and retried."""
    import requests

    try:
        download.permitted(str(meta["url"]))
    except Unavailable as error:
        raise Unavailable(f"OpenML {meta['id']}: {error}") from None
    with replacing(path) as partial, download.locked(path):
        try:
            download.Resuming(waiting(path), RETRIES)(meta["url"], partial, None)
        except requests.RequestException as error:
            raise Unavailable(f"OpenML {meta['id']}: {meta['url']}: {error}") from error
        except Unavailable as error:
            raise Unavailable(f"OpenML {meta['id']}: {meta['url']}: {error}") from error
        found = md5_of(partial)
        if meta["md5"] and found != meta["md5"]:
            raise BadData(
                f"OpenML {meta['id']}: the file at {meta['url']} is not the one described: "
                f"expected MD5 {meta['md5']}, found {found}"
            )


def md5_of(path: Path) -> str:
    """MD5 of a file's bytes: the checksum that OpenML reports."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def imported_openml(source: Path) -> list[dict[str, Any]]:
    """Copy the descriptions and files of OpenML that a folder holds; one row each.

    A file is taken up when its bytes have the checksum that its name and description state.
    """
    import shutil

    rows = []
    for path in sorted(source.rglob("openml/*")):
        target = folder() / "openml" / path.name
        row = {"name": path.stem, "file": str(path), "result": "already here"}
        if path.suffix == ".arff" and md5_of(path) != path.stem.partition("-")[2]:
            row["result"] = "refused: other bytes than its name states"
        elif path.suffix in (".json", ".arff") and not target.exists():
            with replacing(target) as partial:
                shutil.copyfile(path, partial)
            row["result"] = "imported"
        rows.append(row)
    return rows


def suite_ids(suite: int | str) -> list[int]:
    """The data ids of an OpenML suite (such as 99, OpenML-CC18), ascending."""

    def ask() -> dict[str, Any]:
        with session(f"OpenML suite {suite}") as openml:
            return {"data": sorted(openml.study.get_suite(suite).data)}

    ids: list[int] = remembered(f"suite-{suite}.json", ask, frozenset({"data"}))["data"]
    return ids


@contextmanager
def session(what: str) -> Iterator[Any]:
    """The `openml` package, set up for us; its errors in our words."""
    import xml.parsers.expat

    import openml
    import requests
    from openml.exceptions import OpenMLServerException, PyOpenMLError

    server = os.environ.get("ALBENCH_OPENML", openml.config.server)
    try:
        download.permitted(server)
    except Unavailable as error:
        raise Unavailable(f"{what}: {error}; {ELSEWHERE}") from None
    with tempfile.TemporaryDirectory() as scratch, configured(openml, server, scratch):
        try:
            yield openml
        except OpenMLServerException as error:
            if error.code in (NO_DATASET, NO_STUDY):
                raise BadData(f"{what} does not exist ({error.message})") from None
            if error.code == NO_ACCESS:
                raise BadData(f"{what} is private ({error.message})") from None
            raise Unavailable(f"{what}: the server answers {error.code}: {error.message}") from None
        except requests.ConnectionError as error:
            download.remember(server, error)
            raise Unavailable(f"{what}: {server} cannot be reached; {ELSEWHERE}") from error
        except Unavailable as error:
            prefix = (
                "" if str(error).startswith(what) else f"{what}: no usable answer of {server}: "
            )
            raise Unavailable(f"{prefix}{error}") from error
        except (PyOpenMLError, requests.RequestException, xml.parsers.expat.ExpatError) as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise Unavailable(f"{what}: no usable answer of {server}: {first}") from error
        except (LookupError, TypeError, ValueError, AttributeError, AssertionError) as error:
            # the package takes the shape of an answer for granted
            first = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            raise Unavailable(
                f"{what}: the answer of {server} is not of the shape it should have ({first[:200]})"
            ) from error


@contextmanager
def configured(openml: Any, server: str, scratch: str) -> Iterator[None]:
    """Server, scratch folder, retries and a time limit for the package, then all put back."""
    config = openml.config
    before = config.get_config_as_dict()
    config.server, config.connection_n_retries = server, RETRIES
    config.set_root_cache_directory(scratch)
    try:
        with download.limited_sessions(calls_of(openml)):
            yield
    finally:
        config.server = before["server"]
        config.connection_n_retries = before["connection_n_retries"]
        config.set_root_cache_directory(before["cachedir"])


def calls_of(openml: Any) -> Any:
    """The module of the package that sends its requests: a private one, None if it moved."""
    return getattr(openml, "_api_calls", None)


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
