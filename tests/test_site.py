"""Report and leaderboard as files: valid, self-contained, the same bytes, names as data."""

import csv
import html
import io
import itertools
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import html5lib
import numpy as np
import pandas as pd
import pytest
from generated import curves_of
from scipy import stats
from sitemaker import EVIL, WORSE, site, stored

from albench import reporting
from albench.analysis.comparison.across import rank_intervals
from albench.analysis.comparison.cells import stacks, tidy
from albench.analysis.comparison.summaries import areas
from albench.analysis.question import Options
from albench.cli import exit_code
from albench.plots.svg import TOLERANCE, apart, kept, thinned
from albench.reporting import page as pages
from albench.reporting.plain import harmless
from albench.reporting.scopes import of_dataset, scopes_of
from albench.suite.toml import load_suite


def every_page() -> list[Path]:
    return sorted(site().glob("*.html"))


def test_there_is_a_page_for_everything() -> None:
    names = {p.name for p in site().iterdir()}
    assert {"index.html", "protocol.html", "report.html", "leaderboard.csv", "leaderboard.md"} <= (
        names
    )
    assert len([n for n in names if n.startswith("strategy-")]) == 6
    assert len([n for n in names if n.startswith("dataset-")]) == 2
    assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in names)
    assert sum(p.stat().st_size for p in site().iterdir()) < 5_000_000


def test_pages_are_valid_html_with_distinct_identifiers() -> None:
    for path in every_page():
        text = path.read_text()
        html5lib.HTMLParser(strict=True).parse(text)
        ids = re.findall(r'\sid="([^"]+)"', text)
        assert len(ids) == len(set(ids)), path.name
        known = set(ids)
        assert all(ref in known for ref in re.findall(r'(?:href="|url\()#([^")]+)', text))
        for link in re.findall(r'href="([^"#:]+)"', text):
            assert (site() / link).is_file(), f"{path.name} -> {link}"


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path in every_page():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        text = re.sub(r'xmlns:xlink="[^"]+"', "", text)
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', text), path.name
        assert "@import" not in text
        assert "default-src 'none'" in html.unescape(text)


def test_names_of_others_are_shown_and_never_run() -> None:
    for path in every_page():
        tree = html5lib.parse(path.read_text(), namespaceHTMLElements=False)
        scripts = [s for s in tree.iter("script") if s.get("type") != "application/json"]
        beside = [s.get("src") for s in scripts if s.get("src")]
        charted = path.stem != "report" and any(
            f.get("class") == "chart" for f in tree.iter("figure")
        )
        assert beside == ([pages.VEGA] if charted else []), path.name
        assert len(scripts) == 1 + (charted or path.stem == "report"), path.name
        assert all(EVIL[8:16] not in "".join(s.itertext()) for s in scripts)
        stills = [i.get("src") or "" for i in tree.iter("img")]
        assert all(still.startswith("data:image/svg+xml;base64,") for still in stills)
        assert not list(tree.iter("b"))
        handlers = [k for e in tree.iter() for k in e.attrib if str(k).startswith("on")]
        assert not handlers
    index = html5lib.parse((site() / "index.html").read_text(), namespaceHTMLElements=False)
    heads = ["".join(th.itertext()).strip() for th in index.iter("th")]
    assert EVIL in heads
    assert WORSE in heads
    assert "49" not in heads


def test_the_views_cannot_end_their_script() -> None:
    text = (site() / "index.html").read_text()
    inside = re.search(r'id="board">(.*?)</script>', text, re.S)
    assert inside is not None
    assert "<" not in inside[1]
    board = json.loads(inside[1])
    assert len(board["views"]) == 1 * 2 * 3 * 3
    assert set(board["views"]) == set(board["price"])
    assert (len(board["gains"]), len(board["heat"])) == (1 * 2 * 3, 1 * 2 * 3)
    assert EVIL in {row[1] for row in board["views"]["0-0-0-0"]["rows"]}


def test_bounds_are_drawn_apart_and_never_ranked() -> None:
    bound = "<i>bound</i>"
    tree = html5lib.parse((site() / "index.html").read_text(), namespaceHTMLElements=False)
    tables = {t.get("id"): "".join(t.itertext()) for t in tree.iter("table")}
    assert bound in tables["bounds"]
    assert bound not in tables["standings"]
    page = (site() / "strategy-i-bound-i.html").read_text()
    assert "a bound, drawn apart and never ranked" in page
    assert "wine" not in page  # it is run on one of the two datasets only
    iris = html5lib.parse((site() / "dataset-iris.html").read_text(), namespaceHTMLElements=False)
    assert f"{bound}: a bound that sees hidden labels" in "".join(iris.itertext())
    chart = next(s for s in iris.iter("script") if s.get("type") == "application/json")
    assert bound in json.loads("".join(chart.itertext()))["names"]
    report = (site() / "report.html").read_text()
    assert report.count("&lt;i&gt;bound&lt;/i&gt;") >= 1


def test_the_table_has_every_view_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO((site() / "leaderboard.csv").read_text())))
    assert len(rows) == 2 * 3 * 3 * 5
    assert {r["strategy"] for r in rows} == {"random", "margin", EVIL, WORSE, "'=cmd"}
    assert all(r["failed"].startswith("0/") for r in rows)
    assert harmless("-0.031") == "-0.031"
    assert harmless("+cmd|x") == "'+cmd|x"


@pytest.fixture(scope="module")
def partial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a suite of which `margin` was run on one of three datasets only."""
    folder = tmp_path_factory.mktemp("partial")
    suite = folder / "s.toml"
    suite.write_text(
        'strategies = ["random", "margin"]\nmodels = ["gnb"]\ntrials = 2\n'
        'metrics = ["accuracy"]\nprotocol = {use = "standard", budget = 40}\n'
        'datasets = [{use = "iris", group = "flowers"}, {use = "wine", group = "drinks"}, '
        '{use = "wdbc", group = "drinks"}]\n'
    )
    where = [str(suite), "--results", str(folder / "r")]
    assert exit_code(["run", *where, "--jobs", "1", "--only", "strategy=random"]) == 0
    only = ["--only", "strategy=margin", "--only", "dataset=iris"]
    assert exit_code(["run", *where, "--jobs", "1", *only]) == 0
    assert exit_code(["leaderboard", *where, "--to", str(folder / "site")]) == 0
    return folder / "site"


def test_a_strategy_s_page_marks_what_was_not_run(partial: Path) -> None:
    tree = html5lib.parse(
        (partial / "strategy-margin.html").read_text(), namespaceHTMLElements=False
    )
    table = next(t for t in tree.iter("table"))
    assert "Run on 1 of 3 datasets, 2 trials each" in "".join(table.itertext())
    rows = {}
    for tr in list(table.iter("tr"))[1:]:
        cells = ["".join(c.itertext()).strip() for c in tr]
        rows[cells[0]] = cells[1:]
    assert rows["iris"][-1] == ""
    for name in ("wine", "wdbc"):
        assert set(rows[name][:-1]) == {pages.DASH}
        assert rows[name][-1] == "not run, counted as no gain"
    text = "".join(tree.itertext())
    assert "of 1 dataset, behind on" in text
    assert "2 of 3 datasets were not run" in text
    assert "the mean over 1 base dataset with" in text  # the caption of the chart
    index = (partial / "index.html").read_text()
    assert "These results are partial: 8 of 12 runs are finished" in index
    assert "Run on some of their datasets only: margin (1 of 3)." in index


def test_columns_follow_budget_and_group(partial: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((partial / "leaderboard.csv").read_text())))
    mine = {(r["budget share"], r["datasets"]): r for r in rows if r["strategy"] == "margin"}
    whole = mine["1", "all datasets"]
    assert all(whole[c].endswith("(1 run)") for c in ("harm", "worst loss", "target reached"))
    assert whole["gain"].endswith("(2 filled)")
    assert [mine["1", g]["not run"] for g in ("all datasets", "flowers", "drinks")] == [
        "4/6",
        "0/2",
        "4/4",
    ]
    assert mine["1", "drinks"]["harm"] == pages.DASH
    assert mine["1", "drinks"]["evaluation bias"] == pages.DASH
    assert mine["1", "flowers"]["evaluation bias"] == whole["evaluation bias"] != pages.DASH
    late = mine["0.3", "all datasets"]
    assert {late[c] for c in ("drift", "evaluation bias", "rare found")} == {pages.DASH}
    assert late["s/query"] == whole["s/query"] != pages.DASH
    random = {
        r["datasets"]: r for r in rows if (r["strategy"], r["budget share"]) == ("random", "1")
    }
    assert random["flowers"]["evaluation bias"] != random["drinks"]["evaluation bias"]
    index = (partial / "index.html").read_text()
    assert "Drift, evaluation bias and rare found rest on one trial of each dataset" in index


def test_markdown_shows_names_as_they_are() -> None:
    text = (site() / "leaderboard.md").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_equal_tables_give_equal_pages(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(stored() / "results", tmp_path / "elsewhere"))
    where = [str(stored() / "s.toml"), "--results", str(folder)]
    (tmp_path / "site").mkdir()
    for name in ("gone.html", "notes.html"):
        (tmp_path / "site" / name).write_text("")
    mark = tmp_path / "site" / "suite.json"
    mark.write_text(json.dumps({"suite": "s", "pages": ["gone.html"]}))
    assert exit_code(["leaderboard", *where, "--to", str(tmp_path / "site")]) == 0
    assert not (tmp_path / "site" / "gone.html").exists()
    assert (tmp_path / "site" / "notes.html").exists()
    assert "index.html" in json.loads(mark.read_text())["pages"]
    assert "notes.html" not in json.loads(mark.read_text())["pages"]
    assert exit_code(["report", *where, "--to", str(tmp_path / "site" / "report.html")]) == 0
    for path in site().iterdir():
        assert (tmp_path / "site" / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_report_holds_all_its_sections() -> None:
    text = (site() / "report.html").read_text()
    text = re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    titles = re.findall(r"<h2[^>]*>([^<]+)</h2>", text)
    assert titles == [
        "How sure is that?",
        "How many labels?",
        "At what price?",
        "What does it do to the data?",
        "When to stop?",
        "What failed?",
        "How to repeat it",
    ]
    titles = re.findall(r"<h3[^>]*>([^<]+)</h3>", text)
    starts = [
        "Tests",
        "Comparison",
        "Matrix",
        "Curves",
        "Gain",
        "By dataset",
        "Seconds and costs",
        "Bias",
        "Coverage",
        "Evaluation audit",
        "Where the curves flatten",
        "Runs",
        "Protocol and versions",
        "References",
        "Commands",
    ]
    for start in starts:
        assert any(t.startswith(start) for t in titles), start
    assert "Not available" not in titles
    parts = dict(re.findall(r"<h3[^>]*>([^<]+)</h3>(.*?)(?=<h3|<h2|</main>)", text, re.S))
    for title in ("Bias", "Coverage", "Evaluation audit"):
        assert "<svg" in parts[title], title
        assert "<table" in parts[title], title
    drawn = text.replace('<div class="plot" role="img"', "")
    assert drawn.count('role="img"') == text.count("<svg")
    assert "albench run s.toml\nalbench verify s.toml\nalbench report s.toml" in text


def test_wide_glyphs_aside_every_image_is_described() -> None:
    for path in every_page():
        for svg in re.findall(r"<svg.*?</title>", path.read_text(), re.S):
            assert len(svg.split("<title>")[1]) > 20


def test_a_dataset_s_page_has_both_scopes() -> None:
    """Nothing is said of rows like those of a small table, and why not."""
    text = (site() / "dataset-iris.html").read_text()
    assert "rows like these" in text
    assert "150 rows: nothing on rows like these below 500" in text
    assert "not told" in text
    frame = curves_of(6, 3, 8).assign(n_train=400, n_test=200)
    (stack,) = stacks(tidy(frame, "accuracy", "higher"), "random")
    asked = Options("accuracy", "higher")
    found = scopes_of(stack, asked)
    shown = of_dataset(found, "data-02", "random", "scopes-0")
    row = next(r for r in shown.rows if "margin" in str(r))
    d = areas(stack.blocks[2])[1] - areas(stack.blocks[2])[0]
    half = stats.t.ppf(0.975, 7) * d.std(ddof=1) * np.sqrt(1 / 8 + 200 / 400)
    assert f"[{d.mean() - half:+.3f}, {d.mean() + half:+.3f}]" in str(row)
    assert "Not told" not in shown.caption


def test_shared_places_follow_from_the_intervals() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "best": 1.0 + rng.normal(0, 0.01, 20),
            "twin": 1.0 + rng.normal(0, 0.01, 20),
            "last": rng.normal(0, 0.01, 20),
        }
    )
    found = rank_intervals(table, 0)
    assert found["place"].to_dict() == {"best": 1, "twin": 1, "last": 3}
    assert found.loc["last", "rank"] == 3.0
    assert (found["rank_low"] <= found["rank"]).all()
    assert rank_intervals(table[:2], 0)["place"].tolist() == [1, 1, 1]
    # three datasets that agree do not place anybody: one rank off on one is the least spread
    three = rank_intervals(table[:3], 0).loc["last"]
    assert three["rank_low"] == pytest.approx(3 - stats.t.ppf(0.975, 2) / 3)
    assert rank_intervals(table[:3], 0)["place"].tolist() == [1, 1, 1]


def test_intervals_that_overlap_need_not_share_a_place() -> None:
    """As the page says: one more than the strategies that lie before as a whole."""
    scores = np.random.default_rng(1).normal(size=(20, 6)) + np.linspace(1.5, 0.0, 6)
    found = rank_intervals(pd.DataFrame(scores, columns=list("abcdef")), seed=0)
    before = [int((found["rank_high"] < low).sum()) + 1 for low in found["rank_low"]]
    assert found["place"].tolist() == before
    pairs = itertools.combinations(found.itertuples(), 2)
    assert any(p.rank_high >= q.rank_low and p.place < q.place for p, q in pairs)
    text = (site() / "index.html").read_text()
    assert "share a place; the order" not in text
    assert "one more than the number of strategies whose whole rank interval lies" in text


def test_none_stands_behind_one_of_a_worse_mean_rank() -> None:
    rng = np.random.default_rng(5)
    scores = rng.normal(0, 1, (12, 9)) + np.linspace(0, 1.5, 9) * rng.normal(1, 1, (12, 1))
    found = rank_intervals(pd.DataFrame(scores), 0).sort_values("rank", kind="stable")
    assert (np.diff(found["place"]) >= 0).all()


def test_paths_keep_their_shape_in_fewer_letters() -> None:
    assert thinned("M0 0L10 0L20 0L20 10") == "M0 0l20 0 0 10"
    assert thinned("M5 5L5.5 2L9 9.5z\n") == "M5 5l.5-3 3.5 7.5z"
    curve = "M0 0C1 1 2 2 3 3"
    assert thinned(curve) == curve
    rng = np.random.default_rng(0)
    line = [(10 * i, int(v)) for i, v in enumerate(rng.integers(-40, 40, 60).cumsum())]
    stay = kept(line)
    assert (stay[0], stay[-1]) == (line[0], line[-1])
    for point in line:
        near = min(apart(point, a, b) for a, b in itertools.pairwise(stay))
        assert near <= TOLERANCE**2


def test_styles_that_drawings_repeat_are_named_once() -> None:
    style = "fill:#262626;stroke:#262626"
    paths = f'<path style="{style}"/>' * 4
    svg = f'<svg class="figure" style="{style}"><title>t</title>{paths}</svg>'
    page = f"<html><head><title>page</title></head><body>{svg}</body>"
    text = pages.classed(page)
    assert text.count(style) == 2  # the rule, and the opening tag, which keeps its own
    assert text.count('class="s0"') == 4
    assert pages.classed("<head></head>") == "<head></head>"


def test_a_large_suite_is_abridged_and_says_so() -> None:
    suite = load_suite("leaderboard")
    names = [s.label for s in suite.strategies if s.label not in suite.bounds]
    frame = pd.DataFrame({"strategy": names, "rank": range(len(names), 0, -1)})
    comparison = SimpleNamespace(tables={"ranks": frame}, options=suite.question())
    shown = reporting.drawn_strategies(comparison, suite)  # type: ignore[arg-type]
    assert set(shown) == {"random", "greedy_oracle", *names[-8:]}
    assert "the 8 strategies of best mean rank, of 21" in reporting.left_out(suite, shown)
    small = load_suite("quickstart")
    everything = reporting.drawn_strategies(comparison, small)  # type: ignore[arg-type]
    assert reporting.left_out(small, everything) == ""
    assert "the 12 datasets on which the strategies differ most, of 24" in reporting.left_out(
        suite, shown, [f"d{i}" for i in range(12)]
    )
    assert reporting.too_many(small) == ()
    assert "composition" in reporting.too_many(suite)
    rows = pd.DataFrame(
        {
            "dataset": [f"d{i // 10}" for i in range(400)],
            "model": "m",
            "strategy": [f"s{i % 10}" for i in range(400)],
            "tv": 1.0,
        }
    )
    assert len(reporting.shorter(rows)) == 10
    assert reporting.shorter(rows)["datasets"].tolist() == [40] * 10
    assert len(reporting.shorter(rows[:300])) == 300


def test_slugs_are_file_names_and_distinct() -> None:
    names = ["a b", "a-b", "../../etc", "\u00fc", "", "A B", "x" * 300]
    found = pages.slugs(names, "s")
    assert len(set(found.values())) == len(names)
    assert all(re.fullmatch(r"s-[a-z0-9-]{1,50}", slug) for slug in found.values())


def test_references_name_everything_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["cite", "quickstart", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    told = {(r["kind"], r["name"]): r["reference"] for r in rows}
    assert told["strategy", "margin"] == "Scheffer, Decomain and Wrobel 2001"
    assert {"dataset", "strategy", "model", "metric", "statistics"} <= {k for k, _ in told}
    assert "none" not in told.values()


def test_tick_labels_keep_their_digits() -> None:
    from matplotlib.figure import Figure

    from albench.plots.svg import inline, page_theme

    with page_theme():
        fig = Figure(figsize=(3, 2))
        ax = fig.subplots()
        ax.plot([0, 1], [0.0123456, 0.0323456])
        ax.set_yticks([0.0125, 0.0325], ["0.0125", "0.0325"])
        ax.set_title("$a_1$ <b>")
        text = inline(fig, "k", "a title that says something")
    assert "0.0125" in text
    assert "$a_1$ &lt;b&gt;" in text
    assert not re.findall(r'\bd="[^"]*\.\d\d', text)
    assert text == text.strip()
