"""The doctor of tables: each kind of case is read as it is written, or refused by name."""

import bz2
import gzip
import io
import lzma
import tomllib
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from albench.cli import exit_code
from albench.core.errors import BadData, BadValue
from albench.core.registry import build, resolve
from albench.datasets._dataset import Dataset
from albench.datasets._doctor import Report, class_order, examined, said
from albench.datasets._look import looked, settled
from albench.datasets._options import TextOptions, explained
from albench.datasets._table import delimited, guessed_layout

HALVES = [0.0, 1.75, 0.75, 2.5, 1.5, 0.5, 2.25, 1.25, 0.25, 2.0, 1.0] * 10


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("ALBENCH_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(text: str | bytes, name: str = "d.csv") -> Path:
    """A file of this content in the current folder."""
    path = Path(name)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def table(header: str, *cells: Any, n: int = 18, sign: str = ",") -> str:
    """A CSV of n rows; a list of cells is repeated, a function is called with the row."""
    rows = (sign.join(str(c(i) if callable(c) else c[i % len(c)]) for c in cells) for i in range(n))
    return "\n".join([header, *rows]) + "\n"


def loaded(text: str | bytes, target: str = "label", use: str = "csv", **options: Any) -> Dataset:
    """The dataset that a run gets."""
    path = written(text, f"d.{use}")
    more = {"target": target} if target else {}
    ref = resolve("dataset", {"use": use, "path": str(path.resolve()), **more, **options})
    found: Dataset = build("dataset", ref)
    return found


def report(text: str, target: str = "label", **options: Any) -> Report:
    given = TextOptions(**options)
    return examined(delimited(text.encode(), given), target, given)


def notes(found: Dataset) -> str:
    return "\n".join(found.notes)


def column(found: Dataset, name: str) -> list[Any]:
    """The values of a feature, by its name."""
    if isinstance(found.X, np.ndarray):
        values: list[Any] = found.X[:, found.features.index(name)].tolist()
        return values
    return list(found.X[name])


YN = ["y", "n"]


def test_integer_column_names_are_names_and_no_positions() -> None:
    from albench.datasets._cut import column_names, encoded

    frame = pd.DataFrame(
        {0: ["10", "20", "30"] * 10, 1: [(i * 7) % 11 for i in range(30)], 2: [1, 5] * 15}
    )
    for X in (frame, Dataset.of(frame, ["y", "n"] * 15).X):
        assert column_names(X, np.arange(20)) == ("1", "2", "0 = 10", "0 = 20", "0 = 30")
        assert encoded(X, np.arange(20), np.arange(20, 30))[0][0].tolist() == [0, 1, 1, 0, 0]
    with pytest.raises(BadData, match="two columns are called '1'"):
        Dataset.of(frame.set_axis([1, "1", 2], axis=1), ["y", "n"] * 15)


def test_labels_that_look_numeric_stay_apart() -> None:
    for texts, order in (
        (["1.1", "1.10", "1.2"], ("1.1", "1.10", "1.2")),
        (["01", "1", "007"], ("01", "1", "007")),
        (["1", "1.0", "10", "9"], ("1", "1.0", "9", "10")),
        (["b", "10", "9"], ("10", "9", "b")),
    ):
        found = loaded(table("a,b,label", HALVES, lambda i: i % 5, texts))
        assert found.classes == order == class_order(set(texts))
        assert [found.classes[i] for i in found.y] == [texts[i % len(texts)] for i in range(18)]
    assert "one number written in two ways stay apart: '1', '1.0'" in notes(
        loaded(table("a,label", HALVES, ["1", "1.0"]))
    )


def test_a_trailing_comma_shifts_nothing() -> None:
    found = loaded(table("label,grp,b", YN, [0, 1, 0], [f"{v}," for v in HALVES]))
    assert found.classes == ("n", "y")
    assert column(found, "grp")[:4] == [0, 1, 0, 0]
    assert column(found, "b")[:3] == [0.0, 1.75, 0.75]
    assert "each row ends with a separator" in notes(found)
    with pytest.raises(BadData, match="4 cells, the header 3: is the first column without a name"):
        loaded(table("label,grp,b", range(18), YN, [0, 1, 0], HALVES))
    with pytest.raises(BadData, match="line 4 has 4 cells, 3 are due"):
        loaded("a,b,label\n1,2,y\n1,2,n\n1,2,3,y\n")
    with pytest.raises(BadData, match="line 3 has 2 cells, 3 are due"):
        loaded("a,b,label\n1,2,y\n1,2\n")


def test_numbers_as_text_are_refused_by_name_and_read_where_asked() -> None:
    text = table(
        "w,x,y,z,label",
        lambda i: f'"{i},{i * 3 % 10}"',
        lambda i: f"{20.5 + i}%",
        lambda i: f"${100 + i}.00",
        lambda i: f'"{i + 1},{100 + i}"',
        YN,
    )
    with pytest.raises(BadData) as error:
        loaded(text)
    for words in ("'w' holds numbers with a decimal comma", "'x' holds numbers with a sign"):
        assert words in str(error.value)
    assert "'z' holds numbers such as '1,100' in row 0: 1100 with thousands" in str(error.value)
    found = loaded(text, numeric=["x", "y"], thousands=",", drop=["w"])
    assert column(found, "x")[:2] == [20.5, 21.5]
    assert column(found, "y")[:2] == [100.0, 101.0]
    assert column(found, "z")[:2] == [1100.0, 2101.0]
    found = loaded(text, drop=["x", "y", "z"], decimal=",")
    assert column(found, "w")[:3] == [0.0, 1.3, 2.6]
    with pytest.raises(
        BadData, match=r"'x' is named in `numeric` and holds '20.5%'.*decimal = ','"
    ):
        loaded(text, drop=["y", "z"], decimal=",", numeric=["x"])


@pytest.mark.parametrize(
    ("cells", "option", "value"),
    [
        (["1,5", "2,25"], {"decimal": ","}, 1.5),
        (["1,100", "2,200,300"], {"thousands": ","}, 1100.0),
        (["1,100.5", "950"], {"thousands": ","}, 1100.5),
        (["1.100,5", "2.000,25"], {"decimal": ",", "thousands": "."}, 1100.5),
        (["1,5 %", "2,5 %"], {"decimal": ",", "numeric": ["v"]}, 1.5),
        (["€ 5", "€ 7"], {"numeric": ["v"]}, 5.0),
    ],
)
def test_what_is_proposed_reads_what_is_written(
    cells: list[str], option: dict[str, Any], value: float
) -> None:
    text = table("v;w;label", cells, lambda i: i * 7 % 5, YN, n=40, sign=";")
    found = settled(looked(written(text), "label", {}), set())
    assert not found.report.errors
    assert {k: list(v) if isinstance(v, tuple) else v for k, v in found.given().items()} == {
        "separator": ";",
        **option,
    }
    assert found.report.features()["v"][0] == value


def test_missing_labels_from_python_are_refused() -> None:
    X = np.arange(36.0).reshape(18, 2)
    for labels in ([None, "a", "b"] * 6, [float("nan"), "a", "b"] * 6, [np.nan, 1.0, 2.0] * 6):
        with pytest.raises(BadData, match="6 labels are missing"):
            Dataset.of(X, labels)
    with pytest.raises(BadData, match=r"labels have shape \(18, 2\); one for each row is due"):
        Dataset.of(X, np.eye(2)[[0, 1] * 9])


def test_a_class_may_be_called_none() -> None:
    text = table("a,b,label", HALVES, lambda i: i % 5, ["None", "mild", "NA"])
    found = loaded(text)
    assert found.classes == ("NA", "None", "mild")
    assert "may be missing values: 'NA' (6), 'None' (6)" in notes(found)
    with pytest.raises(BadData, match=r"6 of 18 rows have no value.*6 of them as 'NA'"):
        loaded(text, missing=["NA"])
    assert loaded(text, missing=["NA"], unlabeled="drop").classes == ("None", "mild")


def test_integers_are_classes_where_the_user_says_so() -> None:
    text = table("x,label", HALVES, lambda i: 1000 + i % 60, n=900)
    with pytest.raises(BadData, match="60 distinct values in 900 rows; is this regression"):
        loaded(text)
    for option in ({"classes": True}, {"categorical": ["label"]}):
        assert len(loaded(text, **option).classes) == 60


def test_few_rows_of_many_text_classes_run() -> None:
    words = ["RENAL", "LUNG", "SKIN", "COLON", "BLOOD", "BRAIN", "OVARY", "BREAST", "LIVER"]
    found = loaded(table("x,tissue", lambda i: i * 7 % 11, words, n=42), "tissue")
    assert len(found.classes) == 9
    assert "9 classes in 42 rows are too many for a comparison" in notes(found)


def test_names_of_rows_are_dropped_by_new_suite_and_refused_by_a_run(folders: Path) -> None:
    text = table("x,name,y", lambda i: i * 7 % 11, lambda i: f"car {i}", [0, 1], n=120)
    with pytest.raises(BadData, match="'name' holds 120 distinct texts in 120 rows"):
        loaded(text, "y")
    written(text)
    assert exit_code(["new", "suite", "--data", "d.csv", "--target", "y"]) == 0
    suite = tomllib.loads((folders / "d.toml").read_text())
    assert suite["datasets"][0]["drop"] == ["name"]
    assert exit_code(["new", "suite", "--data", "d.csv", "--target", "y", "--force"]) == 0
    more = ["--categorical", "name", "--to", "all.toml"]
    assert exit_code(["new", "suite", "--data", "d.csv", "--target", "y", *more]) == 0
    suite = tomllib.loads((folders / "all.toml").read_text())
    assert "drop" not in suite["datasets"][0]


@pytest.mark.parametrize(("sign", "shown"), [(";", "';'"), ("\t", "a tab"), ("|", "'|'")])
def test_another_separator_is_said_and_taken(sign: str, shown: str) -> None:
    text = table(f"a{sign}b{sign}label", HALVES, lambda i: i * 7 % 5, YN, n=40, sign=sign)
    with pytest.raises(BadData) as error:
        loaded(text)
    assert f"1 cell with the separator ',' and holds {shown}: separator = " in str(error.value)
    assert column(loaded(text, separator=sign), "a")[:2] == [0.0, 1.75]
    assert guessed_layout(text.encode(), TextOptions(), set()).separator == sign


def test_whole_numbers_beyond_2_to_the_53_are_refused_by_name() -> None:
    text = table("a,key,label", HALVES, lambda i: 2**64 + i % 7, YN)
    with pytest.raises(BadData, match=r"'key' holds whole numbers beyond 2.53"):
        loaded(text)
    assert column(loaded(text, numeric=["key"]), "key")[0] == 2.0**64
    written(text)
    assert exit_code(["new", "suite", "--data", "d.csv", "--target", "label"]) == 0


ARFF = "@relation r\n@attribute{0}a{0}real{1}\n@attribute{0}label{0}{{-1,1}}{1}\n@data\n"


def test_arff_with_comments_tabs_dates_and_sparse_rows() -> None:
    rows = "".join(f"{v},{1 - 2 * (i % 2)}\n" for i, v in enumerate(HALVES[:18]))
    for sign, comment in ((" ", " %{low, high}"), ("\t", ""), (" ", " [0, 3]")):
        kind = comment if comment != " [0, 3]" else ""
        text = ARFF.format(sign, kind) + rows
        found = loaded(text.replace("real", "real [0, 3]") if not kind else text, use="arff")
        assert found.classes == ("-1", "1")
        assert column(found, "a")[:2] == [0.0, 1.75]
    sparse = "@relation r\n@attribute a real\n@attribute 'b c' {x,'y z'}\n@attribute label {n,y}\n"
    sparse += "@data\n" + "{0 1.5, 1 'y z', 2 y}\n{}\n" * 9
    found = loaded(sparse, use="arff")
    assert found.X["a"].tolist()[:2] == [1.5, 0.0]
    assert found.X["b c"].tolist()[:2] == ["y z", "x"]
    dated = "@relation r\n@attribute d date 'yyyy-MM-dd'\n@attribute label {n,y}\n@data\n"
    dated += "".join(f"'2020-01-{i + 1:02}',{'ny'[i % 2]}\n" for i in range(18))
    with pytest.raises(BadData, match="'d' holds dates"):
        loaded(dated, use="arff")
    assert loaded(dated, use="arff", dates="features").X[2, 2] == 3
    for text, words in (
        ("@relation r\n@attribute a strange\n@data\n", "line 2: the attribute 'a' has the type"),
        ("@relation r\n@attribute a real\n@data\n1,2\n", "line 4: 2 values, 1 attributes"),
        ("@relation r\n@attribute a {x,y}\n@data\nz\n", "line 4: 'z' is no value"),
        ("@relation r\n@attribute a {x,y\n@data\nz\n", "line 2: .*not closed"),
        ("@relation r\n", "no @data"),
    ):
        with pytest.raises(BadData, match=words):
            loaded(text, "a", use="arff")


def parquet(frame: pd.DataFrame, **options: Any) -> Dataset:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return loaded(buffer.getvalue(), use="parquet", **options)


def test_types_of_parquet() -> None:
    n = 30
    frame = pd.DataFrame(
        {
            "amount": [Decimal(i) / 4 for i in range(n)],
            "day": [date(2020, 1, 1 + i) for i in range(n)],
            "emb": [[i, i + 1.0] for i in range(n)],
            "label": ["y", "n"] * 15,
        }
    )
    with pytest.raises(BadData, match=r"'day' holds dates .*; column 'emb' holds lists"):
        parquet(frame)
    found = parquet(frame, dates="drop", drop=["emb"])
    assert column(found, "amount")[:3] == [0.0, 0.25, 0.5]
    found = parquet(frame, dates="features", numeric=["emb"])
    assert found.features[1:5] == ("day year", "day month", "day day", "day weekday")
    assert column(found, "emb 1")[:2] == [1.0, 2.0]
    ints = pd.DataFrame({0: [3, 1, 2] * 10, 1: range(n), 2: [0, 1] * 15})
    assert parquet(ints, target="2").classes == ("0", "1")
    long = frame.assign(amount=[2**60 + i for i in range(n)])
    with pytest.raises(BadData, match=r"'amount' holds whole numbers beyond 2.53"):
        parquet(long, dates="drop", drop=["emb"])


def test_leaks_and_repeated_rows_are_told() -> None:
    rows = [f"land {i},{1950 + 5 * j},{i},{i % 4}" for i in range(40) for j in range(12)]
    found = loaded("\n".join(["country,year,iso,continent", *rows]), "continent")
    assert "column 'country' determines the target: each of its 40 values" in notes(found)
    assert "column 'iso' determines the target" in notes(found)
    assert "'year' determines" not in notes(found)
    text = table("a,b,label", [0, 1, 2], [5, 6, 7], [*"yyn", *"yny"], n=60)
    said_of = "\n".join(report(text).notes)
    assert "60 of 60 rows have the features of another row" in said_of
    assert "2 sets of equal rows have labels of several classes" in said_of


def test_duplicates_on_both_sides_are_counted_as_they_would_fall() -> None:
    n = 200
    text = table("a,label", lambda i: i // 2 + 0.5, YN, n=n)
    told = next(f.said for f in report(text).found if "another row" in f.said)
    assert "about 48 of 80 would" in told  # pairs: 200 * 0.4 * (1 - 0.4)
    rng = np.random.default_rng(0)
    pair = np.arange(n) // 2
    counts = []
    for _ in range(400):
        test = rng.permutation(n)[:80]
        train = np.setdiff1d(np.arange(n), test)
        counts.append(np.isin(pair[test], pair[train]).sum())
    assert abs(np.mean(counts) - 48) < 0.6


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1", "2", "x"], "'v' mixes numbers and text: 6 of 18 .* the first is 'x' in row 2"),
        (["2020-01-01", "2020-02-03"], "'v' holds dates .2020-01-01 to 2020-02-03."),
        (["inf", "1"], "'v' is infinite in row 0"),
    ],
)
def test_columns_that_are_refused(cells: list[str], words: str) -> None:
    with pytest.raises(BadData, match=words):
        loaded(table("v,w,label", cells, HALVES, YN))


def test_columns_that_are_told() -> None:
    text = table("zip,none,one,v,label", ["01234", "70000"], [""], ["c"], ["NA", "5", "7"], YN)
    found = loaded(text)
    assert "'zip' holds numbers that begin with 0" in notes(found)
    assert "'none' has no value at all" in notes(found)
    assert "'one' holds one value only" in notes(found)
    assert found.X["v"].isna().sum() == 6
    assert "none" not in found.X
    assert loaded(text, categorical=["zip"]).X["zip"][0] == "01234"
    order = loaded(
        table("size,label", ["small", "large", "mid"], YN), ordinal=["size: small < mid < large"]
    )
    assert column(order, "size")[:3] == [0, 2, 1]
    with pytest.raises(BadData, match="ordinal does not list the category 'mid'"):
        loaded(table("size,label", ["small", "mid"], YN), ordinal=["size: small < large"])


def test_the_first_row_is_not_eaten_as_a_header() -> None:
    text = table("5.1,3.5,a", HALVES, lambda i: i * 7 % 5, ["a", "b"], n=20)
    with pytest.raises(BadData, match="the first row looks like data"):
        loaded(text, "a")
    found = loaded(text, "x3", header=False)
    assert found.n == 21
    assert found.X[0].tolist() == [5.1, 3.5]
    assert loaded(text, "a", header=True).n == 20
    assert guessed_layout(text.encode(), TextOptions(), set()).header is False
    assert loaded(table("0,1,2", HALVES, lambda i: i % 5, YN), "2").n == 18  # names that count


def test_names_given_twice_or_not_at_all() -> None:
    found = loaded(table("a,a,,label", HALVES, lambda i: i * 7 % 5, lambda i: i * 5 % 7, YN))
    assert found.features == ("a", "a (2)", "column 3")
    assert "the name 'a' is given twice; the later one is 'a (2)'" in notes(found)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, "zip"])
def test_compressed_tables(pack: Any) -> None:
    content = table("a,label", HALVES, YN).encode()
    if pack == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("d.csv", content)
        packed = buffer.getvalue()
    else:
        packed = pack(content)
    assert loaded(packed).X[:2, 0].tolist() == [0.0, 1.75]
    with pytest.raises(BadData, match=r"cannot be unpacked|is no "):
        loaded(packed[: len(packed) // 2])


def test_encodings_are_asked_for() -> None:
    text = table("größe,label", HALVES, YN)
    with pytest.raises(BadData, match=r"no text in UTF-8 .*encoding = 'cp1252'"):
        loaded(text.encode("cp1252"))
    assert loaded(text.encode("cp1252"), encoding="cp1252").features == ("größe",)
    assert loaded(text.encode("utf-8-sig")).features == ("größe",)
    with pytest.raises(BadData, match="encoding = 'utf-16'"):
        loaded(text.encode("utf-16"))
    assert guessed_layout(text.encode("utf-16"), TextOptions(), set()).encoding == "utf-16"
    assert loaded(text.encode("utf-16"), encoding="utf-16").features == ("größe",)
    with pytest.raises(BadData, match="'klingon' is not known"):
        loaded(text, encoding="klingon")


def test_names_with_anything_in_them(folders: Path) -> None:
    for name in ("\U0001f600", "back\\slash", "x" * 999, "tab\tname", "é'`$(x)"):
        text = table(f'"{name}",label', HALVES, YN, n=40)
        path = written(text, f"{name[:40].replace(chr(9), '')}.csv")
        made = ["new", "suite", "--data", str(path), "--target", "label", "--to", "s.toml"]
        assert exit_code([*made, "--force"]) == 0
        assert exit_code(["run", "s.toml", "--dry-run"]) == 0
        assert column(loaded(text), name)[:2] == [0.0, 1.75]


def test_svmlight_labels_in_two_ways_and_arrays(folders: Path) -> None:
    text = "".join(f"{['1.1', '1.10', '2'][i % 3]} 1:{i}\n" for i in range(12))
    with pytest.raises(BadData, match=r"3 distinct texts of labels .* became 2 numbers"):
        loaded(text, "", use="svmlight")
    np.savez(folders / "e.npz", X=np.eye(6), y=["a", "b"] * 3, z=np.arange(6))
    ref = {"use": "npz", "path": str(folders / "e.npz")}
    assert build("dataset", resolve("dataset", ref)).classes == ("a", "b")
    with pytest.raises(BadData, match="no array 'Y'; it has X, y, z"):
        build("dataset", resolve("dataset", ref | {"target": "Y"}))


def test_rows_by_group_and_time() -> None:
    text = table(
        "id,when,v,label", lambda i: f"p{i // 3}", lambda i: f"2020-01-{30 - i}", HALVES, YN
    )
    found = loaded(text, group="id", time="when")
    assert found.groups is not None
    assert found.times is not None
    assert found.groups[:6].tolist() == [0, 0, 0, 1, 1, 1]
    assert (np.diff(found.times) < 0).all()
    assert found.features == ("v",)
    with pytest.raises(BadData, match="'v' is named in both group and time"):
        loaded(text, group="v", time="v")
    with pytest.raises(
        BadData, match="no column 'V', which group names; there are: id, label, v, when"
    ):
        loaded(text, group="V")


def test_look_tells_a_line_a_column_and_writes_nothing(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(table("v;day;label", ["1,5", "2"], ["1.2.2020", "3.4.2020"], [*"yn", "Y"], sign=";"))
    assert exit_code(["data", "look", "d.csv", "--target", "label", "--format", "csv"]) == 2
    out, err = capsys.readouterr()
    assert [line.split(",")[0] for line in out.splitlines()] == ["column", "v", "day", "label"]
    for words in ('decimal = ","', 'dates = "drop"', "differ in case", "separator ';'"):
        assert words in err
    good = ["--decimal", ",", "--dates", "features", "--target", "label"]
    assert exit_code(["data", "look", "d.csv", *good]) == 0
    assert [p.name for p in folders.iterdir()] == ["d.csv"]
    assert exit_code(["data", "look", "d.csv", "--dates", "sometimes"]) == 2
    assert exit_code(["data", "look", "none.csv"]) == 2


def test_a_suite_that_cannot_run_is_written_and_says_why(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(table("x,y", HALVES, lambda i: i / 7, n=200))
    assert exit_code(["new", "suite", "--data", "d.csv", "--target", "y"]) == 2
    assert "is written and does not run yet: the target 'y' has 200" in capsys.readouterr().err
    assert "# It does not run yet" in (folders / "d.toml").read_text()


def test_every_option_is_explained_and_a_key_of_the_suite() -> None:
    told = explained(TextOptions)
    keys = set(TextOptions.__dataclass_fields__)
    assert set(told) == keys
    assert all(len(text) > 10 for text in told.values())
    from albench.core.registry import entry

    assert keys <= set(entry("dataset", "csv").parameters)
    with pytest.raises(BadValue, match="dates"):
        resolve("dataset", {"use": "csv", "sha256": "0", "target": "y", "dates": "never"})


def test_the_errors_come_all_at_once() -> None:
    text = table("a,b,c,label", ["1", "x"], lambda i: f"n{i}", ["2020-01-01"], YN, n=30)
    found = report(text)
    assert {f.column for f in found.errors} == {"a", "b", "c"}
    assert all(said(f).startswith("column '") for f in found.errors)
