# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packet mirror of the source whose agent dies after the commit."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths

from .mirror_hosts import Hosts, armed, hosts, wait_for
from .test_mirror import await_answers, hand_over


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def net(request: pytest.FixtureRequest, init: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    monkeypatch.setattr(paths, "MIRROR", str(init.with_name("mirror")))
    with hosts(request.param) as made:
        yield made


def test_the_kernel_of_the_source_says_nothing_more(net: Hosts) -> None:
    """Its rules let packets pass without the mirror: it would acknowledge what the clone never gets, or reset."""
    pair = armed(net)
    pair.client.start()
    await_answers(pair, 50)
    hand_over(pair)
    mirror = pair.source.process_id
    vars(pair.source)["_control"].shutdown(socket.SHUT_RDWR)
    wait_for(lambda: not mirror.alive, "the mirror ends")
    show = ["nsenter", "--target", str(net.source), "--net", "ip", "-json", "link", "show", "eth0"]
    [link] = json.loads(subprocess.run(show, capture_output=True, check=True).stdout)
    assert "UP" not in link["flags"]
    await_answers(pair, 100)
    pair.client.stop()
