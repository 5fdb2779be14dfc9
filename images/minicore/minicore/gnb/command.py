# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the driver."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from pathlib import Path

from ..load.program import positive
from ..n2.gnb_link import N2LinkError
from ..nas.qos import PduSessionType
from ..ngap.values import Snssai
from ..sbi.client import SbiError
from .driver import Options
from .driver import run as run_driver
from .hosts import DEFAULT_TARGETS, ethernet_address
from .load import DEFAULT_MIX, SetupError
from .station import GnbError

# The test subscribers' of this repository.
TEST_K = "465b5ce8b199b49faa5f0a2ee238a6bc"
TEST_OPC = "cd63cb71954a9f4e48a5994e37a02baf"
MAX_GNBS = 4


def run(arguments: list[str]) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    session_type = PduSessionType[options.session_type]
    target = options.ping_target or ip_address(DEFAULT_TARGETS[session_type])
    wrong = _wrong_target(session_type, target, options.ethernet_network, options.ues)
    if wrong:
        parser.error(wrong)
    try:
        asyncio.run(
            run_driver(
                Options(
                    n2=options.n2,
                    address=options.address,
                    out=options.out,
                    transport=options.transport,
                    upf=options.upf,
                    plmn=options.plmn,
                    tac=options.tac,
                    slice=options.slice,
                    dnn=options.dnn,
                    gnbs=options.gnbs,
                    ues=options.ues,
                    first_supi=options.first_supi or "",
                    k=options.k,
                    opc=options.opc,
                    rate=options.rate,
                    procedures_rate=options.procedures_rate,
                    mix=options.mix,
                    pinging_share=options.pinging_share,
                    idle_share=options.idle_share,
                    ping_interval_s=options.ping_interval_ms / 1000,
                    ping_target=str(target),
                    ethernet_network=options.ethernet_network,
                    sessions_per_ue=options.sessions_per_ue,
                    session_type=session_type,
                    probes=dict(options.probe),
                    probe_interval_s=options.probe_interval_ms / 1000,
                    duration_s=options.duration,
                    setup_timeout_s=options.setup_timeout,
                    procedure_timeout_s=options.procedure_timeout,
                    deregister=options.deregister,
                )
            )
        )
    except* (SetupError, GnbError, N2LinkError, SbiError, OSError) as errors:
        for error in _leaves(errors):
            print(f"minicore gnb: {error}", file=sys.stderr)
        return_code = 1
    else:
        return_code = 0
    return return_code


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The errors in a group, in any depth."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="minicore gnb", description="gNBs with UEs that register for real.")
    add = parser.add_argument
    add("--front", "--amf", dest="n2", required=True, help="address of N2: the front's, or the AMF's")
    add("--transport", choices=("sctp", "tcp"), default="sctp", help="tcp: an AMF without a front")
    add("--address", required=True, help="own address on N2 and N3")
    add("--out", required=True, type=Path, help="file of the summary")
    add("--upf", default="", help="N3 address of the UPF; its tunnels must end there")
    add("--plmn", type=_plmn, default="00101", help="MCC and MNC")
    add("--tac", type=int, default=1)
    add("--slice", type=_slice, default=Snssai(1), help="SST or SST-SD")
    add("--dnn", default="internet")
    add("--gnbs", type=int, choices=range(1, MAX_GNBS + 1), default=2)
    add("--ues", type=positive(int), default=10)
    add("--first-supi", type=_supi, help="imsi-DIGITS; default: the first of the PLMN")
    add("--k", type=_key, default=os.environ.get("MINICORE_GNB_K", TEST_K), help="or MINICORE_GNB_K")
    add("--opc", type=_key, default=os.environ.get("MINICORE_GNB_OPC", TEST_OPC), help="or MINICORE_GNB_OPC")
    add("--rate", type=positive(float), default=20.0, help="registrations a second in the set-up")
    add("--procedures-rate", type=_not_negative, default=20.0, help="procedures a second after it")
    add("--mix", type=_mix, default=DEFAULT_MIX, help="NAME=WEIGHT,... of " + ", ".join(DEFAULT_MIX))
    add("--pinging-share", type=_share, default=0.25, help="UEs that stay connected and ping")
    add("--idle-share", type=_share, default=0.25, help="of the others: idle between their procedures")
    add("--ping-interval-ms", type=positive(float), default=5.0)
    add(
        "--ping-target",
        type=ip_address,
        help="address on N6; default: "
        + ", ".join(f"{address} ({kind.name})" for kind, address in DEFAULT_TARGETS.items()),
    )
    add("--sessions-per-ue", type=int, choices=(0, 1), default=1)
    add("--session-type", choices=[kind.name for kind in DEFAULT_TARGETS], default="IPV4")
    add(
        "--ethernet-network",
        type=IPv4Network,
        default="10.46.0.0/16",
        help="of the target of Ethernet sessions; its last addresses are the UEs'",
    )
    add("--probe", type=_probe, action="append", default=[], metavar="NAME=URL", help="GET over one kept connection")
    add("--probe-interval-ms", type=positive(float), default=5.0)
    add("--duration", type=positive(float), help="seconds; without it until SIGTERM or SIGINT")
    add("--setup-timeout", type=positive(float), default=60.0, help="seconds")
    add("--procedure-timeout", type=positive(float), default=10.0, help="seconds")
    add("--deregister", action="store_true", help="deregister all UEs at the end")
    return parser


def _wrong_target(
    session_type: PduSessionType, target: IPv4Address | IPv6Address, network: IPv4Network, ues: int
) -> str:
    """Why UEs with such sessions cannot ping the target; empty if they can."""
    version = 6 if session_type == PduSessionType.IPV6 else 4
    if target.version != version:
        return f"--ping-target {target} is no IPv{version} address, which {session_type.name} sessions need"
    if session_type != PduSessionType.ETHERNET or isinstance(target, IPv6Address):
        return ""
    if target not in network or target == network.network_address:
        return f"--ping-target {target} is no host of --ethernet-network {network}"
    if network.num_addresses < ues + 3 or target >= IPv4Address(ethernet_address(network, ues - 1)):
        return f"--ethernet-network {network}: {target} is in the way of the addresses of {ues} UEs"
    return ""


def _not_negative(text: str) -> float:
    value = float(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _plmn(text: str) -> str:
    if not (text.isdecimal() and len(text) in (5, 6)):
        raise argparse.ArgumentTypeError(f"{text} is no PLMN of 5 or 6 digits")
    return text


def _supi(text: str) -> str:
    digits = text.removeprefix("imsi-")
    if not (digits.isdecimal() and len(digits) == 15 and text.startswith("imsi-")):
        raise argparse.ArgumentTypeError(f"{text} is not imsi- with 15 digits")
    return text


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 16:
        # The text may be a key with a slip: it is not repeated.
        raise argparse.ArgumentTypeError("a key has 32 hexadecimal digits")
    return key


def _slice(text: str) -> Snssai:
    sst, _, sd = text.partition("-")
    if not sst.isdecimal() or int(sst) > 255 or len(sd) not in (0, 6):
        raise argparse.ArgumentTypeError(f"{text} is no S-NSSAI: SST or SST-SD, for example 1-0000ff")
    return Snssai(int(sst), sd.lower())


def _mix(text: str) -> dict[str, float]:
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.partition("=")
        if name not in DEFAULT_MIX:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(DEFAULT_MIX)}")
        mix[name] = _not_negative(weight or "1")
    if not any(mix.values()):
        raise argparse.ArgumentTypeError("all weights are zero")
    return mix


def _probe(text: str) -> tuple[str, str]:
    name, _, url = text.partition("=")
    if not name or not url.startswith("http://"):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=http://IP:PORT/PATH")
    return name, url
