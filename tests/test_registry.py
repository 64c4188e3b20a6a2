"""Names, parameters, plugins, public names."""

import importlib.metadata
import inspect
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

import albench
from albench import dataset, metric, model, strategy
from albench.core import registry
from albench.core.errors import BadPlugin, BadValue, UnknownName
from albench.core.spec import Ref
from albench.core.traits import Traits
from albench.simulation.oracles import cost_entry, oracle_entry


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


REFUSED = [
    (metric, {"beter": "lower"}, r"metric 'e': unknown key 'beter'; did you mean 'better'\?"),
    (metric, {"better": "up"}, "metric 'e': better = 'up': 'higher' or 'lower' is due"),
    (metric, {"verison": "2"}, r"did you mean 'version'\?"),
    (metric, {"version": 2}, "metric 'e': version = 2: a text is due"),
    (metric, {"n": 5}, "metric 'e': unknown key 'n'; there are: better, cite, formerly, version"),
    (dataset, {"clases": 2}, r"dataset 'e': unknown key 'clases'; did you mean 'classes'\?"),
    (dataset, {"n": "100"}, "dataset 'e': n = '100': a positive whole number is due"),
    (dataset, {"n": True}, "a positive whole number is due"),
    (dataset, {"d": 0}, "a positive whole number is due"),
    (dataset, {"cite": None}, "dataset 'e': cite = None: a text is due"),
    (dataset, {"file": "table.csv"}, "an albench.core.files.File is due"),
    (model, {"probas": True}, r"model 'e': unknown key 'probas'; did you mean 'proba'\?"),
    (model, {"proba": "yes"}, "model 'e': proba = 'yes': True or False is due"),
    (strategy, {"need": ("proba",)}, r"did you mean 'needs'\?"),
    (strategy, {"needs": "proba"}, r"a tuple of 'proba', .* is due, such as \('proba',\)"),
    (strategy, {"needs": ("prob",)}, r"no need 'prob'; did you mean 'proba'\?"),
    (strategy, {"check": "x > 0"}, "a function is due"),
    (oracle_entry, {"resolv": len}, r"oracle 'e': unknown key 'resolv'; did you mean 'resolve'\?"),
    (cost_entry, {"cites": "me"}, r"cost 'e': unknown key 'cites'; did you mean 'cite'\?"),
]


@pytest.mark.parametrize(("decorator", "about", "message"), REFUSED)
def test_what_a_decorator_may_not_say_is_refused(
    decorator: Any, about: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadPlugin, match=message):
        decorator("e", **about)


@pytest.mark.parametrize("decorator", [dataset, strategy, model, metric, oracle_entry, cost_entry])
def test_a_decorator_without_a_name_is_refused(decorator: Any) -> None:
    with pytest.raises(BadPlugin, match="needs a name, as in @"):
        decorator(len)
    with pytest.raises(BadPlugin, match="needs a name"):
        decorator("")


def test_what_a_plugin_may_not_say_is_told_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from albench import metric\n@metric('e', beter='lower')\ndef e(o): ...\n")
    with pytest.raises(BadPlugin, match=r"plugin .*mine.py: metric 'e': unknown key 'beter'"):
        registry.load_plugin(file)


def test_traits_are_those_that_were_said() -> None:
    assert registry.entry("metric", "accuracy").traits.better == "higher"
    assert registry.entry("metric", "log_loss").traits.told("metric").keys() == {"better", "cite"}
    forest = registry.entry("model", "forest").traits
    assert (forest.proba, forest.linear, forest.seeded) == (True, False, True)
    assert registry.entry("model", "logreg").traits.linear is None
    assert registry.entry("dataset", "openml").traits.n is None
    with pytest.raises(FrozenInstanceError):
        forest.proba = False  # type: ignore[misc]


def test_every_key_has_its_words() -> None:
    told = inspect.getdoc(Traits) or ""
    heads = [line.split(" : ")[0] for line in told.splitlines() if " : " in line]
    assert sorted(", ".join(heads).split(", ")) == sorted(f.name for f in fields(Traits))
