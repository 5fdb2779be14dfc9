# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of reports, looked at in a real browser, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from organic5gc import report

from python_plugins.tests import hand_made_results as results
from tests.harness.apt import CHROMIUM, needs
from tests.harness.browser import Browser, chromium

pytestmark = [pytest.mark.exhaustive, needs(CHROMIUM)]
SCREENSHOTS = Path(__file__).resolve().parents[2] / "artifacts/display"
PAGES = {
    "migration": (results.migration(), results.clients()),
    "strategies": (results.migration(), results.migration("inter_copy", 90.0), results.migration("post_copy", 20.0)),
    "drain": (results.drain(),),
    "benchmark": (results.benchmark(),),
    "core": (results.campaign(),),
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("browser") / "profile") as running:
        yield running


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_every_width_and_asks_for_nothing(browser: Browser, name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.html"
    report.write(file, report.render(report.read_all([(name, one) for one in PAGES[name]])))
    for width in (360, 800, 1280):
        with browser.open(file, width, mobile=width < 500) as page:
            page.screenshot(SCREENSHOTS / f"{name}-{width}.png")
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
            assert page.requests == [file.as_uri()]
            assert page.complaints == []
            # Of each plot one size is shown, wider than nothing, and its letters can be read.
            shown = page.evaluate(SHOWN)
            assert shown and len(shown) * 2 == page.evaluate("document.querySelectorAll('svg').length")
            assert all(one["width"] > min(width, 500) * 0.7 for one in shown), shown
            assert all(one["letters"] >= 8 for one in shown), shown
            assert page.evaluate(TABLES_TOO_NARROW) == []
            # Each has the same figures as a table: beside it where there is room, else below.
            beside = page.evaluate(TABLES_OF_PLOTS)
            assert len(beside) == len(shown)
            assert all(one["rows"] > 0 and one["beside" if width >= 1280 else "below"] for one in beside), beside


SHOWN = """
[...document.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0).map(svg => ({
  width: svg.getBoundingClientRect().width,
  letters: Math.min(...[...svg.querySelectorAll('text')].map(text => text.getBoundingClientRect().height)),
}))
"""
"""The plots that are shown, and the height of their smallest letters in CSS pixels."""
TABLES_OF_PLOTS = """
[...document.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0).map(svg => {
  const section = svg.closest('section');
  const plot = svg.getBoundingClientRect(), table = section.querySelector('.scroll').getBoundingClientRect();
  return {
    title: section.querySelector('h3').textContent,
    rows: section.querySelectorAll('tbody tr').length,
    beside: table.left >= plot.right && table.top < plot.bottom,
    below: table.top >= plot.bottom,
  };
})
"""
"""Of each plot that is shown: the rows of the table of its section, and where that is."""
TABLES_TOO_NARROW = """
[...document.querySelectorAll('.scroll')]
  .filter(one => one.getBoundingClientRect().width < 250).map(one => one.ariaLabel)
"""


def test_what_would_be_seen_is_seen(browser: Browser, tmp_path: Path) -> None:
    """The page that breaks every rule: otherwise the test above could not fail."""
    file = tmp_path / "bad.html"
    file.write_text(
        "<meta name=viewport content='width=device-width'><div style='width: 600px'>wide</div>"
        "<img src='http://192.0.2.1/a.png'><script>console.error('no'); undefined_name()</script>"
    )
    with browser.open(file, 360, mobile=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") > 0
        assert "http://192.0.2.1/a.png" in page.requests
        assert len(page.complaints) >= 2
