"""The figures of what was bought, by command: frames in, pictures with captions out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from albench.plots import audit, bias, coverage, noise, rare
from albench.plots.figures import Picture
from albench.plots.style import FORMATS, Look, looks, save, theme

FRAMES: dict[str, Callable[[pd.DataFrame, Mapping[str, Look]], list[Picture]]] = {
    "drift": lambda frame, look: bias.trails(frame, look, bias.TRAILS),
    "focus": bias.focus,
    "plane": lambda frame, look: bias.picks(frame),
    "coverage": coverage.coverage,
    "composition": lambda frame, look: coverage.composition(frame),
    "discovery": rare.curves,
    "affinity": noise.affinity,
    "audit": audit.estimates,
}
"""What can be drawn, by the name of its frame."""


def settings(
    frame: pd.DataFrame, protocols: Mapping[str, str]
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Each protocol and model: file-name suffix, caption's last words, rows."""
    for (protocol, model), part in frame.groupby(["protocol", "model"], sort=False):
        suffix = "".join(
            f"-{bias.slug(str(name))}"
            for name, column in ((protocol, "protocol"), (model, "model"))
            if frame[column].nunique() > 1
        )
        yield suffix, f" {model}, {protocols.get(str(protocol), protocol)}.", part


def pictures(
    frames: Mapping[str, pd.DataFrame],
    strategies: Sequence[str],
    baseline: str,
    protocols: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Picture]:
    """The figures of all frames, one set per protocol and model; names tell them apart.

    frames: by the names of `FRAMES`; strategies: all of the suite, so that each keeps its
    colour; protocols: what captions call them, where that is not their label. A frame with
    nothing to draw gives nothing. Draw inside `style.theme()`.
    """
    look = looks(strategies, baseline)
    for name, frame in frames.items():
        for suffix, where, part in settings(frame, protocols):
            for drawn in FRAMES[name](part, look):
                yield Picture(f"{drawn.name}{suffix}", drawn.figure, drawn.caption + where)


def write(
    frames: Mapping[str, pd.DataFrame],
    strategies: Sequence[str],
    baseline: str,
    folder: Path,
    formats: Sequence[str] = FORMATS,
    protocols: Mapping[str, str] = MappingProxyType({}),
) -> list[tuple[str, str]]:
    """Draw and save all frames, as `pictures` makes them.

    Returns (file name without extension, caption), which also stand in
    captions-<frame>.md.
    """
    out = []
    with theme():
        for name, frame in frames.items():
            drawn = []
            for picture in pictures({name: frame}, strategies, baseline, protocols):
                save(picture.figure, folder / picture.name, formats)
                drawn.append((picture.name, picture.caption))
            if not drawn:
                continue
            text = "".join(f"## {title}\n\n{caption}\n\n" for title, caption in drawn)
            (folder / f"captions-{name}.md").write_text(text, encoding="utf-8")
            out += drawn
    return out
