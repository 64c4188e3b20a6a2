"""The registered files of Zhan et al.: names, and the data where a mirror has them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from albench.core import registry
from albench.core.errors import Unavailable
from albench.core.registry import build, entry, resolve
from albench.datasets._cache import File, mirrored

FILES = [
    name
    for name in registry.names("dataset")
    if isinstance(entry("dataset", name).about.get("file"), File)
    and "svmstyle" in entry("dataset", name).about["file"].name
]
needs_mirror = pytest.mark.skipif(
    not os.environ.get("ALBENCH_MIRROR"), reason="ALBENCH_MIRROR names no folder of data files"
)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALBENCH_DATA", str(tmp_path / "cache"))


def test_all_34_files_are_pinned() -> None:
    assert len(FILES) == 34
    for name in FILES:
        about = entry("dataset", name).about
        file = about["file"]
        assert len(file.sha256) == 64
        assert "c200b4735ab2764bd06359c5b282fc2b48430c5c" in file.url
        assert about["cite"]
        assert about["n"] > 100
    assert {"heart", "parkinsons", "sonar", "zhan-iris", "zhan-wine", "zhan-wdbc"} <= set(FILES)


@needs_mirror
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_its_entry_says(name: str) -> None:
    about = entry("dataset", name).about
    if mirrored(about["file"]) is None:
        pytest.skip(f"the mirror has no {about['file'].name}")
    data = build("dataset", resolve("dataset", name))
    assert (data.n, data.d, len(data.classes)) == (about["n"], about["d"], about["classes"])
    values = [float(label) for label in data.classes]
    assert values == sorted(values)
    again = build("dataset", resolve("dataset", name))
    assert np.array_equal(again.X, data.X)
    sorted_rows = np.count_nonzero(np.diff(data.y)) + 1 == len(data.classes)
    assert sorted_rows == ("sorted by class, so" in str(about["known"]))


@needs_mirror
def test_the_defects_that_are_stated() -> None:
    mammographic = build("dataset", resolve("dataset", "mammographic"))
    assert 830 - len(np.unique(mammographic.X, axis=0)) == 311
    both = np.column_stack([mammographic.X, mammographic.y])
    assert 830 - len(np.unique(both, axis=0)) == 266
    for name in ("breast", "ex8a", "ex8b"):
        assert (np.diff(build("dataset", resolve("dataset", name)).y) != 0).all()


@needs_mirror
def test_walking_a_class_sorted_file_is_what_made_random_look_bad() -> None:
    """tictactoe is sorted by class: in file order the area is far below a shuffled order's."""
    from dataclasses import replace

    from albench.analysis.comparison.summaries import aubc
    from albench.core.spec import RunSpec
    from albench.runner.worker import Options, run_one
    from albench.suite.protocols import protocol

    value = replace(protocol("zhan2021"), batch=20)
    model = resolve("model", "svc-rbf-libsvm")
    area = {}
    for name in ("file_order", "random"):
        runs = []
        for trial in range(4):
            strategy = resolve("strategy", name)
            spec = RunSpec(resolve("dataset", "tictactoe"), strategy, model, model, value, trial)
            rounds = run_one(spec, Options(("accuracy",))).rounds
            curve = [r["n_labeled"] for r in rounds], [r["accuracy"] for r in rounds]
            runs.append(aubc(*curve))
        area[name] = float(np.mean(runs))
    assert area["file_order"] < area["random"] - 0.1


def test_a_file_that_is_nowhere_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from albench.datasets import _download as download

    monkeypatch.delenv("ALBENCH_MIRROR", raising=False)
    monkeypatch.setattr(download.Resuming.__init__, "__defaults__", (0.0,))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="albench data import"):
        build("dataset", resolve("dataset", "sonar"))


def test_listing_touches_no_file_and_imports_nothing_heavy(tmp_path: Path) -> None:
    plugin = tmp_path / "many.py"
    plugin.write_text(
        "from albench import dataset\n"
        "for i in range(200):\n"
        "    @dataset(f'many-{i}', cite='test', n=1, d=1, classes=2)\n"
        "    def load():\n"
        "        raise SystemExit('touched')\n"
    )
    code = (
        "import sys, albench\n"
        "from albench import registry\n"
        f"registry.load_plugin({str(plugin)!r})\n"
        "print(len([registry.entry('dataset', n).summary for n in registry.names('dataset')]))\n"
        "heavy = {'pandas', 'sklearn', 'openml', 'pooch', 'requests', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    environment = os.environ | {"ALBENCH_DATA": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    count, heavy = done.stdout.split("\n")[:2]
    assert int(count) > 240
    assert heavy == "[]"
    assert not (tmp_path / "none").exists()
