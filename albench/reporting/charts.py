"""Charts on pages: rows for the reader's choice, a still picture where scripts are off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from albench.core.rounding import without_noise
from albench.plots import vega
from albench.reporting.page import embedded, markup

if TYPE_CHECKING:
    import pandas as pd

    from albench.plots.style import About

Rows = Sequence[Mapping[str, Any]]
MARKED = 3
"""So many strategies are highlighted where nobody chose."""
FIELDS = ("n", "mean", "low", "high")


@dataclass(frozen=True)
class Palette:
    """How strategies are told apart on a page.

    order: of the suite; colours by name; marked: highlighted where nobody chose
    """

    order: Sequence[str]
    colours: Mapping[str, str]
    baseline: str
    marked: Sequence[str]


def rounded(values: "pd.Series[float]") -> list[float | int | None]:
    """Numbers as JSON has them: five digits, and null where undefined."""
    found = [None if v != v else float(f"{without_noise(v):.5g}") for v in values]
    return [int(v) if v is not None and v == int(v) else v for v in found]


def thinned(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Every other point of each curve."""
    return frame[frame.groupby("strategy", sort=False).cumcount() % 2 == 0]


def packed(frame: "pd.DataFrame", fields: Sequence[str] = FIELDS) -> dict[str, list[Any]]:
    """A frame as columns by strategy."""
    if frame.empty:
        return {}
    return {
        str(name): [rounded(part[field]) for field in fields]
        for name, part in frame.groupby("strategy", sort=False)
    }


def chart(id: str, spec: vega.Spec, rows: Rows, title: str, caption: str) -> dict[str, Any]:
    """A chart whose script is the page's own, with a still picture of these rows."""
    still = markup(vega.still(vega.filled(spec, rows))) if rows else ""
    return {"id": id, "title": title, "caption": caption, "still": still, "svg": ""}


def chosen(
    id: str,
    packs: Mapping[str, Mapping[str, list[Any]]],
    spec: vega.Spec,
    palette: Palette,
    *,
    title: str,
    caption: str,
    fields: Sequence[str] = FIELDS,
    svg: str = "",
) -> dict[str, Any]:
    """A chart whose reader chooses the strategies highlighted, and the dataset where several.

    packs: by dataset (one, under any name, where there is no choice) as `packed` gives them;
    svg: the still picture, if there is one; else it is drawn of the first dataset.
    """
    first = next(iter(packs), "")
    there = {name for pack in packs.values() for name in pack}
    names = [name for name in palette.order if name in there]
    marked = [name for name in palette.marked if name in there]
    data = {
        "spec": spec,
        "packs": packs,
        "fields": list(fields),
        "names": names,
        "marked": marked,
        "baseline": palette.baseline,
        "colours": palette.colours,
        "palette": list(vega.COLOURS),
        "quiet": vega.QUIET,
    }
    rows = [] if svg else unpacked(packs.get(first, {}), fields, palette.colours, marked)
    made = chart(id, spec, rows, title, caption)
    return made | {"json": embedded(data), "svg": svg}


def unpacked(
    pack: Mapping[str, list[Any]],
    fields: Sequence[str],
    colours: Mapping[str, str],
    marked: Sequence[str],
) -> list[dict[str, Any]]:
    """The rows that the script makes of a pack."""
    return [
        dict(zip(fields, values, strict=True))
        | {"strategy": name, "marked": name in marked, "colour": colours.get(name, vega.QUIET)}
        for name, columns in pack.items()
        for values in zip(*columns, strict=True)
    ]


BANDS = {
    "learning": "with its pointwise 95 % t interval over trials",
    "gain": "with its 95 % band over trials, simultaneous over the checkpoints",
    "gain_overall": "with its 95 % simultaneous band (whole datasets flipped; none below six)",
}
FEW = "with no band, as there are too few trials or datasets for one"
ASK = (
    "Choose strategies above the chart; point at a curve for its values; drag to move, Shift and "
    "the wheel to zoom, a double click to go back."
)


def of_figure(
    name: str, frame: "pd.DataFrame", about: "About", svg: str, key: str
) -> dict[str, Any] | None:
    """The chart that stands in place of a figure on a page; None where the figure stays.

    frame: of the figure, with all strategies; svg: the figure, for readers without scripts.
    """
    if frame.empty or name not in MADE:
        return None
    order = [*about.strategies, *about.bounds]
    colours = vega.colours(order, about.baseline)
    told: dict[str, Any] = MADE[name](frame, about)
    palette = Palette(order, colours, about.baseline, told.pop("marked"))
    where = ", ".join(x for x in (about.model, about.protocol) if x)
    title = f"{told.pop('title')}, {where}"
    return chosen(f"{key}-{name}", palette=palette, title=title, svg=svg, **told)


def band(frame: "pd.DataFrame", name: str) -> str:
    """What a caption says of the bands of a chart."""
    return BANDS[name] if frame["low"].notna().any() else FEW


def best(frame: "pd.DataFrame", about: "About", value: str = "mean") -> list[str]:
    """The strategies first by the mean of their curves, bounds left out."""
    sign = 1 if about.lower and value == "mean" else -1
    mean = frame.groupby("strategy", sort=False)[value].mean().mul(sign)
    names = mean.sort_values(kind="stable").index
    return [str(s) for s in names if s != about.baseline and s not in about.bounds]


def _by_dataset(frame: "pd.DataFrame") -> dict[str, dict[str, list[Any]]]:
    """Packs by dataset, those whose curves lie farthest apart first."""
    known = frame[frame["mean"].notna()]
    span = known.groupby("dataset")["mean"].agg(lambda v: v.max() - v.min())
    order = span.sort_values(ascending=False, kind="stable").index
    return {str(d): packed(known[known["dataset"] == d]) for d in order}


def _learning(frame: "pd.DataFrame", about: "About") -> dict[str, Any]:
    return {
        "packs": _by_dataset(frame),
        "spec": vega.lines(about.x, about.metric),
        "marked": [*best(frame, about)[: MARKED - 1], about.baseline],
        "title": "Learning curves",
        "caption": f"Mean test {about.metric} against {about.x}, {band(frame, 'learning')} for "
        f"highlighted strategies. {ASK} {about.where}",
    }


def _gain(frame: "pd.DataFrame", about: "About") -> dict[str, Any]:
    of = about.__class__(**{**vars(about), "lower": False})
    return {
        "packs": _by_dataset(frame),
        "spec": vega.lines(about.x, about.difference, zero=True),
        "marked": best(frame, of)[:MARKED],
        "title": f"Gain over {about.baseline} by dataset",
        "caption": f"Mean paired difference in test {about.metric}, positive = better, "
        f"{band(frame, 'gain')}. {about.where}",
    }


def _overall(frame: "pd.DataFrame", about: "About") -> dict[str, Any]:
    whole = thinned(frame[frame["dataset"] == ""])
    of = about.__class__(**{**vars(about), "lower": False})
    return {
        "packs": {"": packed(whole)},
        "spec": vega.lines("share of the labels bought", about.difference, share=True, zero=True),
        "marked": best(whole, of)[:MARKED],
        "title": f"Gain over {about.baseline} over all datasets",
        "caption": f"Mean paired difference in test {about.metric}, positive = better, "
        f"{band(whole, 'gain_overall')}. {about.ending('bases')}",
    }


MADE = {"learning": _learning, "gain": _gain, "gain_overall": _overall}
"""The figures that pages show as charts."""
