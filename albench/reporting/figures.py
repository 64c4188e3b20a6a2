"""From a comparison to figures, in memory and on disk: analysis frames handed to the plots."""

import base64
import html
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from albench.analysis.question import ROPE
from albench.core.display import Displayed, Sheet
from albench.core.files import stems

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from albench.analysis.comparison import Comparison
    from albench.plots.figures import Picture
    from albench.plots.style import About
    from albench.reporting.source import Source


class Figures(Displayed, Mapping[str, "Figure"]):
    """Figures by name, with their captions: those of a comparison, then those of what was bought.

    Each is a matplotlib figure without pyplot, to be changed and saved at will; `save` writes
    all of them as `albench figures` does. `notes` says what was left out, and why.
    """

    def __init__(self, pictures: Sequence["Picture"], notes: Sequence[str] = ()) -> None:
        self.pictures = {picture.name: picture for picture in pictures}
        self.notes = tuple(notes)

    def __getitem__(self, name: str) -> "Figure":
        return self.pictures[name].figure

    def __iter__(self) -> Iterator[str]:
        return iter(self.pictures)

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def captions(self) -> dict[str, str]:
        """The caption of each figure."""
        return {name: picture.caption for name, picture in self.pictures.items()}

    def sheet(self) -> Sheet:
        """The names of the figures, and their captions."""
        import pandas as pd

        table = pd.DataFrame(list(self.captions.items()), columns=["figure", "caption"])
        return Sheet(frame=table, notes=self.notes)

    def _repr_html_(self) -> str:
        from albench.plots.style import theme

        out = []
        with theme():
            for name, picture in self.pictures.items():
                file = io.BytesIO()
                picture.figure.savefig(file, format="png")
                data = base64.b64encode(file.getvalue()).decode()
                caption = html.escape(picture.caption)
                image = f'<img alt="{html.escape(name)}" src="data:image/png;base64,{data}">'
                out.append(f"<figure>{image}<figcaption>{caption}</figcaption></figure>")
        return "\n".join(out)

    def save(self, folder: Path | str, formats: Sequence[str] = ("pdf", "svg", "png")) -> None:
        """Write every figure as `<folder>/<name>.<format>`; raises BadValue for other formats."""
        from albench.plots.style import save, theme

        with theme():
            for name, picture in self.pictures.items():
                save(picture.figure, Path(folder) / name, formats)


def pictured(comparison: "Comparison", strategies: Sequence[str] = ()) -> list["Picture"]:
    """All figures of a comparison, named as `draw` names their files."""
    from albench.plots.figures import frames, pictures
    from albench.plots.style import theme

    out = []
    with theme():
        for place in range(len(comparison.stacks)):
            suffix = suffix_of(comparison, place)
            facts = about(comparison, place, strategies)
            drawn = pictures(frames(comparison, place), facts)
            out += [replace(picture, name=f"{picture.name}{suffix}") for picture in drawn]
    return out


def pictured_bought(
    source: "Source", strategies: Sequence[str] = ()
) -> tuple[list["Picture"], list[str]]:
    """The figures of what was bought, and what does not apply to the suite."""
    from albench.plots.bought import pictures
    from albench.plots.style import theme
    from albench.reporting.views import figured

    order = list(strategies) or [s.label for s in source.suite.strategies]
    views, left_out = figured(source)
    out: list[Picture] = []
    with theme():
        for view in views:
            words = source.suite.protocol_words
            found = list(pictures(view.frames(), order, source.baseline, words))
            out += found
            left_out += [] if found else [f"no figure of {view.name}: there is nothing to draw"]
    return out, [*left_out, *rests_on(source)]


def rests_on(source: "Source") -> list[str]:
    """On how many trials the figures of what was bought rest, where it is not all."""
    rests = source.lacking()[:1] if source.trials < source.of_trials else []
    return [f"figures of what was bought: {text}" for text in rests]


def draw(
    comparison: "Comparison",
    folder: Path,
    formats: Sequence[str],
    strategies: Sequence[str] = (),
    which: Sequence[str] | None = None,
) -> list[tuple[str, "Picture"]]:
    """Write all figures and captions of a comparison; (file name without extension, picture).

    strategies: all of the suite, in its order, so that each keeps its colour in every
    figure; which: only figures of these names. With several models or protocols their names
    end the file names.
    """
    from albench.plots.figures import frames, write

    out = []
    for place in range(len(comparison.stacks)):
        suffix = suffix_of(comparison, place)
        pictures = write(
            frames(comparison, place, which),
            about(comparison, place, strategies),
            folder,
            formats,
            suffix,
        )
        out += [(f"{p.name}{suffix}", p) for p in pictures]
    return out


def draw_learning(
    comparison: "Comparison", folder: Path, formats: Sequence[str], strategies: Sequence[str] = ()
) -> list[Path]:
    """Write the learning curves alone, one figure per protocol and model; their files."""
    from albench.plots.figures import FIGURES, pictures
    from albench.plots.style import save, theme

    files = []
    for place in range(len(comparison.stacks)):
        frames = {"learning": FIGURES["learning"].frame(comparison, place)}
        with theme():
            for picture in pictures(frames, about(comparison, place, strategies)):
                path = folder / f"{picture.name}{suffix_of(comparison, place)}"
                save(picture.figure, path, formats)
                files += [path.with_name(f"{path.name}.{kind}") for kind in formats]
    return files


def draw_bought(
    source: "Source",
    folder: Path,
    formats: Sequence[str],
    strategies: Sequence[str] = (),
    which: Sequence[str] | None = None,
) -> tuple[list[tuple[str, str]], list[str]]:
    """Write the figures of what was bought: (file name without extension, caption), notes.

    The notes say what does not apply to the suite, and how many trials the figures rest on.
    strategies: all of the suite, in its order.
    """
    from albench.plots.bought import write
    from albench.reporting.views import figured

    order = list(strategies) or [s.label for s in source.suite.strategies]
    views, left_out = figured(source)
    out: list[tuple[str, str]] = []
    for view in views:
        drawn = {n: f for n, f in view.frames().items() if which is None or n in which}
        if which is not None and not drawn:
            continue
        found = write(drawn, order, source.baseline, folder, formats, source.suite.protocol_words)
        out += found
        left_out += [] if found else [f"no figure of {view.name}: there is nothing to draw"]
    return out, [*left_out, *rests_on(source)]


def suffix_of(comparison: "Comparison", place: int) -> str:
    """What tells this model and protocol from the others in file names; mostly nothing."""
    stack, suffix = comparison.stacks[place], ""
    for kind in ("protocol", "model"):
        files = stems(str(getattr(s, kind)) for s in comparison.stacks)
        if len(files) > 1:
            suffix += f"-{files[str(getattr(stack, kind))]}"
    return suffix


def about(comparison: "Comparison", place: int, strategies: Sequence[str]) -> "About":
    """What the captions of one protocol and model say."""
    from albench.analysis.comparison.typeset import trials_text
    from albench.plots.style import About

    stack, options = comparison.stacks[place], comparison.options
    design = comparison.design[place]
    there = set(comparison.frame["strategy"].unique())
    bounds = [s for s in options.unranked if s in there]
    same = {other for others in stack.alike.values() for other in others}
    known = [s for s in dict.fromkeys((*strategies, *stack.everyone)) if s not in same]
    blocks = stack.all_blocks(options.baseline)
    return About(
        metric=options.metric,
        measure=design["signed"],
        baseline=options.baseline,
        strategies=[s for s in known if s not in options.unranked],
        trials=trials_text(blocks),
        datasets=len(blocks),
        model=stack.model,
        protocol=stack.protocol,
        lower=options.lower,
        alpha=options.alpha,
        rope=options.rope or ROPE,
        axis=options.axis,
        bounds=sorted(bounds),
        target=str(options.target),
        bases=design["datasets"],
        merged=design["merged"],
    )
