"""Figures: equal bytes for equal tables, legible, the baseline grey, no warning raised."""

from itertools import combinations
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from generated import NAMES, curves_of, tables_of
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from albench import compare
from albench.core.errors import BadValue
from albench.plots.figures import FIGURES, Picture, pictures, write
from albench.plots.figures import frames as panels
from albench.plots.style import GREY, About, figure, looks, save, theme


def frames_of(datasets: int, strategies: int, trials: int) -> tuple[dict[str, pd.DataFrame], About]:
    runs, rounds = tables_of(curves_of(datasets, strategies, trials, effect=0.02))
    rounds["seconds_query"] = (
        0.01 * (1 + runs.set_index("run")["trial"].reindex(rounds["run"])).to_numpy()
    )
    result = compare(runs, rounds, metric="accuracy")
    design = result.design[0]
    about = About(
        metric="accuracy",
        measure=design["measure"],
        baseline="random",
        strategies=design["strategies"],
        trials=str(trials),
        datasets=datasets,
        model="logreg",
        protocol="standard",
    )
    return panels(result), about


Boxes = list[tuple[str, np.ndarray]]


def drawn_texts(fig: Figure) -> Boxes:
    """Texts that a drawing shows and their corners in pixels; slanted ones left out."""
    seen: list[Text] = []
    draw = Text.draw

    def recorded(self: Text, *args: Any, **kwargs: Any) -> None:
        seen.append(self)
        draw(self, *args, **kwargs)

    with patch.object(Text, "draw", recorded):
        fig.draw_without_rendering()
    renderer = FigureCanvasAgg(fig).get_renderer()
    out = []
    for text in dict.fromkeys(seen):
        # A slanted label fills a band of its bounding box only.
        if text.get_visible() and text.get_text().strip() and text.get_rotation() % 90 == 0:
            box = text.get_window_extent(renderer)
            out.append((text.get_text(), np.array([box.x0, box.y0, box.x1, box.y1])))
    return out


@pytest.fixture(scope="module")
def laid_out() -> dict[str, tuple[Picture, Boxes]]:
    """Every figure of a suite of 26 datasets and 12 strategies, with its texts."""
    with theme():
        return {p.name: (p, drawn_texts(p.figure)) for p in pictures(*frames_of(26, 12, 6))}


@pytest.fixture(scope="module")
def large(laid_out: dict[str, tuple[Picture, Boxes]]) -> dict[str, Picture]:
    return {name: picture for name, (picture, _) in laid_out.items()}


def test_every_figure_is_drawn(large: dict[str, Picture]) -> None:
    assert set(large) == set(FIGURES)


def test_captions_name_metric_datasets_and_trials(large: dict[str, Picture]) -> None:
    for picture in large.values():
        assert "accuracy" in picture.caption
        assert "26 datasets, 6 trials each." in picture.caption
    for name in ("gain_overall", "profile", "improvement"):
        assert "95 %" in large[name].caption


@pytest.mark.parametrize("name", list(FIGURES))
def test_no_two_labels_overlap_and_none_is_cut_off(
    laid_out: dict[str, tuple[Picture, Boxes]], name: str
) -> None:
    picture, found = laid_out[name]
    assert len(found) > 10
    legible(picture, found)


@pytest.mark.parametrize("size", [(1, 2, 3), (3, 4, 3)])
def test_small_figures_are_legible_too(size: tuple[int, int, int]) -> None:
    with theme():
        for picture in pictures(*frames_of(*size)):
            legible(picture, drawn_texts(picture.figure))


def legible(picture: Picture, found: Boxes) -> None:
    """No text leaves the figure or lies upon another."""
    width, height = picture.figure.bbox.width, picture.figure.bbox.height
    for text, (x0, y0, x1, y1) in found:
        assert min(x0, y0) >= -1, f"{picture.name}: {text!r}"
        assert x1 <= width + 1, f"{picture.name}: {text!r}"
        assert y1 <= height + 1, f"{picture.name}: {text!r}"
    for (a, one), (b, two) in combinations(found, 2):
        shared = np.minimum(one[2:], two[2:]) - np.maximum(one[:2], two[:2])
        assert (shared <= 1.0).any(), f"{picture.name}: {a!r} overlaps {b!r}"


def test_legends_lie_outside_the_data(large: dict[str, Picture]) -> None:
    seen = 0
    for picture in large.values():
        for legend in picture.figure.legends:
            seen += 1
            box = legend.get_window_extent()
            for ax in picture.figure.axes:
                inside = ax.get_window_extent()
                overlap = np.minimum(box.max, inside.max) - np.maximum(box.min, inside.min)
                assert (overlap <= 1.0).any(), picture.name
        assert all(ax.get_legend() is None for ax in picture.figure.axes)
    assert seen >= 5


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        frames, about = frames_of(6, 3, 3)
        write(frames, about, tmp_path / folder, ["svg"])
        write({"heat": frames["heat"]}, about, tmp_path / folder, suffix="-all")
    files = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert len(files) == len(FIGURES) + 2 + 3 + 2
    for name in files:
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two, name
    assert b"CreationDate" not in (tmp_path / "one" / "heat-all.pdf").read_bytes()


def test_global_state_does_not_leak_into_figures(tmp_path: Path) -> None:
    import matplotlib as mpl

    frames, about = frames_of(3, 3, 6)
    write({"ranks": frames["ranks"]}, about, tmp_path / "one", ["svg"])
    before = mpl.rcParams["font.size"]
    np.random.seed(5)  # noqa: NPY002 - this is what must not matter
    with mpl.rc_context({"font.size": 20, "axes.grid": True}):
        write({"ranks": frames["ranks"]}, about, tmp_path / "two", ["svg"])
    assert mpl.rcParams["font.size"] == before
    assert (tmp_path / "one/ranks.svg").read_bytes() == (tmp_path / "two/ranks.svg").read_bytes()


def test_baseline_is_grey_and_alone_so_and_looks_are_distinct() -> None:
    look = looks(NAMES, "random", bounds=["greedy_oracle"])
    assert look["random"].color == GREY
    grey = to_rgb(GREY)
    others = [v for k, v in look.items() if k not in ("random", "greedy_oracle")]
    for style in others:
        assert np.abs(np.array(to_rgb(style.color)) - grey).max() > 0.1
    kinds = {(to_rgb(s.color), s.marker, str(s.line)) for s in look.values()}
    assert len(kinds) == len(look)
    # In print without colours, marker and line still tell any two apart.
    assert len({(s.marker, str(s.line)) for s in others}) == len(others)


def test_looks_do_not_depend_on_what_is_shown() -> None:
    whole = looks(NAMES)
    _, about = frames_of(3, 3, 6)
    part = About(**{**about.__dict__, "strategies": NAMES}).look
    assert part == whole
    assert {k: whole[k] for k in NAMES} == part


def test_few_data_are_drawn_without_bands_and_say_so() -> None:
    frames, about = frames_of(2, 2, 3)
    with theme():
        drawn = {p.name: p for p in pictures(frames, about)}
    assert "too few trials for a band" in drawn["gain"].caption
    assert "too few datasets for a band" in drawn["gain_overall"].caption
    assert "no all-pairs statement below 15 datasets" in drawn["pairs"].caption


def test_one_strategy_has_its_curves_drawn() -> None:
    frame = curves_of(2, 1, 3)
    result = compare(frame, metric="accuracy")
    about = About("accuracy", "area under accuracy", "random", ["random"], "3", 2)
    with theme():
        assert {p.name for p in pictures(panels(result), about)} == {"learning", "survival"}


def test_bounds_are_drawn_and_not_ranked() -> None:
    frame = curves_of(4, 4, 6)
    result = compare(frame, metric="accuracy", unranked=["least_confident"])
    found = panels(result)
    assert "least_confident" in set(found["learning"]["strategy"])
    assert "least_confident" not in set(found["gain"]["strategy"])
    assert "least_confident" not in set(found["ranks"]["strategy"])


def test_loss_curves_are_drawn_in_their_own_direction() -> None:
    frame = curves_of(3, 2, 6).assign(log_loss=lambda f: 1 - f["accuracy"])
    found = panels(compare(frame, metric="log_loss", better="lower", rope=0.01))
    assert (found["learning"]["mean"] > 0).all()
    assert (found["learning"]["full"] > 0).all()
    about = About("log_loss", "area", "random", ["random", "margin"], "6", 3, lower=True)
    with theme():
        drawn = {p.name: p.figure for p in pictures(found, about)}
    assert drawn["gain"].get_supylabel() == "log_loss (negated) minus random"
    assert drawn["learning"].get_supylabel() == "log_loss"


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="pdf, svg, png; not as gif"):
        save(figure(1, 1), tmp_path / "x", ["gif"])
