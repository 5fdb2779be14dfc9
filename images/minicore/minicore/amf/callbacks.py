# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where other NFs reach the AMF with notifications about one UE."""

from __future__ import annotations

BASE = "/namf-callback/v1/{supi}"
DEREGISTRATION = BASE + "/deregistration"
SUBSCRIBER_DATA = BASE + "/subscriber-data"
POLICY = BASE + "/am-policy"
SESSION = BASE + "/sm-contexts/{smContextNumber}"


class Callbacks:
    """Full URIs; `root` is known when the AMF listens."""

    root: str = ""

    def deregistration(self, supi: str) -> str:
        return self.root + DEREGISTRATION.format(supi=supi)

    def subscriber_data(self, supi: str) -> str:
        return self.root + SUBSCRIBER_DATA.format(supi=supi)

    def policy(self, supi: str) -> str:
        """The PCF appends /update or /terminate (TS 29.507 clause 5.5)."""
        return self.root + POLICY.format(supi=supi)

    def session(self, supi: str, number: int) -> str:
        """Of one SM context: the next one with the same PDU session id has another number."""
        return self.root + SESSION.format(supi=supi, smContextNumber=number)
