"""Names, parameters, plugins, public names."""

import importlib.metadata
from pathlib import Path

import pytest

import albench
from albench.core import registry
from albench.core.errors import BadPlugin, BadValue, UnknownName
from albench.core.spec import Ref


@pytest.fixture(autouse=True)
def _restore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a test registers."""
    registry.load()
    for kind, entries in registry.ENTRIES.items():
        monkeypatch.setitem(registry.ENTRIES, kind, dict(entries))
    monkeypatch.setattr(registry, "LOADED", dict(registry.LOADED))


def plugin(folder: Path, body: str, name: str = "mine.py") -> Path:
    file = folder / name
    file.write_text(f"from albench import strategy\n{body}\n")
    return file


def test_public_names_are_sorted_and_there() -> None:
    assert albench.__all__ == sorted(albench.__all__)
    for name in albench.__all__:
        assert getattr(albench, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = albench.nothing


def test_every_entry_tells_what_it_is() -> None:
    for kind in registry.KINDS:
        for name in registry.names(kind):
            entry = registry.entry(kind, name)
            if entry.plugin is not None:  # of other tests in the same process
                continue
            assert entry.summary, f"{kind} {name} has no docstring"
            assert len(entry.summary) <= 100, f"{kind} {name}: first line too long"
            assert entry.digest


def test_did_you_mean() -> None:
    with pytest.raises(UnknownName, match="did you mean 'margin'"):
        registry.entry("strategy", "margn")
    with pytest.raises(UnknownName, match="there are: "):
        registry.entry("model", "zzzzzz")


def test_parameters_are_typed_and_defaults_left_out() -> None:
    assert registry.resolve("model", {"use": "forest", "trees": 100}) == Ref("forest")
    few = registry.resolve("model", {"use": "forest", "trees": 7})
    assert few.params == (("trees", 7),)
    assert registry.build("model", few)(3).n_estimators == 7
    for wrong in ({"trees": 0}, {"trees": "7"}, {"trees": 7.5}, {"trees": True}):
        with pytest.raises(BadValue, match="trees"):
            registry.resolve("model", {"use": "forest", **wrong})
    with pytest.raises(UnknownName, match="did you mean 'trees'"):
        registry.resolve("model", {"use": "forest", "tree": 7})


def test_nested_entries_carry_their_version() -> None:
    ref = registry.resolve("strategy", "softmax")
    assert ref.kwargs["base"] == Ref("margin", registry.entry("strategy", "margin").version)


def test_a_plugin_s_version_is_its_source(tmp_path: Path) -> None:
    body = "@strategy('mine')\ndef mine(query):\n    '''Mine.'''\n    return query.pool[:query.n]"
    registry.load_plugin(plugin(tmp_path, body))
    first = registry.entry("strategy", "mine").version
    assert first.startswith("sha256:")
    registry.load_plugin(tmp_path / "mine.py")
    assert registry.resolve("strategy", "mine").version == first


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import no_such_module", "does not import: ModuleNotFoundError"),
        ("def broken(:", "does not import: SyntaxError"),
        ("@strategy('margin')\ndef m(query): ...", "'margin' is registered twice"),
        (
            "@strategy('two')\ndef a(query): ...\n@strategy('two')\ndef b(query): ...",
            "'two' is registered twice",
        ),
    ],
)
def test_bad_plugins_leave_nothing_behind(tmp_path: Path, body: str, message: str) -> None:
    before = registry.names("strategy")
    with pytest.raises(BadPlugin, match=message):
        registry.load_plugin(plugin(tmp_path, body, "bad.py"))
    assert registry.names("strategy") == before


def test_a_plugin_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadPlugin, match="no such file"):
        registry.load_plugin(tmp_path / "none.py")


def test_entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(tmp_path, "@strategy('installed')\ndef f(query):\n    '''F.'''", "their_package.py")
    monkeypatch.syspath_prepend(tmp_path)
    point = importlib.metadata.EntryPoint("theirs", "their_package", "albench")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    registry.LOADED.pop("albench")
    assert "installed" in registry.names("strategy")
    assert registry.entry("strategy", "installed").version.startswith("sha256:")


def test_another_version_is_refused() -> None:
    with pytest.raises(BadValue, match="installed in version 1, version 0 is asked for"):
        registry.build("strategy", Ref("margin", "0"))
