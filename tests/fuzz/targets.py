# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes bytes from the other host, from CRIU or from a file, as functions of bytes.

A target returns, or raises one of REFUSALS: what the agents turn into a failed migration that rolls back and says why.
Anything else is a bug: the worker would die of it, and its watchdog could not report the reason.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import shutil
import socket
import ssl
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, cast
from unittest import mock

from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.criu import images, protobuf
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host import files
from ansible_collections.organic.live_migration.plugins.module_utils.migration import target
from ansible_collections.organic.live_migration.plugins.module_utils.network import unread_datagrams, unread_packets
from ansible_collections.organic.live_migration.plugins.module_utils.network.interfaces import Interface
from ansible_collections.organic.live_migration.plugins.module_utils.session import channel, journal

from . import nas, ngap

REFUSALS = (MigrationError, OSError, ValueError)
"""What the two ends of a migration catch (source.py, target.py)."""

_HEADER = struct.Struct("<IQ")
_IMAGE_MAGIC = b"\x19\x43\x56\x54\x42\x42\x30\x56"


@dataclass(frozen=True)
class Target:
    """One thing to be fuzzed.

    Attributes:
        take: the function.
        seeds: inputs to begin with, of which most are taken as right.
        words: what mutations put in, where a format has words.
        share: of all inputs; those that write files are slower.
        change: makes an input from another one, where changed bytes alone would hardly ever be read.
    """

    take: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[str, ...] = ()
    share: float = 1.0
    change: Callable[[bytes, Random], bytes] | None = None


class Wire:
    """Stands for the TLS socket: gives the bytes in pieces, then its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def recv_into(self, view: memoryview) -> int:
        piece = self._data[: min(len(view), 4096)]
        self._data = self._data[len(piece) :]
        view[: len(piece)] = piece
        return len(piece)

    def settimeout(self, _seconds: float | None) -> None:
        pass

    def setsockopt(self, *_option: object) -> None:
        pass

    def sendall(self, _data: bytes) -> None:
        pass

    def shutdown(self, _how: int) -> None:
        pass

    def close(self) -> None:
        pass

    @property
    def ended(self) -> bool:
        return not self._data


def open_channel(data: bytes) -> channel.Channel:
    return channel.Channel(cast(ssl.SSLSocket, Wire(data)))


def frame(kind: str, blob: bytes = b"", **fields: Any) -> bytes:
    """A message as Channel.send writes it."""
    header = json.dumps({"kind": kind, **fields}).encode()
    return _HEADER.pack(len(header), len(blob)) + header + blob


def change_json(data: bytes, random: Random) -> bytes:
    """Another value in one place of a JSON text; the same when it is none."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return data
    holder: Any = [tree]
    root, key = holder, 0
    while True:
        held = holder[key]
        if not isinstance(held, (dict, list)) or not held or random.random() < 0.2:
            break
        holder, key = held, random.choice(list(held) if isinstance(held, dict) else range(len(held)))
    act = random.random()
    if act < 0.15:
        del holder[key]
    elif act < 0.25 and isinstance(holder, dict):
        holder[str(random.choice(_VALUES))] = holder.pop(key)
    elif act < 0.35 and isinstance(held, str):
        at = random.randrange(len(held) + 1)
        holder[key] = held[:at] + random.choice(("\n", "\0", "/", "..", "%", "ä", "x" * 100)) + held[at:]
    elif act < 0.45 and isinstance(held, (dict, list)):
        holder[key] = [held, held]
    else:
        holder[key] = random.choice(_VALUES)
    return json.dumps(root[0] if root else None).encode()


def change_message(data: bytes, random: Random) -> bytes:
    header, zero, blob = data.partition(b"\0")
    return change_json(header, random) + zero + blob


def change_stream(data: bytes, random: Random) -> bytes:
    """Other JSON in one of the messages, with the right length, or a wrong one."""
    frames = []
    rest = data
    while len(rest) >= _HEADER.size:
        length, blob_length = _HEADER.unpack_from(rest)
        end = _HEADER.size + length
        frames.append((rest[_HEADER.size : end], rest[end : end + blob_length]))
        rest = rest[end + blob_length :]
    if not frames:
        return data
    chosen = random.randrange(len(frames))
    header, blob = frames[chosen]
    frames[chosen] = change_json(header, random), blob
    lie = random.choice((0, 0, 0, 1, -1, 1 << 20))
    return b"".join(_HEADER.pack(max(0, len(header) + lie), len(blob)) + header + blob for header, blob in frames)


def take_stream(data: bytes) -> None:
    """Messages one after another, until the peer is silent."""
    peer = open_channel(data)
    while True:
        message = peer.receive(1)
        assert isinstance(message.blob, bytes)


def take_header(data: bytes) -> None:
    """One message whose header has the right length: nothing but its JSON is odd."""
    open_channel(_HEADER.pack(len(data), 0) + data).expect("restored", 1)


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="organic-fuzz-", dir="/dev/shm"))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def take_images(data: bytes) -> None:
    """The message with the images: a header, a zero byte, the blob. Only images may be written, and only there."""
    header, _zero, blob = data.partition(b"\0")
    message = open_channel(_HEADER.pack(len(header), len(blob)) + header + blob).expect("images", 1)
    with directory() as made:
        images = made / "images"
        images.mkdir()
        descriptor = os.open(images, os.O_RDONLY | os.O_DIRECTORY)
        try:
            inventory = target.write_images(descriptor, message)
            assert inventory and inventory in blob
        finally:
            os.close(descriptor)
            assert [entry.name for entry in made.iterdir()] == ["images"]
            for image in images.iterdir():
                assert image.suffix == ".img" and image.is_file() and image.read_bytes() in blob


def take_interfaces(data: bytes) -> None:
    """The interfaces that the source wants: words of them go into commands."""
    if not isinstance(json.loads(data), list):
        return
    for description in json.loads(data):
        wanted = Interface.of(description)
        for word in (wanted.name, wanted.mac, wanted.kind, *wanted.addresses):
            assert not set(word) & set("\n\0 ;'\"\\")


def take_archive(data: bytes) -> None:
    """The archive of the files; unpacked in a root directory of its own, which is what in_root is for."""
    with directory() as made:
        root = made / "root"
        root.mkdir()
        files.unpack_directory(str(root), data)
        assert [entry.name for entry in made.iterdir()] == ["root"]


def take_packets(data: bytes) -> None:
    """What sockets held that the process had not read: only whole packets of IPv4 and IPv6 go out."""
    sent: list[bytes] = []

    class Raw:
        def __init__(self, family: int, *_arguments: int) -> None:
            self._version = {socket.AF_INET: 4, socket.AF_INET6: 6}[socket.AddressFamily(family)]

        def sendto(self, packet: memoryview, _address: tuple[str, int]) -> None:
            assert packet[0] >> 4 == self._version and len(packet) == packet_length(packet)
            sent.append(bytes(packet))

        def close(self) -> None:
            pass

    with (
        mock.patch.object(unread_packets.socket, "socket", Raw),
        mock.patch.object(unread_packets.libc, "network_namespace", lambda _pid: contextlib.nullcontext()),
    ):
        unread_datagrams.deliver(1, data)
    assert sent == [packet for packet in whole_packets(data) if not is_for_many_hosts(packet)]


def packet_length(packet: bytes | memoryview) -> int:
    """Of an IPv4 packet, or of an IPv6 one, whose header does not count itself."""
    position, header = (2, 0) if packet[0] >> 4 == 4 else (4, 40)
    return header + int(struct.unpack_from(">H", packet, position)[0])


def is_for_many_hosts(packet: bytes) -> bool:
    """Whether it is a multicast or limited broadcast of IPv4, which the target host receives by itself."""
    destination = ipaddress.ip_address(packet[16:20])
    return packet[0] >> 4 == 4 and (destination.is_multicast or str(destination) == "255.255.255.255")


def whole_packets(data: bytes) -> Iterator[bytes]:
    """Packets, one after the other."""
    while data:
        length = packet_length(data)
        yield data[:length]
        data = data[length:]


def take_protobuf(data: bytes) -> None:
    """What CRIU says, and its statistics."""
    fields = protobuf.decode(data)
    for number in fields:
        protobuf.integer(fields, number)
        protobuf.text(fields, number)
        with contextlib.suppress(ValueError):  # a text
            protobuf.message(fields, number)


def take_files_image(data: bytes) -> None:
    """The image that is rewritten: what comes out differs in flags of timers only."""
    after = images.with_relative_timers(data)
    assert len(after) == len(data)
    assert all(old == new or old & ~1 == new for old, new in zip(data, after, strict=True))


def take_named_files(data: bytes) -> None:
    """The images in which a plain file gets another name: files, descriptors and identities, in one input."""
    ids, _zero, rest = data.partition(b"\xff\xff")
    descriptors, _zero, opened = rest.partition(b"\xff\xff")
    named = {"ids-1.img": ids, "fdinfo-2.img": descriptors, "files.img": opened}
    renamed = images.with_named_files(named, {(1, 3): "dev/net/tun"})
    assert renamed.keys() == named.keys() and renamed["ids-1.img"] == ids


def take_record(data: bytes) -> None:
    """A migration's record, which a crash of the machine may have damaged."""
    with tempfile.NamedTemporaryFile(prefix="organic-fuzz-", dir="/dev/shm") as file:
        file.write(data)
        file.flush()
        journal.MigrationRecord.load(Path(file.name))


def entry(*fields: tuple[int, protobuf.Value]) -> bytes:
    """An entry of an image, with its length."""
    data = protobuf.encode(list(fields))
    return struct.pack("<I", len(data)) + data


def packet(protocol: int, payload: bytes, destination: bytes = b"\x0a\1\1\2") -> bytes:
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, b"\x0a\1\1\1", destination)
    return header + payload


def packet6(payload: bytes) -> bytes:
    return struct.pack(">IHBB16s16s", 6 << 28, len(payload), 17, 64, bytes(15) + b"\1", bytes(15) + b"\1") + payload


def archive() -> bytes:
    with directory() as made:
        (made / "file").write_bytes(b"content")
        (made / "link").symlink_to("/etc/passwd")
        (made / "directory").mkdir()
        os.link(made / "file", made / "directory/hard")
        return files.pack_directory(str(made))


_INTERFACE = {"name": "eth0", "mac": "02:42:0a:01:01:02", "addresses": ["10.1.1.2/24"], "kind": "macvlan"}
_VALUES: tuple[Any, ...] = (None, True, -1, 0, 1, 1 << 31, 1 << 64, 1e300, float("nan"), "", "x", "../x.img",
                            "core-2.img", "failed", "fe80::1%\n", "kind", "details", "message", [], {}, [[]], [1],
                            {"message": 1}, ["core-1.img", 1], ["inventory.img", 1])  # fmt: skip
_WORDS = ("kind", "images", "restored", "failed", "message", "details", "archive_bytes", "gone", "inventory.img",
          "core-1.img", "../", "null", "true", "1e999", "NaN", "-1", "[", "{", "18446744073709551616")  # fmt: skip
_TIMER = protobuf.encode([(1, 300), (2, 2), (3, b"\x08\x00"), (4, 1), (5, 0), (6, 1), (7, 5), (8, 999_999_999)])

TARGETS = {
    "stream": Target(
        take_stream,
        (frame("hello"), frame("images", b"inv", images=[["inventory.img", 3]], archive_bytes=0) + frame("commit"),
         frame("failed", message="no", details={"criu_log": ["Error"]})),
        _WORDS,
        change=change_stream,
    ),
    "header": Target(
        take_header,
        (b'{"kind": "restored", "steps": []}', b'{"kind": "failed", "message": "no", "details": {"a": 1}}'),
        _WORDS,
        change=change_json,
    ),
    "images": Target(
        take_images,
        (b'{"kind": "images", "archive_bytes": 3, "images": [["core-1.img", 4], ["inventory.img", 3]]}\0tarcoreinv',),
        _WORDS,
        share=0.5,
        change=change_message,
    ),
    "interfaces": Target(
        take_interfaces, (json.dumps([_INTERFACE]).encode(),), (*_INTERFACE, "via", "metric"), change=change_json
    ),
    "archive": Target(take_archive, (archive(),), share=0.02),
    "packets": Target(
        take_packets,
        (
            packet(17, b"x" * 12),
            packet(132, b"y" * 20) * 2 + packet6(b"z" * 9),
            packet(17, b"x" * 12, b"\xff" * 4) + packet(17, b"x" * 12, b"\xe0\0\0\xfb"),
        ),
    ),
    "protobuf": Target(
        take_protobuf, (protobuf.encode([(1, 6), (2, True), (5, protobuf.encode([(1, "pre-dump")])), (9, "no")]),)
    ),
    "files_image": Target(
        take_files_image,
        (_IMAGE_MAGIC + entry((1, 17), (2, 300), (12, _TIMER)) + entry((1, 1), (3, b"\x08\1")), _IMAGE_MAGIC),
    ),
    "named_files": Target(
        take_named_files,
        (b"\xff\xff".join((_IMAGE_MAGIC + entry((2, 2)), _IMAGE_MAGIC + entry((1, 7), (2, 0), (3, 1), (4, 3)),
                           _IMAGE_MAGIC + entry((1, 1), (2, 7), (3, protobuf.encode([(1, 7), (6, "/old")]))))),),
    ),
    "record": Target(
        take_record,
        (json.dumps(typed.to_dict(journal.MigrationRecord("0" * 16, "source", "smf", "c", "edge-b"))).encode(),),
        ("migration_id", "role", "state", "root_pid", "interfaces"),
        share=0.3,
        change=change_json,
    ),
    "nas": Target(nas.take, nas.SEEDS),
    "ngap": Target(ngap.take, ngap.SEEDS),
    "ngap_transfer": Target(ngap.take_transfer, ngap.TRANSFER_SEEDS),
}  # fmt: skip
