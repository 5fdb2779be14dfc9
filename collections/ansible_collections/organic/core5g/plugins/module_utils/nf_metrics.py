# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of the NFs whose containers run on this host, for node_exporter's textfile collector."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils.errors import StateError
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import RUNNING
from ansible_collections.organic.live_migration.plugins.module_utils.host import textfile
from ansible_collections.organic.live_migration.plugins.module_utils.host.textfile import GAUGE, Family, Sample, Samples

FILE = "organic_nfs.prom"
FAMILIES = (
    Family("organic_nf_up", GAUGE, "Whether an NF whose container runs on this host reports its state."),
    Family("organic_nf_registered", GAUGE, "Whether the registration of an NF at the NRF is alive."),
    Family("organic_nf_sessions", GAUGE, "PDU sessions of an SMF or AMF, PFCP sessions of a UPF."),
    Family("organic_nf_pfcp_association_up", GAUGE, "Whether a PFCP association of an NF is set up."),
)


def samples(entries: Iterable[Mapping[str, Any]]) -> Samples:
    """Of what nf_state_info returns about the NFs. One that does not run here, or is awaited here, has no metrics."""
    found: Samples = {}
    for entry in entries:
        if entry["container"]["status"] != RUNNING:
            continue
        state = entry["state"]
        name = entry["name"]
        found[Sample.of("organic_nf_up", nf=name)] = float(state is not None)
        if state is None:
            continue
        if "nrf_registered" in state:
            found[Sample.of("organic_nf_registered", nf=name)] = float(bool(state["nrf_registered"]))
        if "sessions" in state:
            found[Sample.of("organic_nf_sessions", nf=name)] = float(state["sessions"])
        for association in state.get("pfcp", []):
            sample = Sample.of("organic_nf_pfcp_association_up", nf=name, peer=str(association["peer"]))
            found[sample] = float(bool(association["up"]))
    return found


@dataclasses.dataclass(frozen=True)
class Metrics:
    """The file in the collector's directory.

    Args:
        link: to the directory; the role migration_host makes it.
    """

    link: Path = paths.METRICS

    @property
    def _path(self) -> Path:
        return self.link / FILE

    def text(self) -> str:
        """What the file holds; empty without one."""
        try:
            return self._path.read_text(encoding="utf-8")
        except OSError:
            return ""

    @staticmethod
    def render(entries: Iterable[Mapping[str, Any]]) -> str:
        """What the file holds after these entries of nf_state_info."""
        return textfile.render(FAMILIES, samples(entries))

    def present(self, entries: Iterable[Mapping[str, Any]], dry_run: bool = False) -> bool:
        """Write what was found; returns whether the file changes.

        Raises:
            StateError: the host was not set up for metrics.
        """
        if not self.link.is_dir():
            raise StateError(
                f"{self.link} is no directory of node_exporter's textfile collector: run playbooks/prepare_hosts.yml "
                "with migration_host_metrics_directory (role migration_host)"
            )
        text = self.render(entries)
        if text == self.text():
            return False
        if not dry_run:
            textfile.write(self._path, text)
        return True

    def absent(self, dry_run: bool = False) -> bool:
        """Remove the file; returns whether there is one."""
        if not self._path.exists():
            return False
        if not dry_run:
            self._path.unlink()
        return True
