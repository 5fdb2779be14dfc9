# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CRIU leaves out of sockets, on sockets of this process; tests/what_moves moves them."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.network import (
    multicast,
    socket_blockers,
    socket_options,
    socket_states,
)
from ansible_collections.organic.live_migration.plugins.module_utils.network.socket_states import (
    SocketReader,
    SocketState,
)

IP_MINTTL, TCP_USER_TIMEOUT, IP_UNICAST_IF, IP_MULTICAST_TTL = 21, 18, 50, 33
ME = os.getpid()


@pytest.fixture
def udp(as_root: None) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        yield one


def state_of(reader: SocketReader, one: socket.socket, refresh: bool = False) -> SocketState | None:
    found = (reader.refresh if refresh else reader.read)([ME])
    return next((state for state in found if state.descriptor == one.fileno()), None)


def moved(state: SocketState) -> SocketState:
    """As the other host gets it."""
    return typed.from_dict(SocketState, json.loads(json.dumps(typed.to_dict(state))))


def test_a_socket_without_options_costs_the_target_nothing(udp: socket.socket) -> None:
    assert state_of(SocketReader(ME), udp) is None


def test_options_are_set_on_another_socket(udp: socket.socket) -> None:
    udp.setsockopt(socket.IPPROTO_IP, IP_MINTTL, 254)
    state = state_of(SocketReader(ME), udp)
    assert state is not None
    assert state.options == [(socket.IPPROTO_IP, IP_MINTTL, "fe000000")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as restored:
        socket_states.apply([SocketState(7, restored.fileno(), *_rest(moved(state)))], {7: ME}, ME)
        assert restored.getsockopt(socket.IPPROTO_IP, IP_MINTTL) == 254


def _rest(state: SocketState) -> tuple[object, ...]:
    return state.kind, state.options, state.groups


def test_an_interface_is_named_and_found_by_its_name(udp: socket.socket) -> None:
    udp.setsockopt(socket.IPPROTO_IP, IP_UNICAST_IF, struct.pack(">I", socket.if_nametoindex("lo")))
    state = state_of(SocketReader(ME), udp)
    assert state is not None
    assert (socket.IPPROTO_IP, IP_UNICAST_IF, ":lo") in state.options
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as restored:
        socket_options.apply(restored, moved(state).options, {"lo": socket.if_nametoindex("lo")})
        assert restored.getsockopt(socket.IPPROTO_IP, IP_UNICAST_IF, 4) == udp.getsockopt(0, IP_UNICAST_IF, 4)
        with pytest.raises(MigrationError, match="needs the interface lo"):
            socket_options.apply(restored, state.options, {})


def test_what_the_kernel_sets_itself_on_an_accepted_connection_is_no_option(as_root: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        client.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 5000)
        accepted, _address = server.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_IP, IP_MULTICAST_TTL) == 64
            reader = SocketReader(ME)
            assert state_of(reader, accepted) is None
            state = state_of(reader, client)
            assert state is not None
            assert state.options == [(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, "88130000")]


def test_in_the_freeze_new_sockets_are_read_and_known_ones_while_there_is_time(
    udp: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = SocketReader(ME)
    assert state_of(reader, udp) is None
    udp.setsockopt(socket.IPPROTO_IP, IP_MINTTL, 254)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as new:
        new.setsockopt(socket.IPPROTO_IP, IP_MINTTL, 253)
        monkeypatch.setattr(socket_states, "_SHADOW_S", 0.0)
        assert state_of(reader, new, refresh=True) is not None
        assert state_of(reader, udp, refresh=True) is None
        monkeypatch.setattr(socket_states, "_SHADOW_S", 10.0)
        assert state_of(reader, udp, refresh=True) is not None
    assert all(state.descriptor != new.fileno() for state in reader.refresh([ME]))


def test_an_option_that_this_host_does_not_take_is_found_before(as_root: None) -> None:
    kind = (int(socket.AF_INET), int(socket.SOCK_STREAM), socket.IPPROTO_TCP)
    wanted = SocketState(7, 3, kind, [(socket.IPPROTO_TCP, 13, b"no_such_one".hex())])
    with pytest.raises(MigrationError, match=r"Option 13 of level 6 .* cannot be set to .*: No such file"):
        socket_states.check(ME, [wanted])
    with pytest.raises(ValueError, match="no kind of socket"):
        socket_states.check(ME, [SocketState(7, 3, (int(socket.AF_PACKET), 3, 0), [(0, 1, "00")])])
    socket_states.check(ME, [])


def test_a_process_that_was_restored_without_its_socket_does_not_run(as_root: None) -> None:
    with pytest.raises(MigrationError, match="restored without its socket 3"):
        socket_states.apply([SocketState(7, 3, (2, 2, 17), [(0, IP_MINTTL, "fe000000")])], {}, ME)


@pytest.mark.parametrize(("group", "family"), [("239.255.1.7", socket.AF_INET), ("ff15::1:7", socket.AF_INET6)])
def test_memberships_are_of_one_socket_and_keep_their_sources(as_root: None, group: str, family: int) -> None:
    index = socket.if_nametoindex("lo")
    source = "192.0.2.1" if family == socket.AF_INET else "2001:db8::1"
    wanted = multicast.Membership("lo", group, 1, [source])
    with socket.socket(family, socket.SOCK_DGRAM) as member, socket.socket(family, socket.SOCK_DGRAM) as other:
        multicast.join(member, [wanted], {"lo": index})
        multicast.join(member, [wanted], {"lo": index})
        reader = SocketReader(ME)
        state = state_of(reader, member)
        assert state is not None
        assert moved(state).groups == [wanted]
        assert state_of(reader, other) is None
        with pytest.raises(MigrationError, match=f"is a member of {group} on eth9"):
            multicast.join(other, [multicast.Membership("eth9", group)], {"lo": index})


def messages(one: socket.socket) -> list[str]:
    where = f"descriptor {one.fileno()} of process {ME}"
    return [blocker.message for blocker in socket_blockers.blockers([ME]) if where in blocker.message]


def test_a_corked_datagram_is_named(udp: socket.socket) -> None:
    assert messages(udp) == []
    udp.setsockopt(socket.IPPROTO_UDP, 1, 1)
    [message] = messages(udp)
    assert "corked" in message


def test_md5_keys_are_named_and_not_shown(as_root: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton("127.0.0.1")).ljust(128, b"\0")
        try:
            server.setsockopt(socket.IPPROTO_TCP, 14, peer + struct.pack("=BBHi", 0, 0, 3, 0) + b"KEY".ljust(80, b"\0"))
        except OSError:
            pytest.skip("this kernel has no TCP MD5 keys")
        port = server.getsockname()[1]
        [found] = [one for one in socket_blockers.blockers([ME]) if f"127.0.0.1:{port}" in one.message]
        assert found.code == "tcp_keys"
        assert "KEY" not in found.message
