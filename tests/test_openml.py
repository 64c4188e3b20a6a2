"""OpenML, end to end: the real `openml` package against a local stand-in of the server."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from standin import StandIn, serving

from albench.cli import exit_code
from albench.core.errors import BadData, Unavailable
from albench.core.registry import build, resolve
from albench.datasets import _download as download
from albench.datasets import openml
from albench.datasets._dataset import Dataset

ARFF = "@relation t\n@attribute row numeric\n@attribute x numeric\n@attribute c {red,blue}\n"
ARFF += "@attribute class {a,b}\n@data\n"
ARFF += "".join(
    f"{i},{i % 7 if i % 9 else '?'},{'red' if i % 3 else 'blue'},{'a' if i % 2 else 'b'}\n"
    for i in range(60)
)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("ALBENCH_MIRROR", raising=False)
    monkeypatch.setattr(download, "TIMEOUT", 0.5)
    monkeypatch.setattr(download.Resuming.__init__, "__defaults__", (0.01,))
    monkeypatch.setattr(openml, "RETRIES", 1)
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with serving() as running:
        monkeypatch.setenv("ALBENCH_OPENML", f"{running.url}/api/v1/xml")
        running.openml(7, ARFF, n=60, d=4)
        yield running


def loaded(**params: object) -> Dataset:
    found: Dataset = build("dataset", resolve("dataset", {"use": "openml", "id": 7, **params}))
    return found


def test_a_dataset_comes_with_types_and_without_its_row_numbers(server: StandIn) -> None:
    found = loaded()
    assert found.n == 60
    assert found.classes == ("a", "b")
    assert list(found.X.columns) == ["x", "c"]
    assert found.X["x"].dtype == np.float64
    assert found.X["x"].isna().sum() == 7


def test_an_outage_does_not_stop_what_is_in_the_cache(server: StandIn, tmp_path: Path) -> None:
    loaded()
    asked = len(server.asked)
    server.pages.clear()
    assert loaded().n == 60
    assert len(server.asked) == asked
    suite = tmp_path / "s.toml"
    suite.write_text(
        'datasets = [{use = "openml", id = 7}]\nmodels = ["logreg"]\ntrials = 2\n'
        'strategies = ["random", "margin"]\nprotocol = {use = "standard", start = 5, budget = 15}\n'
    )
    results = ["--results", str(tmp_path / "out"), "--jobs", "1"]
    assert exit_code(["run", str(suite), *results]) == 0


@pytest.mark.parametrize(
    ("order", "error", "said"),
    [
        (412, Unavailable, "no usable answer"),
        (404, Unavailable, "no usable answer"),
        (500, Unavailable, "no usable answer"),
        ("cut", Unavailable, "no usable answer"),
        ("slow", Unavailable, "no usable answer"),
    ],
)
def test_a_server_in_trouble(
    server: StandIn, order: object, error: type[Exception], said: str
) -> None:
    server.trouble["/api/v1/xml/data/7"] = [order]
    with pytest.raises(error, match=said):
        loaded()
    assert loaded().n == 60


DRIP = "no whole answer within 2 s; given up"
SHAPE = "is not of the shape it should have|no usable answer"


@pytest.mark.parametrize(
    ("path", "order", "said"),
    [
        ("/api/v1/xml/data/7", "drip", DRIP),
        ("/api/v1/xml/data/features/7", "drip", DRIP),
        ("/data/v1/download/7/table.arff", "drip", r"table\.arff: not whole after .* given up"),
        ("/api/v1/xml/data/7", "html", SHAPE),
        ("/api/v1/xml/data/features/7", "html", SHAPE),
        ("/api/v1/xml/data/features/7", b"", SHAPE),
        ("/api/v1/xml/data/list/status/all/limit/10000/offset/0/data_id/7", "html", SHAPE),
    ],
)
def test_an_answer_that_is_none_is_one_reason(
    server: StandIn, path: str, order: object, said: str
) -> None:
    page = server.pages[path]
    if isinstance(order, bytes):
        server.pages[path] = order
    else:
        server.trouble[path] = [order]
    begun = time.monotonic()
    with pytest.raises(Unavailable, match=said) as caught:
        loaded()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("OpenML 7")
    assert time.monotonic() - begun < 5
    server.pages[path] = page
    assert loaded().n == 60


def test_a_description_without_features_or_with_an_address_of_this_machine(
    server: StandIn, tmp_path: Path
) -> None:
    (tmp_path / "secret.arff").write_text(ARFF)
    page = server.pages["/api/v1/xml/data/7"].decode()
    url = page.partition("<oml:url>")[2].partition("</oml:url>")[0]
    for other in (f"file://{tmp_path}/secret.arff", "ftp://127.0.0.1/secret.arff"):
        server.openml(7, ARFF)
        server.pages["/api/v1/xml/data/7"] = page.replace(url, other).encode()
        with pytest.raises(Unavailable, match="only http and https addresses are") as caught:
            loaded()
        assert str(caught.value).startswith(f"OpenML 7: {other} is not fetched")
        for kept in (tmp_path / "cache" / "openml").glob("*.json"):
            kept.unlink()
    server.openml(7, ARFF)
    features = server.pages["/api/v1/xml/data/features/7"]
    server.pages["/api/v1/xml/data/features/7"] = features.replace(b">class<", b">other<")
    with pytest.raises(Unavailable, match="does not list the feature 'class'"):
        loaded()


def test_one_dataset_in_trouble_leaves_the_others_alone(
    server: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.openml(8, ARFF)
    server.trouble["/api/v1/xml/data/8"] = ["html"] * 20
    suite = tmp_path / "s.toml"
    suite.write_text(
        'datasets = [{use = "openml", id = 7}, {use = "openml", id = 8}]\nmodels = ["gnb"]\n'
        'trials = 1\nstrategies = ["random"]\nprotocol = {start = 5, budget = 15}\n'
    )
    assert exit_code(["run", str(suite), "--results", str(tmp_path / "out"), "--jobs", "1"]) == 1
    said = capsys.readouterr().err
    assert "on openml(id=8), 2 runs: the dataset cannot be had: OpenML 8" in said
    assert "openml(id=7), " not in said
    assert "Traceback" not in said


def test_an_id_that_does_not_exist(server: StandIn) -> None:
    with pytest.raises(BadData, match="OpenML 99 does not exist"):
        build("dataset", resolve("dataset", {"use": "openml", "id": 99}))


def test_what_cannot_be_used_is_refused_before_its_file_is_fetched(server: StandIn) -> None:
    server.openml(11, ARFF, status="deactivated")
    server.openml(12, ARFF, target="x", kind="numeric")
    server.openml(13, ARFF, n=1_000_000, d=6711)
    for number, said in {11: "deactivated", 12: "regression", 13: r"50\.0 GB"}.items():
        with pytest.raises(BadData, match=said):
            build("dataset", resolve("dataset", {"use": "openml", "id": number}))
    assert not [path for path, _ in server.asked if "download" in path]
    with pytest.raises(BadData, match="version 2 is asked for"):
        loaded(version=2)
    with pytest.raises(BadData, match="expected MD5 ff"):
        loaded(md5="ff")


def test_a_truncated_file_goes_on_and_a_changed_one_is_refused(server: StandIn) -> None:
    server.trouble["/data/v1/download/7/table.arff"] = ["cut"]
    openml.RETRIES = 2
    assert loaded().n == 60
    server.openml(8, ARFF, md5="0" * 32)
    with pytest.raises(BadData, match=f"expected MD5 {'0' * 32}, found [0-9a-f]{{32}}"):
        build("dataset", resolve("dataset", {"use": "openml", "id": 8}))


def test_a_damaged_cache_is_noticed_and_another_cache_can_be_imported(
    server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded()
    other = tmp_path / "other"
    monkeypatch.setenv("ALBENCH_DATA", str(other))
    assert exit_code(["data", "import", str(tmp_path / "cache")]) == 0
    server.pages.clear()
    assert loaded().n == 60
    file = next((other / "openml").glob("*.arff"))
    file.write_text("half")
    for parsed in (other / "parsed").iterdir():
        parsed.unlink()
    with pytest.raises(BadData, match="expected MD5"):
        loaded()
    assert exit_code(["data", "verify"]) == 1


def test_a_suite_of_openml_stands_for_its_datasets(server: StandIn, tmp_path: Path) -> None:
    server.pages["/api/v1/xml/study/99"] = (
        b'<oml:study xmlns:oml="http://openml.org/openml"><oml:id>99</oml:id>'
        b"<oml:main_entity_type>task</oml:main_entity_type><oml:name>s</oml:name>"
        b"<oml:description>d</oml:description><oml:status>active</oml:status>"
        b"<oml:creation_date>2020</oml:creation_date><oml:creator>1</oml:creator>"
        b"<oml:data><oml:data_id>7</oml:data_id><oml:data_id>3</oml:data_id></oml:data>"
        b"<oml:tasks><oml:task_id>1</oml:task_id></oml:tasks></oml:study>"
    )
    suite = tmp_path / "s.toml"
    suite.write_text(
        'datasets = [{use = "openml", suite = 99}]\nmodels = ["logreg"]\nstrategies = ["random"]\n'
    )
    from albench.suite.toml import load_suite

    assert [d.label for d in load_suite(suite).datasets] == ["openml(id=3)", "openml(id=7)"]
