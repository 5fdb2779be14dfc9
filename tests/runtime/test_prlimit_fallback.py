# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preload.so: the limits of another user's process, read without CAP_SYS_RESOURCE."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from .container import python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = 16  # RLIM_NLIMITS
OTHER_USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
WITHOUT_CAPABILITY = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
HAS_LIMITS = f"""
import json, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
resource.setrlimit(resource.RLIMIT_CORE, (0, 4096))
resource.setrlimit(resource.RLIMIT_CPU, (7, -1))
print(json.dumps([resource.getrlimit(kind) for kind in range({KINDS})]), flush=True)
sys.stdin.read()
"""
# As glibc offers it, and as CRIU calls it.
BY_FUNCTION = f"""
import json, resource, sys
print(json.dumps([resource.prlimit(int(sys.argv[1]), kind) for kind in range({KINDS})]))
"""
BY_NUMBER = f"""
import ctypes, json, os, sys
number = {{"x86_64": 302, "aarch64": 261}}[os.uname().machine]
libc = ctypes.CDLL(None, use_errno=True)
limits = []
for kind in range({KINDS}):
    limit = (ctypes.c_int64 * 2)()
    if libc.syscall(ctypes.c_long(number), ctypes.c_long(int(sys.argv[1])), ctypes.c_long(kind), None, limit) != 0:
        raise PermissionError(ctypes.get_errno())
    limits.append(list(limit))
print(json.dumps(limits))
"""
SET = "import resource, sys; resource.prlimit(int(sys.argv[1]), resource.RLIMIT_NOFILE, (50, 100))"


@pytest.fixture
def other() -> Iterator[tuple[int, list[list[int]]]]:
    """A process of another user: PID and limits."""
    command = [*OTHER_USER, *python(HAS_LIMITS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield process.pid, json.loads(process.stdout.readline())


def read(source: str, pid: int, preload: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [*WITHOUT_CAPABILITY, *python(source), str(pid)]
    environment = {"PATH": "/usr/bin:/bin", **({"LD_PRELOAD": str(preload)} if preload else {})}
    return subprocess.run(command, env=environment, text=True, capture_output=True, check=False)


@pytest.mark.parametrize("source", [BY_FUNCTION, BY_NUMBER])
def test_tells_the_limits(init: Path, other: tuple[int, list[list[int]]], source: str) -> None:
    pid, limits = other
    assert "PermissionError" in read(source, pid).stderr  # else the test proves nothing
    done = read(source, pid, init.with_name("preload.so"))
    assert json.loads(done.stdout) == limits
    assert [100, 200] in limits and [0, 4096] in limits and [7, -1] in limits


def test_sets_none(init: Path, other: tuple[int, list[list[int]]]) -> None:
    assert "PermissionError" in read(SET, other[0], init.with_name("preload.so")).stderr


def test_leaves_other_errors_alone(init: Path) -> None:
    assert "ProcessLookupError" in read(BY_FUNCTION, 2**22, init.with_name("preload.so")).stderr
