"""Figures set for a page in print: width, fonts, colours, order, panels, and what is refused."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from sitemaker import stored

from albench.cli import exit_code
from albench.cli.figures import inches
from albench.core.errors import BadValue
from albench.plots.style import Print, looks, printed


def test_a_width_is_in_inches_and_has_a_unit() -> None:
    assert inches("84mm") == pytest.approx(3.3071, abs=1e-4)
    assert inches("3.5in") == 3.5
    assert inches("241.14749pt") == pytest.approx(3.3368, abs=1e-4)
    for wrong in ("84", "mm", "1mm", "-3in", "3 m"):
        with pytest.raises(BadValue, match="a number with mm, cm, in or pt"):
            inches(wrong)


def test_order_moves_no_colour_and_a_file_does() -> None:
    usual = looks(["random", "a", "b", "c"])
    with printed(Print(order=("c",), colors={"b": "#123456"})):
        found = looks(["random", "a", "b", "c"])
    assert list(found) == ["random", "c", "a", "b"]
    assert [found[name].color == usual[name].color for name in "abc"] == [True, False, True]
    assert found["b"].marker == usual["b"].marker
    assert looks(["random", "a"]) == {k: usual[k] for k in ("random", "a")}


def drawn(folder: Path, *words: str) -> int:
    where = [str(stored() / "s.toml"), "--results", str(stored() / "results"), "--to", str(folder)]
    return exit_code(["figures", *where, "--as", "svg", *words])


def test_only_what_is_asked_for_at_its_width(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, float, int]] = []
    savefig = Figure.savefig

    def watched(self: Figure, *args: object, **options: object) -> None:
        texts = self.findobj(match=Text)
        smallest = min(text.get_fontsize() for text in texts if text.get_text())
        seen.append((self.get_size_inches()[0], smallest, len(self.legends)))
        savefig(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", watched)
    assert drawn(tmp_path, "--which", "learning,gain", "--width", "84mm", "--own-limits") == 0
    assert {path.name for path in tmp_path.glob("*.svg")} == {"learning.svg", "gain.svg"}
    assert [width for width, _, _ in seen] == pytest.approx([3.3071] * 2, abs=1e-3)
    assert all(size >= 6 for _, size, _ in seen)
    assert all(legends == 1 for _, _, legends in seen)
    assert "Each panel has limits of its own" in (tmp_path / "captions.md").read_text()
    seen.clear()
    assert drawn(tmp_path / "b", "--which", "learning", "--no-legend", "--panels", "2x1") == 0
    assert [legends for _, _, legends in seen] == [0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--which", "pies"), "no figure pies; there are learning, gain"),
        (("--panels", "1x1", "--which", "learning"), "1x1 panels are too few for 2 datasets"),
        (("--panels", "two"), "rows and columns, as 2x3"),
        (("--font", "No Such Font 7"), "no such font is installed"),
        (("--style", "nature"), "one of acm, ieee, neurips, or a TOML file"),
        (("--order", "nobody"), "no strategy nobody"),
        (("--colors", "none.toml"), "no such file"),
    ],
)
def test_what_cannot_be_is_said(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drawn(tmp_path, "--bought", "0", *words) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_style_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.toml").write_text('width = "6cm"\nsize = 9\n[colors]\nmargin = "#0072b2"\n')
    assert drawn(tmp_path, "--which", "gain", "--style", str(tmp_path / "s.toml")) == 0
    assert "#0072b2" in (tmp_path / "gain.svg").read_text()
    (tmp_path / "s.toml").write_text('[colors]\nmargin = "bluish"\n')
    assert drawn(tmp_path, "--which", "gain", "--style", str(tmp_path / "s.toml")) == 2
    assert "margin = 'bluish' is no colour" in capsys.readouterr().err
