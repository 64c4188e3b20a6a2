"""The leaderboard as files: a static site, CSV and Markdown, equal for equal tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.core import registry
from albench.core.files import write_atomic
from albench.plots import vega
from albench.reporting import charts, facts, page, payload, sure
from albench.reporting.board import (
    COLUMNS,
    SHARES,
    Board,
    View,
    counts,
    of_strategy,
    two,
)
from albench.reporting.evidence import above, curves_of
from albench.reporting.page import (
    Part,
    protocol_facts,
    references,
    sheet,
    stamp,
    where_from,
)
from albench.reporting.plain import as_csv, as_markdown
from albench.reporting.scopes import of_dataset, scopes_of
from albench.suite import Labelled

if TYPE_CHECKING:
    import pandas as pd


FOOT = (
    "Made by albench from stored tables; equal tables give equal pages. Nothing on this page "
    "is loaded from a network."
)
BACK = (("index.html", "Leaderboard"), ("sure.html", "How sure?"), ("protocol.html", "Protocol"))
LINKS = (
    ("#figures", "Charts"),
    ("#strategies", "Strategies"),
    ("#datasets", "Datasets"),
    ("sure.html", "How sure is this?"),
    ("protocol.html", "Protocol and limits"),
    ("leaderboard.csv", "CSV"),
    ("leaderboard.md", "Markdown"),
)
LIMITS = (
    "Generated data show what a strategy does to a geometry, an imbalance or an oracle's "
    "mistakes that are known. They cannot show how often such things occur in measured data, so "
    "a lead that rests on them is no promise for a table of one's own.",
    "Variants of one dataset (made rarer, or with an oracle that errs) are averaged before any "
    "test, so that each base counts once. The oracle is simulated: it answers at once, costs one "
    "unit a label and does not tire.",
    "A strategy's place is one more than the number of strategies whose whole rank interval lies "
    "before its own, and never behind that of a worse mean rank. Two strategies whose intervals "
    "overlap may hold different places; their order is not a finding. Parameters are the "
    "defaults; none was tuned on these data.",
)


NAMES = {
    "aubc": "area",
    "aubc_low": "area from",
    "aubc_high": "to",
    "gain_low": "gain from",
    "gain_high": "to ",
    "normalised_gain": "normalised gain",
    "harm_rate": "harm",
    "worst_loss": "worst loss",
    "full": "whole pool",
}

SIGNED = ("gain", "gain from", "to ", "worst loss")
PLAIN = ("area", "area from", "to", "start", "end", "whole pool")
FORMS = {
    "harm": ".0%",
    "trials": ".0f",
    "normalised gain": ".2f",
    **dict.fromkeys(SIGNED, "+.3f"),
    **dict.fromkeys(PLAIN, ".3f"),
}
"""How the numbers of datasets and strategies are shown."""


class Site:
    """The pages of one board."""

    def __init__(
        self,
        board: Board,
        manifest: Mapping[str, Any],
        links: dict[str, str],
        missing: Sequence[str] = (),
    ) -> None:
        self.board, self.manifest, self.links, self.missing = board, manifest, links, missing
        self.suite, self.asked = board.suite, board.question
        self.scopes: dict[str, pd.DataFrame] = {}
        versions = manifest.get("versions", {})
        bases, listed = len(set(self.suite.bases.values())), len(self.suite.datasets)
        variants = f", {listed} with variants" if listed > bases else ""
        self.about = (
            f"{bases} base datasets{variants}; {len(self.suite.strategies)} strategies; albench "
            f"{versions.get('albench', '?')}, "
            f"revision {str(manifest.get('revision') or 'unknown')[:12]}, "
            f"scikit-learn {versions.get('scikit-learn', '?')}, "
            f"{manifest.get('machine', {}).get('cpu', 'machine unknown')}"
        )

    def index(self, answers: list[str]) -> str:
        """The first page."""
        board, suite = self.board, self.suite
        first = board.view(board.models[0], self.asked.metric)
        return page.page(
            "index.html",
            title=suite.title,
            links=LINKS,
            foot=f"{self.about}. {FOOT}",
            answers=[*answers, *self.missing],
            choices=self.choices(),
            caption="Standings: strategies by mean rank",
            columns=COLUMNS,
            first=payload.rows_of(first, self.asked.baseline),
            baseline=self.asked.baseline,
            site=self.links,
            bounds=self.bounds(),
            rests=self.rests(),
            limits=LIMITS,
            charts=self.charts(first),
            board=page.embedded(payload.payload(board, self.choices(), self.named())),
            strategies=[
                {
                    "name": s.label,
                    "link": self.links[s.label],
                    "summary": registry.entry("strategy", s.ref.name).summary,
                }
                for s in suite.strategies
            ],
            datasets=[
                {
                    "name": d.label,
                    "link": self.links[f"dataset {d.label}"],
                    "group": d.group,
                    "summary": registry.entry("dataset", d.ref.name).summary,
                }
                for d in suite.datasets
            ],
        )

    def named(self) -> dict[str, str]:
        """The page of every strategy."""
        return {s.label: self.links[s.label] for s in self.suite.strategies}

    def palette(self, marked: Sequence[str]) -> charts.Palette:
        """How strategies are told apart, the same on every page."""
        names = [s.label for s in self.suite.strategies]
        return charts.Palette(
            names, vega.colours(names, self.asked.baseline), self.asked.baseline, marked
        )

    def charts(self, first: View) -> list[dict[str, Any]]:
        """The charts of the first page, with the still pictures of its first view."""
        base, metric = self.asked.baseline, self.asked.metric
        marked, shown = payload.lead(first, base), payload.specs(self.board)
        colours = self.palette(marked).colours
        gains = payload.gain_rows(self.board, first.model, metric, first.group)
        heat = payload.heat_rows(self.board, first.model, metric, first.share)
        names = [str(name) for name in first.frame.get("strategy", ())]
        cells, limit = payload.shaded(heat)
        of = vega.heat(names, [d.label for d in self.suite.datasets], "gain (area)", limit)
        price = payload.price_rows(first)
        return [
            charts.chart(
                "chart-gains",
                shown["gains"],
                charts.unpacked(charts.packed(gains), charts.FIELDS, colours, marked),
                f"Gain over {base} along the budget",
                "Mean paired difference over base datasets; of highlighted strategies with its "
                "95 % simultaneous band (whole datasets flipped; none below six). Point at a "
                "curve for its values; drag to move, Shift "
                "and the wheel to zoom, a double click to go back.",
            ),
            charts.chart(
                "chart-heat",
                of,
                cells,
                f"Gain over {base} by strategy and dataset",
                f"Where each strategy wins and loses: mean difference to {base} in the area under "
                "the curve over trials, blue ahead and orange behind; colours end at the 95 % "
                "quantile of the sizes. An empty cell was not run. Means without intervals: those "
                "are on the pages of strategies and datasets.",
            ),
            charts.chart(
                "chart-price",
                shown["price"],
                charts.unpacked(
                    charts.packed(price, payload.PRICE), payload.PRICE, colours, marked
                ),
                "Gain against the seconds of a query",
                "What a gain costs: interquartile mean of the normalised gain with its 95 % "
                "interval against mean seconds per query of whole runs.",
            ),
        ]

    def rests(self) -> str:
        """How many trials the columns on bought rows rest on."""
        n = self.board.evidence.trials
        trials = "one trial" if n == 1 else f"the first {n} trials"
        return (
            f"Drift, evaluation bias and rare found rest on {trials} of each dataset, at the end "
            "of the budget; all other columns rest on all trials."
        )

    def choices(self) -> list[dict[str, Any]]:
        """The filters, in the order of the keys of `views`."""
        metrics = [self.asked.metric, *(m for m in self.suite.metrics if m != self.asked.metric)]
        return [
            {"key": "model", "name": "Model", "options": list(self.board.models)},
            {"key": "metric", "name": "Metric", "options": metrics},
            {"key": "budget", "name": "Budget", "options": [f"{share:.0%}" for share in SHARES]},
            {"key": "datasets", "name": "Datasets", "options": list(self.board.groups)},
        ]

    def bounds(self) -> dict[str, Any]:
        """The bounds by model; an empty table where the suite has none."""
        frame = above(self.board.ceilings, self.asked.baseline)
        if frame.empty:
            return {"columns": [], "rows": [], "head": 0}
        forms = {"difference": "+.3f", "low": "+.3f", "high": "+.3f", "datasets": ".0f"}
        return vars(sheet(frame, "bounds", "Bounds", forms, self.links))

    def strategy(self, strategy: Labelled) -> str:
        """A strategy's page: what it is, its curves, where it wins and loses."""
        entry = registry.entry("strategy", strategy.ref.name)
        parts = [
            self.on_model(strategy.label, place, m) for place, m in enumerate(self.board.models)
        ]
        return page.page(
            "sheet.html",
            title=strategy.label,
            about=entry.doc.split("\n\n")[0],
            facts=facts.of_strategy(entry),
            parts=[p for p in parts if p],
            links=BACK,
            foot=FOOT,
        )

    def on_model(self, name: str, place: int, model: str) -> Part | None:
        """A strategy with one model."""
        from albench.analysis.comparison.standings import part_of
        from albench.analysis.comparison.within import overall_gain

        stack, base = self.board.stacks.get((model, self.asked.metric)), self.asked.baseline
        stack = self.board.ceilings.get((model, name), stack)
        if stack is None or name not in stack.everyone:
            return Part(f"With {model}", lines=[self.board.absent(name, model)])
        pair = two(stack, base, name)
        ran = part_of(pair, 1.0, [b.dataset for b in pair.blocks if name not in b.imputed])
        table, line = of_strategy(pair, ran, base, name)
        caption = f"{name} by dataset, {model}; largest gain over {base} first"
        shown = sheet(
            table.rename(columns=NAMES),
            f"by-dataset-{place}",
            f"{caption}. {counts(pair, ran)}",
            FORMS,
            {d.label: self.links[f"dataset {d.label}"] for d in self.suite.datasets},
        )
        if name in self.asked.unranked:
            line = f"It sees hidden labels: a bound, drawn apart and never ranked. {line}"
        charts = []
        if name != base and ran.blocks:
            gain = overall_gain(ran, base, base=self.asked.base, draws=500)
            if not gain.empty:
                charts.append(self.gain_chart(name, place, model, gain))
        return Part(f"With {model}", lines=[line], charts=charts, tables=[vars(shown)])

    def gain_chart(self, name: str, place: int, model: str, gain: "pd.DataFrame") -> dict[str, Any]:
        """A strategy's gain along the budget: the mean over datasets, each dataset in grey.

        gain: as `overall_gain` gives it.
        """
        from albench.analysis.comparison.words import several

        base, mean = self.asked.baseline, f"{name}, mean"
        whose = gain["dataset"].where(gain["dataset"] != "", mean)
        order = list(dict.fromkeys(whose))
        palette = charts.Palette(order, dict(zip(order, vega.COLOURS, strict=False)), "", [mean])
        n = gain.loc[gain["dataset"] != "", "dataset"].nunique()
        return charts.chosen(
            f"gain-{place}",
            {"": charts.packed(charts.thinned(gain.assign(strategy=whose)))},
            vega.lines("share of the labels bought", f"gain over {base}", share=True, zero=True),
            palette,
            title=f"Gain of {name} over {base} along the budget, {model}",
            caption=f"{name} with {model}: paired difference to {base} in {self.asked.metric} "
            f"along the budget, the mean over {several(n, 'base dataset')} with its 95 % "
            "simultaneous band (none below six), and the mean of each dataset.",
        )

    def dataset(self, dataset: Labelled) -> str:
        """A dataset's page: what it is, and every strategy's curve on it."""
        entry = registry.entry("dataset", dataset.ref.name)
        parts = [
            self.of_dataset(dataset.label, place, model)
            for place, model in enumerate(self.board.models)
        ]
        return page.page(
            "sheet.html",
            title=dataset.label,
            about=entry.doc.split("\n\n")[0],
            facts=facts.of_dataset(self.board, dataset, entry),
            parts=[p for p in parts if p],
            links=BACK,
            foot=FOOT,
        )

    def of_dataset(self, label: str, place: int, model: str) -> Part | None:
        """A dataset with one model."""
        import pandas as pd

        from albench.analysis.comparison.standings import part_of
        from albench.analysis.comparison.summaries import summarise
        from albench.analysis.comparison.within import mean_curves

        stack = self.board.stacks.get((model, self.asked.metric))
        part = None if stack is None else part_of(stack, 1.0, [label])
        if part is None or not part.blocks:
            return Part(f"With {model}", lines=["No trial was finished by every strategy."])
        lower = self.asked.lower
        rows = summarise(part, self.asked.baseline).sort_values("aubc", ascending=False)
        table = sheet(
            rows[
                [
                    "strategy",
                    "trials",
                    "aubc",
                    "aubc_low",
                    "aubc_high",
                    "gain",
                    "gain_low",
                    "gain_high",
                    "start",
                    "end",
                    "full",
                    "flag",
                ]
            ].rename(columns=NAMES),
            f"by-strategy-{place}",
            f"Strategies on {label}, {model}, by area under the curve",
            FORMS,
            self.links,
        )
        curves = [mean_curves(part, lower), *curves_of(self.board.ceilings, model, label, lower)]
        chart = self.learning_chart(label, place, model, pd.concat(curves, ignore_index=True))
        lines = [facts.who_wins(rows, label, self.asked.baseline)]
        tables = [vars(table)]
        if stack is not None and len(stack.everyone) > 1:
            if model not in self.scopes:
                self.scopes[model] = scopes_of(stack, self.asked)
            both = of_dataset(self.scopes[model], label, self.asked.baseline, f"scopes-{place}")
            tables.append(vars(both))
        return Part(f"With {model}", lines=lines, charts=[chart], tables=tables)

    def learning_chart(
        self, label: str, place: int, model: str, curves: "pd.DataFrame"
    ) -> dict[str, Any]:
        """The learning curves of a dataset: the first by area and the baseline highlighted."""
        base, bounds = self.asked.baseline, set(self.asked.unranked) & set(curves["strategy"])
        sign = 1 if self.asked.lower else -1
        area = curves.groupby("strategy", sort=False)["mean"].mean().mul(sign)
        best = [s for s in area.sort_values(kind="stable").index if s not in {base, *bounds}]
        marked = [*best[: charts.MARKED - 1], base]
        full = curves["full"].dropna()
        top = f" The whole pool reaches {full.iloc[0]:.3f}." if len(full) else ""
        apart = f" {', '.join(sorted(bounds))}: a bound that sees hidden labels." if bounds else ""
        part = curves[~curves["mean"].isna()]
        return charts.chosen(
            f"learning-{place}",
            {"": charts.packed(part)},
            vega.lines("labels", self.asked.metric),
            self.palette(marked),
            title=f"Learning curves on {label}, {model}",
            caption=f"Mean {self.asked.metric} on {label} with {model}; of highlighted strategies "
            f"with its 95 % t interval over trials, at first the best by mean and {base}.{top}"
            f"{apart}",
        )

    def sure(self) -> str:
        """How sure the standings are, and what one must not read into them."""
        return page.page(
            "sheet.html",
            title="How sure is this?",
            about=self.about,
            facts=sure.facts(self.board, self.manifest),
            parts=sure.parts(self.board, self.missing),
            links=BACK,
            foot=FOOT,
        )

    def protocol(self) -> str:
        """The protocol with its known limits, versions, references, and how to repeat it."""
        import pandas as pd

        name = self.suite.name
        code = f"albench run {name}\nalbench leaderboard {name}\nalbench verify {name} --sample 20"
        parts = [
            Part("Known limits", lines=[*LIMITS, *self.board.notes]),
            Part("Bought rows", lines=[self.rests()]),
            Part("To repeat it", code=code),
            Part("The suite", code=self.suite.text),
            Part(
                "References",
                tables=[
                    vars(sheet(pd.DataFrame(references(self.suite)), "references", "What was used"))
                ],
            ),
        ]
        told = [*protocol_facts(self.suite), *stamp(self.suite, self.manifest)]
        told += where_from(self.manifest)
        return page.page(
            "sheet.html",
            title=f"Protocol of {self.suite.title}",
            about=self.about,
            facts=told,
            parts=parts,
            links=BACK,
            foot=FOOT,
        )


def write(
    board: Board,
    manifest: Mapping[str, Any],
    answers: list[str],
    folder: Path,
    missing: Sequence[str] = (),
) -> int:
    """Write all pages; returns the number of bytes. missing: what the results lack, in words."""
    links = page.slugs([s.label for s in board.suite.strategies], "strategy")
    links |= {
        f"dataset {k}": v
        for k, v in page.slugs([d.label for d in board.suite.datasets], "dataset").items()
    }
    site = Site(board, manifest, {k: f"{v}.html" for k, v in links.items()}, missing)
    first = board.view(board.models[0], board.question.metric)
    files = {
        "index.html": site.index(answers),
        "protocol.html": site.protocol(),
        "sure.html": site.sure(),
        page.VEGA: vega.script(),
        "leaderboard.csv": as_csv(board),
        "leaderboard.md": as_markdown(first, board),
    }
    files |= {site.links[s.label]: site.strategy(s) for s in board.suite.strategies}
    for dataset in board.suite.datasets:
        files[site.links[f"dataset {dataset.label}"]] = site.dataset(dataset)
    for name, text in files.items():
        write_atomic(folder / name, text.encode())
    return sum(len(text.encode()) for text in files.values())
