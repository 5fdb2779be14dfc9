# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workload measures what it says it does: on the loopback, with stops and faults of a known size."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.build import Workload, build

PAGE_BYTES = 4096
MEMORY_MB = 4
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    return build(tmp_path_factory.mktemp("workload"))


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program; ends it with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*command: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout
    return process.stdout.readline().decode()


class Session:
    """A server and a client that talks to it."""

    def __init__(self, workload: Workload, start: Start, port: int, *, client: tuple[object, ...] = ()) -> None:
        self._start = start
        self._server_command = (workload.server, "--port", port, "--memory-mb", MEMORY_MB)
        self._client_command = (workload.client, "--address", "127.0.0.1", "--port", port, *client)

    def begin(self, *server_options: object) -> None:
        self.server = self._start(*self._server_command, *server_options)
        assert line(self.server) == f"serving with {MEMORY_MB} MB\n"
        self.client = self._start(*self._client_command)
        assert line(self.client) == "ready\n"

    def restart_server(self) -> None:
        self.server.kill()
        self.server.wait()
        self.server = self._start(*self._server_command)
        assert line(self.server)

    def status(self) -> dict[str, Any]:
        assert self.client.stdin
        self.client.stdin.write(b"\n")
        self.client.stdin.flush()
        status: dict[str, Any] = json.loads(line(self.client))
        return status

    def await_status(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while not holds(status := self.status()):
            assert time.monotonic() < deadline, status
            time.sleep(0.01)
        return status

    def stop_server_for(self, seconds: float) -> None:
        self.server.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.server.send_signal(signal.SIGCONT)

    def end(self) -> dict[str, Any]:
        output, errors = self.client.communicate(timeout=20)
        assert self.client.returncode == 0, errors
        result: dict[str, Any] = json.loads(output)
        return result


@pytest.fixture
def session(workload: Workload, start: Start, port: int) -> Session:
    return Session(workload, start, port)


def test_every_request_of_the_open_loop_is_answered_and_the_pages_verify(session: Session) -> None:
    session.begin("--dirty-pages-per-s", 2000)
    session.await_status(lambda status: status["answered"] > 500)
    result = session.end()
    assert result["sent"] == result["answered"] > 500
    assert result["failed"] == result["doubled"] == result["disordered"] == 0
    assert result["tcp_connections"] == {"opened": 1, "kept": 1, "broken": 0}
    assert result["process_kept"] and result["verified"]
    assert result["faulty_pages"] == result["lost_writes"] == 0
    assert result["page_writes"] > 200


def test_no_page_is_written_without_a_dirty_rate(session: Session) -> None:
    session.begin()
    session.await_status(lambda status: status["answered"] > 200)
    assert session.end()["page_writes"] == 0


def test_a_writer_that_is_not_held_back_takes_its_cpu_and_verifies(session: Session) -> None:
    session.begin("--flat-out", "--working-set-mb", 1)
    first = session.await_status(lambda status: status["writer_cpu_s"] > 0.2)
    second = session.await_status(lambda status: status["writer_cpu_s"] > first["writer_cpu_s"] + 0.2)
    # A page in 100 us is slow for any machine; its pauses would be 1 ms.
    assert second["page_writes"] - first["page_writes"] > 2000
    assert second["last_answer_s"] > first["last_answer_s"]
    result = session.end()
    assert result["verified"] and result["faulty_pages"] == result["lost_writes"] == 0


def test_the_raw_socket_carries_what_it_is_told_to(workload: Workload, start: Start, port: int) -> None:
    for receiver in ("receive", "keep"):
        options = ("--address", "127.0.0.1", "--port", port, "--memory-mb", 8)
        receiving = start(workload.raw, receiver, *options)
        assert line(receiving) == "listening\n"
        assert start(workload.raw, "send", *options).wait(20) == 0
        assert receiving.wait(20) == 0 and int(line(receiving)) > 0


def test_fresh_memory_has_its_price(workload: Workload) -> None:
    assert 0 < int(subprocess.run([workload.memory, "16"], capture_output=True, check=True).stdout) < 1_000_000
    assert subprocess.run([workload.memory, "0"], capture_output=True, check=False).returncode == 64


def test_a_stop_shows_as_gap_and_as_downtime(session: Session) -> None:
    session.begin("--dirty-pages-per-s", 1000)
    before = session.await_status(lambda status: status["answered"] > 100)
    assert before["service_gap_ms"] < 300 and before["process_downtime_ms"] < 300
    session.stop_server_for(0.5)
    session.await_status(lambda status: status["silent_ms"] < 20)
    result = session.end()
    assert 500 <= result["process_downtime_ms"] < 900
    assert 498 <= result["service_gap_ms"] < 900
    assert result["interruptions"] >= 1
    assert result["service_gap_ms"] <= result["interrupted_ms"] < result["service_gap_ms"] + 200
    # The open loop went on during the stop, and everything was answered after it.
    assert result["sent"] == result["answered"] > 550
    assert result["tcp_connections"]["kept"] == 1


def test_many_connections_share_the_rate(workload: Workload, start: Start, port: int) -> None:
    session = Session(workload, start, port, client=("--connections", 8))
    session.begin()
    session.await_status(lambda status: status["answered"] > 400)
    session.stop_server_for(0.4)
    session.await_status(lambda status: status["silent_ms"] < 20)
    result = session.end()
    assert result["tcp_connections"] == {"opened": 8, "kept": 8, "broken": 0}
    assert result["answered"] == result["sent"]
    assert 390 <= result["service_gap_ms"] < 900


def test_a_restarted_process_is_told_from_a_kept_one(session: Session) -> None:
    session.begin()
    before = session.await_status(lambda status: status["answered"] > 100)
    session.restart_server()
    session.await_status(lambda status: status["answered"] > before["answered"] + 100)
    result = session.end()
    assert not result["process_kept"]
    assert result["tcp_connections"]["kept"] == 0 and result["tcp_connections"]["broken"] >= 1
    assert result["failed"] > 0 and result["sent"] == result["answered"] + result["failed"]


def test_a_silent_connection_is_given_up_and_opened_again(workload: Workload, start: Start, port: int) -> None:
    session = Session(workload, start, port, client=("--silence-s", 1))
    session.begin()
    session.await_status(lambda status: status["answered"] > 100)
    session.stop_server_for(1.5)
    session.await_status(lambda status: status["silent_ms"] < 20)
    result = session.end()
    assert result["process_kept"] and result["tcp_connections"]["kept"] == 0
    assert result["failed"] > 900 and result["service_gap_ms"] > 1400


def test_a_dead_server_is_reported_not_waited_for(workload: Workload, start: Start, port: int) -> None:
    session = Session(workload, start, port, client=("--drain-s", 1))
    session.begin()
    session.await_status(lambda status: status["answered"] > 100)
    session.server.kill()
    session.server.wait()
    session.await_status(lambda status: status["silent_ms"] > 50)
    result = session.end()
    assert not result["verified"] and result["failed"] > 0
    assert result["sent"] == result["answered"] + result["failed"]


def test_one_damaged_byte_and_one_lost_write_are_found(session: Session) -> None:
    session.begin("--dirty-pages-per-s", 1000, "--working-set-mb", 1)
    session.await_status(lambda status: status["page_writes"] > 100)
    session.server.send_signal(signal.SIGSTOP)
    # Outside the working set, where nothing overwrites the damage.
    damaged, stale = (find_pages(session.server.pid) + number * PAGE_BYTES for number in (300, 301))
    with open(f"/proc/{session.server.pid}/mem", "r+b", buffering=0) as memory:
        (byte,) = os.pread(memory.fileno(), 1, damaged + 2000)
        os.pwrite(memory.fileno(), bytes([byte ^ 1]), damaged + 2000)
        os.pwrite(memory.fileno(), struct.pack("=Q", 3), stale + 8)
    session.server.send_signal(signal.SIGCONT)
    result = session.end()
    assert result["verified"]
    assert result["faulty_pages"] == 2
    assert result["lost_writes"] == 3


def find_pages(pid: int) -> int:
    """The address of page 0: the page whose first word is 0 and whose follower's is 1, 2, ..."""
    for entry in Path(f"/proc/{pid}/maps").read_text().splitlines():
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 *$", entry)
        if not match:
            continue
        begin, end = (int(number, 16) for number in match.groups())
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as handle:
            for address in range(begin, end - (MEMORY_MB << 20) + 1, PAGE_BYTES):
                if all(
                    os.pread(handle.fileno(), 8, address + i * PAGE_BYTES) == struct.pack("=Q", i) for i in range(4)
                ):
                    return address
    raise AssertionError("no pages found")


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--port", "0", "--memory-mb", "1"),
        ("--port", "70000", "--memory-mb", "1"),
        ("--port", "7000", "--memory-mb", "-1"),
        ("--port", "7000", "--memory-mb", "1", "--working-set-mb", "2"),
        ("--port", "7000", "--memory-mb", "1", "more"),
        ("--port", "7000", "--memory-mb", "1x"),
        ("--port", "7000", "--memory-mb", "1", "--flat-out", "--dirty-pages-per-s", "1"),
    ],
)
def test_the_server_refuses_bad_options(workload: Workload, options: tuple[str, ...]) -> None:
    assert subprocess.run([workload.server, *options], capture_output=True, check=False).returncode == 64


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--address", "nowhere", "--port", "7000"),
        ("--address", "127.0.0.1", "--port", "7000", "--connections", "0"),
    ],
)
def test_the_client_refuses_bad_options(workload: Workload, options: tuple[str, ...]) -> None:
    result = subprocess.run([workload.client, *options], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert result.returncode == 64


def test_the_client_says_that_nobody_answers(workload: Workload, port: int) -> None:
    command = [str(workload.client), "--address", "127.0.0.1", "--port", str(port), "--connect-s", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        assert client.stderr and client.stderr.read() == b"no connection within 1 s\n"
        assert client.wait() == 1


def test_a_build_is_repeatable_and_the_root_file_system_holds_the_server(workload: Workload) -> None:
    before = workload.rootfs.read_bytes()
    assert build(workload.server.parent).rootfs.read_bytes() == before
    with tarfile.open(workload.rootfs) as archive:
        assert archive.getmember("server").mode == 0o755
        program = archive.extractfile("server")
        assert program and program.read() == workload.server.read_bytes()


def test_what_is_held_is_counted(workload: Workload, start: Start, port: int) -> None:
    session = Session(workload, start, port, client=("--connections", 300))
    session.begin("--threads", 20, "--processes", 3, "--shared-mb", 1)
    tasks = len(os.listdir(f"/proc/{session.server.pid}/task"))
    assert tasks == 1 + 1 + 20
    seen = session.end()
    assert (seen["verified"], seen["faulty_pages"], seen["tcp_connections"]["kept"]) == (True, 0, 300)


def test_a_lost_process_is_noticed(workload: Workload, start: Start, port: int) -> None:
    session = Session(workload, start, port)
    session.begin("--processes", 1)
    (child,) = Path(f"/proc/{session.server.pid}/task/{session.server.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    select.select([os.pidfd_open(int(child))], [], [])
    assert session.end()["faulty_pages"] == 1
