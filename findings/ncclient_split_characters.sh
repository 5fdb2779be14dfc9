#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ncclient 0.7.1 (PyPI), a NETCONF client: answers with characters of more than one octet, as descriptions and names of places have them.
#
# A message is a sequence of octets, and the sender may cut it into chunks anywhere (RFC 6242, clause 4.2: chunk-data = 1*OCTET). Expected: the
# message is put together, and then it is UTF-8. Seen: each part is decoded alone.
# - NETCONF 1.1: a chunk that ends between the octets of a character ends the session ("unexpected end of data"), with all requests.
# - NETCONF 1.0, which has no chunks: so does an answer of more than 4096 octets in which such a character stands across the octet 4096, or
#   wherever else a read happens to end. One space more in it, and it is read.
# A server that cuts by size ends sessions now and then, depending on the content.
#
# The server is a stand-in on a Unix socket that answers one request. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ncclient==0.7.1
timeout 120 venv/bin/python - <<'PYTHON'
import contextlib
import re
import socket
import threading

from ncclient import manager

BASE = "urn:ietf:params:netconf:base:1."
XMLNS = "urn:ietf:params:xml:ns:netconf:base:1.0"
END = b"]]>]]>"


def until(connection, mark):
    received = b""
    while mark not in received:
        part = connection.recv(65536)
        if not part:
            break
        received += part
    return received


def serve(listener, version, cut):
    """One session: greet, and answer the request with what cut() makes of the answer."""
    connection, _ = listener.accept()
    with connection:
        hello = f'<hello xmlns="{XMLNS}"><capabilities><capability>{BASE}{version}</capability></capabilities><session-id>1</session-id></hello>'
        connection.sendall(hello.encode() + END)
        until(connection, END)
        request = until(connection, END if version == 0 else b"\n##\n")
        number = re.search(rb'message-id="([^"]+)"', request)[1].decode()
        reply = f'<rpc-reply xmlns="{XMLNS}" message-id="{number}"><data><site xmlns="urn:example:site">'
        connection.sendall(cut(reply, "</site></data></rpc-reply>"))
        with contextlib.suppress(ConnectionError):
            until(connection, END)  # until the client closes


def outcome(version, cut):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"server{version}{len(names)}")
        names.append(version)
        listener.listen()
        threading.Thread(target=serve, args=(listener, version, cut), daemon=True).start()
        client = manager.connect_uds(path=listener.getsockname(), manager_params={"timeout": 20})
        try:
            return client.get().data_xml.count("é")
        except Exception as error:
            return f"{type(error).__name__}: {error}"


names = []


def chunks(split):
    def cut(head, tail):
        octets = (head + "Orléans" + tail).encode()
        place = octets.index("é".encode()) + split
        parts = (octets[:place], octets[place:])
        return b"".join(b"\n#%d\n%s" % (len(part), part) for part in parts) + b"\n##\n"

    return cut


def padded(place):
    """The é begins at this octet of the answer."""

    def cut(head, tail):
        return (head + " " * (place - len(head)) + "é" + tail).encode() + END

    return cut


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


expect("1.1, a chunk ends before the é", outcome(1, chunks(0)), 1)
expect("1.1, a chunk ends behind the é", outcome(1, chunks(2)), 1)
seen = outcome(1, chunks(1))
print(f"1.1, a chunk ends within the é: {seen}")
assert "unexpected end of data" in str(seen), "it is no longer as described"
expect("1.0, an é at octet 4096", outcome(0, padded(4096)), 1)
seen = outcome(0, padded(4095))
print(f"1.0, an é at octet 4095: {seen}")
assert "unexpected end of data" in str(seen), "it is no longer as described"
PYTHON
