"""Report and leaderboard in a real browser: sorting, filters, links, keyboard, widths.

Needs Chromium (Debian's package) and playwright; skipped, saying so, where either is missing.
"""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from sitemaker import EVIL, site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

PAGES = ("index", "report", "protocol", "sure", "strategy-margin", "dataset-iris")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        made = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


class Opened:
    """A page, and what it said or asked for that it should not."""

    def __init__(self, browser: Any, name: str, **options: Any) -> None:
        self.said: list[str] = []
        self.page = browser.new_page(**options)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append("a dialog"))
        self.page.on("request", self.asked)
        self.page.goto(f"file://{site()}/{name}.html")

    def asked(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.said.append(request.url)

    def column(self, place: int) -> list[str]:
        rows = self.page.query_selector_all("#standings tbody tr")
        return [row.query_selector_all("th, td")[place].inner_text() for row in rows]

    def charts(self) -> None:
        """Wait until every chart is drawn or says why not."""
        self.page.wait_for_function(
            "[...document.querySelectorAll('figure.chart')].every("
            "f => f.classList.contains('empty') || f.querySelector('.plot svg'))"
        )


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_open_quietly_and_fit(browser: Any, name: str, width: int, scheme: str) -> None:
    opened = Opened(browser, name, viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.said == []
    opened.page.close()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_first_screen_answers(browser: Any, width: int, height: int) -> None:
    opened = Opened(browser, "index", viewport={"width": width, "height": height})
    heads = [h for h in opened.page.locator("#standings thead th").all() if h.is_visible()]
    assert len(heads) == 6
    for selector in ("h1", "#view-answer", "form.filters", "#standings tbody tr >> nth=0"):
        box = opened.page.locator(selector).bounding_box()
        assert box["y"] + box["height"] <= height, selector
        assert box["x"] >= 0, selector
        assert box["x"] + box["width"] <= width + 0.5, selector
    assert not opened.page.get_by_text("Holm over strategies").first.is_visible()


def test_sorting_by_click_and_by_key(browser: Any) -> None:
    opened = Opened(browser, "index")
    button = opened.page.locator("#standings thead th").nth(5).locator("button")
    button.click()
    seconds = [float(text.replace("<", "")) for text in opened.column(5)]
    assert seconds == sorted(seconds)
    button.focus()
    opened.page.keyboard.press("Enter")
    seconds = [float(text.replace("<", "")) for text in opened.column(5)]
    assert seconds == sorted(seconds, reverse=True)
    head = opened.page.locator("#standings thead th").nth(5)
    assert head.get_attribute("aria-sort") == "descending"
    assert opened.said == []


def test_filters_change_answer_table_and_charts(browser: Any) -> None:
    opened = Opened(browser, "index")
    opened.charts()
    drawn = "[...document.querySelectorAll('.plot')].map(p => p.innerHTML)"
    before = [opened.column(i) for i in (0, 2)]
    answer, plots = opened.page.locator("#view-answer").inner_text(), opened.page.evaluate(drawn)
    for label, value in (("Metric", "f1_macro"), ("Budget", "30%"), ("Datasets", "flowers")):
        opened.page.get_by_label(label, exact=True).select_option(value)
    opened.page.wait_for_timeout(500)
    opened.charts()
    note = opened.page.locator("#view-note").inner_text()
    assert "f1_macro up to 30% of the budget (30 labels)" in note
    assert "flowers: 1 base" in note
    assert [opened.column(i) for i in (0, 2)] != before
    assert opened.page.locator("#view-answer").inner_text() != answer
    assert "of the group flowers" in opened.page.locator("#view-answer").inner_text()
    after = opened.page.evaluate(drawn)
    assert all(one != other for one, other in zip(plots, after, strict=True))
    assert EVIL in opened.column(1)
    assert opened.page.locator("#standings tbody th[scope=row] a").count() == 5
    assert opened.said == []


def test_an_address_holds_the_view(browser: Any) -> None:
    opened = Opened(browser, "index")
    opened.page.get_by_label("Budget", exact=True).select_option("30%")
    opened.page.get_by_label("Datasets", exact=True).select_option("drinks")
    opened.page.locator("details.columns summary").click()
    opened.page.get_by_label("verdict").check()
    opened.page.locator("#standings thead th").nth(4).locator("button").click()
    chips = opened.page.locator("#chips .chip")
    was = chips.filter(has_text="=cmd").get_attribute("aria-pressed")
    chips.filter(has_text="=cmd").click()
    url = opened.page.url
    assert "#" in url
    told = {i: opened.column(i) for i in (0, 1, 4, 7)}
    pressed = [chip.get_attribute("aria-pressed") for chip in chips.all()]
    opened.page.goto("about:blank")
    opened.page.goto(url)
    assert {i: opened.column(i) for i in (0, 1, 4, 7)} == told
    assert opened.page.locator("#standings thead th").nth(7).is_visible()
    again = opened.page.locator("#chips .chip")
    assert [chip.get_attribute("aria-pressed") for chip in again.all()] == pressed
    assert again.filter(has_text="=cmd").get_attribute("aria-pressed") != was
    assert opened.page.get_by_label("Datasets", exact=True).input_value() == "drinks"
    assert opened.said == []


def test_an_address_of_nonsense_shows_the_usual_view(browser: Any) -> None:
    opened = Opened(browser, "index")
    usual = opened.column(2)
    opened.page.goto("about:blank")
    opened.page.goto(
        f"file://{site()}/index.html#model=none&sort=x,y&marked=[1,{{&columns=&budget=7"
    )
    assert opened.column(2) == usual
    assert opened.said == []


def test_search_keeps_the_rows_that_have_it(browser: Any) -> None:
    opened = Opened(browser, "index")
    opened.page.get_by_label("Search").fill("MARG")
    assert opened.column(1) == ["margin"]
    opened.page.get_by_label("Search").fill("nobody")
    assert (
        opened.page.locator("#standings tbody").inner_text() == "No strategy has this in its name."
    )


def test_charts_show_values_and_can_be_saved(browser: Any) -> None:
    opened = Opened(browser, "dataset-iris")
    opened.charts()
    plot = opened.page.locator("figure.chart .plot svg").first
    box = plot.bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    opened.page.wait_for_selector("#vg-tooltip-element.visible")
    assert "strategy" in opened.page.locator("#vg-tooltip-element").inner_text()
    for kind, start in (
        ("SVG", b"<svg"),
        ("PNG", b"\x89PNG"),
        ("CSV", b"strategy,n,mean,low,high"),
    ):
        with opened.page.expect_download() as got:
            opened.page.get_by_role("button", name=kind).first.click()
        found = got.value.path().read_bytes()
        assert start in found[:60], kind
    assert opened.said == []


def test_a_still_picture_where_scripts_are_off(browser: Any) -> None:
    opened = Opened(browser, "index", java_script_enabled=False)
    assert opened.page.locator("#standings tbody tr").count() == 5
    assert not opened.page.locator("form.filters").is_visible()
    pictures = opened.page.locator("figure.chart img")
    assert pictures.count() == 3
    assert all(p.bounding_box()["height"] > 100 for p in pictures.all())
    opened.page.close()
    opened = Opened(browser, "report", java_script_enabled=False)
    assert opened.page.locator("figure.chart svg.figure").count() >= 2


def test_links_lead_to_pages_of_the_site(browser: Any) -> None:
    opened = Opened(browser, "index")
    opened.page.locator("#standings a", has_text="alert").click()
    assert opened.page.locator("h1").inner_text() == EVIL
    opened.page.locator("nav a").first.click()
    assert opened.page.locator("#standings").count() == 1
    assert opened.said == []


def test_text_can_be_read_in_both_schemes(browser: Any) -> None:
    for scheme in ("light", "dark"):
        opened = Opened(browser, "index", color_scheme=scheme)
        for selector in ("body", "a", ".note", "th", "small", ".lead", "#chips .chip", "label"):
            ratio = opened.page.evaluate(CONTRAST, selector)
            assert ratio >= 4.5, f"{selector}, {scheme}: {ratio:.1f}"
        opened.page.close()


CONTRAST = """selector => {
  const light = text => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map(v => {
      const s = Number(v) / 255;
      return s <= 0.03928 ? s / 12.92 : Math.pow((s + 0.055) / 1.055, 2.4);
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const element = document.querySelector(selector);
  let behind = element;
  while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") {
    behind = behind.parentElement;
  }
  const a = light(getComputedStyle(element).color);
  const b = light(getComputedStyle(behind).backgroundColor);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


def test_printing_leaves_controls_out(browser: Any) -> None:
    opened = Opened(browser, "index")
    opened.page.emulate_media(media="print")
    assert not opened.page.locator("form.filters").is_visible()
    assert not opened.page.locator("#chips").is_visible()
    assert opened.page.locator("#standings").is_visible()
    head = opened.page.locator("#standings thead")
    assert head.evaluate("h => getComputedStyle(h).display") == "table-header-group"
    assert opened.page.locator("body").evaluate("b => getComputedStyle(b).color") == "rgb(0, 0, 0)"


def test_every_control_has_a_name_and_is_reached_by_keys(browser: Any) -> None:
    opened = Opened(browser, "index")
    opened.charts()
    seen = set()
    for _ in range(60):
        opened.page.keyboard.press("Tab")
        found = opened.page.evaluate(NAMED)
        assert found["name"], found
        seen.add(found["kind"])
    assert {"A", "SELECT", "INPUT", "SUMMARY", "BUTTON"} <= seen


NAMED = """() => {
  const e = document.activeElement;
  const label = e.labels && e.labels.length ? e.labels[0].textContent : "";
  return { kind: e.tagName, name: (e.getAttribute("aria-label") || label || e.textContent).trim() };
}"""


def test_the_table_is_there_within_a_second(browser: Any) -> None:
    opened = Opened(browser, "index")
    drawn = opened.page.evaluate(
        "performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)[0] || 0"
    )
    assert drawn < 1000
    assert opened.page.locator("#standings tbody tr").count() == 5
