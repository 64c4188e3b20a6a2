"""What the how-to on models shows is a plugin as it stands."""

import re
from pathlib import Path

import pytest

from albench.core import registry
from albench.core.errors import BadValue
from albench.core.registry import build, entry, load_plugin, resolve

PAGE = Path(__file__).parents[1] / "docs" / "howto" / "model.md"


@pytest.fixture(autouse=True)
def _restore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a test registers."""
    registry.load()
    for kind, entries in registry.ENTRIES.items():
        monkeypatch.setitem(registry.ENTRIES, kind, dict(entries))
    monkeypatch.setattr(registry, "LOADED", dict(registry.LOADED))


def blocks() -> list[str]:
    """The pieces of Python on the page."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_models_of_the_page_are_entries(tmp_path: Path) -> None:
    for number, text in enumerate(blocks()):
        file = tmp_path / f"part{number}.py"
        file.write_text(text, encoding="utf-8")
        load_plugin(file)
    assert entry("model", "perceptron").traits.proba is True
    assert build("model", resolve("model", {"use": "ridge", "alpha": 2.0}))(0).alpha == 2.0
    ref = resolve("model", {"use": "perceptron", "hidden": 7})
    assert build("model", ref)(3).get_params() == {"seed": 3, "hidden": 7, "epochs": 100}
    with pytest.raises(BadValue, match="hidden"):
        resolve("model", {"use": "perceptron", "hidden": 0})
    assert resolve("model", {"use": "pretrained", "sha256": "0" * 64}).kwargs["sha256"]


def test_other_weights_than_those_asked_for_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pretrained.py"
    file.write_text(next(t for t in blocks() if "pretrained" in t), encoding="utf-8")
    load_plugin(file)
    make = build("model", resolve("model", {"use": "pretrained", "sha256": "0" * 64}))
    with pytest.raises(ValueError, match="set TABULAR_WEIGHTS"):
        make(0)
    weights = tmp_path / "w.bin"
    weights.write_bytes(b"weights")
    monkeypatch.setenv("TABULAR_WEIGHTS", str(weights))
    with pytest.raises(ValueError, match="is asked for"):
        make(0)
