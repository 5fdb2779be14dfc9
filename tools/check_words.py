#!/usr/bin/env python3
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the word list of CONTRIBUTING.md in every text file of the repository: code, comments, documents, YAML.

usage: tools/check_words.py [PATH...]      (default: all files that git knows or would add)

Prints one line for each finding, FILE:LINE: 'word' (write: ...), and exits with status 1 when there is one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = "CONTRIBUTING.md"
HEADING = "## Word list"
UNCHECKED = re.compile(r"(^|/)(COPYING|CHANGELOG\.rst|changelogs/changelog\.yaml|go\.sum)$")
"""A licence text, the changelogs of releases, which are history, and hashes."""
_SEPARATOR = r"[\s_\"'#*/-]+"
"""Between the words of a phrase: spaces, a line break with the marks of a comment or a string, or those of a name."""


@dataclass(frozen=True)
class Word:
    """One row of the list.

    Attributes:
        forms: the words and phrases that are not used.
        instead: what to write.
        names: names of other projects that hold one of the forms, and are quoted as they are.
        pattern: finds any of the forms in text that :func:`split_identifiers` has prepared.
    """

    forms: tuple[str, ...]
    instead: str
    names: tuple[str, ...] = ()
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        phrases = (_SEPARATOR.join(map(re.escape, form.split())) for form in self.forms)
        pattern = rf"(?<![a-z])(?:{'|'.join(phrases)})(?![a-z])"
        object.__setattr__(self, "pattern", re.compile(pattern, re.IGNORECASE))


@dataclass(frozen=True)
class Finding:
    """A word that is not used, and where. Line 0 is the name of the file itself."""

    path: str
    line: int
    text: str
    instead: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else f"{self.path}: file name"
        return f"{where}: '{' '.join(self.text.split())}' (write: {self.instead})"


def read_list(text: str) -> list[Word]:
    """The rows of the table below HEADING: ``| `form` `form` | write | names |``.

    Raises:
        ValueError: there is no such table, or a row without a form or a replacement.
    """
    words = []
    for line in _table(text):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        forms = tuple(re.findall(r"`([^`]+)`", cells[0]))
        if len(cells) != 3 or not forms or not cells[1]:
            raise ValueError(f"{LIST}: not a row of the word list: {line}")
        words.append(Word(forms, cells[1], tuple(re.findall(r"`([^`]+)`", cells[2]))))
    if not words:
        raise ValueError(f"{LIST} has no table below '{HEADING}'")
    return words


def _table(text: str) -> Iterator[str]:
    """The rows of the list, without its header."""
    _before, _heading, below = text.partition(f"\n{HEADING}\n")
    rows = [line for line in below.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return iter(rows[2:])


def split_identifiers(text: str) -> str:
    """``someName`` as ``some_name`` is read; every line stays where it is."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)


def check_text(path: str, text: str, words: Iterable[Word]) -> Iterator[Finding]:
    """Findings in the name and the content of one file. In the list itself its rows are passed over."""
    words = list(words)
    if path == LIST:
        for row in _table(text):
            text = text.replace(row, "")
    for word in words:
        for match in word.pattern.finditer(split_identifiers(path)):
            yield Finding(path, 0, match.group(), word.instead)
        for match in word.pattern.finditer(split_identifiers(_without(word.names, text))):
            yield Finding(path, match.string.count("\n", 0, match.start()) + 1, match.group(), word.instead)


def _without(names: Iterable[str], text: str) -> str:
    for name in names:
        text = text.replace(name, "")
    return text


def text_files(paths: list[str]) -> Iterator[tuple[str, str]]:
    """Name and content of every text file that git knows or would add; of those below ``paths``, if there are any."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in sorted({name for name in names if name and not UNCHECKED.search(name)}):
        path = ROOT / name
        if path.is_symlink() or not path.is_file():
            continue
        try:
            yield name, path.read_text()
        except UnicodeDecodeError:
            continue


def main(paths: list[str]) -> int:
    words = read_list((ROOT / LIST).read_text())
    findings = [finding for name, text in text_files(paths) for finding in check_text(name, text, words)]
    for finding in sorted(findings, key=lambda one: (one.path, one.line)):
        print(finding)
    if findings:
        print(f"{len(findings)} words that {LIST} does without", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
