# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link that is measured is the loopback interface."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import PeerLost
from ansible_collections.organic.live_migration.plugins.module_utils.migration import bandwidth
from ansible_collections.organic.live_migration.plugins.module_utils.session import messages
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Credentials, Listener
from ansible_collections.organic.live_migration.plugins.plugin_utils import certificates


@pytest.fixture
def both() -> tuple[Credentials, Credentials]:
    source, target = certificates.credentials()
    return source, target


def test_a_bandwidth_server_takes_one_client_and_ends(
    both: tuple[Credentials, Credentials], until: Callable[[Callable[[], object], str], None]
) -> None:
    ours, theirs = both
    port = bandwidth.start_server(theirs)
    rate = bandwidth.link_bytes_per_s(["127.0.0.1"], port, ours)
    assert rate > 10e6

    def refused() -> bool:
        try:
            bandwidth.link_bytes_per_s(["127.0.0.1"], port, ours)
        except PeerLost:
            return True
        return False

    until(refused, "nobody listens any more")


def test_a_bandwidth_server_that_ends_too_soon_is_no_measurement(both: tuple[Credentials, Credentials]) -> None:
    ours, theirs = both
    listener = Listener(theirs, "127.0.0.1")

    def take_and_leave() -> None:
        peer = listener.accept(10)
        peer.expect(messages.PROBE, 10)
        peer.to_plain_socket().close()

    sink = threading.Thread(target=take_and_leave)
    sink.start()
    with pytest.raises(PeerLost, match="broke while it was measured"):
        bandwidth.link_bytes_per_s(["127.0.0.1"], listener.port, ours)
    sink.join()
    listener.close()


def test_a_stranger_is_no_peer(both: tuple[Credentials, Credentials]) -> None:
    ours, _theirs = both
    stranger = certificates.credentials()[1]
    port = bandwidth.start_server(stranger)
    with pytest.raises(PeerLost, match="cannot be reached"):
        bandwidth.link_bytes_per_s(["127.0.0.1"], port, ours)
