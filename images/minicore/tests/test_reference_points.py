# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NFs whose reference points have addresses of their own, as on networks of their own."""

from __future__ import annotations

import asyncio

import pytest
from minicore.settings import PFCP_PORT, Environment, Settings, SettingsError
from minicore.smf.app import Smf
from minicore.upf.app import Upf

OWN = {
    "MINICORE_ADDRESS": "127.0.73.1",
    "MINICORE_N2_ADDRESS": "127.0.73.2",
    "MINICORE_N3_ADDRESS": "127.0.73.3",
    "MINICORE_N4_ADDRESS": "127.0.73.4",
}


def test_address_of_the_sbi_serves_what_has_none_of_its_own() -> None:
    settings = Settings.from_environment({"MINICORE_ADDRESS": "192.0.2.34", "MINICORE_N4_ADDRESS": "198.51.100.34"})
    assert (settings.n2_address, settings.n3_address) == ("192.0.2.34", "192.0.2.34")
    assert settings.n4_address == "198.51.100.34"
    with pytest.raises(SettingsError, match="MINICORE_N3_ADDRESS"):
        Settings.from_environment({"MINICORE_ADDRESS": "192.0.2.34", "MINICORE_N3_ADDRESS": "198.51.100.340"})


def test_own_address_in_a_subnet() -> None:
    settings = Settings.from_environment({"MINICORE_ADDRESS": "127.0.0.0/8", "MINICORE_N4_ADDRESS": "198.51.100.34"})
    assert (settings.address, settings.n2_address, settings.n4_address) == ("127.0.0.1", "127.0.0.1", "198.51.100.34")
    with pytest.raises(SettingsError, match=r"MINICORE_ADDRESS: no address in 203\.0\.113\.0/24"):
        Settings.from_environment({"MINICORE_ADDRESS": "203.0.113.0/24"})


def test_upf_registers_n4_and_n3() -> None:
    """SMFs take the NF's own address for N4, gNBs are given that of N3."""
    upf = Upf.__new__(Upf)  # without its TUN device, which would be one of this machine
    upf.settings = Settings.from_environment(OWN)
    upf._served = []
    profile = upf.profile()
    assert profile["ipv4Addresses"] == ["127.0.73.4"]
    (n3,) = profile["upfInfo"]["interfaceUpfInfoList"]
    assert n3 == {"interfaceType": "N3", "ipv4EndpointAddresses": ["127.0.73.3"]}


def test_smf_serves_the_sbi_and_n4_at_different_addresses() -> None:
    async def bound() -> tuple[str, tuple[str, int]]:
        smf = Smf(Settings.from_environment(OWN), Environment(OWN), sbi_port=0)
        await smf.start()
        try:
            transport = smf.n4.endpoint._transport
            assert transport is not None
            return smf.root, transport.get_extra_info("sockname")
        finally:
            await smf.stop()

    root, n4 = asyncio.run(bound())
    assert root.startswith("http://127.0.73.1:")
    assert n4 == ("127.0.73.4", PFCP_PORT)
