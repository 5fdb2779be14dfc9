# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The init as an ordinary PID 1: arguments, exit status, signals, orphans, descriptors."""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import struct
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from .container import ENTRY, children, python, sigqueue, status_field, until

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

# Prints "ready", then each signal it takes with the value that came along, until SIGTERM comes.
PRINT_SIGNALS = """
import ctypes, signal, struct, sys
libc = ctypes.CDLL(None)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
everything = (ctypes.c_ubyte * 128)(*[255] * 128)
info = (ctypes.c_ubyte * 128)()
print("ready", flush=True)
number = 0
while number != signal.SIGTERM:
    number = libc.sigwaitinfo(everything, info)
    code, = struct.unpack_from("i", info, 8)
    value, = struct.unpack_from("i", info, 24)
    print(number, value if code == -1 else "-", flush=True)
"""
NOT_FORWARDED_AS_IS = {
    signal.SIGKILL,
    signal.SIGSTOP,
    signal.SIGCHLD,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGTERM,
    signal.SIGRTMIN,
    signal.SIGRTMIN + 1,
}
ORPHANS = 300


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_exits_with_the_status_of_the_command(start: Start, status: int) -> None:
    assert start("--name", "smf", "--", "sh", "-c", f"exit {status}").finish()[0] == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGRTMIN + 5])
def test_exits_with_128_and_the_signal(start: Start, number: int) -> None:
    assert start("sh", "-c", f"kill -{int(number)} $$").finish()[0] == 128 + number


def test_command_not_found(start: Start) -> None:
    status, _, err = start("--", "no-such-command").finish()
    assert (status, err) == (127, "resident-init: no-such-command: No such file or directory\n")


@pytest.mark.parametrize("command", ["/etc/passwd", "/etc", "/etc/passwd/x"])
def test_command_not_executable(start: Start, command: str) -> None:
    assert start("--", command).finish()[0] == 126


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--"],
        ["--name"],
        ["--name", "smf"],
        ["--name", "smf", "--"],
        ["--name", "smf", "--name", "smf", "true"],
        ["--name", "", "true"],
        ["--name", "../smf", "true"],
        ["--name", ".smf", "true"],
        ["--name", "a/b", "true"],
        ["--name", "a b", "true"],
        ["--name", "smf\n", "true"],
        ["--name", "a" * 129, "true"],
        ["--name=smf", "true"],
        ["--help"],
        ["-x", "true"],
        ["health", "now"],
        ["version", "now"],
    ],
)
def test_wrong_arguments(start: Start, arguments: list[str]) -> None:
    status, out, err = start(*arguments).finish()
    assert (status, out) == (64, "")
    assert err.startswith("usage: init [--name NAME] [--address ADDRESSES]... [--drop-net-admin] [--] COMMAND")


@pytest.mark.parametrize("name", ["a", "smf-1", "A.b_c-9", "a" * 128])
def test_names(start: Start, name: str) -> None:
    assert start("--name", name, "sh", "-c", "exit 42").finish()[0] == 42


def test_passes_arguments_on_unchanged(start: Start) -> None:
    assert start("printf", "%s|", "--name", "", "a b", "--").finish()[:2] == (0, "--name||a b|--|")


def test_refuses_to_be_another_pid(init: Path) -> None:
    result = subprocess.run([init, "true"], capture_output=True, text=True, check=False)
    assert result.returncode == 64
    assert "must be PID 1" in result.stderr


def test_version(init: Path) -> None:
    result = subprocess.run([init, "version"], capture_output=True, text=True, check=True)
    assert result.stdout == "1.0.0\n"


def test_command_leads_a_session_of_its_own(start: Start) -> None:
    _, out, _ = start("cat", "/proc/self/stat").finish()
    pid, _, _, parent, group, session, terminal = out.split()[:7]
    assert (parent, group, session, terminal) == ("1", pid, pid, "0")


def test_command_gets_the_inherited_signal_mask_and_dispositions(start: Start) -> None:
    inherit = (
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGUSR2]);"
        "[signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGCHLD)];"
        "[signal.signal(number, signal.SIG_DFL) for number in (signal.SIGPIPE, signal.SIGXFSZ)];"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    entry = ENTRY.replace("exec", shlex.join(["exec", *python(inherit)]))
    _, out, _ = start("grep", "^Sig[BI]", "/proc/self/status", entry=entry).finish()
    blocked, ignored = (int(line.split()[1], 16) for line in out.splitlines())
    assert blocked == 1 << (signal.SIGUSR2 - 1)
    ignored &= (1 << 31) - 1  # make starts its commands with glibc's own signals, 32 and 33, ignored
    assert ignored == 1 << (signal.SIGHUP - 1)  # not SIGCHLD: the init needs it


def test_keeps_the_status_though_sigchld_was_ignored(start: Start) -> None:
    assert start("sh", "-c", "exit 42", entry=ENTRY.replace("exec", "trap '' CHLD; exec")).finish()[0] == 42


def deny_close_range() -> None:
    """A seccomp filter (linux/seccomp.h) with which close_range, 436 on every architecture, fails with EPERM."""
    program = struct.pack(
        "HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 436, 0x06, 0, 0, 0x00050001, 0x06, 0, 0, 0x7FFF0000
    )  # load nr; if it is 436: SECCOMP_RET_ERRNO 1; else SECCOMP_RET_ALLOW
    buffer = ctypes.create_string_buffer(program)
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, filter_, 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), "prctl")


@pytest.mark.parametrize("without_close_range", [False, True])
def test_closes_inherited_descriptors(start: Start, tmp_path: Path, without_close_range: bool) -> None:
    (tmp_path / "leak").write_text("")
    leaked = [os.open(tmp_path / "leak", os.O_RDONLY) for _ in range(20)]
    os.dup2(leaked[0], 200)
    leaked.append(200)
    try:
        container = start(
            "sh",
            "-c",
            "ls -l /proc/$$/fd",
            pass_fds=leaked,
            preexec_fn=deny_close_range if without_close_range else None,
        )
        _, out, _ = container.finish()
    finally:
        for descriptor in leaked:
            os.close(descriptor)
    assert [line.split()[8] for line in out.splitlines()[1:]] == ["0", "1", "2"]


def test_opens_missing_streams(start: Start, tmp_path: Path) -> None:
    entry = ENTRY.replace("exec", "exec <&- >&- 2>&-; exec")
    links = (
        f"import os; open('{tmp_path}/links', 'w').write(repr([os.readlink(f'/proc/self/fd/{{i}}') for i in range(3)]))"
    )
    assert start("--", *python(links), entry=entry).finish()[0] == 0
    assert (tmp_path / "links").read_text() == repr(["/dev/null"] * 3)


def test_forwards_signals_with_their_values(start: Start) -> None:
    container = start("--", *python(PRINT_SIGNALS))
    out = container._process.stdout
    assert out and out.readline() == b"ready\n"
    for number in sorted(signal.valid_signals() - NOT_FORWARDED_AS_IS):
        os.kill(container.pid, number)
        assert out.readline() == f"{int(number)} -\n".encode()
    for value in (0, 7, -1):
        sigqueue(container.pid, signal.SIGRTMIN + 2, value)
        assert out.readline() == f"{int(signal.SIGRTMIN) + 2} {value}\n".encode()
    container.inside("sh", "-c", "kill -HUP 1")
    assert out.readline() == f"{int(signal.SIGHUP)} -\n".encode()
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[:2] == (0, f"{int(signal.SIGTERM)} -\n")


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU])
def test_terminal_stops_stop_the_command(start: Start, number: int) -> None:
    container = start("sleep", "60")
    main = container.main_child
    os.kill(container.pid, number)
    until(lambda: status_field(main, "State").startswith("T"))
    os.kill(container.pid, signal.SIGCONT)
    until(lambda: status_field(main, "State").startswith("S"))
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[0] == 128 + signal.SIGTERM


def test_keeps_its_own_sigpipe_to_itself(start: Start) -> None:
    reader, writer = os.pipe()
    container = start("--", *python(PRINT_SIGNALS), stderr=writer)
    os.close(writer)
    os.close(reader)
    out = container._process.stdout
    assert out and out.readline() == b"ready\n"
    os.kill(container.pid, signal.SIGRTMIN)  # refused with a line to stderr, which nobody reads any more
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[:2] == (0, f"{int(signal.SIGTERM)} -\n")


def test_does_not_wait_for_a_reader_of_stderr(start: Start) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    container = start("sleep", "60", stderr=writer)
    assert container.main_child
    os.kill(container.pid, signal.SIGRTMIN)
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[0] == 128 + signal.SIGTERM
    os.close(reader)
    os.close(writer)


def test_reaps_orphans(start: Start) -> None:
    container = start(
        "--",
        *python(
            f"""
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
for _ in range({ORPHANS}):
    child = os.fork()
    if child == 0:
        os._exit(0) if os.fork() else (os.read(0, 1), os._exit(3))
    os.waitpid(child, 0)
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
sys.exit(42)
"""
        ),
        stdin=subprocess.PIPE,
    )
    process = container._process
    assert process.stdin and process.stdout and process.stdout.readline() == b"ready\n"
    until(lambda: len(children(container.pid)) == ORPHANS + 1)
    process.stdin.write(bytes(ORPHANS))
    process.stdin.flush()
    until(lambda: len(children(container.pid)) == 1)
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[0] == 42


def test_sleeps_while_nothing_happens(start: Start) -> None:
    container = start("sleep", "60")
    assert container.main_child
    before = status_field(container.pid, "voluntary_ctxt_switches")
    time.sleep(0.5)  # nothing to wait for: the test is that nothing happens
    assert status_field(container.pid, "voluntary_ctxt_switches") == before


def test_health(start: Start, init: Path) -> None:
    container = start("sleep", "60")
    assert container.main_child
    assert container.inside(str(init), "health").returncode == 0
