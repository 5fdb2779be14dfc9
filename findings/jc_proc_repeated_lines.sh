#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# jc 1.26.1 (PyPI; the filter community.general.jc takes it), which turns the files of /proc into JSON.
#
# - proc_pid_fdinfo: an epoll descriptor has a line for each descriptor that it watches, and any file one for each lock. Expected: all of them. Seen: the last one alone, as an object, so that nothing says that there were others.
# - The flags of a descriptor are octal in that file. Expected: text, or their value. Seen: a number whose *decimal* digits are the octal
#   ones, in which other bits are set: of a file that is open for appending O_APPEND is gone, and O_TRUNC and O_DSYNC are there.
# - proc_pid_mountinfo: the values of the file system's options become numbers. Seen: null for each one that is none: lowerdir and upperdir of an
#   overlay; "size=65536k" is 65536, and the mode 1777 is a decimal number.
# - proc_net_packet: one line for each packet socket. Seen: the first one alone.
# No error, and with raw=True the text is there. Who compares a process before and after a checkpoint with it does not see what was lost.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check jc==1.26.1
cat >"$scratch/proc.py" <<'PYTHON'
import os
import select
import tempfile
from fcntl import LOCK_EX, lockf
from pathlib import Path

import jc


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def information(descriptor):
    text = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
    return text, jc.parse("proc_pid_fdinfo", text)


epoll = select.epoll()
pipes = [os.pipe() for _ in range(3)]
for reader, _ in pipes:
    epoll.register(reader, select.EPOLLIN)
text, read = information(epoll.fileno())
expect("watched, read", (text.count("tfd:"), isinstance(read["epoll"], dict)), (3, True))

with tempfile.TemporaryFile() as file:
    lockf(file, LOCK_EX, 10, 0)
    lockf(file, LOCK_EX, 10, 100)
    text, read = information(file.fileno())
    expect("locks, read", (text.count("lock:"), isinstance(read["lock"], str)), (2, True))

with open(os.devnull, "ab", buffering=0) as file:
    text, read = information(file.fileno())
    flags = int(text.split("flags:")[1].split()[0], 8)
    names = ("O_APPEND", "O_TRUNC", "O_DSYNC")
    expect("flags", [name for name in names if flags & getattr(os, name)], ["O_APPEND"])
    expect("flags, read", [name for name in names if read["flags"] & getattr(os, name)], ["O_TRUNC", "O_DSYNC"])

mounts = (
    "36 35 0:50 / / rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/c,workdir=/d",
    "37 36 0:51 / /dev/shm rw,nosuid - tmpfs shm rw,size=65536k,mode=1777",
)
overlay, shm = jc.parse("proc_pid_mountinfo", "\n".join(mounts) + "\n")
expect("overlay", overlay["super_options_fields"], {"lowerdir": None, "upperdir": None, "workdir": None})
expect("/dev/shm", shm["super_options_fields"], {"size": 65536, "mode": 1777})

sockets = (
    "sk       RefCnt Type Proto  Iface R Rmem   User   Inode",
    "0000000000000000 3      3    0003   2     1 0      0      123",
    "0000000000000000 3      3    0800   4     1 0      0      124",
)
expect("packet sockets", jc.parse("proc_net_packet", "\n".join(sockets) + "\n")["Inode"], 123)
PYTHON
"$scratch/venv/bin/python" "$scratch/proc.py"
