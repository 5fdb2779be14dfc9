# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process is never taken for another one."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

from ansible_collections.organic.lab.plugins.module_utils.process import Process

SLEEP = [sys.executable, "-c", "import time; time.sleep(1000)"]


def test_kill_ends_the_process() -> None:
    with subprocess.Popen(SLEEP) as child:
        process = Process.of(child.pid)
        assert process is not None
        assert process.alive()
        process.kill()
        assert child.wait(10) == -9
        assert not process.alive()


def test_a_reused_pid_is_not_touched() -> None:
    with subprocess.Popen(SLEEP) as child:
        process = Process.of(child.pid)
        assert process is not None
        for stranger in (
            dataclasses.replace(process, start_time=process.start_time - 1),
            dataclasses.replace(process, boot="another"),
        ):
            assert not stranger.alive()
            stranger.kill()
        assert child.poll() is None
        child.kill()


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE) as child:
        process = Process.of(child.pid)
        assert process is not None
        assert child.stdout is not None
        assert child.stdout.read() == b""
        while process.alive():
            pass
        assert Process.of(child.pid) == process


def test_no_process() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        child.wait(10)
        assert Process.of(child.pid) is None
