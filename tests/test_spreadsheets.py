"""Decimal signs in conflict; spreadsheets, whose number cells have none while texts do."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from albench.cli import exit_code
from albench.core.errors import BadData
from albench.core.registry import build, resolve
from albench.datasets._dataset import Dataset

HALVES = [i + 0.5 for i in range(18)]
MONEY = [f"{i + 1}.{i:03d},5{i % 10} €" for i in range(18)]
EUROS = [1000 * (i + 1) + i + 0.5 + (i % 10) / 100 for i in range(18)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("ALBENCH_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def suite_of(frame: pd.DataFrame, name: str = "d.xlsx") -> dict[str, Any]:
    """The entry that `new suite` writes for a spreadsheet."""
    frame.to_excel(name, index=False)
    made = ["new", "suite", "--data", name, "--target", "label", "--to", "s.toml", "--force"]
    assert exit_code(made) == 0
    entry: dict[str, Any] = tomllib.loads(Path("s.toml").read_text())["datasets"][0]
    del entry["name"]
    return entry


def dataset_of(entry: dict[str, Any]) -> Dataset:
    found: Dataset = build("dataset", resolve("dataset", entry))
    return found


@pytest.mark.parametrize(("ending", "needs"), [("xlsx", "openpyxl"), ("ods", "odf")])
def test_spreadsheets(ending: str, needs: str) -> None:
    pytest.importorskip(needs)
    frame = pd.DataFrame({"v": HALVES, "word": ["a", "b", "c"] * 6, "label": ["01", "1"] * 9})
    frame["day"] = pd.to_datetime("2020-01-01")
    entry = suite_of(frame, f"d.{ending}")
    assert (entry["use"], entry["dates"]) == ("excel", "drop")
    found = dataset_of(entry)
    assert found.classes == ("01", "1")
    assert found.X["v"].tolist() == HALVES


def test_a_spreadsheet_without_its_package_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: Any, **kwargs: Any) -> Any:
        raise ImportError("Missing optional dependency", name="openpyxl")

    monkeypatch.setattr(pd, "read_excel", missing)
    Path("d.xlsx").write_bytes(b"PK-not-read")
    with pytest.raises(BadData, match=r"needs a further package \(openpyxl\): pip install"):
        dataset_of({"use": "excel", "path": str(Path("d.xlsx").resolve()), "target": "label"})


def test_money_as_text_is_read_beside_number_cells() -> None:
    pytest.importorskip("openpyxl")
    frame = pd.DataFrame({"v": HALVES, "word": ["x", "y", "z"] * 6, "label": ["a", "b"] * 9})
    frame = frame.assign(w=[-v for v in HALVES], money=MONEY)
    entry = suite_of(frame)
    assert (entry["decimal"], entry["thousands"], entry["numeric"]) == (",", ".", ["money"])
    assert "drop" not in entry
    found = dataset_of(entry)
    assert found.X["v"].tolist() == HALVES
    np.testing.assert_allclose(found.X["money"], EUROS)


def test_a_number_cell_among_money_as_text_is_not_taken_a_thousandfold() -> None:
    pytest.importorskip("openpyxl")
    among = [*MONEY[:17], 1.234]
    frame = pd.DataFrame({"v": HALVES, "money": MONEY, "among": among, "label": ["a", "b"] * 9})
    entry = suite_of(frame)
    assert entry["drop"] == ["among"]
    asked = {k: v for k, v in entry.items() if k != "drop"} | {"numeric": ["money", "among"]}
    with pytest.raises(BadData, match=r"'among' has numbers beside texts, such as '1.234' in row"):
        dataset_of(asked)


def test_a_comma_among_points_is_left_out_with_the_other_reading_as_a_comment() -> None:
    points = [f"{v:.1f}" for v in HALVES]
    frame = pd.DataFrame({"v": points, "money": MONEY, "label": ["a", "b"] * 9})
    frame.to_csv("d.csv", sep=";", index=False)
    made = ["new", "suite", "--data", "d.csv", "--target", "label", "--to", "s.toml"]
    assert exit_code(made) == 0
    text = Path("s.toml").read_text()
    entry: dict[str, Any] = tomllib.loads(text)["datasets"][0]
    assert entry["drop"] == ["money"]
    line = next(line for line in text.splitlines() if line.startswith('# or: decimal = ","'))
    asked = tomllib.loads(
        line.replace("# or: ", "").replace("  # with ", "\n").replace(" and ", "\n")
    )
    assert asked == {"decimal": ",", "thousands": ".", "numeric": ["money"], "drop": ["v"]}
    del entry["name"]
    np.testing.assert_allclose(np.ravel(dataset_of(entry | asked).X), EUROS)
