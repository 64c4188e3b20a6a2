"""Files of one's own: identity by content, encoding, and one clear message for bad input."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from albench.cli import exit_code
from albench.core.errors import BadData, BadValue, UnknownName, UsageError
from albench.core.registry import build, resolve
from albench.core.spec import RunSpec
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.suite.protocols import protocol
from albench.suite.toml import load_suite


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("ALBENCH_MIRROR", raising=False)
    return tmp_path


def frame(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "a": rng.normal(size=n).round(3),
            "b": np.where(np.arange(n) % 7 == 0, np.nan, np.arange(n)),
            "colour": np.where(np.arange(n) % 5 == 0, None, np.where(np.arange(n) % 2, "red", "x")),
            "y": np.where(rng.random(n) < 0.4, "yes", "no"),
        }
    )


def dataset(path: Path, use: str = "csv", **params: object) -> Dataset:
    table = {"use": use, "path": path.name, **({"target": "y"} if use != "svmlight" else {})}
    found: Dataset = build("dataset", resolve("dataset", table | params, "", path.parent))
    return found


def test_the_content_is_the_identity_and_not_the_path(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    refs = []
    for path in (tmp_path / "mine.csv", tmp_path / "one" / "other.csv"):
        frame().to_csv(path, index=False)
        table = {"use": "csv", "path": str(path), "target": "y"}
        refs.append(resolve("dataset", table))
    assert refs[0] == refs[1]
    assert refs[0].source != refs[1].source
    assert str(tmp_path) not in str(refs[0].table())
    frame(61).to_csv(path, index=False)
    assert resolve("dataset", table) != refs[1]
    for kept in (tmp_path / "cache").rglob("*.parquet"):
        kept.unlink()
    with pytest.raises(BadData, match=r"expected SHA-256 .* found"):
        build("dataset", refs[1])
    path.unlink()
    with pytest.raises(BadData, match="is gone"):
        build("dataset", refs[1])


@pytest.mark.parametrize("kind", ["csv", "parquet", "arff"])
def test_the_three_formats_give_the_same_table(tmp_path: Path, kind: str) -> None:
    table, path = frame(), tmp_path / f"t.{kind}"
    if kind == "csv":
        table.to_csv(path, index=False)
    elif kind == "parquet":
        table.to_parquet(path)
    else:
        rows = table.astype(object).where(table.notna(), "?").to_csv(index=False, header=False)
        kinds = {"a": "numeric", "b": "numeric", "colour": "{red,x}", "y": "{no,yes}"}
        head = "".join(f"@attribute {c} {k}\n" for c, k in kinds.items())
        path.write_text(f"@relation t\n{head}@data\n{rows}")
    found = dataset(path, kind)
    assert found.classes == ("no", "yes")
    assert (found.y == (table["y"] == "yes")).all()
    assert found.X["b"].isna().sum() == table["b"].isna().sum()
    assert found.X["colour"].isna().sum() == table["colour"].isna().sum()
    ref = resolve("dataset", {"use": kind, "path": path.name, "target": "y"}, "", tmp_path)
    task = cut(found, RunSpec(ref, ref, ref, ref, protocol("standard")))
    assert task.X.shape[1] == 2 + 1 + 3
    assert np.isfinite(task.X).all()


def test_the_encoder_learns_nothing_from_test_rows(tmp_path: Path) -> None:
    from albench.datasets._cut import encoded

    table = frame().drop(columns="y")
    train, test = np.arange(40), np.arange(40, 60)
    before = encoded(table, train, test)[0]
    table.loc[40:, "b"], table.loc[40:, "colour"] = 1e9, "never seen"
    after = encoded(table, train, test)
    assert np.array_equal(before, after[0])
    assert after[1].shape[1] == before.shape[1]


def test_categories_that_would_fill_the_memory_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from albench.datasets import _dataset as data
    from albench.datasets._cut import encoded

    monkeypatch.setattr(data, "DENSE_BYTES", 1000)
    with pytest.raises(BadData, match="categories as 7 columns needs"):
        encoded(frame().drop(columns="y"), np.arange(40), np.arange(40, 60))


def test_an_svmlight_file_and_its_test_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.svm"
    path.write_text("".join(f"{i % 3} 1:{i} 3:{i * i}\n" for i in range(30)))
    found = dataset(path, "svmlight", d=5, n_test=10)
    assert found.X.shape == (30, 5)
    assert found.classes == ("0", "1", "2")
    assert found.test_rows is not None
    assert found.test_rows.tolist() == list(range(20, 30))
    with pytest.raises(BadData, match="n_test = 30"):
        dataset(path, "svmlight", n_test=30)
    path.write_text("this is no svmlight\n")
    with pytest.raises(BadData, match="no svmlight file"):
        dataset(path, "svmlight")


def changed(**columns: object) -> pd.DataFrame:
    return frame(600).assign(**columns)


BAD = {
    "no target column": (changed().rename(columns={"y": "Y"}), "no target column 'y'"),
    "constant": (changed(y="yes"), "constant"),
    "regression": (changed(y=np.arange(600) % 500), "500 distinct values.*is this regression"),
    "fractions": (changed(y=np.linspace(0, 1, 600)), "is this regression"),
    "no label": (changed(y=[None, *["a", "b"] * 299, "a"]), "1 of 600 rows have no value"),
    "mixed": (changed(a=["1.5", "abc", *["2"] * 598]), "'a' mixes numbers and text.*'abc'.*row 1"),
    "text": (changed(a=[f"some text {i}" for i in range(600)]), "600 distinct texts.*drop"),
    "infinite": (changed(a=[np.inf, *[0.0] * 599]), "'a' is infinite in row 0"),
    "target only": (changed()[["y"]], "no feature column"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    table, said = BAD[name]
    path = tmp_path / "bad.csv"
    table.to_csv(path, index=False)
    with pytest.raises(BadData, match=said):
        dataset(path)
    suite = tmp_path / "s.toml"
    suite.write_text(
        'datasets = [{use = "csv", path = "bad.csv", target = "y"}]\nmodels = ["logreg"]\n'
        'strategies = ["random"]\ntrials = 2\n'
    )
    assert exit_code(["run", str(suite), "--results", str(tmp_path / "r"), "--jobs", "1"]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert error.count("error:") == 1


@pytest.mark.parametrize("use", ["csv", "parquet", "arff", "svmlight"])
def test_files_that_are_something_else(tmp_path: Path, use: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00\x00" * 20)
    with pytest.raises(BadData, match="is no "):
        dataset(path, use)
    path.write_bytes(b"")
    with pytest.raises(BadData):
        dataset(path, use)


def test_entries_that_name_no_file(tmp_path: Path) -> None:
    def asked(**table: object) -> None:
        resolve("dataset", {"use": "csv", "target": "y", **table}, "dataset 1", tmp_path)

    for error, said, table in (
        (BadValue, "needs path", {}),
        (BadValue, "either path or url", {"path": "a", "url": "b"}),
        (BadData, "no such file", {"path": "a.csv"}),
        (BadValue, "text is due", {"path": 3}),
        (BadValue, "needs path = ..., or url", {"url": "https://example.org/a.csv"}),
        (UnknownName, "no parameter 'tarket'", {"sha256": "0", "tarket": "y"}),
    ):
        with pytest.raises(error, match=f"dataset 1: .*{said}"):
            asked(**table)
    frame().to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(BadData, match="expected SHA-256 00, found"):
        asked(path="a.csv", sha256="00")
    with pytest.raises(UsageError, match="neither in the cache"):
        build("dataset", resolve("dataset", {"use": "csv", "sha256": "0" * 64, "target": "y"}))


def test_a_suite_over_a_file_runs_and_calls_it_by_its_name(tmp_path: Path) -> None:
    frame(120).to_csv(tmp_path / "mine.csv", index=False)
    suite = tmp_path / "s.toml"
    suite.write_text(
        'datasets = [{use = "csv", path = "mine.csv", target = "y", categorical = ["colour"]}]\n'
        'models = ["logreg"]\nstrategies = ["random", "margin"]\ntrials = 2\n'
        'protocol = {use = "standard", start = 10, budget = 30}\n'
    )
    assert [d.label for d in load_suite(suite).datasets] == ["mine"]
    run = ["run", str(suite), "--results", str(tmp_path / "r"), "--jobs", "1"]
    assert exit_code(run) == 0
    assert str(tmp_path / "mine.csv") not in (tmp_path / "r" / "manifest.json").read_text()


def test_a_file_as_large_as_spambase_loads_fast(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = np.where(rng.random((4601, 57)) < 0.2, rng.random((4601, 57)) * 100, 0)
    lines = (
        f"{i % 2} " + " ".join(f"{j + 1}:{v:.6g}" for j, v in enumerate(row) if v)
        for i, row in enumerate(X)
    )
    path = tmp_path / "large.svm"
    path.write_text("\n".join(lines) + "\n")
    table = {"use": "svmlight", "path": str(path), "d": 57}
    ref = resolve("dataset", table)
    seconds = []
    for _ in range(2):
        begin = time.process_time()
        build("dataset", ref)
        seconds.append(time.process_time() - begin)
    assert seconds[0] < 4.0  # 0.9 on a quiet core; a reader by cell in Python takes far longer
    assert seconds[1] < 0.2
