# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of iptables, ip6tables and nftables that the container has set.

Docker's own rules for its DNS server differ from host to host: the awaiting container has its own.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ..errors import Blocker
from ..host import commands
from .base import NamespaceKind, State

_PROGRAMS = ("iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy")
_LEGACY_TABLES = {"iptables-legacy": "ip_tables_names", "ip6tables-legacy": "ip6_tables_names"}
_NFT = "nft"
_OF_ENGINE = ("DOCKER_OUTPUT", "DOCKER_POSTROUTING")
_OURS = re.compile(r'--comment "?organic-[0-9a-f]{16}')
_TABLE = re.compile(r"table (\S+) (\S+)")
_COMPATIBLE = ("raw", "mangle", "nat", "filter", "security")
"""Tables of iptables-nft, in the families ip and ip6."""
_INCOMPATIBLE = re.compile(r"# Table `(\w+)' is incompatible")


class PacketFilter(NamespaceKind):
    name = "packet_filter"

    def blockers(self, pid: int) -> list[Blocker]:
        return [
            Blocker(
                "packet_filter",
                f"The rule of {program} '{line}' uses an ipset, which is not migrated",
                "Use a set of nftables, or rules without a set",
            )
            for program, text in self.read(pid).items()
            for line in text.splitlines()
            if program != _NFT and ("--match-set" in line or "-j SET " in line)
        ]

    def read(self, pid: int) -> State:
        found: State = {}
        native: list[tuple[str, str]] = []
        for program in _PROGRAMS:
            if program in _LEGACY_TABLES and not _content(pid, _LEGACY_TABLES[program]):
                continue  # to ask would load the tables
            if shutil.which(f"{program}-save") is None:
                continue
            saved = commands.run(_inside(pid, f"{program}-save"))
            family = "ip6" if program.startswith("ip6") else "ip"
            native += [(family, table) for table in _INCOMPATIBLE.findall(saved)]
            if rules := _own_rules(saved):
                found[program] = rules
        if shutil.which(_NFT) and (tables := self._native_tables(pid, native)):
            found[_NFT] = tables
        return found

    def _native_tables(self, pid: int, native: list[tuple[str, str]]) -> str:
        """Tables that were made by ``nft``, as it reads them."""
        texts = []
        for family, table in _TABLE.findall(commands.run(_inside(pid, _NFT, "list", "tables"))):
            compatible = family in ("ip", "ip6") and table in _COMPATIBLE and (family, table) not in native
            if not compatible:
                texts.append(commands.run(_inside(pid, _NFT, "list", "table", family, table)))
        return "".join(texts)

    def apply(self, pid: int, wanted: State) -> None:
        for program, text in wanted.items():
            if program == _NFT:
                commands.run(_inside(pid, _NFT, "-f", "-"), text)
            elif program in _PROGRAMS:
                commands.run(_inside(pid, f"{program}-restore", "--noflush", "--wait"), text)
            else:
                raise ValueError(f"'{program}' is no packet filter")


def _inside(pid: int, *command: str) -> list[str]:
    return ["nsenter", "--target", str(pid), "--net", *command]


def _content(pid: int, name: str) -> str:
    path = Path(f"/proc/{pid}/net/{name}")
    return path.read_text().strip() if path.exists() else ""


def _own_rules(saved: str) -> str:
    """What ``iptables-restore --noflush`` needs, without rules of the engine and of a migration."""
    kept: list[str] = []
    for block in saved.split("COMMIT\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        lines = [line for line in lines if not _OURS.search(line) and not any(name in line for name in _OF_ENGINE)]
        chains = [line for line in lines if line.startswith(":")]
        is_set = any(line.startswith("-A") for line in lines) or any(line.split()[1] != "ACCEPT" for line in chains)
        if is_set:
            kept += [*lines, "COMMIT"]
    return "\n".join([*kept, ""]) if kept else ""
