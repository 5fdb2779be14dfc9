# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: `minicore KIND` runs an NF by its environment, `minicore ran|gnb` a driver by options."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import sys

from . import ballast
from .settings import Environment, Settings, SettingsError

USAGE = 64  # EX_USAGE of sysexits.h

KINDS = {
    "nrf": "minicore.nrf.app:Nrf",
    "scp": "minicore.scp.app:Scp",
    "amf": "minicore.amf.app:Amf",
    "ausf": "minicore.ausf.app:Ausf",
    "udm": "minicore.udm.app:Udm",
    "udr": "minicore.udr.app:Udr",
    "pcf": "minicore.pcf.app:Pcf",
    "nssf": "minicore.nssf.app:Nssf",
    "smf": "minicore.smf.app:Smf",
    "upf": "minicore.upf.app:Upf",
    "front": "minicore.n2.front.app:Front",
}
"""Class of each NF; only the one that runs is imported: what the others need would be memory to move."""

WITHOUT_NRF = {"nrf", "front"}


def main(arguments: list[str]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    match arguments:
        case [kind] if kind in KINDS:
            return _run_nf(kind)
        case ["ran" | "gnb" as driver, *options]:
            result: int = importlib.import_module(f".{driver}.command", __package__).run(options)
            return result
        case _:
            print(f"usage: minicore {'|'.join(KINDS)}\n       minicore ran|gnb --help", file=sys.stderr)
            return USAGE


def _run_nf(kind: str) -> int:
    environment = Environment(os.environ)
    try:
        settings = Settings.from_environment(os.environ)
        if kind not in WITHOUT_NRF and not settings.nrf:
            raise SettingsError("MINICORE_NRF: the URL of the NRF is missing")
        memory = ballast.allocate(settings.memory_mb)
        asyncio.run(_serve(kind, settings, environment))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return USAGE
    del memory
    return 0


async def _serve(kind: str, settings: Settings, environment: Environment) -> None:
    from .process import serve

    module, _, name = KINDS[kind].partition(":")
    await serve(getattr(importlib.import_module(module), name)(settings, environment))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
