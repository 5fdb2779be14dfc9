# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The init in a container that a cluster starts again whenever it ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .container import NAME, Container, children, sigqueue, until

if TYPE_CHECKING:
    from .conftest import Start

RUN = ["--name", NAME, "--", "sleep", "60"]
STAY = 1


HOLDS = ["hold\n", "hold 00112233445566ff\n"]


@pytest.fixture
def awaiting(start: Start, await_file: Path) -> Container:
    await_file.write_text("await\n")
    container = start(*RUN)
    assert container.state == "await"
    return container


@pytest.fixture
def running(start: Start) -> Container:
    container = start(*RUN)
    assert container.main_child
    return container


def healthy(container: Container) -> bool:
    return container.inside(str(container.init), "health").returncode == 0


def ready(container: Container) -> bool:
    return container.inside(str(container.init), "ready").returncode == 0


def depart(container: Container) -> None:
    sigqueue(container.pid, signal.SIGRTMIN + 1, STAY)
    until(lambda: container.state == "left")


def takes_signals(container: Container) -> None:
    """Return when the init has taken every signal that was sent before."""
    sigqueue(container.pid, signal.SIGRTMIN, 4711)  # no such child: a line on stderr, and nothing else
    until(lambda: not int(_pending(container.pid), 16))


def _pending(pid: int) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("ShdPnd:"))


@pytest.mark.parametrize("text", ["await", "await\n", "await 00112233445566ff", "await 00112233445566ff\n"])
def test_awaits_without_a_deadline(start: Start, await_file: Path, text: str) -> None:
    await_file.write_text(text)
    container = start(*RUN)
    assert container.state == "await"
    assert not healthy(container)
    await_file.unlink()
    os.kill(container.pid, signal.SIGALRM)
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish() == (0, "", "")


@pytest.mark.parametrize(
    "text",
    [
        "awaits",
        "await hold",
        "Hold",
        "hold\n\n",
        "hol",
        "await\n ",
        "hold ",
        "hold 0011",
        "hold 00112233445566FF",
        "hold  00112233445566ff",
        "await 00112233445566ff0",
        "hold 00112233445566ff 1",
    ],
)
def test_other_words_start_nothing(start: Start, await_file: Path, text: str) -> None:
    await_file.write_text(text)
    assert start(*RUN).finish()[0] == os.EX_CONFIG


def test_is_healthy_once_the_host_needs_the_other_one_no_more(awaiting: Container, await_file: Path) -> None:
    awaiting.adopt(awaiting.orphan("exec sleep 60"))
    until(lambda: awaiting.state == "run")
    assert not healthy(awaiting)
    assert not ready(awaiting)
    await_file.unlink()
    assert healthy(awaiting)
    assert ready(awaiting)


@pytest.mark.parametrize("text", HOLDS)
def test_a_hold_delays_the_start(start: Start, await_file: Path, text: str) -> None:
    await_file.write_text(text)
    container = start(*RUN)
    assert container.state == "hold"
    assert not healthy(container)
    assert children(container.pid) == []
    await_file.unlink()
    until(lambda: container.state == "run")
    assert healthy(container)
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[0] == 128 + signal.SIGTERM


def test_a_command_that_is_missing_is_reported_after_a_hold(start: Start, await_file: Path) -> None:
    await_file.write_text("hold")
    container = start("--name", NAME, "--", "no-such-command")
    assert container.state == "hold"
    await_file.unlink()
    assert container.finish()[0] == 127


def test_can_be_stopped_while_held(start: Start, await_file: Path) -> None:
    await_file.write_text("hold")
    container = start(*RUN)
    assert container.state == "hold"
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[0] == 0


@pytest.mark.parametrize("text", HOLDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_hold_postpones_a_stop(running: Container, await_file: Path, number: int, text: str) -> None:
    await_file.write_text(text)
    os.kill(running.pid, number)
    takes_signals(running)
    assert healthy(running)
    assert running.main_child
    await_file.unlink()
    assert running.finish()[0] == 128 + number


def test_other_signals_are_not_held(start: Start, await_file: Path) -> None:
    container = start(*RUN)
    assert container.main_child
    await_file.write_text("hold\n")
    os.kill(container.pid, signal.SIGUSR1)
    assert container.finish()[0] == 128 + signal.SIGUSR1


def test_stays_healthy_after_a_departure_until_it_is_stopped(running: Container) -> None:
    depart(running)
    os.kill(running.main_child, signal.SIGKILL)
    until(lambda: not children(running.pid))
    takes_signals(running)
    assert (running.state, healthy(running), ready(running)) == ("left", True, False)
    os.kill(running.pid, signal.SIGTERM)
    assert running.finish()[0] == 0


def test_a_stop_before_the_end_of_the_departed_is_remembered(running: Container) -> None:
    main = running.main_child
    depart(running)
    os.kill(running.pid, signal.SIGTERM)
    takes_signals(running)
    assert running.main_child == main
    os.kill(main, signal.SIGKILL)
    assert running.finish()[0] == 0


def test_a_stop_before_the_departure_is_remembered(running: Container, await_file: Path) -> None:
    await_file.write_text("hold")
    os.kill(running.pid, signal.SIGTERM)
    takes_signals(running)
    depart(running)
    await_file.unlink()
    takes_signals(running)
    main = running.main_child
    os.kill(main, signal.SIGKILL)
    assert running.finish()[0] == 0


def test_can_come_back_after_a_departure(running: Container) -> None:
    depart(running)
    os.kill(running.main_child, signal.SIGKILL)
    until(lambda: not children(running.pid))
    running.adopt(running.orphan("exec sleep 60"))
    until(lambda: running.state == "run")
    os.kill(running.pid, signal.SIGTERM)
    assert running.finish()[0] == 128 + signal.SIGTERM
