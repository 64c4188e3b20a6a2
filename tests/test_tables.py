"""Sixty of the tables of `benchmarks/tables.py`, and that its check finds what it looks for."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

HERE = Path(__file__).parent / "benchmarks" / "tables.py"


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables_campaign", HERE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_each_table_is_read_as_written_or_refused_by_name(tables: ModuleType) -> None:
    counts, wrong = tables.campaign(60, 7)
    assert not wrong
    assert counts["new suite", "read"] > 40
    assert counts["run", "refused"] > 20


def test_the_check_finds_what_was_changed(tables: ModuleType, tmp_path: Path) -> None:
    found = []
    for i in range(40):
        out = tables.made(np.random.default_rng([7, i]))
        if tables.tried(out, tmp_path)["new suite"] != "read":
            continue
        first = next((c for c in out.columns if c.kind == "number" and c.true[0]), None)
        if first is not None and len(found) % 2:
            first.true[0] *= 10
        elif out.labels[0] is not None:
            out.labels[0] += "0"
        else:
            continue
        found.append(tables.tried(out, tmp_path)["new suite"].partition(":")[0])
    assert len(found) > 10
    assert found.count("changed") >= len(found) - 2  # a column that is told may be left out
