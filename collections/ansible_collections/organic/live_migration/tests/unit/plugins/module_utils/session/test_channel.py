# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FuturesTimeoutError
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import PeerFailed, PeerLost
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.session import channel, tcp_info
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import (
    Channel,
    Credentials,
    Listener,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils import certificates

LOOPBACK = "127.0.0.1"


def make_credentials() -> tuple[Credentials, Credentials]:
    return certificates.credentials()


@pytest.fixture(scope="module")
def credentials() -> tuple[Credentials, Credentials]:
    return make_credentials()


@pytest.fixture
def listener(credentials: tuple[Credentials, Credentials]) -> Iterator[Listener]:
    made = Listener(credentials[1], LOOPBACK)
    yield made
    made.close()


@pytest.fixture
def later() -> Iterator[Callable[..., Any]]:
    with ThreadPoolExecutor() as pool:
        yield pool.submit


@pytest.fixture
def pair(
    credentials: tuple[Credentials, Credentials], listener: Listener, later: Callable[..., Any]
) -> Iterator[tuple[Channel, Channel]]:
    """Source and target, connected."""
    accepted = later(listener.accept, 10)
    source = Channel.connect([LOOPBACK], listener.port, credentials[0], 10)
    target = accepted.result(10)
    yield source, target
    source.close()
    target.close()


def test_messages_arrive_with_their_bytes(pair: tuple[Channel, Channel], later: Callable[..., Any]) -> None:
    source, target = pair
    blob = bytes(range(256)) * 40000  # more than any socket buffer
    sent = later(source.send, "images", blob, images=[["core-1.img", 5]], gone=["tmp/ä"])
    message = target.receive(10)
    sent.result(10)
    assert (message.kind, message.fields) == ("images", {"images": [["core-1.img", 5]], "gone": ["tmp/ä"]})
    assert message.blob == blob
    assert source.blob_bytes_sent == len(blob)
    target.send("restored")
    assert source.expect("restored", 10).blob == b""


def test_a_message_may_take_longer_than_the_connecting(
    credentials: tuple[Credentials, Credentials], listener: Listener, later: Callable[..., Any]
) -> None:
    accepted = later(listener.accept, 10)
    connect_s = 0.3
    source = Channel.connect([LOOPBACK], listener.port, credentials[0], connect_s)
    target = accepted.result(10)
    blob = bytes(1 << 28)  # more than any socket buffer
    sent = later(source.send, "files", blob)
    with pytest.raises(FuturesTimeoutError):
        sent.result(3 * connect_s)
    assert target.receive(10).blob == blob
    sent.result(10)
    source.close()
    target.close()


def test_a_wrong_certificate_is_turned_away_and_does_not_keep_the_peer_out(
    credentials: tuple[Credentials, Credentials], listener: Listener, later: Callable[..., Any]
) -> None:
    accepted = later(listener.accept, 10)
    stranger, _unused = make_credentials()
    impostor = Credentials(stranger.certificate, stranger.key, credentials[1].certificate)
    with pytest.raises(PeerLost):  # in TLS 1.3 the client learns of its refusal with the first read
        Channel.connect([LOOPBACK], listener.port, impostor, 10).receive(10)
    source = Channel.connect([LOOPBACK], listener.port, credentials[0], 10)
    target = accepted.result(10)
    source.send("hello")
    assert target.receive(10).kind == "hello"
    source.close()
    target.close()


def test_no_certificate_at_all_is_turned_away(
    credentials: tuple[Credentials, Credentials], listener: Listener, later: Callable[..., Any]
) -> None:
    accepted = later(listener.accept, 10)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    raw = socket.create_connection((LOOPBACK, listener.port), 10)
    with contextlib.suppress(ssl.SSLError), context.wrap_socket(raw) as tls:
        assert tls.recv(1) == b""
    with socket.create_connection((LOOPBACK, listener.port), 10) as raw:
        raw.sendall(b"GET / HTTP/1.0\r\n\r\n")
    source = Channel.connect([LOOPBACK], listener.port, credentials[0], 10)
    source.close()
    accepted.result(10).close()


def test_a_false_target_is_not_told_anything(
    credentials: tuple[Credentials, Credentials], later: Callable[..., Any]
) -> None:
    _unused, stranger = make_credentials()
    false = Listener(Credentials(stranger.certificate, stranger.key, credentials[0].certificate), LOOPBACK)
    accepted = later(false.accept, 1)
    with pytest.raises(PeerLost, match=r"127\.0\.0\.1: .*CERTIFICATE_VERIFY_FAILED"):
        Channel.connect([LOOPBACK], false.port, credentials[0], 10)
    with pytest.raises(PeerLost, match="did not connect within"):
        accepted.result(10)
    false.close()


def test_a_host_that_nobody_answers_for_is_named_with_its_port(credentials: tuple[Credentials, Credentials]) -> None:
    with socket.create_server((LOOPBACK, 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(PeerLost, match=rf"port {port} \(127\.0\.0\.1: .*refused.*Check the route and the firewall"):
        Channel.connect([LOOPBACK], port, credentials[0], 1)


def test_the_second_address_is_tried(
    credentials: tuple[Credentials, Credentials], listener: Listener, later: Callable[..., Any]
) -> None:
    accepted = later(listener.accept, 10)
    source = Channel.connect(["127.255.255.254", LOOPBACK], listener.port, credentials[0], 10)
    source.close()
    accepted.result(10).close()


def test_a_failure_of_the_peer_comes_with_its_details(pair: tuple[Channel, Channel]) -> None:
    source, target = pair
    target.send("failed", message="CRIU failed to restore", details={"criu_log": ["Error (criu/files.c:1)"]})
    with pytest.raises(PeerFailed, match="CRIU failed to restore") as caught:
        source.expect("restored", 10)
    assert caught.value.details == {"criu_log": ["Error (criu/files.c:1)"]}


def test_the_end_of_the_peer_is_noticed(pair: tuple[Channel, Channel]) -> None:
    source, target = pair
    target.close()
    with pytest.raises(PeerLost):
        source.expect("restored", 10)


def test_a_silent_peer_is_given_up(pair: tuple[Channel, Channel]) -> None:
    with pytest.raises(PeerLost, match="went silent"):
        pair[0].receive(0.05)


def test_a_peer_that_takes_nothing_for_long_is_not_taken_for_dead(
    pair: tuple[Channel, Channel], later: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel would end the connection after TCP_USER_TIMEOUT, which is shorter here."""
    source, target = pair
    monkeypatch.setattr(channel, "_DEAD_AFTER_MS", 300)
    for end in pair:
        channel.enable_keepalive(end._tls)
    blob = os.urandom(1 << 20) * 192
    sent = later(source.send_patiently, "files", blob, 60, gone=[])
    with pytest.raises(FuturesTimeoutError):
        sent.result(3)
    message = target.expect("files", 30)
    sent.result(10)
    target.send("unpacked")
    source.expect("unpacked", 10, source.check_answers)
    assert message.blob == blob
    assert source._tls.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 300


def test_a_dead_link_is_noticed_while_the_peer_takes_nothing(
    wire: Any, credentials: tuple[Credentials, Credentials], later: Callable[..., Any]
) -> None:
    with libc.network_namespace(wire.here):
        listener = Listener(credentials[1], "0.0.0.0")
    accepted = later(listener.accept, 10)
    with libc.network_namespace(wire.there):
        source = Channel.connect([wire.here_address], listener.port, credentials[0], 10)
    target = accepted.result(10)
    sent = later(source.send_patiently, "files", bytes(192 << 20), 60, gone=[])
    with pytest.raises(FuturesTimeoutError):
        sent.result(1)
    wire.inside(wire.here, "ip", "link", "set", wire.interface, "down")
    with pytest.raises(PeerLost):
        sent.result(60)
    for one in (source, target, listener):
        one.close()


def test_another_message_than_was_due(pair: tuple[Channel, Channel]) -> None:
    source, target = pair
    target.send("armed")
    with pytest.raises(PeerLost, match=r"unexpected message 'armed' .expected 'restored'."):
        source.expect("restored", 10)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<IQ", channel.MAX_HEADER_BYTES + 1, 0),
        struct.pack("<IQ", 2, channel.MAX_BLOB_BYTES + 1),
        struct.pack("<IQ", 2, 0) + b"{}",
        struct.pack("<IQ", 2, 0) + b"[]",
        struct.pack("<IQ", 4, 0) + b"\xff\xfe\0\0",
        struct.pack("<IQ", 10, 0) + b"{",
    ],
    ids=["long header", "long blob", "no kind", "no object", "no JSON", "cut short"],
)
def test_nonsense_is_not_taken(pair: tuple[Channel, Channel], data: bytes) -> None:
    source, target = pair
    target._tls.sendall(data)
    target.close()
    with pytest.raises(PeerLost):
        source.receive(10)


def test_the_pages_go_over_the_bare_socket_both_ways(pair: tuple[Channel, Channel], later: Callable[..., Any]) -> None:
    source, target = pair
    source.send("pages")
    target.expect("pages", 10)
    theirs = later(target.to_plain_socket)
    ours = source.to_plain_socket()
    with ours, theirs.result(10) as other:
        ours.sendall(b"page")
        assert other.recv(16) == b"page"
        other.sendall(b"ok")
        assert ours.recv(16) == b"ok"
        assert tcp_info.bytes_sent(ours) >= len(b"page")


def test_the_end_of_a_connection_is_no_end_of_tls(pair: tuple[Channel, Channel]) -> None:
    source, target = pair
    socket.socket.shutdown(target._tls, socket.SHUT_WR)
    with pytest.raises(PeerLost, match="for the pages broke"):
        source.to_plain_socket()
