# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the AMF has counted since it started."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counters:
    """Totals of one AMF. A test compares two readings: what did not rise did not happen."""

    registrations_total: int = 0
    """Registrations that were accepted, of any type."""
    registrations_rejected_total: int = 0
    authentications_total: int = 0
    """5G-AKA runs that succeeded: a UE whose security context goes on adds nothing here."""
    authentications_failed_total: int = 0
    resynchronizations_total: int = 0
    service_requests_total: int = 0
    pagings_total: int = 0
    """Paging procedures, not their retransmissions."""
    pagings_failed_total: int = 0
    configuration_updates_total: int = 0
    """UEs that have a new 5G-GUTI after they were paged."""
    deregistrations_total: int = 0
    an_releases_total: int = 0
    path_switches_total: int = 0
    sessions_total: int = 0
    """PDU sessions whose SM context was created."""
    nas_retransmissions_total: int = 0
    nas_integrity_checked_total: int = 0
    """NAS messages whose MAC was right."""
    nas_integrity_failures_total: int = 0
    """NAS messages of a UE that has a security context, with a wrong MAC or a replayed count."""
    nas_ignored_total: int = 0
    """NAS messages that came without the protection they need, or in a state that has no use for them."""
    nas_malformed_total: int = 0
    ngap_errors_total: int = 0
    """NGAP messages that were answered with an error indication or a failure."""
    procedure_faults_total: int = 0
    """Procedures that ended by a fault of this program."""

    def describe(self) -> dict[str, int]:
        return asdict(self)
