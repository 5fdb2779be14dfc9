# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of network drivers."""

from __future__ import annotations

import csv
import io
import xml.dom.minidom
from typing import Any

from ansible_collections.organic.core5g.plugins.plugin_utils import descriptions, network_table


def trip(size: int, median: float | None, lost: int = 0) -> dict[str, Any]:
    p99 = None if median is None else 2 * median
    return {"size": size, "packets": 10, "lost": lost, "median_us": median, "p99_us": p99, "min_us": median}


REACHES = {
    "neighbour": {"client": True, "server": True},
    "stranger": {"client": False, "server": True},
    "host": {"client": False, "server": False},
}
LOAD = {"one_minute": 1.5, "processors": 2}
MACVLAN = network_table.Row(
    "macvlan",
    "eth0",
    "",
    [64, 1400],
    10,
    [trip(64, 30.5), trip(1400, None, 10)],
    REACHES,
    ["broadcast", "unicast"],
    LOAD,
)
IPVLAN = network_table.Row("ipvlan_l2", "eth0", "no kernel | for <it>", [64, 1400], 10, [], {}, [], {})
ROWS = [MACVLAN, IPVLAN]


def test_paper_has_a_number_for_every_driver() -> None:
    assert set(network_table.PAPER) == set(descriptions.known("network_driver"))
    assert [row.rtt_us for row in network_table.PAPER.values()] == [522, 600, 520, 520, 539, 656]


def test_markdown() -> None:
    lines = network_table.markdown(ROWS).splitlines()
    assert lines[2] == (
        "| macvlan | 520 µs | 30.5 µs / 61 µs / 0 | no answer | L2 / L3 | unicast, broadcast | ○ | neighbour "
        "| neighbour, another network |"
    )
    assert lines[3].startswith("| ipvlan_l2 | 520 µs | not possible: no kernel / for <it> |")
    assert len({line.count("|") for line in lines[:4]}) == 1
    assert "1.5 to 1.5 on 2 processors" in lines[5]


def test_comma_separated() -> None:
    rows = list(csv.DictReader(io.StringIO(network_table.comma_separated(ROWS))))
    assert [(row["driver"], row["size_bytes"], row["median_us"]) for row in rows] == [
        ("macvlan", "64", "30.5"), ("macvlan", "1400", ""), ("ipvlan_l2", "", ""),
    ]  # fmt: skip
    assert rows[0]["stranger_reaches_server"] == "True"
    assert rows[0]["paper_rtt_us"] == "520"
    assert rows[2]["impossible"] == "no kernel | for <it>"


def test_plot_is_valid_and_has_a_bar_for_each_number() -> None:
    document = xml.dom.minidom.parseString(network_table.plot(ROWS))
    texts = [node.firstChild.data for node in document.getElementsByTagName("text") if node.firstChild]
    assert {"macvlan", "ipvlan_l2", "30.5", "520", "not possible here"} <= set(texts)
    assert len(document.getElementsByTagName("line")) == 1


def test_plan() -> None:
    assert MACVLAN.plan() == "macvlan by eth0: 10 packets of 64 and 1400 bytes, frames, isolation"
    assert IPVLAN.plan().startswith("ipvlan_l2: not possible: no kernel")
