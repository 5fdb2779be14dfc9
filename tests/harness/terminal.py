# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real terminal, by tmux."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.apt import TMUX
from tests.harness.wait import until


@dataclass
class Terminal:
    """A window of a tmux server of its own."""

    socket: Path

    def tmux(self, *arguments: str) -> str:
        assert TMUX.path is not None
        done = subprocess.run(
            [TMUX.path, "-S", str(self.socket), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout

    def start(
        self,
        directory: Path,
        command: Sequence[str],
        environment: Mapping[str, str],
        columns: int = 100,
        rows: int = 24,
    ) -> None:
        """Run a command; below what it has shown follows ``ended with STATUS``."""
        variables = " ".join(f"{key}={shlex.quote(value)}" for key, value in environment.items())
        shell = f"cd {shlex.quote(str(directory))} && env {variables} {shlex.join(command)}; echo ended with $?"
        settings = self.socket.with_suffix(".conf")
        settings.write_text("set -g status off\n")  # the line would be taken from the window
        size = ["-x", str(columns), "-y", str(rows)]
        self.tmux("-f", str(settings), "new-session", "-d", *size, f"trap : INT; {shell}; exec sleep 600")

    def press(self, key: str) -> None:
        """A key by its name in tmux, for example C-c."""
        self.tmux("send-keys", key)

    @property
    def screen(self) -> list[str]:
        """What is seen, without empty lines."""
        return [line.rstrip() for line in self.tmux("capture-pane", "-p").splitlines() if line.strip()]

    def await_screen(self, text: str) -> list[str]:
        try:
            until(lambda: any(text in line for line in self.screen), f"{text!r} is seen")
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.screen])) from None
        return self.screen


@contextmanager
def terminal(directory: Path) -> Iterator[Terminal]:
    """One whose server has ended afterwards."""
    made = Terminal(directory / "tmux")
    try:
        yield made
    finally:
        subprocess.run([TMUX.path or "tmux", "-S", str(made.socket), "kill-server"], capture_output=True, check=False)
