#!/usr/bin/env python3
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the documentation site: the pages of docs/, some of the repository, and those of the collections' plugins.

    tools/docs.py [DIRECTORY]       by default artifacts/docs; DIRECTORY/html/index.html is its first page

Any warning is an error. Nothing is fetched. Needs the packages of requirements-dev.txt.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLLECTIONS = ("organic.live_migration", "organic.core5g", "organic.lab")
OTHER_PAGES = {"ARCHITECTURE.md": "architecture.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
"""Pages outside docs/, and their names in the site."""
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_CONTENTS = re.compile(r"^\.\. contents::\n(?: +:.*\n)*", re.MULTILINE)
_FENCE = re.compile(r"^( *)(`{3,})(.*)$", re.MULTILINE)
_LANGUAGES = {"yaml": "yaml", "python": "python", "ini": "ini", "c": "c", "json": "json"}
"""Of the languages in our pages, those that Pygments colours; all others are shown as they are."""


def pages() -> dict[Path, str]:
    """The Markdown pages of the site, and their names in it."""
    own = {path: path.name for path in sorted((ROOT / "docs").glob("*.md"))}
    return {**own, **{ROOT / name: page for name, page in OTHER_PAGES.items()}}


def convert(text: str, page: Path, names: Mapping[Path, str]) -> str:
    """A page of the repository as one of the site.

    Raises:
        FileNotFoundError: a link leads to a file that is not there.
    """

    def link(found: re.Match[str]) -> str:
        mark, words, target = found.groups()
        name, _, anchor = target.partition("#")
        if mark or "://" in target or target.startswith(("#", "mailto:")):
            return found.group()
        path = (page.parent / name).resolve()
        if not path.exists():
            raise FileNotFoundError(f"{page.name} links to {target}, which is not there")
        if path in names:
            return f"[{words}]({names[path]}{f'#{anchor}' if anchor else ''})"
        # The site has no such page; whoever has the repository finds the file.
        return f"{words} (`{path.relative_to(ROOT)}`)" if words.strip("`") != str(path.relative_to(ROOT)) else words

    def fence(found: re.Match[str]) -> str:
        indent, ticks, info = found.groups()
        language = info.split()[0] if info.split() else ""
        if not language or language.startswith("{"):
            return found.group()
        return f"{indent}{ticks}{_LANGUAGES.get(language, 'none')}"

    return _FENCE.sub(fence, _LINK.sub(link, text))


def complete(first: str, names: Iterable[str]) -> str:
    """The first page with the pages that it does not list yet, at the end of its first list."""
    listed = first.splitlines()
    missing = [Path(name).stem for name in names if Path(name).stem not in (*listed, "index")]
    end = listed.index("```", listed.index("```{toctree}"))
    return "\n".join([*listed[:end], *missing, *listed[end:]]) + "\n"


def assemble(source: Path) -> None:
    """Put the pages of the site into a directory."""
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    names = pages()
    for path, name in names.items():
        (source / name).write_text(convert(path.read_text(encoding="utf-8"), path, names), encoding="utf-8")
    first = source / "index.md"
    first.write_text(complete(first.read_text(encoding="utf-8"), names.values()), encoding="utf-8")
    shutil.copytree(ROOT / "docs/pictures", source / "pictures")
    shutil.copy(ROOT / "docs/conf.py", source)


def document_collections(source: Path) -> None:
    """Write a page for each module, role and plugin."""
    run(
        "antsibull-docs", "collection", "--use-current", "--fail-on-error", "--no-add-antsibull-docs-version",
        "--dest-dir", str(source), *COLLECTIONS,
    )  # fmt: skip
    # The theme has a table of contents on each page; one in the text would be there twice, and it says so in red.
    for page in (source / "collections").rglob("*.rst"):
        page.write_text(_CONTENTS.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")


def build(source: Path, directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", str(source), str(directory))


def run(*command: str) -> None:
    """A command whose output is shown if it fails."""
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def main(arguments: list[str]) -> int:
    directory = Path(arguments[0] if arguments else ROOT / "artifacts/docs").resolve()
    source = directory / "source"
    assemble(source)
    document_collections(source)
    build(source, directory / "html")
    print(directory / "html/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
