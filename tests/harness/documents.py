# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that the documents give.

A block ``sh`` holds commands, one a line. In a block ``console`` a command begins with a prompt, ``$`` or ``#``, and
the other lines are its output. A command in backticks within the text counts if its first word is one of PROGRAMS.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .playbook import PROJECT

PROGRAMS = ("ansible-doc", "ansible-playbook", "make", "molecule", "organic5gc", "pip", "pre-commit", "promtool",
            "python", "pytest")  # fmt: skip
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_PROMPT = re.compile(r"^[$#] ")


@dataclass(frozen=True)
class Command:
    """One command of a document, without its prompt, its comment and what is set for it alone (NAME=VALUE)."""

    document: Path
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        return shlex.join(self.words)

    @property
    def program(self) -> str:
        return Path(self.words[0]).name


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what follows the language, and its lines."""

    document: Path
    language: str
    info: tuple[str, ...]
    body: str

    def commands(self) -> Iterator[Command]:
        if self.language not in ("sh", "console"):
            return
        for line in self.body.replace("\\\n", " ").splitlines():
            if self.language == "console":
                if not _PROMPT.match(line):
                    continue
                line = line[2:]
            yield from commands_of(self.document, line)


def commands_of(document: Path, line: str) -> Iterator[Command]:
    """The commands of a line of a shell."""
    words: list[str] = []
    for word in [*shlex.split(line, comments=True), "&&"]:
        if word != "&&":
            words.append(word)
        elif words:
            while len(words) > 1 and re.match(r"[A-Z_]+=", words[0]):
                del words[0]
            yield Command(document, tuple(words))
            words = []


def documents() -> list[Path]:
    """The documents that users read; what a tool of others has written is not among them."""
    return sorted(
        path
        for pattern in ("*.md", ".github/*.md", "docs/*.md", "awx/*.md", "examples/*/*.md", "python_plugins/*.md",
                        "tests/*.md", "tests/*/*.md", "tools/*.md", "collections/ansible_collections/organic/*/*.md",
                        "collections/ansible_collections/organic/*/roles/*/*.md")
        for path in PROJECT.glob(pattern)
    )  # fmt: skip


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a document."""
    found = []
    for match in _FENCE.finditer(document.read_text()):
        language, *info = match["info"].split() or [""]
        found.append(Block(document, language, tuple(info), match["body"]))
    return found


def commands(document: Path) -> list[Command]:
    """Every command of a document, of its blocks and of its text."""
    found = [command for block in blocks(document) for command in block.commands()]
    text = _FENCE.sub("", document.read_text())
    for quoted in _INLINE.findall(text):
        if " " not in quoted or "<" in quoted or "..." in quoted:  # a name, or a pattern for a command
            continue
        try:
            found += [command for command in commands_of(document, quoted) if command.program in PROGRAMS]
        except ValueError:  # an apostrophe: not a command
            continue
    return found
