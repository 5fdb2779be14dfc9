#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# jc 1.26.1 (PyPI; the filter community.general.jc takes it), the parser of "ss", on a host with SCTP, as that of an AMF.
#
# Expected: addresses and ports, as for TCP and UDP. Seen, without an error: SCTP is read as Unix sockets are, whose columns are others. The local
# address and port are in "path", "local_port" holds those of the peer ("0.0.0.0:*"), and "peer_address" the process. A lookup of the
# local port 38412 finds no listening AMF. TCP and UDP are right.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check jc==1.26.1
"$scratch/venv/bin/python" - <<'PYTHON'
import jc

HEADER = "Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process"


def expect(what, line, expected):
    [read] = jc.parse("ss", f"{HEADER}\n{line}\n")
    seen = {key: read.get(key) for key in expected}
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


for kind, state in (("tcp", "ESTAB"), ("udp", "ESTAB")):
    expect(
        kind,
        f'{kind}   {state}  0      0      192.0.2.1:38412    192.0.2.9:36412 users:(("amf",pid=7,fd=6))',
        {"local_address": "192.0.2.1", "local_port": "38412", "peer_address": "192.0.2.9", "peer_port": "36412"},
    )
expect(
    "sctp",
    'sctp  LISTEN 0      128      192.0.2.1:38412    0.0.0.0:*     users:(("amf",pid=7,fd=6))',
    {
        "path": "192.0.2.1:38412",
        "local_address": None,
        "local_port": "0.0.0.0:*",
        "local_port_num": None,
        "peer_address": {"process_id": {"7": {"user": "amf", "file_descriptor": "6"}}},
    },
)
PYTHON
