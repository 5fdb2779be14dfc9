# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance is drained and serves again, against a real server on loopback; the engine is a fake one."""

from __future__ import annotations

import http.server
import os
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.module_utils.errors import StateError
from ansible_collections.organic.core5g.plugins.module_utils.nf_drain import DRAINED, SERVING, Drain, Instance
from ansible_collections.organic.core5g.tests.unit.plugins.module_utils.state_server import handler, serving


class Upf:
    """Loses a session with each look at its state while it drains."""

    def __init__(self, sessions: int = 3) -> None:
        self.sessions = sessions
        self.draining = False
        self.stays = False
        self.associations = 1
        self.asked: list[str] = []
        self.status = 200

    def answer(self, _path: str) -> tuple[int, Any]:
        if self.draining and self.sessions and not self.stays:
            self.sessions -= 1
        drained = self.draining and not self.sessions
        pfcp = [{"peer": "192.0.2.34", "up": True}] * (0 if drained else self.associations)
        return 200, {"sessions": self.sessions, "draining": self.draining, "drained": drained, "pfcp": pfcp}

    def ask(self, method: str) -> int:
        self.asked.append(method)
        self.draining = method == "PUT"
        return self.status


class Server:
    def __init__(self, upf: Upf, port: int) -> None:
        self.upf = upf
        self.instance = Instance("upf", "127.0.0.1", port, "/drain", "/state")

    def drain(self, successor: str | None = None) -> Drain:
        return Drain(self.instance, os.getpid(), successor)


@pytest.fixture
def server() -> Iterator[Server]:
    upf = Upf()

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(upf.answer, upf.ask))
    with serving(listening):
        yield Server(upf, listening.server_address[1])


def test_sessions_leave(server: Server) -> None:
    progress = server.drain().follow(DRAINED, 10)
    assert (progress.sessions, progress.drained, progress.was_draining) == (0, True, False)
    assert server.upf.asked == ["PUT"]
    again = server.drain().follow(DRAINED, 10)
    assert (again.drained, again.was_draining) == (True, True)
    assert server.upf.asked == ["PUT"]


def test_it_serves_again(server: Server) -> None:
    server.upf.draining = server.upf.stays = True
    progress = server.drain().follow(SERVING, 0)
    assert (progress.draining, progress.was_draining, progress.sessions) == (False, True, 3)
    assert not server.drain().follow(SERVING, 0).was_draining
    assert server.upf.asked == ["DELETE"]


def test_the_time_ends_the_wait(server: Server) -> None:
    server.upf.stays = True
    progress = server.drain().follow(DRAINED, 0.1)
    assert (progress.sessions, progress.draining, progress.drained) == (3, True, False)


def test_without_a_successor_that_can_take_sessions_nothing_is_asked(server: Server) -> None:
    progress = server.drain("127.0.0.2").follow(DRAINED, 10)
    assert "does not answer" in progress.successor_error
    assert server.upf.asked == []


def test_what_is_wrong_with_a_successor(server: Server) -> None:
    assert server.drain("127.0.0.1").progress().successor_error == ""
    server.upf.draining = server.upf.stays = True
    assert "is drained itself" in server.drain("127.0.0.1").progress().successor_error
    server.upf.draining, server.upf.associations = False, 0
    assert server.drain("127.0.0.1").progress().successor_error == "127.0.0.1 has no association"


def test_an_nf_that_refuses(server: Server) -> None:
    server.upf.status = 503
    with pytest.raises(StateError, match=r"PUT http://127\.0\.0\.1:\d+/drain is answered with status 503"):
        server.drain().follow(DRAINED, 1)


def test_an_nf_that_cannot_be_drained() -> None:
    upf = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(lambda _: (200, {"sessions": 1})))
    with serving(upf):
        instance = Instance("smf", "127.0.0.1", upf.server_address[1], "/drain", "/state")
        with pytest.raises(StateError, match="smf does not say whether it is drained"):
            Drain(instance, os.getpid()).progress()
