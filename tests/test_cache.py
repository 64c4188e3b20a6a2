"""The cache folder: checksums, mirror, downloads that break, import and verify."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from standin import StandIn, serving

from albench.cli import exit_code
from albench.core.errors import BadData, BadValue, Unavailable
from albench.core.files import File
from albench.core.spec import Ref
from albench.datasets import _cache as cache
from albench.datasets import _catalogue as catalogue
from albench.datasets import _download as download

BODY = bytes(range(256)) * 700
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("ALBENCH_MIRROR", raising=False)
    monkeypatch.setattr(download, "TIMEOUT", 0.5)
    monkeypatch.setattr(download.Resuming.__init__, "__defaults__", (0.01,))
    return tmp_path


@pytest.fixture
def server() -> Iterator[StandIn]:
    with serving() as running:
        running.pages["/blob.txt"] = BODY
        yield running


def test_a_download_is_kept_and_not_asked_for_again(server: StandIn) -> None:
    file = File("blob.txt", DIGEST, f"{server.url}/blob.txt")
    path = cache.obtained(file)
    assert path.read_bytes() == BODY
    assert cache.obtained(file) == path
    assert len(server.asked) == 1


def test_a_broken_download_goes_on_where_it_stopped(server: StandIn) -> None:
    server.trouble["/blob.txt"] = ["cut"]
    assert cache.obtained(File("b", DIGEST, f"{server.url}/blob.txt")).read_bytes() == BODY
    first, second = (asked for _, asked in server.asked)
    assert first is None
    assert second is not None
    assert 0 < int(second[6:-1]) <= len(BODY) // 2


def test_half_a_download_is_no_damaged_file_and_goes_on_next_time(server: StandIn) -> None:
    server.trouble["/blob.txt"] = ["cut"] * cache.RETRIES
    file = File("blob.txt", DIGEST, f"{server.url}/blob.txt")
    with pytest.raises(Unavailable, match="could not be downloaded"):
        cache.obtained(file)
    assert cache.cached(file) is None
    assert catalogue.verified() == []
    asked = len(server.asked)
    assert cache.obtained(file).read_bytes() == BODY
    assert server.asked[asked][1] is not None  # only the rest


def test_a_damaged_file_of_an_address_is_repaired_by_fetch(server: StandIn) -> None:
    body = b"a,y\n" + b"".join(b"%d,%d\n" % (i, i % 2) for i in range(20))
    digest, url = hashlib.sha256(body).hexdigest(), f"{server.url}/table.csv"
    server.pages["/table.csv"] = body
    ref = Ref("csv", params=(("sha256", digest), ("target", "y")), source=url)
    catalogue.repaired(ref)
    (path,) = (cache.folder() / "files").iterdir()
    path.write_bytes(body[:30])
    catalogue.repaired(ref)
    assert path.read_bytes() == body


@pytest.mark.parametrize("trouble", [503, "slow"])
def test_a_busy_or_slow_server_is_asked_again(server: StandIn, trouble: object) -> None:
    server.trouble["/blob.txt"] = [trouble]
    assert cache.obtained(File("b", DIGEST, f"{server.url}/blob.txt")).read_bytes() == BODY


def test_what_cannot_be_had_is_unavailable(server: StandIn) -> None:
    server.trouble["/blob.txt"] = [404]
    with pytest.raises(Unavailable, match=r"404.*albench data import"):
        cache.obtained(File("b", DIGEST, f"{server.url}/blob.txt"))
    assert len(server.asked) == 1
    server.trouble["/blob.txt"] = [500] * 9
    with pytest.raises(Unavailable, match="500"):
        cache.obtained(File("b", DIGEST, f"{server.url}/blob.txt"))
    assert len(server.asked) == 1 + cache.RETRIES


def test_other_bytes_are_refused_with_both_checksums(server: StandIn, tmp_path: Path) -> None:
    with pytest.raises(BadData, match=rf"expected SHA-256 {'0' * 64}, found {DIGEST}"):
        cache.obtained(File("b", "0" * 64, f"{server.url}/blob.txt"))
    assert not list((tmp_path / "cache" / "files").iterdir())


def test_a_damaged_file_is_an_error_until_it_is_repaired(server: StandIn) -> None:
    file = File("b", DIGEST, f"{server.url}/blob.txt")
    path = cache.obtained(file)
    path.write_bytes(BODY[:1000])
    found = hashlib.sha256(BODY[:1000]).hexdigest()
    with pytest.raises(BadData, match=rf"expected SHA-256 {DIGEST}, found {found} \(1000 bytes\)"):
        cache.obtained(file)
    assert cache.obtained(file, repair=True).read_bytes() == BODY


def test_the_mirror_comes_before_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror" / "deep"
    mirror.mkdir(parents=True)
    (mirror / "renamed.txt").write_bytes(BODY)
    monkeypatch.setenv("ALBENCH_MIRROR", str(tmp_path / "mirror"))
    file = File("blob.txt", DIGEST, "http://127.0.0.1:9/never", size=len(BODY))
    assert cache.obtained(file).read_bytes() == BODY
    monkeypatch.setenv("ALBENCH_MIRROR", str(tmp_path / "nowhere"))
    with pytest.raises(BadValue, match="ALBENCH_MIRROR"):
        cache.obtained(File("x", "1" * 64))


def test_a_cache_that_cannot_be_written_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: StandIn
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ALBENCH_DATA", str(tmp_path / "file"))
    with pytest.raises(BadValue, match="ALBENCH_DATA"):
        cache.obtained(File("b", DIGEST, f"{server.url}/blob.txt"))


def small_zhan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A registered dataset whose file lies, renamed, in a folder."""
    from albench.core import registry

    body = b"".join(b"%d 1:%d 2:1\n" % (i % 2, i) for i in range(20))
    file = File("tiny.txt", hashlib.sha256(body).hexdigest(), "http://127.0.0.1:9/no", len(body))
    monkeypatch.setitem(registry.ENTRIES["dataset"], "tiny", None)
    del registry.ENTRIES["dataset"]["tiny"]

    @registry.dataset("tiny", cite="test", n=20, d=2, classes=2, file=file)
    def tiny() -> object:
        """A tiny file."""
        from albench.datasets._dataset import Dataset
        from albench.datasets.files import read_svmlight

        found = read_svmlight(cache.obtained(file))
        return Dataset.of(found["X"], found["labels"])

    folder = tmp_path / "stick"
    folder.mkdir()
    (folder / "other-name.dat").write_bytes(body)
    (folder / "strange.bin").write_bytes(b"strange")
    return folder, file.sha256


def test_import_list_and_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, digest = small_zhan(tmp_path, monkeypatch)
    assert exit_code(["data", "import", str(folder), "--format", "csv"]) == 0
    said = capsys.readouterr()
    assert "tiny," in said.out
    assert "imported" in said.out
    assert "1 files belong to no dataset" in said.err
    assert exit_code(["data", "list", "--format", "json"]) == 0
    assert '"where": "cache"' in capsys.readouterr().out
    assert exit_code(["data", "verify"]) == 0
    path = cache.cached(File("tiny.txt", digest))
    assert path is not None
    path.write_bytes(b"damaged")
    capsys.readouterr()
    assert exit_code(["data", "verify", "--format", "csv"]) == 1
    assert f"damaged,{digest}," in capsys.readouterr().out
    assert exit_code(["data", "import", str(folder)]) == 0
    assert exit_code(["data", "verify"]) == 0
    assert exit_code(["data", "import", str(tmp_path / "nowhere")]) == 2


def test_fetch_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = small_zhan(tmp_path, monkeypatch)
    suite = tmp_path / "s.toml"
    suite.write_text(
        'datasets = ["tiny", "iris"]\nmodels = ["logreg"]\nstrategies = ["random"]\ntrials = 2\n'
    )
    assert exit_code(["data", "fetch", str(suite)]) == 1
    said = capsys.readouterr()
    assert "tiny: failed" in said.err
    assert "iris: here" in said.err
    assert exit_code(["data", "import", str(folder)]) == 0
    assert exit_code(["data", "fetch", str(suite)]) == 0
