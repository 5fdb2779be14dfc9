# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The init at both ends of a migration: await, adopt, departed."""

from __future__ import annotations

import os
import signal
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .container import NAME, Container, boottime, children, python, status_field, until

if TYPE_CHECKING:
    from .conftest import Start

BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
FOREVER = ["--name", NAME, "--", "sh", "-c", "exit 42"]
ENDED_CHILDREN_MAX = 1024


@pytest.fixture
def awaiting(start: Start, await_file: Path) -> Container:
    await_file.write_text(f"{boottime() + 60:.3f}\n")
    container = start(*FOREVER)
    assert container.state == "await"
    return container


def ended(container: Container, inner: int) -> bool:
    return not container.host_pid(inner)


def adopted(container: Container, inner: int) -> None:
    container.adopt(inner)
    until(lambda: container.state == "run")


# --- await


def test_runs_without_an_await_file(start: Start) -> None:
    assert start(*FOREVER).finish()[0] == 42


def test_runs_without_a_name(start: Start, await_file: Path) -> None:
    await_file.write_text(str(boottime() + 60))
    assert start("--", "sh", "-c", "exit 42").finish()[0] == 42


def test_runs_when_another_container_is_awaited(start: Start, await_directory: Path) -> None:
    (await_directory / "upf").write_text(str(boottime() + 60))
    assert start(*FOREVER).finish()[0] == 42


@pytest.mark.parametrize("text", ["0", "1.5\n", "000000000001"])
def test_runs_after_the_deadline(start: Start, await_file: Path, text: str) -> None:
    await_file.write_text(text)
    assert start(*FOREVER).finish()[0] == 42


def test_a_deadline_of_an_earlier_boot_has_passed(start: Start, await_file: Path) -> None:
    await_file.write_text(f"{boottime() + 60:.3f} {uuid.uuid4()}\n")
    assert start(*FOREVER).finish()[0] == 42


@pytest.mark.parametrize("text", ["{}", "{}\n", "{}.25\n", "{}.123456789", "{} " + BOOT_ID, "{} " + BOOT_ID + "\n"])
def test_awaits(start: Start, await_file: Path, init: Path, text: str) -> None:
    await_file.write_text(text.format(int(boottime()) + 60))
    container = start(*FOREVER)
    assert container.state == "await"
    assert children(container.pid) == []
    assert container.inside(str(init), "health").returncode == 1


def test_gives_up_at_the_deadline(start: Start, await_file: Path) -> None:
    deadline = boottime() + 0.4
    await_file.write_text(f"{deadline:.6f}")
    container = start(*FOREVER)
    assert container.state == "await"
    status, out, err = container.finish()
    assert (status, out, err) == (69, "", "resident-init: nothing arrived before the deadline\n")
    assert deadline <= boottime() < deadline + 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_can_be_stopped_while_it_awaits(awaiting: Container, number: int) -> None:
    os.kill(awaiting.pid, number)
    assert awaiting.finish()[0] == 0


def test_other_signals_do_not_end_the_wait(awaiting: Container) -> None:
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM, signal.SIGWINCH, signal.SIGSEGV, signal.SIGRTMAX):
        os.kill(awaiting.pid, number)
    os.kill(awaiting.pid, signal.SIGTERM)  # it has the same effect after all of them: they were taken and dropped
    assert awaiting.finish() == (0, "", "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b" ",
        b"x",
        b"nan",
        b"inf",
        b"-1",
        b"+1",
        b"0x10",
        b"1e9",
        b"1.",
        b".5",
        b"1,5",
        b"1.1234567890",
        b"1.5.5",
        b" 1",
        b"1 ",
        b"1 \n",
        b"1\n\n",
        b"1\r\n",
        b"1\0",
        b"1\n2\n",
        b"1 2",
        b"9999999999999",
        b"1 " + BOOT_ID[:-1].encode(),
        b"1 " + BOOT_ID.upper().replace("-", "_").encode(),
        b"1 " + BOOT_ID.encode() + b"0",
        b"1 " + BOOT_ID.encode() + b" ",
        b"0" * 200,
        b"1".ljust(200),
        b"\xff\xfe1\x00",
    ],
)
def test_a_malformed_await_file_starts_nothing(start: Start, await_file: Path, content: bytes) -> None:
    await_file.write_bytes(content)
    status, out, err = start("--name", NAME, "--", "echo", "started").finish()
    assert (status, out) == (78, "")
    assert err.startswith(f"resident-init: /opt/organic/resident/await/{NAME} ")
    assert err.endswith(": not started, it may be alive on another host\n")


@pytest.mark.parametrize("kind", ["link", "dangling link", "fifo", "directory"])
def test_an_await_file_of_another_kind_starts_nothing(start: Start, await_file: Path, kind: str) -> None:
    if kind == "link":
        (await_file.parent / "real").write_text("1")
        await_file.symlink_to("real")
    elif kind == "dangling link":
        await_file.symlink_to("nowhere")
    elif kind == "fifo":
        os.mkfifo(await_file)
    else:
        await_file.mkdir()
    assert start("--name", NAME, "--", "echo", "started").finish()[:2] == (78, "")


# --- adopt


@pytest.mark.parametrize(("script", "status"), [("sleep 0.2; exit 7", 7), ("sleep 0.2; kill -9 $$", 137)])
def test_ends_with_the_status_of_the_adopted(awaiting: Container, script: str, status: int) -> None:
    adopted(awaiting, awaiting.orphan(script))
    assert awaiting.finish()[0] == status


def test_forwards_signals_to_the_adopted(awaiting: Container, init: Path) -> None:
    adopted(awaiting, awaiting.orphan("exec sleep 60"))
    assert awaiting.inside(str(init), "health").returncode == 0
    os.kill(awaiting.pid, signal.SIGTERM)
    assert awaiting.finish()[0] == 128 + signal.SIGTERM


def test_the_end_of_another_child_changes_nothing(awaiting: Container) -> None:
    other = awaiting.orphan("exec sleep 60")
    main = awaiting.orphan("exec sleep 60")
    adopted(awaiting, main)
    os.kill(awaiting.host_pid(other), signal.SIGKILL)
    until(lambda: ended(awaiting, other))
    os.kill(awaiting.host_pid(main), signal.SIGUSR1)
    assert awaiting.finish()[0] == 128 + signal.SIGUSR1


def test_honours_the_status_of_one_that_ended_before_it_was_adopted(awaiting: Container) -> None:
    inner = awaiting.orphan("exit 9")
    until(lambda: ended(awaiting, inner))
    awaiting.adopt(inner)
    assert awaiting.finish()[0] == 9


def test_honours_the_status_of_an_unreaped_one(awaiting: Container) -> None:
    awaiting.pause()
    inner = awaiting.orphan("exit 9")
    until(lambda: status_field(awaiting.host_pid(inner), "State").startswith("Z"))
    awaiting.adopt(inner)
    awaiting.resume()
    assert awaiting.finish()[0] == 9


def test_a_living_child_counts_more_than_an_earlier_one_with_its_pid(awaiting: Container) -> None:
    inner = awaiting.orphan("exit 9")
    until(lambda: ended(awaiting, inner))
    last = "/proc/sys/kernel/ns_last_pid"
    again = awaiting.inside(
        *python(
            f"""
import os
child = os.fork()
if child == 0:
    open("{last}", "w").write("{inner - 1}")
    child = os.fork()
    if child == 0:
        os.setsid()
        for stream in range(3):
            os.close(stream)
        os.execlp("sleep", "sleep", "60")
    print(child, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
        )
    )
    assert int(again.stdout) == inner
    adopted(awaiting, inner)
    os.kill(awaiting.pid, signal.SIGINT)
    assert awaiting.finish()[0] == 128 + signal.SIGINT


def test_remembers_many_ended_children(awaiting: Container) -> None:
    result = awaiting.inside(
        *python(
            f"""
import os
pids = []
for number in range({ENDED_CHILDREN_MAX + 100}):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        orphan = os.fork()
        if orphan:
            os.write(writer, str(orphan).encode())
            os._exit(0)
        os._exit(number % 100)
    pids.append(os.read(reader, 16).decode())
    os.waitpid(child, 0)
    os.close(reader), os.close(writer)
print(*pids)
"""
        )
    )
    pids = [int(pid) for pid in result.stdout.split()]
    until(lambda: not children(awaiting.pid))
    awaiting.adopt(pids[0])  # long forgotten
    awaiting.adopt(pids[-1])
    status, _, err = awaiting.finish()
    assert status == (ENDED_CHILDREN_MAX + 99) % 100
    assert err == f"resident-init: cannot adopt {pids[0]}: not a child of mine\n"


@pytest.mark.parametrize("inner", [0, 1, -1, 2**22, 2**31 - 1])
def test_does_not_adopt_what_is_no_child(awaiting: Container, inner: int) -> None:
    awaiting.adopt(inner)
    os.kill(awaiting.pid, signal.SIGTERM)
    assert awaiting.finish() == (0, "", f"resident-init: cannot adopt {inner}: not a child of mine\n")


def test_does_not_adopt_the_child_of_another(awaiting: Container) -> None:
    visitor = awaiting.inside(*python(f"import os; os.kill(1, {int(signal.SIGHUP)}); print(os.getpid())"))
    inner = awaiting.orphan("sleep 60 & wait")
    until(lambda: children(awaiting.host_pid(inner)))
    grandchild = status_field(children(awaiting.host_pid(inner))[0], "NSpid").split()[-1]
    awaiting.adopt(int(grandchild))
    awaiting.adopt(int(visitor.stdout))
    os.kill(awaiting.pid, signal.SIGTERM)
    assert awaiting.finish()[2].count("not a child of mine") == 2


def test_only_the_host_can_order(awaiting: Container) -> None:
    inner = awaiting.orphan("exec sleep 60")
    queue = f"import ctypes; ctypes.CDLL(None).sigqueue(1, {int(signal.SIGRTMIN)}, ctypes.c_void_p({inner}))"
    assert awaiting.inside(*python(queue)).returncode == 0
    os.kill(awaiting.pid, signal.SIGRTMIN)
    os.kill(awaiting.pid, signal.SIGTERM)
    line = f"resident-init: signal {int(signal.SIGRTMIN)} not queued by the host: ignored\n"
    assert awaiting.finish() == (0, "", line * 2)


def test_adopts_instead_of_giving_up_when_both_are_due(start: Start, await_file: Path) -> None:
    deadline = boottime() + 0.5
    await_file.write_text(f"{deadline:.6f}")
    container = start(*FOREVER)
    assert container.state == "await"
    inner = container.orphan("exec sleep 60")
    container.pause()
    until(lambda: boottime() > deadline)
    container.adopt(inner)
    container.resume()
    until(lambda: container.state == "run")
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[0] == 128 + signal.SIGTERM


def test_adopts_before_it_obeys_a_stop(awaiting: Container) -> None:
    inner = awaiting.orphan("trap 'exit 5' TERM; while :; do sleep 0.05; done")
    until(lambda: int(status_field(awaiting.host_pid(inner), "SigCgt") or "0", 16) >> (signal.SIGTERM - 1) & 1)
    awaiting.pause()
    os.kill(awaiting.pid, signal.SIGTERM)
    awaiting.adopt(inner)
    awaiting.resume()
    assert awaiting.finish()[0] == 5


def test_the_deadline_is_over_once_adopted(start: Start, await_file: Path) -> None:
    deadline = boottime() + 0.4
    await_file.write_text(f"{deadline:.6f}")
    container = start(*FOREVER)
    inner = container.orphan("exec sleep 60")
    adopted(container, inner)
    until(lambda: boottime() > deadline + 0.1)
    assert container.host_pid(inner)  # SIGALRM would have ended it
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[0] == 128 + signal.SIGTERM


def test_adopts_another_main_child_while_one_runs(start: Start) -> None:
    container = start("sleep", "60")
    former = container.main_child
    container.adopt(container.orphan("exec sleep 60"))
    os.kill(former, signal.SIGKILL)
    until(lambda: len(children(container.pid)) == 1)
    os.kill(container.pid, signal.SIGUSR2)
    assert container.finish()[0] == 128 + signal.SIGUSR2


# --- departed


@pytest.mark.parametrize("end", ["signal", "status"])
def test_ends_well_when_the_departed_ends(start: Start, end: str) -> None:
    container = start("sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.02; done")
    main = container.main_child
    container.depart()
    until(lambda: container.state == "left")
    until(lambda: int(status_field(main, "SigCgt") or "0", 16) >> (signal.SIGTERM - 1) & 1)
    os.kill(main, signal.SIGKILL if end == "signal" else signal.SIGTERM)
    assert container.finish()[0] == 0


def test_departed_is_heard_before_the_end(start: Start) -> None:
    container = start("sleep", "60")
    main = container.main_child
    container.pause()
    container.depart()
    os.kill(main, signal.SIGKILL)
    until(lambda: status_field(main, "State").startswith("Z"))
    container.resume()
    assert container.finish()[0] == 0


def test_nothing_can_depart_while_awaiting(awaiting: Container) -> None:
    awaiting.depart()
    adopted(awaiting, awaiting.orphan("exec sleep 60"))
    os.kill(awaiting.pid, signal.SIGTERM)
    status, _, err = awaiting.finish()
    assert (status, err) == (128 + signal.SIGTERM, "resident-init: cannot depart: nothing runs here\n")


def test_who_was_adopted_after_a_departure_has_not_departed(start: Start) -> None:
    container = start("sleep", "60")
    assert container.main_child
    container.depart()
    until(lambda: container.state == "left")
    adopted(container, container.orphan("exec sleep 60"))
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[0] == 128 + signal.SIGTERM


def test_the_inside_cannot_declare_a_departure(start: Start) -> None:
    container = start("sleep", "60")
    assert container.main_child
    container.inside(*python(f"import ctypes; ctypes.CDLL(None).sigqueue(1, {int(signal.SIGRTMIN) + 1}, None)"))
    os.kill(container.pid, signal.SIGTERM)
    assert container.finish()[0] == 128 + signal.SIGTERM


def test_a_migrated_container_can_migrate_again(awaiting: Container) -> None:
    adopted(awaiting, awaiting.orphan("exec sleep 60"))
    awaiting.depart()
    until(lambda: awaiting.state == "left")
    os.kill(awaiting.main_child, signal.SIGKILL)
    assert awaiting.finish()[0] == 0


def test_adopting_twice_does_not_undo_a_departure(awaiting: Container) -> None:
    inner = awaiting.orphan("exec sleep 60")
    adopted(awaiting, inner)
    awaiting.depart()
    until(lambda: awaiting.state == "left")
    awaiting.pause()
    awaiting.adopt(inner)
    os.kill(awaiting.main_child, signal.SIGKILL)
    awaiting.resume()
    assert awaiting.finish()[0] == 0
