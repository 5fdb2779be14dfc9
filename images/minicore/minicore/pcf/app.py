# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PCF as an NF."""

from __future__ import annotations

from typing import Any

from ..nf import NetworkFunction
from ..sbi.notifier import Notifier
from ..sbi.router import Router
from ..settings import SBI_PORT, Environment, Settings
from .am_policy import AmPolicyControl
from .policies import PolicyStore, digest
from .policy_data import PolicyData
from .sm_policy import SmPolicyControl


class Pcf(NetworkFunction):
    nf_type = "PCF"
    services = ("npcf-am-policy-control", "npcf-smpolicycontrol")

    def __init__(self, settings: Settings, environment: Environment, sbi_port: int = SBI_PORT) -> None:
        super().__init__(settings, environment, sbi_port)
        self.am_policies = PolicyStore()
        self.sm_policies = PolicyStore()
        self.notifier = Notifier(self.producers)

    def add_routes(self, router: Router) -> None:
        data = PolicyData(self)
        data.add_routes(router)
        AmPolicyControl(self, self.am_policies, data, self.notifier).add_routes(router)
        SmPolicyControl(self, self.sm_policies, data, self.notifier).add_routes(router)

    def state(self) -> dict[str, Any]:
        return {
            "am_policies": len(self.am_policies),
            "sm_policies": len(self.sm_policies),
            "notifications_failed": self.notifier.failed,
            "digest": digest(self.am_policies, self.sm_policies),
        }

    async def stop(self) -> None:
        self.notifier.stop()
        await super().stop()
