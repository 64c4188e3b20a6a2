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

PAGES = ("index", "report", "protocol", "strategy-margin", "dataset-iris")


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


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_open_quietly_and_fit(browser: Any, name: str, width: int, scheme: str) -> None:
    opened = Opened(browser, name, viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert opened.said == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.page.close()


def test_sorting_by_click_and_by_key_keeps_the_baseline_first(browser: Any) -> None:
    opened = Opened(browser, "index")
    button = opened.page.locator("#standings thead th").nth(2).locator("button")
    button.click()
    ranks = [float(text.split(" ")[0]) for text in opened.column(2)[1:]]
    assert ranks == sorted(ranks)
    assert opened.column(1)[0] == "random"
    button.focus()
    opened.page.keyboard.press("Enter")
    ranks = [float(text.split(" ")[0]) for text in opened.column(2)[1:]]
    assert ranks == sorted(ranks, reverse=True)
    head = opened.page.locator("#standings thead th").nth(2)
    assert head.get_attribute("aria-sort") == "descending"
    assert opened.said == []


def test_filters_change_the_table_and_its_note(browser: Any) -> None:
    opened = Opened(browser, "index")
    before = [opened.column(i) for i in (2, 3)]
    for label, value in (
        ("Metric", "f1_macro"),
        ("Budget", "25% of the labels"),
        ("Datasets", "flowers"),
    ):
        opened.page.get_by_label(label, exact=True).select_option(value)
    note = opened.page.locator("#view-note").inner_text()
    assert "f1_macro up to 25%" in note
    assert "flowers: 1 base" in note
    assert [opened.column(i) for i in (2, 3)] != before
    assert EVIL in opened.column(1)
    assert opened.page.locator("#standings tbody th[scope=row] a").count() == 5
    assert opened.said == []


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
        for selector in ("body", "a", ".note", "th"):
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
    assert opened.page.locator("#standings").is_visible()


def test_the_table_is_there_within_a_second(browser: Any) -> None:
    opened = Opened(browser, "index")
    drawn = opened.page.evaluate(
        "performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)[0] || 0"
    )
    assert drawn < 1000
    assert opened.page.locator("#standings tbody tr").count() == 5
