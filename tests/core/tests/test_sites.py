# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from tests.core.sites import DEPLOYMENTS, ON_ENGINES

GIVEN = {
    "nf_addresses": {"nrf": "192.0.2.33", "amf": "192.0.2.36", "upf": "192.0.2.35", "front": "192.0.2.43"},
    "nf_network_parent": "eth0",
    "nf_network_subnet": "192.0.2.0/24",
}


def test_what_the_gnbs_reach_is_not_on_the_overlay() -> None:
    made = DEPLOYMENTS["swarm-overlay"].variables(GIVEN)
    assert made["nf_addresses"] == {
        "nrf": {"sbi": "dynamic"},
        "amf": {"sbi": "dynamic", "n2": {"ipv4": "192.0.2.36", "network": "access"}},
        "upf": {
            "sbi": "dynamic",
            "n3": {"ipv4": "192.0.2.35", "network": "access"},
            "n4": {"ipv4": "192.0.2.35", "network": "access"},
        },
    }
    assert made["nf_networks"]["access"]["subnet"] == "192.0.2.0/24"


def test_an_overlay_alone_refuses_to_move() -> None:
    assert [deployment.moves for deployment in DEPLOYMENTS.values()] == [True, True, False, True]
    assert DEPLOYMENTS["docker-macvlan"].variables(GIVEN) == {"orchestrator": "none"}


def test_a_cluster_is_measured_on_its_own() -> None:
    assert set(DEPLOYMENTS) - set(ON_ENGINES) == {"kubernetes-macvlan"}
    assert DEPLOYMENTS["kubernetes-macvlan"].variables(GIVEN) == {
        "orchestrator": "kubernetes",
        "nf_ready_timeout_s": 90,
    }
