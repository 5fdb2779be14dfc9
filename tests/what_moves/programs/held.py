# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds one thing that the preflight must name; the environment variable HOLD says which."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable

from answering import serve

FILE = "/held"
DELETED_BYTES = 20 << 20
TCP_MD5SIG, UDP_CORK, SO_ATTACH_BPF = 14, 1, 50
PTRACE_TRACEME, SYS_EXIT = 0, 60
FIRST = 1 << 20
MCL_CURRENT, MCL_FUTURE = 1, 2
CONNECTIONS = 40
CLONE_FILES, CLONE_NEWUTS, CLONE_NEWNET = 0x00000400, 0x04000000, 0x40000000
ADDR_NO_RANDOMIZE = 0x0040000
SYS_BPF, BPF_PROG_LOAD, BPF_SOCKET_FILTER = 321, 5, 1


def stop_a_child() -> object:
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        signal.pause()
    os.waitpid(child, os.WUNTRACED)
    return child


def trace_a_child() -> object:
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).ptrace(PTRACE_TRACEME, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    return child


def end_the_main_thread_of_a_child() -> object:
    child = os.fork()
    if child == 0:
        threading.Thread(target=signal.pause).start()
        ctypes.CDLL(None).syscall(SYS_EXIT, 0)
    return child


def leave_connections_unaccepted() -> object:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4)
    return listener, [socket.create_connection(listener.getsockname()) for _connection in range(3)]


def share_the_first_code() -> object:
    """One page below all other mappings, readable and executable: MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    if libc.mmap(ctypes.c_void_p(FIRST), ctypes.c_size_t(4096), 5, 0x31, -1, ctypes.c_long(0)) != FIRST:
        raise OSError(ctypes.get_errno(), "mmap")
    return True


def lock_all_memory() -> object:
    if ctypes.CDLL(None, use_errno=True).mlockall(MCL_CURRENT | MCL_FUTURE) != 0:
        raise OSError(ctypes.get_errno(), "mlockall")
    return True


def fill_tcp_queues() -> object:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    held = [listener]
    for _connection in range(CONNECTIONS):
        sender = socket.create_connection(listener.getsockname())
        held += [sender, listener.accept()[0]]
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.send(bytes(1 << 20))
    return held


def fork_after_using_memory() -> object:
    memory = bytes(range(256)) * (400 << 10)
    children = []
    for _child in range(8):
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
    return memory, children


def take_a_write_lease() -> object:
    file = os.open(FILE, os.O_RDWR | os.O_CREAT)
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    return file


def rename_an_open_file() -> object:
    file = os.open(FILE, os.O_RDWR | os.O_CREAT)
    os.link(FILE, f"{FILE}.other")
    os.unlink(FILE)
    return file


def delete_a_large_file() -> object:
    file = os.open(FILE, os.O_RDWR | os.O_CREAT)
    os.ftruncate(file, DELETED_BYTES)
    os.unlink(FILE)
    return file


def open_a_data_base() -> object:
    """One page with the header that SQLite writes, which is all that the preflight reads: the image has no SQLite."""
    file = os.open(FILE, os.O_RDWR | os.O_CREAT)
    os.write(file, b"SQLite format 3\0" + bytes([0x10, 0, 1, 1, 0, 64, 32, 32]) + bytes(4072))
    return file


def make_a_semaphore() -> object:
    return os.eventfd(1, os.EFD_SEMAPHORE)


def run_from_memory() -> object:
    """Only a child runs from there; this program must be able to answer."""
    program = os.memfd_create("program", 0)
    with open(sys.executable, "rb") as file:
        os.sendfile(program, file.fileno(), 0, os.fstat(file.fileno()).st_size)
    command = ["python3", "-Sc", "import signal; signal.pause()"]
    return os.posix_spawn(f"/proc/self/fd/{program}", command, {**os.environ, "PYTHONHOME": sys.prefix})


def use_a_semaphore_with_undo() -> object:
    libc = ctypes.CDLL(None, use_errno=True)
    semaphores = libc.semget(0, 1, 0o1600)
    if libc.semop(semaphores, struct.pack("=Hhh", 0, 1, 0o10000), 1) != 0:
        raise OSError(ctypes.get_errno(), "semop")
    return semaphores


def set_an_md5_key() -> object:
    listener = socket.create_server(("127.0.0.1", 0))
    key = b"not a secret"
    peer = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton("127.0.0.1")).ljust(128, b"\0")
    request = peer + struct.pack("=BBHi", 0, 0, len(key), 0) + key.ljust(80, b"\0")
    listener.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, request)
    return listener


def attach_an_extended_filter() -> object:
    """One that drops all: it returns 0."""
    instructions = ctypes.create_string_buffer(bytes([0xB7, *[0] * 7, 0x95, *[0] * 7]))
    license_ = ctypes.create_string_buffer(b"GPL")
    program = struct.pack("=IIQQ", BPF_SOCKET_FILTER, 2, ctypes.addressof(instructions), ctypes.addressof(license_))
    attributes = ctypes.create_string_buffer(program.ljust(120, b"\0"))
    descriptor = ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, BPF_PROG_LOAD, attributes, 120)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "bpf")
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, descriptor)
    os.close(descriptor)
    return one


def cork_a_datagram() -> object:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.IPPROTO_UDP, UDP_CORK, 1)
    return one


def live_in_a_namespace() -> object:
    """A child has a name of the host for itself (unshare(2), CLONE_NEWUTS)."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        unshare(CLONE_NEWUTS)
        os.write(write, b"x")
        signal.pause()
    os.read(read, 1)
    return child


def have_a_thread_live_in_a_namespace() -> object:
    """As programs do that configure several networks: one thread for each."""
    made = threading.Event()

    def live() -> None:
        unshare(CLONE_NEWNET)
        made.set()
        signal.pause()

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    made.wait()
    return thread


def have_a_thread_with_descriptors() -> object:
    made = threading.Event()

    def live() -> None:
        unshare(CLONE_FILES)
        made.set()
        signal.pause()

    threading.Thread(target=live, daemon=True).start()
    return made.wait()


def set_a_personality() -> object:
    return ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE) == 0


def be_connected_to_another_user() -> object:
    """A Unix connection whose client is a child of another user."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0held")
    listener.listen()
    if os.fork() == 0:
        os.setuid(1000)
        client = socket.socket(socket.AF_UNIX)
        client.connect("\0held")
        signal.pause()
    return listener.accept()[0]


def open_a_pipe_in_packet_mode() -> object:
    return os.pipe2(os.O_DIRECT)


def unshare(flags: int) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


HOLDS: dict[str, Callable[[], object]] = {
    "stopped": stop_a_child,
    "traced": trace_a_child,
    "main thread": end_the_main_thread_of_a_child,
    "unaccepted": leave_connections_unaccepted,
    "code": share_the_first_code,
    "locked": lock_all_memory,
    "queues": fill_tcp_queues,
    "forked": fork_after_using_memory,
    "lease": take_a_write_lease,
    "renamed": rename_an_open_file,
    "deleted": delete_a_large_file,
    "sqlite": open_a_data_base,
    "semaphore": make_a_semaphore,
    "memory": run_from_memory,
    "undo": use_a_semaphore_with_undo,
    "md5": set_an_md5_key,
    "filter": attach_an_extended_filter,
    "corked": cork_a_datagram,
    "namespace": live_in_a_namespace,
    "network of a thread": have_a_thread_live_in_a_namespace,
    "descriptors of a thread": have_a_thread_with_descriptors,
    "personality": set_a_personality,
    "another user": be_connected_to_another_user,
    "packets": open_a_pipe_in_packet_mode,
    "nothing": lambda: None,
}

kept = HOLDS[os.environ["HOLD"]]()
serve(lambda: [os.environ["HOLD"], kept is None, sys.platform])
