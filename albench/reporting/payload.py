"""What the script of the first page reads: every view, and the rows of its charts.

Texts are made here, once, so that a page without scripts, the table of a chosen view and the CSV
say the same.
"""

from typing import TYPE_CHECKING, Any

from albench.plots import vega
from albench.reporting.board import ALL, COLUMNS, SHARES, Board, View, cells, of_group
from albench.reporting.charts import MARKED, packed, thinned

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison.blocks import Stack


DRAWS = 500
"""Of the bootstrap behind a band."""
PRICE = ("seconds", "gain", "low", "high")
SHADED = 0.95
"""The colours of the heat map end at this quantile of the gains' sizes."""


def bars(view: View) -> list[list[float] | None]:
    """Where the bars of a view's gains lie: dot, from, to and zero, in percent of the width.

    None where a strategy has no gain; the width holds every interval and zero.
    """
    frame = view.frame
    if frame.empty:
        return []
    low, high = frame["gain_low"].fillna(frame["gain"]), frame["gain_high"].fillna(frame["gain"])
    ends = [0.0, *low.dropna(), *high.dropna()]
    least = float(min(ends))
    width = float(max(ends)) - least or 1.0

    def at(value: float) -> float:
        return round(float(100 * (value - least) / width), 1)

    return [
        [at(gain), at(left), at(right), at(0.0)] if gain == gain else None
        for gain, left, right in zip(frame["gain"], low, high, strict=True)
    ]


def kinds(view: View, baseline: str) -> list[str]:
    """How the row of each strategy is marked: base, ahead, behind or nothing."""
    words = {"better": "ahead", "worse": "behind"}
    return [
        "base" if name == baseline else words.get(str(verdict), "")
        for name, verdict in zip(
            view.frame.get("strategy", ()), view.frame.get("verdict", ()), strict=True
        )
    ]


def rows_of(view: View, baseline: str) -> dict[str, Any]:
    """A view for the table: texts by column, bars, marks, what is said."""
    return {
        "rows": [cells(row) for _, row in view.frame.iterrows()],
        "names": [str(name) for name in view.frame.get("strategy", ())],
        "bars": bars(view),
        "kinds": kinds(view, baseline),
        "note": view.note,
        "answer": view.answer,
    }


def lead(view: View, baseline: str, many: int = MARKED) -> list[str]:
    """The strategies to highlight: the first ones of the view; the baseline is the zero line."""
    first = [str(name) for name in view.frame.get("strategy", ()) if name != baseline]
    return first[:many]


def part_for(board: Board, model: str, metric: str, share: float, group: str) -> "Stack | None":
    """The curves behind a view."""
    from albench.analysis.comparison.standings import part_of

    stack = board.stacks.get((model, metric))
    part = None if stack is None else part_of(stack, share, of_group(board.suite, group))
    return part if part is not None and part.blocks else None


def gain_rows(board: Board, model: str, metric: str, group: str) -> "pd.DataFrame":
    """The mean gain over the base datasets against the share of the labels bought, with bands.

    Columns: strategy, n, mean, low, high. Empty where curves have one checkpoint only.
    """
    import pandas as pd

    from albench.analysis.comparison.within import overall_gain

    part = part_for(board, model, metric, 1.0, group)
    asked = board.question
    if part is None or len(part.strategies) < 2:
        return pd.DataFrame()
    found = overall_gain(part, asked.baseline, base=asked.base, draws=DRAWS, seed=asked.seed)
    if found.empty:
        return found
    whole = found[found["dataset"] == ""].drop(columns="dataset")
    return thinned(whole)


def heat_rows(board: Board, model: str, metric: str, share: float) -> "pd.DataFrame":
    """The mean gain by strategy and dataset, of the curves' area; what was not run is left out.

    Columns: strategy, dataset, gain.
    """
    import pandas as pd

    from albench.analysis.comparison.summaries import wide

    part, base = part_for(board, model, metric, share, ALL), board.question.baseline
    if part is None or min(len(b.grid) for b in part.blocks) < 2:
        return pd.DataFrame(columns=["strategy", "dataset", "gain"])
    rows: list[dict[str, Any]] = []
    for name in (s for s in part.everyone if s != base):
        ran = part.pair(base, name)
        table = wide(ran)
        gaps = table[name] - table[base]
        filled = {b.dataset for b in ran.blocks if name in b.imputed}
        rows += [
            {"strategy": name, "dataset": dataset, "gain": float(gap)}
            for dataset, gap in gaps.items()
            if dataset not in filled
        ]
    return pd.DataFrame(rows, columns=["strategy", "dataset", "gain"])


def shaded(frame: "pd.DataFrame") -> tuple[list[dict[str, Any]], float]:
    """The rows of the heat map with their shade, the gain cut off where colours end; and where."""
    if frame.empty:
        return [], 1.0
    limit = float(frame["gain"].abs().quantile(SHADED)) or 1.0
    shade = frame["gain"].clip(-limit, limit)
    rows = frame.assign(shade=shade).to_dict("records")
    return [{str(k): v for k, v in row.items()} for row in rows], limit


def price_rows(view: View) -> "pd.DataFrame":
    """Gain with its interval and seconds of a query, of strategies that have both."""
    import pandas as pd

    if view.frame.empty:
        return pd.DataFrame()
    names = {"gain_low": "low", "gain_high": "high"}
    kept = view.frame[["strategy", "seconds", "gain", "gain_low", "gain_high"]]
    known = kept["gain"].notna() & (kept["seconds"] > 0)
    return kept[known].rename(columns=names).reset_index(drop=True)


def payload(board: Board, choices: list[dict[str, Any]], links: dict[str, str]) -> dict[str, Any]:
    """All that the first page's script needs, as plain values.

    views: by `model-metric-budget-datasets`, the places of the options of `choices`.
    gains: the same without the budget; heat: without the datasets; price: of every view.
    """
    models, metrics = choices[0]["options"], choices[1]["options"]
    asked, groups = board.question, board.groups
    views, prices = {}, {}
    for view in board.views:
        where = [models.index(view.model), metrics.index(view.metric), SHARES.index(view.share)]
        key = "-".join(map(str, [*where, groups.index(view.group)]))
        views[key] = rows_of(view, asked.baseline)
        frame = price_rows(view)
        prices[key] = packed(frame, PRICE)
    gains, heats = {}, {}
    for m, model in enumerate(models):
        for k, metric in enumerate(metrics):
            for g, group in enumerate(groups):
                rows = gain_rows(board, model, metric, group)
                gains[f"{m}-{k}-{g}"] = packed(rows)
            for b, share in enumerate(SHARES):
                rows = heat_rows(board, model, metric, share)
                heats[f"{m}-{k}-{b}"] = {
                    str(name): {str(d): round(float(v), 4) + 0.0 for d, v in of}
                    for name, of in (
                        (name, zip(part["dataset"], part["gain"], strict=True))
                        for name, part in rows.groupby("strategy", sort=False)
                    )
                }
    return {
        "views": views,
        "gains": gains,
        "heat": heats,
        "price": prices,
        "columns": [c._asdict() for c in COLUMNS],
        "choices": choices,
        "shares": list(SHARES),
        "members": {group: of_group(board.suite, group) for group in groups},
        "links": links,
        "baseline": asked.baseline,
        "colours": vega.colours([s.label for s in board.suite.strategies], asked.baseline),
        "palette": list(vega.COLOURS),
        "quiet": vega.QUIET,
        "shaded": SHADED,
        "step": vega.STEP,
        "many": MARKED,
        "specs": specs(board),
    }


def specs(board: Board) -> dict[str, Any]:
    """The charts of the first page, without rows."""
    gain = f"gain over {board.question.baseline}"
    return {
        "gains": vega.lines("share of the labels bought", gain, share=True, zero=True),
        "heat": vega.heat([], [], "gain (area)"),
        "price": vega.price("normalised gain"),
    }
