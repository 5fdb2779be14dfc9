# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from organic5gc.report.inputs import Migration, Subject
from organic5gc.report.sections import chapter, comparison

_TEMPLATE = "page.html.j2"


def render(subjects: Sequence[Subject]) -> str:
    """The HTML of a report; the same subjects give the same text."""
    chapters = [chapter(one, f"s{number}") for number, one in enumerate(subjects)]
    migrations = [one for one in subjects if isinstance(one, Migration)]
    compared = comparison(migrations, "compared") if len(migrations) > 1 else None
    title = chapters[0].title if len(chapters) == 1 else f"{len(chapters)} reports"
    if len(migrations) == len(chapters) > 1:
        title = f"{len(chapters)} migrations"
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(_TEMPLATE).render(title=title, chapters=chapters, comparison=compared)


def write(path: Path, page: str) -> bool:
    """Write a page, at once; whether the file has changed."""
    if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == page:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(page, encoding="utf-8")
    os.replace(temporary, path)
    return True
