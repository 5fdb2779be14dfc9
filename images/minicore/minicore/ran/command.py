# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the driver."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from ..load.program import positive
from ..sbi.client import SbiError
from .driver import Options
from .driver import run as run_driver
from .signalling import SetupError


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="minicore ran", description="Stands for gNB, AMF and UE.")
    parser.add_argument("--smf", required=True, help="URL of the SMF, http://IP:8000")
    parser.add_argument("--upf", required=True, help="N3 address of the UPF; its tunnels must end there")
    parser.add_argument("--address", required=True, help="own address, of gNB and AMF")
    parser.add_argument("--out", required=True, type=Path, help="file of the summary")
    parser.add_argument("--sessions", type=positive(int), default=10)
    parser.add_argument("--rate", type=positive(float), default=200.0, help="requests a second")
    parser.add_argument("--connections", type=positive(int), default=4, help="TCP connections to the SMF")
    parser.add_argument("--churn", type=float, default=0.01, help="share of the requests that set a session up again")
    parser.add_argument("--ping-interval-ms", type=positive(float), default=5.0)
    parser.add_argument("--ping-target", default="10.45.0.1", help="address on N6")
    parser.add_argument("--duration", type=positive(float), help="seconds; without it until SIGTERM or SIGINT")
    parser.add_argument("--setup-timeout", type=positive(float), default=30.0, help="seconds")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(
            run_driver(
                Options(
                    smf=options.smf,
                    upf=options.upf,
                    address=options.address,
                    out=options.out,
                    sessions=options.sessions,
                    rate=options.rate,
                    connections=options.connections,
                    churn=options.churn,
                    ping_interval_s=options.ping_interval_ms / 1000,
                    ping_target=options.ping_target,
                    duration_s=options.duration,
                    setup_timeout_s=options.setup_timeout,
                )
            )
        )
    except* (SetupError, SbiError, OSError) as errors:
        for error in errors.exceptions:
            print(f"minicore ran: {error}", file=sys.stderr)
        return_code = 1
    else:
        return_code = 0
    return return_code
