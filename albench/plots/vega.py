"""Charts that answer, as Vega-Lite: specifications, their script, and a still picture of each.

A chart is a dictionary of the Vega-Lite grammar (Satyanarayan et al. 2017) whose rows are plain
values under fixed field names, so that no name of a strategy or dataset is ever read as code.
The script comes out of the package `vl-convert`, which draws the still pictures, too.
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

Spec = dict[str, Any]

GRAMMAR = "6.4"
"""The version of Vega-Lite."""
COLOURS = (
    "#2f7fd0",
    "#d9671c",
    "#1d9a74",
    "#b063c9",
    "#d9455f",
    "#9a7b16",
    "#1594ab",
    "#7a6fe0",
)
"""Of what is highlighted: at least 3:1 on white and on the dark background."""
QUIET = "#7d8590"
"""Of the baseline, and of all that is not highlighted."""
FONT = "DejaVu Sans"
STEP = 17
"""Height of a row of the heat map, in pixels."""


def colours(strategies: Sequence[str], baseline: str) -> dict[str, str]:
    """A colour per strategy by its place in the suite, the baseline grey."""
    others = [name for name in strategies if name != baseline]
    found = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(others)}
    return found | {baseline: QUIET}


def _base(name: str, height: Any) -> Spec:
    return {
        "width": "container",
        "height": height,
        "background": None,
        "data": {"name": name, "values": []},
        "config": {
            "font": FONT,
            "view": {"stroke": None},
            "axis": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"},
            "text": {"font": FONT},
        },
    }


def _zoom() -> Spec:
    """Drag moves, the wheel with Shift zooms, so that a page still scrolls; twice goes back."""
    return {
        "name": "zoom",
        "select": {"type": "interval", "zoom": "wheel![event.shiftKey]"},
        "bind": "scales",
    }


def _number(field: str, title: str, form: str, **more: Any) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "axis": {"format": form, "grid": True, "tickCount": 6},
    } | more


def _tips(fields: Mapping[str, str]) -> list[Spec]:
    """The values shown at the pointer: field -> title and format, `title|.3f`."""
    tips = []
    for field, text in fields.items():
        title, _, form = text.partition("|")
        kind = {"type": "quantitative", "format": form} if form else {"type": "nominal"}
        tips.append({"field": field, "title": title} | kind)
    return tips


COLOUR: Spec = {"field": "colour", "type": "nominal", "scale": None}
# a band that is not known has no height, and no say in the limits of an axis
BAND = [
    {"calculate": f"isValid(datum.{end}) ? datum.{end} : datum.mean", "as": f"band_{end}"}
    for end in ("low", "high")
]
HOVER: Spec = {
    "name": "over",
    "select": {"type": "point", "on": "pointerover", "fields": ["strategy"], "nearest": True},
}


def lines(x: str, y: str, *, share: bool = False, zero: bool = False, height: int = 320) -> Spec:
    """Curves: the marked ones in colour with their bands, the others grey.

    Rows: strategy, n, mean, low, high, marked, colour. share: n is a share of the budget;
    zero: with a line there, which is the baseline.
    """
    form = ".0%" if share else "d"
    along = _number("n", x, form, scale={"zero": False, "nice": False})
    up = _number("mean", y, ".3~f", scale={"zero": False})
    of = {"field": "strategy", "type": "nominal"}
    wide: Spec = {"condition": {"param": "over", "empty": False, "value": 3}}
    only = [{"filter": "datum.marked"}]
    line: Spec = {
        "mark": {"type": "rule", "strokeDash": [5, 4], "color": QUIET},
        "encoding": {"y": {"datum": 0}},
    }
    layer = [
        *([line] if zero else []),
        {
            "transform": [*only, *BAND],
            "mark": {"type": "area", "opacity": 0.14},
            "params": [_zoom()],
            "encoding": {
                "x": along,
                "y": up | {"field": "band_low"},
                "y2": {"field": "band_high"},
                "color": COLOUR,
                "detail": of,
            },
        },
        {
            "transform": [{"filter": "!datum.marked"}],
            "mark": {"type": "line", "color": QUIET, "opacity": 0.4},
            "encoding": {"x": along, "y": up, "detail": of, "strokeWidth": wide | {"value": 1}},
        },
        {
            "transform": only,
            "mark": {"type": "line"},
            "encoding": {
                "x": along,
                "y": up,
                "detail": of,
                "color": COLOUR,
                "strokeWidth": wide | {"value": 2.2},
            },
        },
        _pointed(along, up, form),
    ]
    return _base("rows", height) | {"layer": layer}


def _pointed(along: Spec, up: Spec, form: str) -> Spec:
    """The points of all curves, unseen, which tell their values at the pointer."""
    told = {
        "strategy": "strategy",
        "n": f"labels|{form}",
        "mean": "mean|.3f",
        "low": "from|.3f",
        "high": "to|.3f",
    }
    return {
        "mark": {"type": "point", "opacity": 0, "size": 80},
        "params": [HOVER],
        "encoding": {"x": along, "y": up, "tooltip": _tips(told)},
    }


def heat(
    strategies: Sequence[str], datasets: Sequence[str], measure: str, limit: float = 1.0
) -> Spec:
    """Strategies x datasets, blue ahead of the baseline and orange behind it.

    Rows: strategy, dataset, gain, shade (the gain within `limit` on either side of zero).
    """
    axis = {"labelLimit": 150, "title": None, "domain": False, "ticks": False}
    return _base("rows", STEP * len(strategies)) | {
        "mark": {"type": "rect", "cornerRadius": 2},
        "encoding": {
            "x": {
                "field": "dataset",
                "type": "nominal",
                "sort": list(datasets),
                "axis": axis | {"orient": "top", "labelAngle": -55},
                "scale": {"paddingInner": 0.06},
            },
            "y": {
                "field": "strategy",
                "type": "nominal",
                "sort": list(strategies),
                "axis": axis,
                "scale": {"paddingInner": 0.08},
            },
            "color": {
                "field": "shade",
                "type": "quantitative",
                "scale": {"scheme": "blueorange", "reverse": True, "domain": [-limit, limit]},
                "legend": {
                    "title": measure,
                    "orient": "bottom",
                    "format": "+.2f",
                    "gradientLength": 180,
                    "titleLimit": 300,
                },
            },
            "tooltip": _tips(
                {"strategy": "strategy", "dataset": "dataset", "gain": f"{measure}|+.3f"}
            ),
        },
    }


def price(y: str) -> Spec:
    """Gain with its interval against the seconds of a query.

    Rows: strategy, seconds, gain, low, high, marked, colour.
    """
    along: Spec = {
        "field": "seconds",
        "type": "quantitative",
        "title": "seconds a query (log)",
        "scale": {"type": "log", "nice": False, "padding": 12},
        "axis": {"format": "~g", "tickCount": 6, "grid": False},
    }
    up = _number("gain", y, ".2~f")
    shade = {"condition": {"test": "datum.marked", **COLOUR}, "value": QUIET}
    faint = {"condition": {"test": "datum.marked", "value": 1}, "value": 0.55}
    told = {
        "strategy": "strategy",
        "gain": "gain|+.2f",
        "low": "from|+.2f",
        "high": "to|+.2f",
        "seconds": "s/query|.2g",
    }
    drawn = {"x": along, "color": shade, "opacity": faint}
    ends = {"y": up | {"field": "band_low"}, "y2": {"field": "band_high"}}
    band = [{**step, "calculate": step["calculate"].replace("mean", "gain")} for step in BAND]
    layer = [
        {
            "transform": band,
            "mark": {"type": "rule", "strokeWidth": 1.2},
            "params": [_zoom()],
            "encoding": drawn | ends,
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60},
            "encoding": drawn | {"y": up, "tooltip": _tips(told)},
        },
        {
            "transform": [{"filter": "datum.marked"}],
            "mark": {"type": "text", "align": "left", "dx": 7, "dy": -7, "limit": 130},
            "encoding": {
                "x": along,
                "y": up,
                "text": {"field": "strategy", "type": "nominal"},
                "color": COLOUR,
            },
        },
    ]
    return _base("rows", 320) | {"layer": layer}


def filled(spec: Spec, rows: Sequence[Mapping[str, Any]]) -> Spec:
    """A chart with its rows."""
    return spec | {"data": {"name": "rows", "values": list(rows)}}


@cache
def script() -> str:
    """Vega, Vega-Lite and Vega-Embed with all they need, as one script; nothing else is loaded."""
    import vl_convert

    text = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=GRAMMAR)
    # its names are its own, and no text of it can end the element that holds it
    return "(() => {" + text.replace("</script", "<\\/script") + "})();\n"


LONG = re.compile(r"-?\d+\.\d\d+")
"""A number of a drawing with more digits than a picture shows."""


def still(spec: Spec, width: int = 860) -> str:
    """A chart without a script: the address (`data:`) of an SVG picture on white."""
    import vl_convert

    sized = plain(spec) | {"width": width, "background": "white", "autosize": "pad"}
    svg = vl_convert.vegalite_to_svg(sized, vl_version=GRAMMAR)
    # the names of strategies are text between tags, and no number of theirs is cut
    short = re.sub(r"<[^>]*>", lambda tag: LONG.sub(lambda n: f"{float(n[0]):.1f}", tag[0]), svg)
    # identifiers count on from one drawing to the next
    for place, name in enumerate(re.findall(r'<[^>]* id="([^"]+)"', short)):
        short = short.replace(f'"{name}"', f'"i{place}"').replace(f"(#{name})", f"(#i{place})")
    return "data:image/svg+xml;base64," + b64encode(short.encode()).decode()


def plain(spec: Spec) -> Spec:
    """The chart without what only answers to a pointer or a screen reader."""
    layers = [
        {k: v for k, v in layer.items() if k != "params"}
        for layer in spec.get("layer", ())
        if layer["mark"].get("opacity") != 0
    ]
    # a width that follows the pointer has none to follow
    for layer in layers:
        encoding = layer["encoding"]
        quiet = {k: v for k, v in encoding.items() if k not in ("tooltip", "strokeWidth")}
        layer["encoding"] = quiet | (
            {"strokeWidth": {"value": encoding["strokeWidth"]["value"]}}
            if "strokeWidth" in encoding
            else {}
        )
    encoding = {k: v for k, v in spec.get("encoding", {}).items() if k != "tooltip"}
    config = spec["config"] | {"aria": False}
    kept = {"config": config} | ({"layer": layers} if layers else {"encoding": encoding})
    return spec | kept
