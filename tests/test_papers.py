"""Tables in LaTeX: the columns that matter, a caption, a label; oracles with their rate."""

from pathlib import Path

import pytest

from albench.cli import exit_code
from albench.core.registry import resolve
from albench.core.spec import Protocol
from albench.suite.protocols import protocol_name, with_oracle

SUITE = """
datasets = ["iris", "wine"]
models = ["gnb"]
strategies = ["random", "margin"]
trials = 2
[[protocols]]
name = "mistaken"
start = 10
batch = 20
budget = 50
oracle = {use = "uniform", rate = 0.1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results of a small suite."""
    here = tmp_path_factory.mktemp("papers")
    (here / "small.toml").write_text(SUITE)
    words = ["run", str(here / "small.toml"), "--results", str(here / "out"), "--jobs", "1"]
    assert exit_code(words) == 0
    return here


def latex(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command prints in LaTeX."""
    where = [str(folder / "small.toml"), "--results", str(folder / "out")]
    capsys.readouterr()
    assert exit_code([words[0], *where, *words[1:], "--format", "latex"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "label"),
    [
        (("compare",), "compare-against-random"),
        (("compare", "--table", "pairs"), "compare-pairs"),
        (("compare", "--table", "within"), "compare-within"),
        (("compare", "--table", "ranks"), "compare-ranks"),
        (("compare", "--table", "datasets"), "datasets-gnb-mistaken"),
        (("curves",), "curves-summary"),
        (("curves", "--table", "labels"), "curves-labels"),
        (("noise", "--jobs", "1"), "noise-affinity"),
        (("bias", "--jobs", "1"), "bias-drift"),
    ],
)
def test_tables_have_a_caption_and_a_label(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], label: str
) -> None:
    text = latex(folder, capsys, *words)
    assert text.count(r"\caption{") == text.count(r"\label{tab:") == text.count(r"\begin{table}")
    assert text.index(r"\caption{") < text.index(rf"\label{{tab:{label}}}")


def test_pairs_have_the_columns_that_matter(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = latex(folder, capsys, "compare", "--table", "pairs")
    head = next(line for line in text.splitlines() if line.startswith("a & b"))
    assert head == r"a & b & n & difference & low & high & won & tied & lost & Holm p \\"
    assert "gnb, mistaken." in text


def test_captions_give_the_rate_of_an_oracle(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = latex(folder, capsys, "noise", "--jobs", "1", "--to", str(folder / "figures"))
    assert "mistaken (oracle uniform(rate=0.1))" in text
    told = (folder / "figures" / "captions-affinity.md").read_text()
    assert "mistaken (oracle uniform(rate=0.1))" in told


def test_a_rate_that_is_the_default_is_told() -> None:
    noisy = Protocol(oracle=resolve("oracle", {"use": "uniform", "rate": 0.1}))
    assert protocol_name(noisy) == "standard (oracle uniform(rate=0.1))"
    assert with_oracle("mine", noisy) == "mine (oracle uniform(rate=0.1))"
    assert with_oracle(protocol_name(noisy), noisy) == protocol_name(noisy)
    assert with_oracle("mine", Protocol()) == "mine"
