# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UEs with IPv6 and Ethernet sessions in the whole core; its UPF has real devices, in a network namespace."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Any

import pytest
from minicore.gnb.hosts import mac_of
from minicore.gnb.load import DEFAULT_MIX
from minicore.nas.qos import PduSessionType
from minicore.smf.app import Smf
from minicore.upf.tun import Tap, Tun

from images.minicore.tests.conftest import LoopbackUpf, free_udp_port, until
from images.minicore.tests.whole_core import whole_core

UES = 8
ROOT = Path(__file__).parents[3]


class UpfWithDevices(LoopbackUpf):
    """The kernel of the namespace is the host on N6: it answers ICMP, ICMPv6 and ARP."""

    def __init__(self, gnb_port: int) -> None:
        super().__init__(gnb_port)
        plane = self.user_plane
        self.n6.close()
        plane._n6 = Tun("mc-tun", IPv4Interface("10.45.0.1/16"), IPv6Interface("fd45::1/48"))
        plane._tap = Tap("mc-tap", IPv4Interface("10.46.0.1/16"))
        plane.has_ethernet = True


def tentative() -> bool:
    """Whether the kernel still looks for somebody else with one of its IPv6 addresses."""
    return any(int(line.split()[4], 16) & 0x40 for line in Path("/proc/net/if_inet6").read_text().splitlines())


async def live(kind: str, out: Path) -> dict[str, Any]:
    """All of the mix with sessions of one type; what UEs and network saw."""
    port = free_udp_port()
    upf = UpfWithDevices(port)
    await until(lambda: not tentative())
    async with whole_core(upf, port) as core:
        await core.provision(UES)
        session_type = PduSessionType[kind]
        async with core.load(out, ues=UES, procedures_rate=20, session_type=session_type) as (driver, summary):
            await until(
                lambda: (
                    all(driver.log.kinds().get(name, {}).get("succeeded", 0) > 1 for name in DEFAULT_MIX)
                    and driver.pings.answered > 20
                ),
                90,
            )
            # A new IPv6 session has no address before the router has advertised its prefix.
            await until(lambda: all(ue.session is None or ue.session.ue_address for ue in driver.ues), 10)
            addresses = sorted(ue.session.ue_address for ue in driver.ues if ue.session is not None)
            types = core[Smf].state()["sessions_by_type"]
            macs = sorted(mac.hex(":") for mac in upf.rules.macs)
        return {"summary": summary, "addresses": addresses, "types": types, "macs": macs}


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/dev/net/tun").exists(), reason="needs root and /dev/net/tun")
@pytest.mark.parametrize("kind", ["IPV6", "ETHERNET"])
def test_ues_live_with_sessions_of_a_type(kind: str, tmp_path: Path) -> None:
    script = f'ip link set lo up && exec "$@" {kind} {tmp_path}/out'
    command = ["unshare", "--net", "sh", "-c", script, "sh", sys.executable, "-m", __name__]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT}/images/minicore", "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    summary = result["summary"]
    assert {name: one["failures"] for name, one in summary["procedures"].items() if one["failed"]} == {}
    assert summary["failed"] == summary["unfinished"] == summary["setup_retries"] == 0
    assert summary["nas_errors"] == summary["ngap_errors"] == summary["wrong_keys"] == 0
    assert summary["pings"]["lost"] == summary["pings"]["duplicated"] == 0
    assert summary["pings"]["answered"] > 20
    assert summary["procedures"]["paging"]["succeeded"] > 1
    assert {name for name, count in result["types"].items() if count} == {kind}
    if kind == "IPV6":
        addresses = [IPv6Address(address) for address in result["addresses"]]
        assert all(address in IPv6Network("fd45::/48") for address in addresses)
        assert len({int(address) >> 64 for address in addresses}) == len(addresses) > 0
    else:
        assert set(result["macs"]) <= {mac_of(f"imsi-{1010000000001 + i:015d}").hex(":") for i in range(UES)}
        assert set(result["addresses"]) <= {f"10.46.255.{254 - i}" for i in range(UES)}
        assert result["macs"] and result["addresses"]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(live(sys.argv[1], Path(sys.argv[2])))))
