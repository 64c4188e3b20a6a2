"""The registered files of Zhan et al.: names, and the data where a mirror has them."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from albench.core import registry
from albench.core.errors import Unavailable
from albench.core.registry import build, entry, resolve
from albench.datasets._cache import mirrored
from albench.datasets._dataset import Dataset

FILES = [
    name
    for name in registry.names("dataset")
    if "svmstyle" in getattr(entry("dataset", name).traits.file, "name", "")
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
        traits = entry("dataset", name).traits
        file = traits.file
        assert len(file.sha256) == 64
        assert "c200b4735ab2764bd06359c5b282fc2b48430c5c" in file.url
        assert traits.cite
        assert traits.n > 100
    assert {"heart", "parkinsons", "sonar", "zhan-iris", "zhan-wine", "zhan-wdbc"} <= set(FILES)


@needs_mirror
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_its_entry_says(name: str) -> None:
    traits = entry("dataset", name).traits
    if mirrored(traits.file) is None:
        pytest.skip(f"the mirror has no {traits.file.name}")
    data = build("dataset", resolve("dataset", name))
    assert (data.n, data.d, len(data.classes)) == (traits.n, traits.d, traits.classes)
    values = [float(label) for label in data.classes]
    assert values == sorted(values)
    again = build("dataset", resolve("dataset", name))
    assert np.array_equal(again.X, data.X)
    sorted_rows = np.count_nonzero(np.diff(data.y)) + 1 == len(data.classes)
    known = str(traits.known)
    assert sorted_rows == ("sorted by class, so" in known.replace("nearly sorted by class", ""))
    assert (abs(runs_test(data.y)) > 4) == ("file order is no random order" in known)
    repeats = data.n - len(np.unique(data.X, axis=0))
    said = re.search(r"(\d+) rows repeat the features of another", known)
    assert (repeats >= data.n / 100) == (said is not None)
    assert said is None or int(said[1]) == repeats
    both = re.search(r"\((\d+) the label too\)", known)
    whole = np.column_stack([data.X, data.y])
    assert both is None or int(both[1]) == data.n - len(np.unique(whole, axis=0))
    constant = [j for j in range(data.d) if len(np.unique(data.X[:, j])) == 1]
    assert constant == ([1] if "the second feature is constant" in known else [])
    assert "reported" not in known


def runs_test(y: np.ndarray) -> float:
    """How many standard deviations the blocks of one class are from those of a random order.

    Mood 1940, for any number of classes: mean and variance by shuffles of the labels.
    """
    rng = np.random.default_rng(0)
    blocks = [np.count_nonzero(np.diff(rng.permutation(y))) for _ in range(200)]
    return float((np.count_nonzero(np.diff(y)) - np.mean(blocks)) / np.std(blocks))


def zhan(name: str) -> Dataset:
    """One of the files."""
    data = build("dataset", resolve("dataset", name))
    assert isinstance(data, Dataset)
    return data


@needs_mirror
@pytest.mark.parametrize(("name", "load"), [("iris", load_iris), ("wine", load_wine)])
def test_the_copies_differ_from_scikit_learns_as_is_said(name: str, load: Any) -> None:
    theirs, ours = load(), zhan(f"zhan-{name}")
    low, high = theirs.data.min(axis=0), theirs.data.max(axis=0)
    back = low + (ours.X + 1) / 2 * (high - low)  # the file is scaled to [-1, 1]
    apart = np.argwhere(np.abs(back - theirs.data) > 1e-5 * (high - low))
    assert apart.tolist() == ([[34, 3], [37, 1], [37, 2]] if name == "iris" else [])
    assert np.array_equal(ours.y, theirs.target)


@needs_mirror
def test_wdbc_differs_from_scikit_learns_in_scale_and_class_order() -> None:
    theirs, ours = load_breast_cancer(), zhan("zhan-wdbc")
    scaled = (theirs.data - theirs.data.mean(axis=0)) / theirs.data.std(axis=0)
    own = (ours.X - ours.X.mean(axis=0)) / ours.X.std(axis=0)
    assert np.abs(scaled - own).max() < 1e-14
    assert np.array_equal(ours.y, 1 - theirs.target)
    assert ours.y[:100].mean() > 0.6 > 0.3 > ours.y[300:].mean()


@needs_mirror
def test_where_diabetes_haberman_and_parkinsons_mislead() -> None:
    diabetes = zhan("diabetes").X
    assert [int((diabetes[:, j] == -1).sum()) for j in range(1, 6)] == [5, 35, 227, 374, 11]
    assert (np.diff(zhan("haberman").X[:, 0]) >= 0).all()
    assert np.count_nonzero(np.diff(zhan("parkinsons").y)) + 1 == 10
    ionosphere = np.diff(zhan("ionosphere").y) != 0
    assert ionosphere[:252].mean() > 0.95
    assert not ionosphere[253:].any()


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
        "from albench.core import registry\n"
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
