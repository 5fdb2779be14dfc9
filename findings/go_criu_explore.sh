#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/checkpoint-restore/go-criu/v8 v8.3.0 (Go module), package crit: the sockets and the memory of a checkpoint as it describes
# them, beside CRIU's own crit (Debian's criu 3.17.1), which writes and reads the same images.
#
# - ExploreSk(): an IPv6 address is four words in the image. Expected: the address. Seen: each word is put in the first place, so that
#   the last one alone is left, in front: 2001:db8::1 becomes "0:1::", and hosts of different networks as the same one.
# - ExploreSk(): the number of a netlink protocol is looked up among those of IP. Expected: a name or a number of netlink's. Seen:
#   NETLINK_XFRM is "TCP".
# - ExploreMems(): a file has its name only where the mapping begins behind its start. Expected: as "crit x DIR mems" has it, the name,
#   and the offset if there is one. Seen: what is mapped from offset 0 has no name at all.
# No error. IPv4 is right, and examples are mostly of it.
#
# Needs Go and apt. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"
export GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local

apt-get -qq download criu=3.17.1-2+deb12u2 2>messages || { cat messages; exit 1; }
dpkg-deb -x criu_*.deb root
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check protobuf==3.20.3
export PYTHONPATH=root/usr/lib/python3/dist-packages

cat >images.py <<'PYTHON'
from pathlib import Path

from pycriu import images

PID, PROGRAM = 7, 5
OWNER = dict.fromkeys(("uid", "euid", "signum", "pid_type", "pid"), 0)
OPTIONS = dict.fromkeys(("so_snd_tmo_sec", "so_snd_tmo_usec", "so_rcv_tmo_sec", "so_rcv_tmo_usec"), 0)
OPTIONS |= {"so_sndbuf": 4096, "so_rcvbuf": 4096}
LIMITS = "start_code end_code start_data end_data start_stack start_brk brk arg_start arg_end env_start env_end"
NETLINK_XFRM, TCP_CLOSE = 6, 7


def write(name, magic, *entries):
    with Path("images", f"{name}.img").open("wb") as file:
        images.dump({"magic": magic, "entries": list(entries)}, file)


def listener(number, family, address, unspecified):
    socket = {"id": number, "ino": number, "family": family, "type": "STREAM", "proto": "TCP", "state": "LISTEN"}
    socket |= {"src_port": 7777, "dst_port": 0, "src_addr": [address], "dst_addr": [unspecified]}
    return {"type": "INETSK", "id": number, "isk": socket | {"flags": "0x0", "backlog": 5, "fown": OWNER, "opts": OPTIONS}}


def mapping(start, offset):
    place = {"start": hex(start), "end": hex(start + 4096), "pgoff": offset, "shmid": PROGRAM, "prot": "PROT_READ"}
    return place | {"flags": "MAP_PRIVATE", "status": "VMA_AREA_REGULAR | VMA_FILE_PRIVATE", "fd": -1}


Path("images").mkdir()
write("pstree", "PSTREE", {"pid": PID, "ppid": 0, "pgid": PID, "sid": PID, "threads": [PID]})
thread = {"task_state": 1, "exit_code": 0, "personality": 0, "flags": 0, "blk_sigset": 0, "comm": "smf"}
write(f"core-{PID}", "CORE", {"mtype": "X86_64", "tc": thread})
write(f"ids-{PID}", "IDS", {"vm_id": 1, "files_id": 1, "fs_id": 1, "sighand_id": 1})
kinds = ["INETSK", "INETSK", "INETSK", "NETLINKSK"]
write("fdinfo-1", "FDINFO", *({"id": n, "flags": "0x0", "type": kind, "fd": n + 2} for n, kind in enumerate(kinds, 1)))
netlink = {"id": 4, "ino": 4, "protocol": NETLINK_XFRM, "state": TCP_CLOSE, "portid": 0, "dst_portid": 0, "dst_group": 0}
program = {"id": PROGRAM, "flags": "0x0", "pos": 0, "fown": OWNER, "name": "/usr/bin/smf"}
write(
    "files",
    "FILES",
    listener(1, "INET", "192.0.2.1", "0.0.0.0"),
    listener(2, "INET6", "2001:db8::1", "::"),
    listener(3, "INET6", "2001:db8:5::1", "::"),
    {"type": "NETLINKSK", "id": 4, "nlsk": netlink | {"flags": 0, "fown": OWNER, "opts": OPTIONS}},
    {"type": "REG", "id": PROGRAM, "reg": program},
)
memory = {f"mm_{name}": 0 for name in LIMITS.split()} | {"exe_file_id": PROGRAM}
write(f"mm-{PID}", "MM", memory | {"vmas": [mapping(0x400000, 0), mapping(0x401000, 0x1000)]})
PYTHON
venv/bin/python images.py
crit() {
    venv/bin/python -c 'import sys; from pycriu.cli import main; sys.argv[0] = "crit"; main()' "$@"
}
echo "CRIU's crit:"
crit show images/files.img | grep -oE '"(192|2001)[^"]*"' | tee addresses
crit x images mems | grep -oE '^.[0-9a-f]+-[0-9a-f]+ *.*' | tee mappings
[ "$(tr '\n' ' ' <addresses)" = '"192.0.2.1" "2001:db8::1" "2001:db8:5::1" ' ]
[ "$(grep -c '/usr/bin/smf' mappings)" = 2 ]

cat >go.mod <<'MODULE'
module finding

go 1.25
MODULE
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/checkpoint-restore/go-criu/v8/crit"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	tool := crit.New(nil, nil, "images", false, false)
	processes, err := tool.ExploreSk()
	check(err)
	for _, socket := range processes[0].Sockets {
		fmt.Printf("%s %s %q\n", socket.FdType, socket.Protocol, socket.SrcAddr)
	}
	memory, err := tool.ExploreMems()
	check(err)
	for _, mapping := range memory[0].Mems {
		fmt.Printf("%s-%s %q\n", mapping.Start, mapping.End, mapping.Resource)
	}
}
GO
go get github.com/checkpoint-restore/go-criu/v8@v8.3.0 2>messages || { cat messages; exit 1; }
echo "go-criu:"
go run . 2>messages | tee seen || { cat messages; exit 1; }
diff seen - <<'SEEN'
INETSK TCP "192.0.2.1"
INETSK TCP "0:1::"
INETSK TCP "0:1::"
NETLINKSK TCP ""
400000-401000 ""
401000-402000 "/usr/bin/smf + 0x1000"
SEEN
