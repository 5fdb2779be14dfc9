# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where containers go, by what the hosts have left."""

from __future__ import annotations

from typing import Any

from ansible_collections.organic.core5g.plugins.plugin_utils.placement import Load, Room, place

GIB = 1 << 30


def room(host: str, free_gib: float = 8, free_cpus: float = 4, **more: Any) -> Room:
    fields = {"memory_bytes": 16 * GIB, "cpus": 8.0, "containers": 0, **more}
    return Room(host, free_bytes=int(free_gib * GIB), free_cpus=free_cpus, **fields)


def load(name: str, gib: float = 0.5, cpus: float = 0.0) -> Load:
    return Load(name, int(gib * GIB), cpus)


def test_what_a_survey_says_of_a_host() -> None:
    resources = {"memory_bytes": 4, "available_bytes": 3, "cpus": 2, "load": 2.5, "containers": [{}]}
    assert Room.of("edge-b", resources) == Room("edge-b", 4, 3, 2.0, 0.0, 1)


def test_containers_spread_over_equal_hosts() -> None:
    placed = place([load(name) for name in "abcd"], [room("edge-b"), room("edge-c")]).hosts
    assert sorted(placed.values()) == ["edge-b", "edge-b", "edge-c", "edge-c"]


def test_the_host_with_more_memory_takes_more() -> None:
    placed = place([load(name, 1) for name in "abcd"], [room("edge-b", 4), room("edge-c", 12)]).hosts
    assert list(placed.values()) == ["edge-c"] * 4


def test_a_host_without_free_cpu_is_the_last_choice() -> None:
    assert place([load("a", cpus=1)], [room("edge-b", 12, 0.1), room("edge-c", 8, 6)]).hosts == {"a": "edge-c"}


def test_the_largest_is_placed_first_so_that_all_fit() -> None:
    rooms = [
        room("edge-b", 2.5),
        room("edge-c", 4.5),
    ]  # twice its memory, and a reserve
    placed = place([load("small", 1), load("large", 2)], rooms)
    assert placed.hosts == {"large": "edge-c", "small": "edge-b"}
    assert placed.refused == {}


def test_what_fits_nowhere_is_refused_with_what_is_left() -> None:
    placed = place([load("udr", 4), load("smf", 0.5)], [room("edge-b", 4)])
    assert placed.hosts == {"smf": "edge-b"}
    assert placed.refused["udr"] == (
        "It needs 8448 MiB of free memory on another host, and what is left is edge-b: 4096 MiB. "
        "Free memory there, or add a host to the inventory"
    )


def test_a_host_that_cannot_take_a_container_is_not_asked() -> None:
    placed = place([load("smf"), load("amf")], [room("edge-b")], {"smf": {"edge-b"}})
    assert placed.hosts == {"amf": "edge-b"}
    assert placed.refused["smf"].startswith("No other host can take it")
