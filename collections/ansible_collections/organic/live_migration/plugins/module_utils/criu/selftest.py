# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-test of CRIU on this host: a process tree moves from one sandbox into another.

`criu check` reports "Looks good" on kernels where every dump of a socket fails (CRIU issues 2705, 2718 and 2829). So
the self-test is a migration: two processes of an ordinary user with an established TCP connection, between two
sandboxes with the resident init.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

from .. import paths
from ..errors import CriuFailed, MigrationError
from ..host import libc
from .log import error_lines
from .sandbox import Sandbox, pid_inside, until

_NAME = "proof"
_NOBODY = 65534
_WORK_BYTES = 256 << 20
_TCP_PORT = 8805
_UDP_PORT = 8806
_PROBE_TIMEOUT_S = 10
_PID_DISTANCE = 1000
"""Distance of CRIU's own PIDs from those that it restores."""

# Counts the probes that it gets by UDP; each count goes to a child and back over TCP before it is the answer.
_WORKLOAD = f"""\
import os, socket
listener = socket.create_server(("127.0.0.1", {_TCP_PORT}))
if os.fork() == 0:
    peer = socket.create_connection(("127.0.0.1", {_TCP_PORT}))
    while True:
        data = peer.recv(8)
        if not data:
            os._exit(1)
        peer.sendall(data)
connection, _ = listener.accept()
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
probe.bind(("127.0.0.1", {_UDP_PORT}))
count = 0
while True:
    _, asker = probe.recvfrom(8)
    count += 1
    connection.sendall(count.to_bytes(8, "big"))
    probe.sendto(connection.recv(8), asker)
"""

_REMEDIES = {
    "Can't get 1:16 opt": "CRIU before 4.2 cannot dump sockets on Linux 6.16 and later: install criu >= 4.2",
    "Stale": "criu.kdat was made by another build of CRIU: apply the role organic.live_migration.migration_host again",
    "Can't get rlimit": "root lacks CAP_SYS_RESOURCE and lib/preload.so cannot replace it: give it to the host",
    "ns_last_pid": "the kernel needs CONFIG_CHECKPOINT_RESTORE and root CAP_SYS_ADMIN",
    "Operation not permitted": "root needs CAP_SYS_ADMIN, CAP_SYS_PTRACE and CAP_NET_ADMIN on this host",
}


_GENERAL_REMEDY = "See `criu check --all` on this host, and https://criu.org/Linux_kernel for the options it needs"


def remedy_for(lines: list[str]) -> str:
    """The remedy for errors of CRIU, or a general one."""
    return next((remedy for symptom, remedy in _REMEDIES.items() if any(symptom in line for line in lines)),
                _GENERAL_REMEDY)  # fmt: skip


def _answer_of(probe: socket.socket) -> int:
    """The workload's answer. Until its port is open, a connected UDP socket gets ConnectionRefusedError."""
    deadline = time.monotonic() + _PROBE_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            probe.send(b"?")
            return int.from_bytes(probe.recv(8), "big")
        except ConnectionRefusedError:
            time.sleep(0.002)
        except socket.timeout:
            break
    raise MigrationError("The process of the self-test does not answer")


class CriuSelfTest:
    """One run of the self-test; it leaves nothing behind."""

    def run(self) -> dict[str, object]:
        """Return the figures of the self-test, durations in milliseconds.

        Raises:
            CriuFailed: CRIU failed; with its own error lines and a remedy.
            MigrationError: the restored process does not continue where the dumped one was.
        """
        with tempfile.TemporaryDirectory(prefix="organic-proof-") as work:
            libc.mount_tmpfs(work, _WORK_BYTES)
            os.chmod(work, 0o711)  # the workload is another user's
            try:
                return self._migrate(Path(work))
            finally:
                libc.unmount(work)

    def _migrate(self, work: Path) -> dict[str, object]:
        images = work / "images"
        images.mkdir()
        target = Sandbox(work / "target", ["--name", _NAME, "--", "false"])
        workload = work / "workload.py"
        workload.write_text(_WORKLOAD)
        workload.chmod(0o644)  # whatever the umask: another user runs it
        deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + 60
        (target.awaits / _NAME).write_text(f"{deadline:.3f}\n")
        user = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
        command = ["--", *user, sys.executable, "-IS", str(workload)]
        with target, Sandbox(work / "source", command) as source:
            self._expect("counts", self._probe(source), 1)
            main = source.main_child
            inner = pid_inside(main)
            dump_ms = self._criu(source, images, "dump", ["--tree", str(inner), "--leave-running"])
            self._expect("goes on after the dump", self._probe(source), 2)
            source.order(signal.SIGRTMIN + 1)
            until(lambda: source.state == "left", "The source's init is told that its process has left")
            os.kill(main, signal.SIGKILL)
            self._expect("ends well at the source", source.exit_status(), 0)

            target.enter(["tee", "/proc/sys/kernel/ns_last_pid"], stdin=str(inner + _PID_DISTANCE))
            restore_ms = self._criu(target, images, "restore", ["--restore-detached"])
            target.order(signal.SIGRTMIN, inner)
            until(lambda: target.state == "run", "The target's init adopts the restored process")
            self._expect("goes on after the restore", self._probe(target), 2)
            target.terminate()
            self._expect("ends by the signal it is sent", target.exit_status(), 128 + signal.SIGTERM)
            size = sum(image.stat().st_size for image in images.glob("*.img"))
        return {"dump_ms": dump_ms, "restore_ms": restore_ms, "image_bytes": size}

    @staticmethod
    def _expect(what: str, found: int, expected: int) -> None:
        if found != expected:
            raise MigrationError(
                f"CRIU does not work here: the process of the self-test {what}: expected {expected}, found {found}"
            )

    @staticmethod
    def _probe(sandbox: Sandbox) -> int:
        with libc.network_namespace(sandbox.pid):
            probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with probe:
            probe.settimeout(_PROBE_TIMEOUT_S)
            probe.connect(("127.0.0.1", _UDP_PORT))
            return _answer_of(probe)

    @staticmethod
    def _criu(sandbox: Sandbox, images: Path, action: str, options: list[str]) -> float:
        """Run the self-contained CRIU inside; returns how long it took, in milliseconds."""
        log = images / f"{action}.log"
        directory = os.open(images, os.O_RDONLY | os.O_DIRECTORY)
        try:
            command = [*paths.CRIU, action, *options, "--images-dir", f"/proc/self/fd/{directory}"]
            command += ["--log-file", log.name, "-v2", "--tcp-established"]
            command += ["--network-lock", "skip", "--manage-cgroups=ignore"]
            start = time.monotonic()
            status, said = sandbox.enter(command, descriptors=(directory,))
            duration_ms = (time.monotonic() - start) * 1000
        finally:
            os.close(directory)
        if status != 0:
            lines = error_lines(log.read_text(errors="replace") if log.exists() else "") or said.splitlines()
            failure = CriuFailed(f"{action} the process of the self-test", lines)
            raise MigrationError(f"{failure}. Remedy: {remedy_for(lines)}.", **failure.details)
        return round(duration_ms, 1)
