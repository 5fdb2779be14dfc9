# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARP probes and their answers."""

from __future__ import annotations

import socket
import struct

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import arp

MAC = bytes.fromhex("0242c0000222")


def reply(address: str, operation: int = arp.REPLY) -> bytes:
    packed = socket.inet_aton(address)
    return struct.pack("!6s6sH", MAC, MAC, 0x0806) + struct.pack(
        "!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, MAC, packed, MAC, bytes(4)
    )


def test_probe_is_an_rfc5227_probe() -> None:
    frame = arp.probe_frame(MAC, "192.0.2.34")
    assert frame[:6] == b"\xff" * 6
    assert frame[12:14] == b"\x08\x06"
    assert frame[20:22] == b"\x00\x01"
    assert frame[28:32] == bytes(4)  # sender address
    assert frame[38:42] == socket.inet_aton("192.0.2.34")


def test_reply_names_the_holder() -> None:
    assert arp.answering_mac(reply("192.0.2.34"), "192.0.2.34") == "02:42:c0:00:02:22"


@pytest.mark.parametrize(
    "frame", [b"", reply("192.0.2.35"), reply("192.0.2.34", arp.REQUEST), bytes(12) + b"\x08\x00" + bytes(40)]
)
def test_other_frames_name_nobody(frame: bytes) -> None:
    assert arp.answering_mac(frame, "192.0.2.34") is None


def test_nobody_answers_on_loopback() -> None:
    assert arp.holders("lo", ["192.0.2.34", "192.0.2.35"], probes=1, interval_s=0.05) == {}


class Link:
    """A link with one machine in place of a packet socket. The machine has every address but 192.0.2.35."""

    def __init__(self, ours: socket.socket, machine: socket.socket) -> None:
        self._machine = machine
        self.settimeout, self.recv = ours.settimeout, ours.recv

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_exc: object) -> None:
        """The pair is closed by the test."""

    def bind(self, _address: object) -> None:
        """There is one link only."""

    def getsockname(self) -> tuple[object, ...]:
        return ("eth0", 0, 0, 1, MAC)

    def send(self, frame: bytes) -> None:
        asked = socket.inet_ntoa(frame[38:42])
        if asked != "192.0.2.35":
            self._machine.send(reply(asked))


def test_everybody_is_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        monkeypatch.setattr(arp.socket, "socket", lambda *_kind: Link(ours, theirs))
        found = arp.holders("eth0", ["192.0.2.34", "192.0.2.35", "192.0.2.36"], probes=2, interval_s=0.05)
        monkeypatch.undo()
    assert sorted(found) == ["192.0.2.34", "192.0.2.36"]
