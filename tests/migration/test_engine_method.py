# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container that was not started with the resident init, moved by the engine's own checkpoint, there and back."""

from __future__ import annotations

import dataclasses
from ipaddress import IPv4Address

import pytest

from tests.harness.build import SERVER
from tests.harness.client import Client
from tests.harness.containers import Container, arrived, start_migrations
from tests.harness.docker import DockerNetwork
from tests.harness.site import Site

from .places import HEALTHY

PORT = 7000
NUMBER = 20


@pytest.fixture(scope="module")
def plain(lab: Site) -> Container:
    container = Container(lab, "plain", lab.edges[0])
    network = DockerNetwork(container.home, lab.topology).name
    container.home.run(
        f"docker run --detach --name {container.name} --network {network} --ip {lab.address(NUMBER)} "
        f"--restart unless-stopped --no-healthcheck {HEALTHY} {SERVER} --port {PORT} --memory-mb 4"
    )
    return container


def test_it_moves_there_and_back(lab: Site, plain: Container) -> None:
    where = dataclasses.replace(lab.topology, address=IPv4Address(lab.address(NUMBER)), port=PORT)
    client = Client.start(where, lab.workload.client, connections=1)
    try:
        for _hop in range(2):
            source, target = plain.home, plain.away
            [result] = arrived(start_migrations([plain], method="engine"), [plain])
            assert (result["status"], result["method"]) == ("completed", "engine")
            assert (result["source_host"], result["target_host"]) == (source.name, target.name)
            assert [step["name"] for step in result["steps"]] == [
                "prepare", "connect", "dump", "transfer", "restore", "release"
            ]  # fmt: skip
            assert result["bytes_sent"] >= 4 << 20
            assert any("docker checkpoint create" in command for command in result["commands"]["source"])
            assert plain.inspect(source)["State"]["Running"] is False
            assert plain.inspect(source)["HostConfig"]["RestartPolicy"]["Name"] == "no"
            assert plain.inspect(target)["State"]["Running"] is True
            assert plain.inspect(target)["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
            answered = client.status()["answered"]
            client.await_status(lambda status, past=answered: status["answered"] > past + 50, 120, "it answers")
        seen = client.end()
    finally:
        client.close()
    assert seen["process_kept"]
    assert seen["verified"]
    assert (seen["faulty_pages"], seen["lost_writes"]) == (0, 0)
