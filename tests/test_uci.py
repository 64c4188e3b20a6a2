"""The catalogue `uci`: its data file, the files it names, and suites that name it.

Sizes, missing values, classes and shares are counted here again, by a reader of its own.
"""

import csv
import hashlib
import os
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albench.cli.status import What, listing, tagged
from albench.core.errors import BadData, BadValue, UnknownName, UsageError
from albench.core.files import File
from albench.core.registry import build, entry, resolve
from albench.datasets import _catalogue as catalogue
from albench.datasets import uci
from albench.datasets._cache import mirrored
from albench.datasets.subsample import allotted
from albench.suite import Suite
from albench.suite.toml import load_suite

ROWS = uci.rows_of("uci.csv")
EXCLUDED = uci.rows_of("uci_excluded.csv")
EXCLUDED_SHA256 = "bf56007fda767878013cad0803d9ad5b8d5228a87da5ea8cfa6e2968e1d74114"
COMMITS = (
    "c59f172882592bb58982cc54d2d3c8a2b57e9b73",
    "d20fcb6402ae34e653d4513b00f39257bb37ed7f",
    "918f0009e5a1f71285c6acf83e966f28dec77aa5",
    "c200b4735ab2764bd06359c5b282fc2b48430c5c",
)
JUDGED = {"rule", "generated", "pixels"}
needs_mirror = pytest.mark.skipif(
    not os.environ.get("ALBENCH_MIRROR"), reason="ALBENCH_MIRROR names no folder of data files"
)
by_name = pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests of this module, since reading the tables takes time."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def folders(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALBENCH_DATA", str(cache))


def suite(tmp_path: Path, datasets: str) -> Suite:
    """A suite with these datasets, as written in TOML."""
    file = tmp_path / "mine.toml"
    text = f'datasets = {datasets}\nmodels = ["logreg"]\nstrategies = ["random"]\n'
    file.write_text(text, encoding="utf-8")
    return load_suite(file)


def labels(tmp_path: Path, datasets: str) -> list[str]:
    """The labels of the datasets of a suite."""
    return [d.label for d in suite(tmp_path, datasets).datasets]


# the data file by itself


def test_the_catalogue_is_large_enough() -> None:
    names = [row["name"] for row in ROWS]
    assert names == sorted(set(names))
    assert len(ROWS) >= 40
    core = [row for row in ROWS if row["tier"] == "core"]
    assert len({row["base"] or row["name"] for row in core}) >= 25
    rare = {row["name"] for row in ROWS if "rare" in row["tags"].split()}
    named = {"mammography", "oil-spill", "sick", "hypothyroid", "abalone-7", "wine-quality-low"}
    assert named <= rare


@by_name
def test_a_row_says_all_it_must(row: dict[str, str]) -> None:
    needed = (
        "name",
        "tier",
        "tags",
        "url",
        "sha256",
        "bytes",
        "n",
        "d",
        "classes",
        "smallest",
        "split",
        "known",
        "origin",
        "citation",
        "licence",
        "why",
    )
    assert not [key for key in needed if not row[key].strip()]
    assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"])
    assert any(commit in row["url"] for commit in COMMITS)
    assert row["split"] in {"iid", "group", "time", "unknown"}
    assert row["drop"].count(": ") == len([part for part in row["drop"].split("; ") if part])
    if uci.PUBLISHED not in row["url"]:
        assert row["target"]


@by_name
def test_tier_and_tags_follow_from_the_numbers(row: dict[str, str]) -> None:
    tags = row["tags"].split()
    two = int(row["classes"]) == 2
    assert int(row["numeric"]) + int(row["categorical"]) == int(row["d"])
    expected = {
        "binary": two,
        "multi-class": not two,
        "rare": two and float(row["smallest"]) <= 0.15,
        "categorical": int(row["categorical"]) > 0,
        "missing": int(row["missing"]) > 0,
        "wide": int(row["d"]) >= 50,
        "large": int(row["n"]) >= 10_000,
    }
    assert set(tags) - JUDGED == {tag for tag, holds in expected.items() if holds}
    measured = not JUDGED & set(tags)
    assert row["tier"] == ("core" if measured and int(row["n"]) >= 500 else "extended")
    if "rare" in tags:
        assert row["positive"]


def test_exclusions_are_frozen_and_no_file_is_both_in_and_out() -> None:
    path = Path(uci.__file__).with_name("uci_excluded.csv")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == EXCLUDED_SHA256
    assert all(row["reason"] and row["sha256"] for row in EXCLUDED)
    assert len({row["url"] for row in EXCLUDED}) == len(EXCLUDED)
    assert not {row["sha256"] for row in EXCLUDED} & {row["sha256"] for row in ROWS}


def test_published_files_are_those_of_their_own_entries() -> None:
    published = [row for row in ROWS + EXCLUDED if uci.PUBLISHED in row["url"]]
    assert len(published) == 34
    files = {file.sha256: file.url for file in catalogue.files().values()}
    assert all(files[row["sha256"]] == row["url"] for row in published)
    for row in ROWS:
        if row in published:
            traits = entry("dataset", row["name"]).traits
            assert traits.file.sha256 == row["sha256"]
            numbers = tuple(int(row[key]) for key in ("n", "d", "classes"))
            assert (traits.n, traits.d, traits.classes) == numbers
            assert traits.base == row["base"]


# the files it names


def arff_rows(path: Path) -> tuple[list[str], dict[str, bool], list[list[str]]]:
    """Names of the attributes, which are nominal, and the cells; quotes are taken off.

    A question mark that an attribute declares as one of its values is no missing value.
    """
    names, nominal, lines = [], {}, iter(path.read_text(encoding="utf-8").splitlines())
    declared = []
    for line in lines:
        if line.lower().startswith("@data"):
            break
        found = re.match(r"@attribute\s+('[^']*'|\"[^\"]*\"|\S+)\s*(.)", line, re.IGNORECASE)
        if found:
            names.append(found[1].strip("'\""))
            nominal[names[-1]] = found[2] == "{"
            declared.append("'?'" in line)
    body = (line.replace("\t", " ") for line in lines if line.strip() and line[0] != "%")
    cells = csv.reader(body, quotechar="'", skipinitialspace=True)
    table = [[cell.strip().strip('"') for cell in row] for row in cells]
    for row in table:
        row[:] = ["(?)" if d and c == "?" else c for c, d in zip(row, declared, strict=True)]
    return names, nominal, table


def cells_of(row: dict[str, str], path: Path) -> tuple[list[str], dict[str, bool], list[list[str]]]:
    """Names, which are categorical, and the cells of a file; the class last in svmlight."""
    if path.suffix == ".arff":
        return arff_rows(path)
    if not row["target"]:
        d = int(row["d"])
        table = []
        for line in path.read_text().splitlines():
            label, *found = line.split()
            values = dict(item.split(":") for item in found)
            table.append([*(values.get(str(i + 1), "0") for i in range(d)), label])
        names = [str(i) for i in range(d)] + ["class"]
        return names, dict.fromkeys(names, False), table
    with path.open(encoding="utf-8", newline="") as stream:
        table = [r for r in csv.reader(stream, quotechar="'", skipinitialspace=True) if r]
    names = row["columns"].split(";")
    columns = zip(*table, strict=True)
    nominal = {name: not number(cells) for name, cells in zip(names, columns, strict=True)}
    return names, nominal, table


def number(column: Any) -> bool:
    """Whether all cells but the missing ones are numbers."""
    try:
        return bool([float(cell) for cell in column if cell != "?"])
    except ValueError:
        return False


def merged(row: dict[str, str], values: list[str]) -> list[str]:
    """The classes as the row makes them of those of the file."""
    if not row["merge"]:
        return values
    parts = (part.split(" = ") for part in row["merge"].split("; "))
    new = {old: name for name, olds in parts for old in olds.split(" | ")}
    return [new[value] for value in values]


@needs_mirror
@by_name
def test_a_file_is_what_its_row_says(row: dict[str, str]) -> None:
    file = File(row["url"].rsplit("/", 1)[-1], row["sha256"], row["url"], int(row["bytes"]))
    path = mirrored(file)
    if path is None:
        pytest.skip(f"the mirror has no {file.name}")
    names, nominal, table = cells_of(row, path)
    target = names.index(row["target"] or "class")
    dropped = {part.split(": ")[0] for part in row["drop"].split("; ") if part}
    assert dropped <= set(names)
    kept = [i for i, name in enumerate(names) if i != target and name not in dropped]
    features = [tuple(cells[i] for i in kept) for cells in table]
    y = Counter(merged(row, [cells[target] for cells in table]))
    found = {
        "n": len(table),
        "d": len(kept),
        "categorical": sum(nominal[names[i]] for i in kept),
        "missing": sum(cell == "?" for cells in features for cell in cells),
        "classes": len(y),
        "bytes": path.stat().st_size,
    }
    assert {key: int(row[key]) for key in found} == found
    assert f"{min(y.values()) / len(table):.4f}" == row["smallest"]
    floats = [i for i in range(len(kept)) if not nominal[names[kept[i]]]]
    values = [
        tuple(float(c) if i in floats and c != "?" else c for i, c in enumerate(cells))
        for cells in features
    ]
    assert len(values) - len(set(values)) == int(row["repeated"])

    data = build("dataset", resolve("dataset", row["name"]))
    assert (data.n, data.d, len(data.classes)) == (len(table), len(kept), len(y))
    if row["target"]:
        assert dict(zip(data.classes, np.bincount(data.y).tolist(), strict=True)) == dict(y)
        assert (data.classes[data.positive] if data.positive is not None else "") == row["positive"]
    if not isinstance(data.X, np.ndarray):
        assert int(data.X.isna().sum().sum()) == found["missing"]
        text = [c for c in data.X.columns if data.X[c].dtype.kind not in "biuf"]
        assert len(text) == found["categorical"]


def profile(X: Any) -> np.ndarray[Any, Any]:
    """Sorted values of each numeric column of eight or more values, from 0 to 1."""
    columns = []
    for values in np.asarray(X, dtype=float).T:
        given = np.sort(values[np.isfinite(values)])
        if len(np.unique(given)) >= 8:
            columns.append(np.quantile((given - given[0]) / np.ptp(given), np.linspace(0, 1, 101)))
    return np.array(columns)


@needs_mirror
def test_tables_with_the_same_columns_have_one_base() -> None:
    names = [row["name"] for row in ROWS] + [
        name
        for name, file in catalogue.files().items()
        if file.sha256 in {row["sha256"] for row in EXCLUDED}
    ]
    bases, profiles = {}, {}
    for name in dict.fromkeys([*names, "iris", "wine", "wdbc"]):
        data = build("dataset", resolve("dataset", name))
        numeric = data.X
        if not isinstance(numeric, np.ndarray):
            numeric = numeric[[c for c in numeric if numeric[c].dtype.kind in "biuf"]]
        profiles[name] = data.n, profile(numeric)
        bases[name] = entry("dataset", name).traits.base or name
    twins = set()
    for a, (n, first) in profiles.items():
        for b, (m, second) in profiles.items():
            if a < b and n == m and len(first) > 1 and len(second) > 1:
                gap = np.abs(first[:, None] - second[None]).max(axis=2).min(axis=1)
                if np.mean(gap < 0.05) > 0.6:
                    twins.add((a, b))
    assert not [(a, b) for a, b in twins if bases[a] != bases[b]]
    assert {
        ("hypothyroid", "sick"),
        ("column-2c", "column-3c"),
        ("australian", "credit-a"),
        ("spambase", "uci-spambase"),
        ("wdbc", "zhan-wdbc"),
    } <= twins


@needs_mirror
def test_an_imported_file_serves_all_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = mirrored(uci.TABLES["abalone"].file)
    if path is None:
        pytest.skip("the mirror has no abalone.csv")
    folder = tmp_path / "from"
    folder.mkdir()
    shutil.copyfile(path, folder / "renamed.txt")
    monkeypatch.delenv("ALBENCH_MIRROR")
    monkeypatch.setenv("ALBENCH_DATA", str(tmp_path / "own"))
    rows, strange = catalogue.imported(folder)
    assert ([row["result"] for row in rows], strange) == (["imported"], 0)
    where = {row["name"]: row["where"] for row in catalogue.listing()}
    assert (where["abalone"], where["abalone-7"], where["sick"]) == ("cache", "cache", "absent")
    seven = build("dataset", resolve("dataset", "abalone-7"))
    assert np.bincount(seven.y).tolist() == [391, 3786]  # 7 and rest; 9.7 to 1
    three = build("dataset", resolve("dataset", "abalone"))
    assert dict(zip(three.classes, np.bincount(three.y).tolist(), strict=True)) == {
        "1-8": 1407,
        "9-10": 1323,
        "11+": 1447,
    }


# in suites


def test_a_suite_names_the_catalogue_or_a_tag(tmp_path: Path) -> None:
    everything = [row["name"] for row in ROWS]
    assert labels(tmp_path, '"uci"') == labels(tmp_path, '["uci"]') == everything
    assert labels(tmp_path, '{catalogue = "uci"}') == everything
    rare = [row["name"] for row in ROWS if "rare" in row["tags"].split()]
    assert labels(tmp_path, '{tag = "rare"}') == rare
    assert labels(tmp_path, '{catalogue = "uci", tag = "rare"}') == rare
    core = [row["name"] for row in ROWS if row["tier"] == "core"]
    assert labels(tmp_path, '["iris", {tag = "core"}]') == ["iris", *core]
    both = [name for name in core if name in rare]
    assert labels(tmp_path, '{tag = ["core", "rare"]}') == both
    assert "solar-flare" in set(rare) - set(both)
    assert labels(tmp_path, '"iris"') == ["iris"]
    trials = suite(tmp_path, '{tag = "rare", trials = 3}')
    assert all(d.trials and len(d.trials.seeds) == 3 for d in trials.datasets)


def test_a_twin_counts_once(tmp_path: Path) -> None:
    found = suite(
        tmp_path,
        '["sick", "hypothyroid", "credit-g", "german", "zhan-wdbc", "wdbc", "letter", '
        '{use = "imbalanced", base = "uci-glass", positive = "tableware"}, "glass", '
        '{use = "uci-phoneme", base = "mine"}]',
    ).bases
    assert list(found.values()) == [
        "hypothyroid",
        "hypothyroid",
        "german",
        "german",
        "wdbc",
        "wdbc",
        "letter",
        "glass",
        "glass",
        "mine",
    ]


def test_large_tables_may_be_subsampled(tmp_path: Path) -> None:
    found = suite(tmp_path, '{tag = "large", subsample = 12000}')
    names = [d.label for d in found.datasets]
    assert {"adult (12000 rows)", "letter (12000 rows)", "mammography", "pendigits"} < set(names)
    assert set(found.bases.values()) == {row["name"] for row in ROWS if int(row["n"]) >= 10_000}


@pytest.mark.parametrize(
    ("datasets", "kind", "text"),
    [
        ('{tag = "rear"}', UnknownName, "unknown tag 'rear'; did you mean 'rare'?"),
        ('{tag = ["rule", "core"]}', BadValue, "no table has the tags rule and core"),
        ('{catalogue = "uic", tag = "rare"}', UnknownName, "unknown dataset 'uic'"),
        ('{tag = "rare", name = "x"}', BadValue, "leave out 'name'"),
        ('{tag = "rare", subsample = 1}', BadValue, "uci: subsample = 1"),
        ("{tag = 3}", BadValue, "uci: tag = 3"),
        ('{tag = "rare", rows = 5}', UnknownName, "has no parameter 'rows'"),
        ('{use = "imbalanced", base = "uci", positive = "a"}', UsageError, ""),
        ("3", BadValue, "datasets = 3"),
        ("[]", BadValue, "datasets: at least one is needed"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, datasets: str, kind: Any, text: str) -> None:
    if not text:  # found where the dataset is built, as with any base that cannot be had
        ref = suite(tmp_path, datasets).datasets[0].ref
        with pytest.raises(kind, match="goes into a suite's list of datasets"):
            build("dataset", ref)
        return
    with pytest.raises(kind) as error:
        suite(tmp_path, datasets)
    assert text in str(error.value)


def test_lists_show_tier_and_tags() -> None:
    rows = {row["name"]: row for row in listing(What.datasets)}
    assert rows["sick"]["tags"] == "core binary rare categorical missing"
    assert rows["mammographic"]["tags"] == "core binary"  # an entry of Zhan et al. (2021)
    assert rows["iris"]["tags"] == ""
    assert {row["name"] for row in ROWS} <= set(rows)
    both = [row["name"] for row in tagged(list(rows.values()), ["core", "rare"])]
    assert both == [name for name in sorted(rows) if {"core", "rare"} <= set(uci.marks(name))]
    assert "sick" in both
    assert "solar-flare" not in both
    assert len(tagged(list(rows.values()), [])) == len(rows)


def test_an_entry_tells_why_it_is_there_and_what_is_left_out() -> None:
    doc = entry("dataset", "authorship").doc
    assert "Why: counts of words" in doc
    assert "Dropped: BookID: leak, each book has one author." in doc
    assert "Licence: free for scientific, educational and noncommercial purposes" in doc
    assert "Classes: 7 = 7; rest = 1 |" in entry("dataset", "abalone-7").doc


# subsamples


def test_classes_keep_their_share() -> None:
    assert allotted(np.array([500, 300, 200]), 10).tolist() == [5, 3, 2]
    assert allotted(np.array([997, 2, 1]), 10).tolist() == [8, 1, 1]
    assert allotted(np.array([3, 3]), 5).tolist() == [3, 2]  # the first among equals
    assert allotted(np.array([1, 1, 1]), 3).tolist() == [1, 1, 1]
    rng = np.random.default_rng(5)
    for _ in range(200):
        counts = rng.integers(1, 40, size=rng.integers(2, 8))
        n = int(rng.integers(len(counts), counts.sum() + 1))
        sizes = allotted(counts, n)
        assert sizes.sum() == n
        assert (sizes >= 1).all()
        assert (sizes <= counts).all()


def test_a_subsample_is_one_and_the_same() -> None:
    table: dict[str, Any] = {"use": "subsample", "base": "digits", "n": 200}
    ref = resolve("dataset", table)
    first, again = build("dataset", ref), build("dataset", ref)
    whole = build("dataset", resolve("dataset", "digits"))
    assert np.array_equal(first.X, again.X)
    assert set(np.bincount(first.y)) <= {19, 20, 21}
    at = [np.flatnonzero((x == whole.X).all(axis=1))[0] for x in first.X]
    assert (np.diff(at) > 0).all()  # in the order of the base
    assert np.array_equal(whole.y[at], first.y)
    other = build("dataset", resolve("dataset", table | {"seed": 1}))
    assert not np.array_equal(first.X, other.X)
    with pytest.raises(BadData, match="n = 5000: between the 10 classes and the 1797 rows"):
        build("dataset", resolve("dataset", table | {"n": 5000}))
