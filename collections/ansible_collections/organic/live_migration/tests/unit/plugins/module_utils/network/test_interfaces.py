# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions of interfaces."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.network import (
    interfaces,
)


@pytest.mark.parametrize(
    "description",
    [
        {"addresses": ["fe80::1%\nlink delete eth0/64"]},  # an IPv6 zone may hold anything (ipaddress)
        {"addresses": [1]},
        {"addresses": 1},
        {"kind": ["macvlan"]},
        {"mac": "0;1"},
        {"speed": "10"},
    ],
)
def test_what_is_no_interface_is_rejected(description: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="interface"):
        interfaces.Interface.of({"name": "eth0", "mac": "02:00:00:00:00:01", **description})


def test_a_description_of_an_interface_is_read_back() -> None:
    told = interfaces.Interface("eth0", "02:00:00:00:00:01", ["10.1.1.2/24"])
    assert interfaces.Interface.of(told.as_dict()) == told
    with pytest.raises(ValueError, match="Malformed"):
        interfaces.Interface.of([])
