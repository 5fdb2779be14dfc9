# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that says itself when it is ready (sd_notify(3)): until then its container is not healthy."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .container import NAME, Container, children, python, sigqueue, until

if TYPE_CHECKING:
    from .conftest import Start

SAY = """
import os, socket
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
    notified.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
    notified.send(MESSAGE)
"""
ON_SIGNAL = "import signal; signal.sigwait([signal.SIGUSR1])"
"""What comes next is done when the test asks for it; a signal that comes too early waits."""


def says(*messages: bytes) -> list[str]:
    """A command that sends each message after a SIGUSR1, then sleeps."""
    lines = [
        "import signal",
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])",
        "print('asked', flush=True)",
    ]
    for message in messages:
        lines += [ON_SIGNAL, SAY.replace("MESSAGE", repr(message)), "print('said', flush=True)"]
    return ["--name", NAME, "--", *python("\n".join([*lines, "signal.pause()"]))]


@pytest.fixture(autouse=True)
def notifying(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RESIDENT_NOTIFY", "ready")
    yield


def healthy(container: Container) -> tuple[bool, bool]:
    """What its health check says, and its check of readiness."""
    first, second = (container.inside(str(container.init), check).returncode == 0 for check in ("health", "ready"))
    return first, second


def started(start: Start, output: Path, *messages: bytes) -> Container:
    """Runs, and takes its orders."""
    with output.open("w") as file:
        container = start(*says(*messages), stdout=file.fileno())
    until(lambda: "asked" in output.read_text())
    return container


def takes_signals(container: Container) -> None:
    """Return when the init has taken every signal that was sent before."""
    sigqueue(container.pid, signal.SIGRTMIN, 4711)  # no such child: a line on stderr, and nothing else
    until(lambda: not _pending(container.pid))


def _pending(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("ShdPnd:"))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.mark.parametrize("message", [b"READY=1", b"STATUS=registered\nREADY=1\n"])
def test_is_healthy_once_the_command_has_said_so(start: Start, output: Path, message: bytes) -> None:
    container = started(start, output, message)
    assert (container.state, healthy(container)) == ("start", (False, False))
    os.kill(container.main_child, signal.SIGUSR1)
    until(lambda: container.state == "run")
    assert healthy(container) == (True, True)
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[0] == 128 + signal.SIGTERM


@pytest.mark.parametrize("message", [b"READY=0", b"STATUS=READY=1", b"READY=10", b"", b"x" * 2000])
def test_other_messages_are_nothing(start: Start, output: Path, message: bytes) -> None:
    container = started(start, output, message, b"READY=1")
    os.kill(container.main_child, signal.SIGUSR1)
    until(lambda: output.read_text().count("said") == 1)
    takes_signals(container)
    assert (container.state, healthy(container)) == ("start", (False, False))
    os.kill(container.main_child, signal.SIGUSR1)
    until(lambda: container.state == "run")


def test_remains_healthy_whatever_the_command_says_later(start: Start, output: Path) -> None:
    # By the protocol a sender takes no notice of a socket that is gone.
    container = started(start, output, b"READY=1")
    os.kill(container.main_child, signal.SIGUSR1)
    until(lambda: container.state == "run")
    assert container.inside(*python(SAY.replace("MESSAGE", "b'STOPPING=1'"))).returncode != 0
    assert healthy(container) == (True, True)


def test_a_process_of_another_container_has_no_say(start: Start, output: Path) -> None:
    container = started(start, output, b"READY=1")
    environment = Path(f"/proc/{container.main_child}/environ").read_bytes().split(b"\0")
    name = next(one for one in environment if one.startswith(b"NOTIFY_SOCKET=")).partition(b"=")[2].decode()
    # In its network namespace, as containers on the network of a host share one, but not in its PID namespace.
    command = ["nsenter", "-t", str(container.pid), "-n", *python(SAY.replace("MESSAGE", "b'READY=1'"))]
    subprocess.run(command, check=True, env={**os.environ, "NOTIFY_SOCKET": name})
    takes_signals(container)
    assert (container.state, healthy(container)) == ("start", (False, False))


def test_a_process_that_was_migrated_here_is_ready(start: Start, await_file: Path) -> None:
    await_file.write_text("await\n")
    container = start(*says(b"READY=1"))
    assert container.state == "await"
    container.adopt(container.orphan("exec sleep 60"))
    until(lambda: container.state == "run")
    assert healthy(container) == (False, False)
    await_file.unlink()
    assert healthy(container) == (True, True)


def test_what_is_said_after_a_departure_changes_nothing(start: Start, output: Path) -> None:
    container = started(start, output, b"READY=1")
    sigqueue(container.pid, signal.SIGRTMIN + 1, 1)
    until(lambda: container.state == "left")
    os.kill(container.main_child, signal.SIGUSR1)
    until(lambda: "said" in output.read_text())
    takes_signals(container)
    assert (container.state, healthy(container)) == ("left", (True, False))


def test_comes_back_as_ready_after_a_departure(start: Start, output: Path) -> None:
    container = started(start, output, b"READY=1")
    sigqueue(container.pid, signal.SIGRTMIN + 1, 1)
    until(lambda: container.state == "left")
    os.kill(container.main_child, signal.SIGKILL)
    until(lambda: not children(container.pid))
    container.adopt(container.orphan("exec sleep 60"))
    until(lambda: container.state == "run")
    assert healthy(container) == (True, True)


def test_says_it_after_a_hold_as_well(start: Start, await_file: Path, output: Path) -> None:
    await_file.write_text("hold\n")
    with output.open("w") as file:
        container = start(*says(b"READY=1"), stdout=file.fileno())
    assert container.state == "hold"
    await_file.unlink()
    until(lambda: "asked" in output.read_text())
    assert container.state == "start"
    os.kill(container.main_child, signal.SIGUSR1)
    until(lambda: container.state == "run")


@pytest.mark.parametrize("word", ["", "never"])
def test_is_healthy_at_once_without_the_word(start: Start, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("RESIDENT_NOTIFY", word)
    container = start("sleep", "60")
    assert container.main_child
    assert healthy(container) == (True, True)
    assert b"NOTIFY_SOCKET=" not in Path(f"/proc/{container.main_child}/environ").read_bytes()
