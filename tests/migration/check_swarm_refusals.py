# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The move of a service is refused, with the remedy, before anything is touched: make swarm.

The manager is a third host of nf_hosts where the inventory has one (LAB_EDGES=3); else those cases are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness.docker import SWARM_CONFIGURATION
from tests.harness.hosts import Host
from tests.harness.site import Site
from tests.harness.swarm import Service, Swarm, lose_docker, start_docker
from tests.harness.wait import until

NUMBER = 42
IMAGE = "organic-only-here"
CUT = "iptables --wait {} OUTPUT --protocol tcp --dport 2377 --jump DROP"


@pytest.fixture(scope="module")
def swarm(site: Site, manager: Host | None) -> Iterator[Swarm]:
    made = Swarm(site, manager)
    made.create()
    made.manager.run("docker swarm update --dispatcher-heartbeat 1s")
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def service(swarm: Swarm) -> Iterator[Service]:
    made = Service(swarm, "stays", NUMBER)
    try:
        yield made
    finally:
        made.remove()


def traces(service: Service) -> list[str]:
    """What a move touches: containers and await files of both hosts, and records of migrations."""
    look = f"docker ps --all --quiet --filter label=com.docker.swarm.service.name={service.name} 2>/dev/null || true"
    return [
        host.run(f"{look}; ls /opt/organic/resident/await; ls /run/organic/migrations 2>/dev/null || true")
        for host in service.site.edges
    ]


def refusal(service: Service) -> list[str]:
    """Codes of the blockers; each has a remedy."""
    result = service.migrate(2)
    assert all(blocker["remedy"] for blocker in result["blockers"]), result
    return [blocker["code"] for blocker in result["blockers"]]


@contextmanager
def nothing_touched(service: Service) -> Iterator[None]:
    before = (service.spec(), service.running(), traces(service))
    yield
    assert (service.spec(), service.running(), traces(service)) == before


def _succeeds(host: Host, command: str) -> bool:
    return "done" in host.run(f"{command} >/dev/null 2>&1 && echo done || true")


def node_state(service: Service, host: Host) -> str:
    node = host.run("docker info --format '{{.Swarm.NodeID}}'").strip()
    return service.swarm.manager.run(f"docker node inspect {node} --format '{{{{.Status.State}}}}'").strip()


@pytest.mark.parametrize("availability", ["drain", "pause"])
def test_a_target_node_that_takes_no_tasks(service: Service, availability: str) -> None:
    with nothing_touched(service):
        service.availability(service.away, availability)
        try:
            assert refusal(service) == ["node_unavailable"]
        finally:
            service.availability(service.away, "active")


def test_a_target_node_that_is_down(service: Service, manager: Host | None) -> None:
    """It does not reach the manager, and its Docker runs."""
    if manager is None:
        pytest.skip("the inventory has no third host in nf_hosts")
    away = service.away
    with nothing_touched(service):
        away.run(CUT.format("--insert"))
        try:
            until(lambda: node_state(service, away) == "down", "the Swarm has lost the target node")
            assert refusal(service) == ["node_down"]
        finally:
            away.run(CUT.format("--delete"))
            until(lambda: node_state(service, away) == "ready", "the target node is back")


def test_docker_of_the_target_node_is_down(service: Service) -> None:
    away = service.away
    with nothing_touched(service):
        lose_docker(away)
        try:
            assert refusal(service) == ["engine_unreachable"]
        finally:
            start_docker(away)
            until(lambda: node_state(service, away) == "ready", "the target node is back")


def test_a_swarm_without_a_quorum(service: Service, manager: Host | None) -> None:
    """Of two managers one is lost."""
    if manager is None:
        pytest.skip("the inventory has no third host in nf_hosts")
    with nothing_touched(service), service.swarm.more_managers(service.home):
        lose_docker(manager)
        try:
            assert refusal(service) == ["swarm_unreachable"]
        finally:
            start_docker(manager)


def test_no_manager_in_the_inventory(service: Service, manager: Host | None) -> None:
    if manager is None:
        pytest.skip("the inventory has no third host in nf_hosts")
    with nothing_touched(service):
        lose_docker(manager)
        try:
            assert refusal(service) == ["no_manager"]
        finally:
            start_docker(manager)
            until(lambda: node_state(service, service.away) == "ready", "the manager answers")


def test_an_image_that_the_target_lacks(swarm: Swarm) -> None:
    home = swarm.site.edges[0]
    swarm.site.image_only_on(home, IMAGE)
    service = Service(swarm, "only-here", NUMBER, image=IMAGE)
    try:
        with nothing_touched(service):
            assert refusal(service) == ["image_missing"]
    finally:
        service.remove()
        until(lambda: _succeeds(home, f"docker image rm --force {IMAGE}"), "the image is removed")


def test_a_target_without_the_networks_parent_interface(service: Service) -> None:
    """Each host gives the network of the Swarm its own parent, by a configuration."""
    away, subnet = service.away, service.site.subnet
    create = f"docker network create --config-only --subnet {subnet} --opt parent={{}} {SWARM_CONFIGURATION}"
    with nothing_touched(service):
        pool = away.run(
            f"docker network inspect {SWARM_CONFIGURATION} --format '{{{{(index .IPAM.Config 0).IPRange}}}}'"
        )
        away.run(f"docker network rm {SWARM_CONFIGURATION}")
        try:
            assert refusal(service) == ["network_missing"]
            away.run(create.format("eth9"))
            assert refusal(service) == ["parent_missing"]
        finally:
            away.run(f"docker network rm {SWARM_CONFIGURATION} || true")
            away.run(f"{create.format(service.site.parent)} --ip-range {pool.strip()}")
