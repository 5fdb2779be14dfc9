# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: `minicore nrf|smf|upf` by environment, `minicore ran` by options."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from . import ballast
from .settings import Settings, SettingsError

USAGE = 64  # EX_USAGE of sysexits.h


def main(arguments: list[str]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    match arguments:
        case ["nrf" | "smf" | "upf" as kind]:
            return _run_nf(kind)
        case ["ran", *options]:
            from .ran.command import run

            return run(options)
        case _:
            print("usage: minicore nrf|smf|upf\n       minicore ran --help", file=sys.stderr)
            return USAGE


def _run_nf(kind: str) -> int:
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return USAGE
    if kind != "nrf" and not settings.nrf:
        print("MINICORE_NRF: the URL of the NRF is missing", file=sys.stderr)
        return USAGE
    memory = ballast.allocate(settings.memory_mb)
    asyncio.run(_serve(kind, settings))
    del memory
    return 0


async def _serve(kind: str, settings: Settings) -> None:
    """Import one NF only: what the others need would be memory to move."""
    from .process import serve

    if kind == "nrf":
        from .nrf.app import Nrf

        await serve(Nrf(settings))
    elif kind == "smf":
        from .smf.app import Smf

        await serve(Smf(settings))
    else:
        from .upf.app import Upf

        await serve(Upf(settings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
