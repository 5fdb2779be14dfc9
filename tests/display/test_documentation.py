# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation site, built as `make docs` builds it: a warning is an error."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.apt import CHROMIUM, needs
from tests.harness.browser import chromium

pytestmark = pytest.mark.exhaustive
ROOT = Path(__file__).resolve().parents[2]
LOADED = re.compile(r"""<(?:link|script|img|iframe|source)\b[^>]*?\b(?:src|href)=["']([^"']+)""")
"""What a page loads by itself; links that a reader may follow are not among it."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/docs.py"), str(directory)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return directory / "html"


def test_every_page_is_there_and_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in (*(ROOT / "docs").glob("*.md"), Path("architecture.md"), Path("contributing.md"), Path("security.md")):
        assert (site / f"{page.stem}.html").is_file(), page.name
    found = list(site.rglob("*.html"))
    assert len(found) > 50
    for html in found:
        text = html.read_text()
        assert "ERROR: Adding a table of contents" not in text, html
        loaded = LOADED.findall(text)
        assert loaded
        assert not [address for address in loaded if re.match(r"(?:https?:)?//", address)], html


def test_modules_roles_and_plugins_are_documented(site: Path) -> None:
    pages = site / "collections/organic"
    for name in ("live_migration/container_migrate_module", "core5g/nf_role", "core5g/nfs_inventory",
                 "live_migration/migration_host_role", "live_migration/migration_progress_callback",
                 "core5g/nf_metrics_module", "lab/namespace_lab_module"):  # fmt: skip
        assert (pages / f"{name}.html").is_file(), name


@needs(CHROMIUM)
@pytest.mark.parametrize("width", [360, 1280])
def test_a_browser_shows_it_without_a_network(site: Path, tmp_path: Path, width: int) -> None:
    for name in ("index", "concepts", "collections/organic/live_migration/container_migrate_module"):
        # A browser of its own for each page: what one has loaded, another need not load.
        with (
            chromium(tmp_path / name.replace("/", "-")) as browser,
            browser.open(site / f"{name}.html", width, mobile=width < 500) as page,
        ):
            page.screenshot(ROOT / f"artifacts/display/site-{Path(name).name}-{width}.png")
            assert page.complaints == []
            assert all(address.startswith(("file:", "data:")) for address in page.requests), page.requests
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
