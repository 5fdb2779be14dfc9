# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How pages of the repository become pages of the site; tests/display builds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import docs

PAGE = docs.ROOT / "docs/states.md"


def convert(text: str) -> str:
    return docs.convert(text, PAGE, docs.pages())


def test_links_to_pages_of_the_site_stay_links() -> None:
    text = "[a](results.md#how-to-read-it) [b](../ARCHITECTURE.md#rooms) [c](#here) [d](https://example.org/x)"
    converted = "[a](results.md#how-to-read-it) [b](architecture.md#rooms) [c](#here) [d](https://example.org/x)"
    assert convert(text) == converted


def test_links_to_other_files_name_the_file() -> None:
    assert (
        convert("see [the benchmark](../tests/benchmark/README.md).")
        == "see the benchmark (`tests/benchmark/README.md`)."
    )
    assert convert("[`monitoring/alerts.yml`](../monitoring/alerts.yml)") == "`monitoring/alerts.yml`"


def test_a_link_that_leads_nowhere_is_an_error() -> None:
    with pytest.raises(FileNotFoundError, match=r"states.md links to no_such.md"):
        convert("[a](no_such.md)")


def test_code_of_languages_that_cannot_be_coloured_is_shown_as_it_is() -> None:
    assert convert("```mermaid\nflowchart LR\n```") == "```none\nflowchart LR\n```"
    assert convert("```sh edge-a\nls\n```") == "```none\nls\n```"
    assert convert("```yaml\na: 1\n```") == "```yaml\na: 1\n```"
    assert convert("```{toctree}\nindex\n```") == "```{toctree}\nindex\n```"


def test_every_page_is_on_the_first_one() -> None:
    first = (docs.ROOT / "docs/index.md").read_text()
    names = [*docs.pages().values(), "a-new-one.md"]
    lines = docs.complete(first, names).splitlines()
    assert sorted(lines.count(Path(name).stem) for name in names if name != "index.md") == [1] * (len(names) - 1)
    assert lines.index("a-new-one") < lines.index(":caption: Run it")
    assert docs.complete(first, []) == first
