"""The leaderboard as files: a static site, CSV and Markdown, equal for equal tables."""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.analysis.question import ROPE
from albench.core import registry
from albench.core.files import write_atomic
from albench.reporting import page
from albench.reporting.board import (
    BESIDE,
    COLUMNS,
    SHARES,
    Board,
    View,
    cells,
    counts,
    flat,
    of_strategy,
    page_rows,
    trials_of,
    two,
)
from albench.reporting.evidence import above, curves_of
from albench.reporting.page import (
    Part,
    drawn,
    drawn_alone,
    protocol_facts,
    references,
    sheet,
    stamp,
    where_from,
)
from albench.reporting.scopes import of_dataset, scopes_of
from albench.suite import Labelled

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison.cells import Stack
    from albench.plots.style import About


FOOT = (
    "Made by albench from stored tables; equal tables give equal pages. Nothing on this page "
    "is loaded from a network."
)
BACK = (("index.html", "Leaderboard"),)
LINKS = (
    ("#standings", "Standings"),
    ("#figures", "Figures"),
    ("#strategies", "Strategies"),
    ("#datasets", "Datasets"),
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

    def __init__(self, board: Board, manifest: Mapping[str, Any], links: dict[str, str]) -> None:
        self.board, self.manifest, self.links = board, manifest, links
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
        rows = list(page_rows(first, self.asked.baseline, self.links))
        standings = {"columns": [c._asdict() for c in COLUMNS], "rows": rows, "head": 1}
        return page.page(
            "index.html",
            title=suite.title,
            about=self.about,
            links=LINKS,
            foot=FOOT,
            answers=answers,
            choices=self.choices(),
            standings=standings,
            note=first.note,
            bounds=self.bounds(),
            rests=self.rests(),
            limits=LIMITS,
            figures=self.figures(),
            views=page.embedded(self.views()),
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
            {"name": "Model", "options": list(self.board.models)},
            {"name": "Metric", "options": metrics},
            {"name": "Budget", "options": [f"{share:.0%} of the labels" for share in SHARES]},
            {"name": "Datasets", "options": list(self.board.groups)},
        ]

    def views(self) -> dict[str, Any]:
        """Every view as JSON; what the metric does not move is said once, under `beside`."""
        metrics, models = self.choices()[1]["options"], self.board.models
        found: dict[str, Any] = {}
        beside: dict[str, dict[str, list[str]]] = {}
        for view in self.board.views:
            model, share = models.index(view.model), SHARES.index(view.share)
            group = self.board.groups.index(view.group)
            key = [model, metrics.index(view.metric), share, group]
            rows = [cells(row) for _, row in view.frame.iterrows()]
            rows.sort(key=lambda row: row[1] != self.asked.baseline)
            place = f"{model}-{share}-{group}"
            beside[place] = beside.get(place, {}) | {row[1]: row[BESIDE:] for row in rows}
            found["-".join(map(str, key))] = {
                "rows": [row[:BESIDE] for row in rows],
                "note": view.note,
            }
        texts = [i for i, c in enumerate(COLUMNS) if c.text]
        links = {s.label: self.links[s.label] for s in self.suite.strategies}
        return {
            "views": found,
            "beside": beside,
            "texts": texts,
            "links": links,
            "baseline": self.asked.baseline,
        }

    def looked(self, metric: str, model: str, part: "Stack | None" = None) -> "About":
        """What the captions of figures say; `part`: what is drawn, if not all of the model's."""
        from albench.analysis.comparison.cells import merged
        from albench.plots.style import About

        stack, bounds = part or self.board.stacks[model, metric], self.asked.unranked
        blocks = stack.blocks
        return About(
            metric=metric,
            lower=self.asked.lower,
            baseline=self.asked.baseline,
            measure=f"area under {metric}{' (negated)' if self.asked.lower else ''}",
            strategies=[s.label for s in self.suite.strategies if s.label not in bounds],
            trials=trials_of(blocks),
            datasets=len(blocks),
            bounds=sorted(bounds),
            model=model,
            protocol=stack.protocol,
            alpha=self.asked.alpha,
            rope=self.asked.rope or ROPE,
            bases=len({self.suite.bases[d] for d in stack.datasets}),
            merged=merged(stack.datasets, self.asked.base),
        )

    def figures(self) -> list[dict[str, str]]:
        """The figures of the first page: how probable each strategy is to do better."""
        from albench.analysis.comparison.aggregate import aggregates

        found: list[dict[str, str]] = []
        for place, model in enumerate(self.board.models):
            stack = self.board.stacks.get((model, self.asked.metric))
            if stack is None or len(stack.strategies) < 2:
                continue
            table = aggregates(stack, self.asked.baseline, base=self.asked.base, draws=500)
            frames = {"improvement": table[table["strategy"] != self.asked.baseline]}
            found += drawn(frames, self.looked(self.asked.metric, model), f"m{place}")
        return found

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
        traits = entry.traits
        facts = [
            ("source", traits.cite or "not given"),
            ("family", traits.family or "not given"),
            ("cost of a query", traits.cost or "not given"),
            ("needs", ", ".join(traits.needs) or "nothing in particular"),
            ("version", entry.version),
        ]
        parts = [
            self.on_model(strategy.label, place, m) for place, m in enumerate(self.board.models)
        ]
        return page.page(
            "sheet.html",
            title=strategy.label,
            about=entry.doc.split("\n\n")[0],
            facts=facts,
            parts=[p for p in parts if p],
            links=BACK,
            foot=FOOT,
        )

    def on_model(self, name: str, place: int, model: str) -> Part | None:
        """A strategy with one model."""
        from albench.analysis.comparison.within import overall_gain

        stack, base = self.board.stacks.get((model, self.asked.metric)), self.asked.baseline
        stack = self.board.ceilings.get((model, name), stack)
        if stack is None or name not in stack.everyone:
            return Part(f"With {model}", lines=[self.board.absent(name, model)])
        pair = two(stack, base, name)
        ran = replace(pair, blocks=tuple(b for b in pair.blocks if name not in b.imputed))
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
        frames = {}
        if name != base and ran.blocks:
            frames = {"gain_overall": overall_gain(ran, base, base=self.asked.base, draws=500)}
        figures = list(drawn(frames, self.looked(self.asked.metric, model, ran), f"m{place}"))
        return Part(f"With {model}", lines=[line], figures=figures, tables=[vars(shown)])

    def dataset(self, dataset: Labelled) -> str:
        """A dataset's page: what it is, and every strategy's curve on it."""
        entry = registry.entry("dataset", dataset.ref.name)
        facts = [
            ("source", entry.traits.cite or "not given"),
            ("in this suite", dataset.ref.label),
            ("base", self.suite.bases[dataset.label]),
            ("group", dataset.group or "none"),
        ]
        facts += [(f"protocol: {k}", str(getattr(v, "label", v))) for k, v in dataset.fields]
        parts = [
            self.of_dataset(dataset.label, place, model)
            for place, model in enumerate(self.board.models)
        ]
        return page.page(
            "sheet.html",
            title=dataset.label,
            about=entry.doc.split("\n\n")[0],
            facts=facts,
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
        told = self.looked(self.asked.metric, model, part)
        curves = [mean_curves(part, lower), *curves_of(self.board.ceilings, model, label, lower)]
        figures = [drawn_alone(pd.concat(curves, ignore_index=True), told, f"m{place}")]
        if model not in self.scopes and stack is not None:
            self.scopes[model] = scopes_of(stack, self.asked)
        both = of_dataset(self.scopes[model], label, self.asked.baseline, f"scopes-{place}")
        return Part(f"With {model}", figures=figures, tables=[vars(table), vars(both)])

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
        facts = [*protocol_facts(self.suite), *stamp(self.suite, self.manifest)]
        facts += where_from(self.manifest)
        return page.page(
            "sheet.html",
            title=f"Protocol of {self.suite.title}",
            about=self.about,
            facts=facts,
            parts=parts,
            links=BACK,
            foot=FOOT,
        )


def write(board: Board, manifest: Mapping[str, Any], answers: list[str], folder: Path) -> int:
    """Write all pages; returns the number of bytes."""
    links = page.slugs([s.label for s in board.suite.strategies], "strategy")
    links |= {
        f"dataset {k}": v
        for k, v in page.slugs([d.label for d in board.suite.datasets], "dataset").items()
    }
    site = Site(board, manifest, {k: f"{v}.html" for k, v in links.items()})
    first = board.view(board.models[0], board.question.metric)
    files = {
        "index.html": site.index(answers),
        "protocol.html": site.protocol(),
        "leaderboard.csv": as_csv(board),
        "leaderboard.md": as_markdown(first, board),
    }
    files |= {site.links[s.label]: site.strategy(s) for s in board.suite.strategies}
    for dataset in board.suite.datasets:
        files[site.links[f"dataset {dataset.label}"]] = site.dataset(dataset)
    for name, text in files.items():
        write_atomic(folder / name, text.encode())
    return sum(len(text.encode()) for text in files.values())


def as_csv(board: Board) -> str:
    """All views in one table."""
    buffer = io.StringIO()
    names = ["model", "metric", "budget share", "datasets", *(c.name for c in COLUMNS)]
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    for view in board.views:
        where = {
            "model": view.model,
            "metric": view.metric,
            "budget share": f"{view.share:g}",
            "datasets": view.group,
        }
        writer.writerows({k: harmless(v) for k, v in (where | row).items()} for row in flat(view))
    return buffer.getvalue()


def harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return (
        f"'{text}" if text[:1] in "=@" or (text[:1] in "+-" and not text[1:2].isdigit()) else text
    )


def as_markdown(view: View, board: Board) -> str:
    """The first view as a Markdown table."""
    names = [c.name for c in COLUMNS]
    lines = [names, ["---"] * len(names), *([row[n] for n in names] for row in flat(view))]
    body = "\n".join(
        "| " + " | ".join(plain_markdown(cell) for cell in line) + " |" for line in lines
    )
    return f"# {plain_markdown(board.suite.title)}\n\n{body}\n\n{plain_markdown(view.note)}\n"


def plain_markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    for mark in "\\|`*_<>[]":
        text = text.replace(
            mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark]
        )
    return "---" if set(text) == {"-"} else text
