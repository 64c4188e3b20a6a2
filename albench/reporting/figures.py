"""From a comparison to figures on disk: analysis frames handed to the plots."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from albench.analysis.comparison import Comparison
    from albench.plots.figures import Picture
    from albench.plots.style import About
    from albench.reporting.source import Source


def draw(
    comparison: "Comparison",
    folder: Path,
    formats: Sequence[str],
    strategies: Sequence[str] = (),
) -> list[tuple[str, "Picture"]]:
    """Write all figures and captions of a comparison; (file name without extension, picture).

    strategies: all of the suite, in its order, so that each keeps its colour in every
    figure. With several models or protocols their names end the file names.
    """
    from albench.plots.figures import frames, write

    out = []
    for place in range(len(comparison.stacks)):
        suffix = suffix_of(comparison, place)
        pictures = write(
            frames(comparison, place),
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
    source: "Source", folder: Path, formats: Sequence[str], strategies: Sequence[str] = ()
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
        found = write(
            view.frames(), order, source.baseline, folder, formats, source.suite.protocol_words
        )
        out += found
        left_out += [] if found else [f"no figure of {view.name}: there is nothing to draw"]
    rests = source.lacking()[:1] if source.trials < source.of_trials else []
    return out, [*left_out, *(f"figures of what was bought: {text}" for text in rests)]


def suffix_of(comparison: "Comparison", place: int) -> str:
    """What tells this model and protocol from the others in file names; mostly nothing."""
    stack, suffix = comparison.stacks[place], ""
    for kind in ("protocol", "model"):
        if len({getattr(s, kind) for s in comparison.stacks}) > 1:
            suffix += "-" + (re.sub(r"[^A-Za-z0-9.]+", "-", getattr(stack, kind)).strip("-") or "x")
    return suffix


def about(comparison: "Comparison", place: int, strategies: Sequence[str]) -> "About":
    """What the captions of one protocol and model say."""
    from albench.analysis.comparison.typeset import trials_text
    from albench.plots.style import About

    stack, options = comparison.stacks[place], comparison.options
    design = comparison.design[place]
    bounds = [s for s in options.unranked if s in set(comparison.frame["strategy"])]
    known = dict.fromkeys((*strategies, *stack.strategies))
    return About(
        metric=options.metric,
        measure=design["signed"],
        baseline=options.baseline,
        strategies=[s for s in known if s not in options.unranked],
        trials=trials_text(stack.blocks),
        datasets=len(stack.blocks),
        model=stack.model,
        protocol=stack.protocol,
        lower=options.lower,
        alpha=options.alpha,
        rope=options.rope,
        axis=options.axis,
        bounds=sorted(bounds),
        target=str(options.target),
        bases=design["datasets"],
        merged=design["merged"],
    )
